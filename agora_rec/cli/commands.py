"""The commands and their options; those on a store are in `store_commands`.

That on many recordings is in `fleet_command`. What they do is in `emulate`, `record`, `demo` and
`allow_lists`.
"""

import os
from pathlib import Path
from typing import Any, Final

import anyio
import click
from rich.console import Console

from agora_rec import AgoraRecError, InvalidRequest, Mode, ModeName, Storage, __version__
from agora_rec.cli import buckets
from agora_rec.cli.allow_lists import FORMATS
from agora_rec.cli.board import Board
from agora_rec.cli.demo import Demo
from agora_rec.cli.emulate import emulate
from agora_rec.cli.fleet_command import fleet_command
from agora_rec.cli.modes import mode_of
from agora_rec.cli.options import POSITIVE
from agora_rec.cli.record import Session
from agora_rec.cli.running import BASE_URL, client, run
from agora_rec.cli.store_commands import explain_command, list_command, query_command, stop_command
from agora_rec.cli.webhooks import emulator_arguments, webhook_options
from agora_rec.emulator import AcceleratedClock, ControlAccess, Emulator

PEM: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="agora-rec")
def command() -> None:
    """Agora Cloud Recording: record a channel, look after many, emulate the service, or watch it at work."""


for _each in (fleet_command, list_command, explain_command, query_command, stop_command):
    command.add_command(_each)


