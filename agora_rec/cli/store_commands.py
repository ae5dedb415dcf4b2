"""The commands on the workers' store, and their options. What they do is in `stored`."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import click

from agora_rec import AgoraRecError, InvalidRequest, ModeName
from agora_rec.cli import stored
from agora_rec.cli.running import AS_JSON, BASE_URL, STORE, client, run
from agora_rec.cli.stored import BareIds
from agora_rec.store import SharedStore

NAME: Final = click.argument("name", metavar="[KEY|SID]", required=False)
_IDS: Final = (
    click.option("--resource-id", help="The resource ID; with --sid and --mode in the place of KEY|SID."),
    click.option("--sid", help="The sid."),
    click.option("--cname", help="The channel; for stop."),
    click.option("--uid", type=click.IntRange(1, 2**32 - 1), help="The uid, as acquired; for stop."),
    click.option("--mode", type=click.Choice([name.value for name in ModeName]), help="How it is recorded."),
)


def _with_ids(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_IDS):
        command = option(command)
    return command


def _run(main: Callable[[], Coroutine[Any, Any, int]]) -> None:
    async def told() -> int:
        try:
            return await main()
        except InvalidRequest as error:  # a proxy, or certificates, that the environment names; or an id
            raise click.UsageError(str(error)) from None
        except AgoraRecError as error:
            raise click.ClickException(f"{type(error).__name__}: {error}") from None

    run(told)


def _needed(store: SharedStore | None) -> SharedStore:
    if store is None:
        raise click.UsageError("This needs a store: --store, or AGORA_STORE in the environment.")
    return store


def _bare(ids: dict[str, Any], name: str | None, needed: tuple[str, ...]) -> BareIds | None:
    """The bare ids, if any was given; then all that are needed must be, and no name."""
    given = {key: value for key, value in ids.items() if value is not None}
    if not given:
        if name is None:
            raise click.UsageError("Give a KEY or a SID, or the ids of a recording that is in no store.")
        return None
    missing = [f"--{key.replace('_', '-')}" for key in needed if key not in given]
    if name is not None:
        raise click.UsageError("Give a KEY or a SID, or ids, but not both.")
    if missing:
        raise click.UsageError(f"Without a store this needs {', '.join(missing)} too.")
    mode = ModeName(given.pop("mode"))
    return BareIds(mode=mode, **given)


@click.command("list")
@STORE
@AS_JSON
def list_command(*, store: SharedStore | None, as_json: bool) -> None:
    """List what the store knows as begun and not ended; needs no account.

    \b
    Exit codes: 0 told, 1 the store can't be used, 2 wrong usage.
    """  # noqa: D301 - click needs the character itself: it keeps the lines of such a paragraph
    found = _needed(store)
    _run(lambda: stored.list_unfinished(found, as_json=as_json))


@click.command("explain")
@click.argument("name", metavar="KEY|SID")
@STORE
@AS_JSON
def explain_command(name: str, *, store: SharedStore | None, as_json: bool) -> None:
    """Say why a recording stands where it stands: the documented causes that fit, with their evidence.

    It asks nobody but the store, and needs no account.

    \b
    Exit codes: 0 told, 1 not known or the store can't be used, 2 wrong usage.
    """  # noqa: D301 - as above
    found = _needed(store)
    _run(lambda: stored.explain_one(found, name, as_json=as_json))


@click.command("query")
@NAME
@_with_ids
@STORE
@BASE_URL
@AS_JSON
def query_command(
    name: str | None, *, store: SharedStore | None, base_url: str | None, as_json: bool, **ids: Any
) -> None:
    """Ask the service how a recording is doing: one of the store, or one with its bare ids.

    \b
    The account comes from the environment:
      AGORA_APP_ID, AGORA_CUSTOMER_ID, AGORA_CUSTOMER_SECRET
    AGORA_BASE_URL and AGORA_AREA are read as well.

    \b
    Exit codes: 0 told, 1 not told, 2 wrong usage.
    """  # noqa: D301 - as above
    bare = _bare(ids, name, ("resource_id", "sid", "mode"))
    if bare is not None:
        cloud = client(base_url)
        _run(lambda: stored.query_ids(cloud, bare, as_json=as_json))
    else:
        found = _needed(store)
        cloud = client(base_url, store=found)
        _run(lambda: stored.query_one(cloud, found, name or "", as_json=as_json))


@click.command("stop")
@NAME
@_with_ids
@STORE
@BASE_URL
@AS_JSON
def stop_command(
    name: str | None, *, store: SharedStore | None, base_url: str | None, as_json: bool, **ids: Any
) -> None:
    """Have a recording ended: one of the store, whatever its state, or one with its bare ids.

    \b
    The account comes from the environment:
      AGORA_APP_ID, AGORA_CUSTOMER_ID, AGORA_CUSTOMER_SECRET
    AGORA_BASE_URL and AGORA_AREA are read as well.

    \b
    Exit codes: 0 it runs no more, 1 not known or the store can't be used, 2 wrong usage,
    3 it may still be recorded.
    """  # noqa: D301 - as above
    bare = _bare(ids, name, ("resource_id", "sid", "cname", "uid", "mode"))
    if bare is not None:
        cloud = client(base_url)
        _run(lambda: stored.stop_ids(cloud, bare, as_json=as_json))
    else:
        found = _needed(store)
        cloud = client(base_url, store=found)
        _run(lambda: stored.stop_one(cloud, found, name or "", as_json=as_json))
