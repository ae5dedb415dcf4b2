"""The command `agora-rec fleet` and its options. What it does is in `fleet`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from agora_rec import AgoraRecError, InvalidRequest, Spec
from agora_rec.cli.fleet import Session
from agora_rec.cli.fleet_board import Board
from agora_rec.cli.fleet_progress import Progress
from agora_rec.cli.options import POSITIVE
from agora_rec.cli.running import BASE_URL, NEW_STORE, client, run
from agora_rec.cli.spec_fields import read_specs
from agora_rec.defaults import QPS
from agora_rec.fleet.fleet import LIMIT, WEB_LIMIT
from agora_rec.store import SharedStore

_AT_LEAST_ONE: Final = click.IntRange(min=1)


@click.command("fleet")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--limit", default=LIMIT, show_default=True, type=_AT_LEAST_ONE, help="How many are recorded at once."
)
@click.option(
    "--web-limit", default=WEB_LIMIT, show_default=True, type=_AT_LEAST_ONE, help="How many pages at once."
)
@click.option(
    "--qps", default=QPS, show_default=True, type=POSITIVE, help="Calls a second that the account allows."
)
@click.option(
    "--replace",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="How often a lost recording is replaced at most, under its alternate uid; 0: never.",
)
@NEW_STORE
@click.option("--resume", is_flag=True, help="Don't record again what the store has: go on with it, or tell.")
@click.option("--adopt", is_flag=True, help="Take over whatever the store has that nobody looks after.")
@click.option(
    "--json",
    "report_to",
    metavar="FILE",
    help="For programs: the file for a report; -: the standard output.",
)
@BASE_URL
def fleet_command(
    spec: Path, *, store: SharedStore | None, base_url: str | None, qps: float, replace: int, **options: Any
) -> None:
    """Record what a file lists, all at once: start, watch, stop, and tell where the files are.

    SPEC is a TOML file with a table [defaults] and tables [[recording]], or a CSV file whose first line has
    the names (the documents have one of each):

    \b
      cname, uid, key, mode, url                               what is recorded
      until, or seconds, or minutes                            when it is stopped
      vendor, bucket, bucket_region, endpoint, prefix          where the files go
      region, resource_expired_hour                            what the service is told
      alternate, twins, replace                                other recorders

    It waits until all are over. Ctrl-C and SIGTERM stop all and wait for that; a second one leaves at once,
    and says what may still run. With a store, the same command with --resume --adopt goes on then.

    \b
    Secrets come from the environment, never from the file:
      AGORA_APP_ID, AGORA_CUSTOMER_ID, AGORA_CUSTOMER_SECRET   the account
      AGORA_STORAGE_ACCESS_KEY, AGORA_STORAGE_SECRET_KEY       the bucket
    In the file these name other variables:
      access_key_env, secret_key_env                           the keys of one bucket
      token_env, alternate_token_env                           the recorder's tokens
    AGORA_BASE_URL and AGORA_AREA are read as well.

    \b
    Exit codes: 0 all recorded, 1 some not recorded, 2 wrong usage or a wrong file,
    3 something may still be recorded.
    """  # noqa: D301 - click needs the character itself: it keeps the lines of such a paragraph
    if store is None and (options["resume"] or options["adopt"]):
        raise click.UsageError(
            "--resume and --adopt need a store: --store, or AGORA_STORE in the environment."
        )
    _require_writable(options["report_to"])
    specs = _read(spec, replace=replace, is_resumed=options["resume"])
    run(lambda: _record(specs, store, base_url, qps, **options))


def _require_writable(report_to: str | None) -> None:
    """Find out before, not when all is recorded."""
    if report_to is None or report_to == "-":
        return
    try:
        with Path(report_to).open("a", encoding="ascii"):
            pass
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="--json") from None


def _read(path: Path, *, replace: int, is_resumed: bool) -> tuple[Spec, ...]:
    try:
        return read_specs(path, replace=replace, is_resumed=is_resumed, now=datetime.now(UTC))
    except InvalidRequest as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="SPEC") from None


async def _record(
    specs: tuple[Spec, ...], store: SharedStore | None, base_url: str | None, qps: float, **options: Any
) -> int:
    console = Console(stderr=options["report_to"] == "-")
    board = Board(console, Progress.of(specs))
    cloud = client(base_url, store=store, qps=qps)
    try:
        return await Session(cloud=cloud, specs=specs, board=board, out=click.echo, **options).run()
    except InvalidRequest as error:  # a proxy, or certificates, that the environment names
        raise click.UsageError(str(error)) from None
    except AgoraRecError as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from None