def read_endpoints(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Endpoints as a start names them, with their URLs."""
    pairs = [each.partition("=") for each in given]
    return {name: url for name, _, url in pairs}


@command.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option(
    "--qps", default=10.0, show_default=True, type=POSITIVE, help="Calls a second; beyond, it says 429."
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=POSITIVE,
    help="How many times as fast as the machine's its time passes.",
)
@click.option("--app-id", help="The App ID that it knows; by default an invented one.")
@click.option("--customer-id", help="The customer ID that it knows; by default an invented one.")
@click.option("--customer-secret", help="The secret that it knows (and prints); by default an invented one.")
@click.option(
    "--seed", default=0, show_default=True, help="The same seed gives the same resource IDs and sids."
)
@click.option("--tls-cert", type=PEM, help="A certificate (PEM), to serve HTTPS.")
@click.option("--tls-key", type=PEM, help="Its key (PEM), if it is in a file of its own.")
@click.option(
    "--control",
    default=ControlAccess.THIS_MACHINE.value,
    show_default=True,
    type=click.Choice([access.value for access in ControlAccess]),
    help="Who may use the page and the control API at /_emulator/, which need no credentials.",
)
@click.option(
    "--control-host",
    "control_hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which they may be called, beside addresses and localhost; repeatable.",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME=URL",
    callback=read_endpoints,
    help="Where the storage is that starts call by this host name: files are written there; repeatable.",
)
@webhook_options
def emulator_command(
    *,
    host: str,
    port: int,
    qps: float,
    speed: float,
    control: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    **known: Any,
) -> None:
    """Serve an emulated Agora Cloud Recording until Ctrl-C. It records test pictures only.

    Prints where it is and the credentials that it takes, as lines for the environment of other programs,
    and the address of a page that shows what it does. With --webhooks-to it delivers the notifications of
    what it plays; the other options about these are the troubles that the real ones have.

    Files are written into S3-compatible storage (vendor 11) whose endpoint is one of --endpoint, or this
    machine (without a port, which an endpoint can't have: --endpoint says where it is).
    """
    if tls_key and not tls_cert:
        raise click.UsageError("--tls-key needs --tls-cert")
    try:
        webhooks = emulator_arguments(known)
        given = {name: value for name, value in known.items() if value is not None}
        clock = AcceleratedClock(speed)
        access = ControlAccess(control)
        emulator = Emulator(qps=qps, clock=clock, control=access, **given, **webhooks)
    except InvalidRequest as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="--webhooks-ca") from None

    async def serve() -> int:
        server = emulator.serve(host, port, certificate=tls_cert, key=tls_key)
        return await emulate(emulator, server, out=Console(), err=Console(stderr=True))

    run(serve)


@command.command("demo")
@click.option(
    "--channels", default=40, show_default=True, type=click.IntRange(1, 99), help="How many at once."
)
@click.option("--seconds", default=2.0, show_default=True, type=POSITIVE, help="How long each is recorded.")
def demo_command(channels: int, seconds: float) -> None:
    """Record many channels at once against an emulated service on a port, with trouble on the way.

    Exit code 0 only if every recording ended as it should, by the service's own account.
    """
    run(lambda: _show(Board(Console(), Demo.of(channels)), seconds))


async def _show(board: Board, seconds: float) -> int:
    began = anyio.current_time()
    server = board.demo.emulator.serve()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(board.watch)
        await board.demo.run(server, seconds)
    return 0 if board.report(anyio.current_time() - began) else 1


@command.command("record")
@click.argument("cname")
@click.option("--uid", required=True, type=click.IntRange(1, 2**32 - 1), help="The recorder's own uid.")
@click.option(
    "--mode",
    "mode_name",
    default=ModeName.MIX.value,
    show_default=True,
    type=click.Choice([name.value for name in ModeName]),
    help="One picture, each user apart, or a web page.",
)
@click.option("--url", help="The page; for --mode web.")
@click.option("--seconds", type=POSITIVE, help="How long; without it until Ctrl-C.")
@BASE_URL
@click.option("--vendor", required=True, type=click.Choice(list(buckets.VENDORS)), help="Whose storage.")
@click.option("--bucket", required=True, help="The bucket.")
@click.option("--region", help="Where it lies, as the vendor names it (us-east-1).")
@click.option("--endpoint", help="Its host; for --vendor s3-compatible.")
@click.option("--prefix", multiple=True, help="A folder for the files; again for one inside.")
def record_command(
    cname: str,
    *,
    uid: int,
    mode_name: str,
    url: str | None,
    seconds: float | None,
    base_url: str | None,
    vendor: str,
    bucket: str,
    region: str | None,
    endpoint: str | None,
    prefix: tuple[str, ...],
) -> None:
    """Record channel CNAME: acquire, start, wait, stop, and tell where the files are.

    \b
    Secrets come from the environment:
      AGORA_APP_ID, AGORA_CUSTOMER_ID, AGORA_CUSTOMER_SECRET   the account
      AGORA_STORAGE_ACCESS_KEY, AGORA_STORAGE_SECRET_KEY       the bucket
      AGORA_TOKEN                                              the recorder, if the project wants tokens
    AGORA_BASE_URL and AGORA_AREA are read as well.

    \b
    Exit codes: 0 recorded, 1 not recorded, 2 wrong usage, 3 something may still be recorded.
    """  # noqa: D301 - click needs the character itself: it keeps the lines of such a paragraph
    storage = buckets.storage(vendor, bucket=bucket, region=region, endpoint=endpoint, prefix=prefix)
    mode = _mode(ModeName(mode_name), storage, url)
    run(lambda: _record(cname, uid, mode, seconds, base_url))


async def _record(cname: str, uid: int, mode: Mode, seconds: float | None, base_url: str | None) -> int:
    cloud = client(base_url)
    try:
        recording = cloud.recording(cname, uid, mode, token=os.environ.get("AGORA_TOKEN") or None)
    except InvalidRequest as error:
        raise click.UsageError(str(error)) from None
    async with cloud:
        return await Session(recording, seconds, Console()).run()


def _mode(name: ModeName, storage: Storage, url: str | None) -> Mode:
    if (name is ModeName.WEB) != (url is not None):
        raise click.UsageError("--mode web needs --url, and nothing else has one")
    return mode_of(name, storage, url)


@command.command("notification-ips")
@click.option(
    "--format",
    "form",
    default="plain",
    show_default=True,
    type=click.Choice(list(FORMATS)),
    help="An address a line; the fewest networks with just these addresses; JSON with the times; nginx's "
    "allow and deny.",
)
@click.option("--json", "form", flag_value="json", help="Short for --format json.")
@BASE_URL
def notification_ips_command(form: str, base_url: str | None) -> None:
    """Tell from which addresses the service sends webhooks, for a firewall's allow list.

    They change: run it at least every 24 hours. What it prints is the whole list or nothing.

    \b
    The account comes from the environment:
      AGORA_APP_ID, AGORA_CUSTOMER_ID, AGORA_CUSTOMER_SECRET
    AGORA_BASE_URL and AGORA_AREA are read as well.

    \b
    Exit codes: 0 told, 1 not told, for the service didn't answer or not well, 2 wrong usage.
    """  # noqa: D301 - as above
    run(lambda: _tell_ips(form, base_url))


async def _tell_ips(form: str, base_url: str | None) -> int:
    try:
        async with client(base_url) as cloud:
            ips = await cloud.notification_ips()
    except InvalidRequest as error:  # a proxy, or certificates, that the environment names
        raise click.UsageError(str(error)) from None
    except AgoraRecError as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from None
    click.echo(FORMATS[form](ips))
    return 0
