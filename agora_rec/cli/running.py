"""What the commands share: how they run, the client by the environment, and the store by its URL."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import click
from click.core import ParameterSource

from agora_rec import CloudRecording, InvalidRequest, Secret, SQLiteStore
from agora_rec.defaults import QPS
from agora_rec.options import Options
from agora_rec.store import SharedStore, store_from_url
from agora_rec.store.urls import holds_password

BASE_URL: Final = click.option(
    "--base-url", help="Whom to call instead of Agora: https, or http on this machine (an emulator)."
)
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Run a command and leave with its exit code."""
    try:
        code = anyio.run(main)
    except (ImportError, OSError) as error:  # the extra of the emulator is missing, or its port is taken
        raise click.ClickException(str(error)) from None
    sys.exit(code)


def client(base_url: str | None, *, store: SharedStore | None = None, qps: float = QPS) -> CloudRecording:
    """A client by the environment."""
    options: Options = {"store": store, "qps": qps}
    if base_url:
        options["base_url"] = base_url
    try:
        return CloudRecording.from_env(**options)
    except InvalidRequest as error:
        raise click.UsageError(str(error)) from None


def _to_store(
    context: click.Context, parameter: click.Parameter, value: str | None, *, may_be_new: bool
) -> SharedStore | None:
    if not value:
        return None
    url = Secret(value)
    del value  # no traceback may show it
    source = context.get_parameter_source(parameter.name or "")
    if source is ParameterSource.COMMANDLINE and holds_password(url):
        raise click.BadParameter(
            "everybody on this machine can read a password on a command line: put the URL in AGORA_STORE."
        )
    try:
        store = store_from_url(url)
    except InvalidRequest as error:
        raise click.BadParameter(str(error)) from None
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    if isinstance(store, SQLiteStore):
        _require_file(store, may_be_new=may_be_new)
    return store


def _require_file(store: SQLiteStore, *, may_be_new: bool) -> None:
    path = Path(store.path)
    if may_be_new and not path.parent.is_dir():
        raise click.BadParameter(f"there is no directory {path.parent}.")
    if not may_be_new and not path.exists():
        raise click.BadParameter(f"there is no file {store.path}.")  # opening it would make one


def _store_option(*, may_be_new: bool) -> Callable[[Any], Any]:
    return click.option(
        "--store",
        metavar="URL",
        envvar="AGORA_STORE",
        show_envvar=True,
        callback=partial(_to_store, may_be_new=may_be_new),
        help="The workers' store: sqlite:///file, redis://..., postgresql://...; with a password only in the "
        "environment.",
    )


STORE: Final = _store_option(may_be_new=False)
NEW_STORE: Final = _store_option(may_be_new=True)
"""The same, for a command that fills it: a file that isn't there is made."""
