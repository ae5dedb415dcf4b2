"""The one place that makes a store from a URL, for programs whose environment says which one it is."""

from importlib import import_module
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import MASK, Secret
from agora_rec.store.protocol import SharedStore

_SERVERS: Final = {
    "redis": ("agora_rec.store.redis", "RedisStore"),
    "rediss": ("agora_rec.store.redis", "RedisStore"),
    "unix": ("agora_rec.store.redis", "RedisStore"),
    "postgresql": ("agora_rec.store.postgres", "PostgresStore"),
    "postgres": ("agora_rec.store.postgres", "PostgresStore"),
}
"""Which class is for which scheme; each is loaded when it is asked for, since it needs a driver."""

SQLITE: Final = "sqlite"
_RULE: Final = (
    "sqlite:///file (sqlite:////file from the root), redis://, rediss:// or unix://, or postgresql://, "
    "as each store has it"
)


def store_from_url(url: str | Secret) -> SharedStore:
    """Make a store, with the defaults of its class; it isn't opened.

    Args:
        url: `sqlite:///recordings.db` (from the working directory; `sqlite:////var/recordings.db` from the
            root), or what `RedisStore` or `PostgresStore` takes.

    Raises:
        InvalidRequest: It is none of these.
        ImportError: The extra of that store is not installed.
    """
    url = Secret(url)
    scheme = scheme_of(url)
    if scheme == SQLITE:
        from agora_rec.store.sqlite import SQLiteStore  # noqa: PLC0415 - only for those who want it

        return SQLiteStore(_path(url))
    if scheme not in _SERVERS:
        raise _wrong()
    module, name = _SERVERS[scheme]
    return cast("SharedStore", getattr(import_module(module), name)(url))


def scheme_of(url: Secret) -> str:
    """What kind of URL it is; empty: none."""
    scheme, found, _ = url.reveal().partition("://")
    return scheme.lower() if found else ""


def holds_password(url: Secret) -> bool:
    """Whether it has a password, and so is nothing for a command line."""
    try:
        parts = urlsplit(url.reveal())
    except ValueError:
        return True  # who knows
    return parts.password is not None or "password" in parts.query.lower()


def _path(url: Secret) -> str:
    host, _, path = url.reveal()[len(SQLITE) + 3 :].partition("/")
    if host or not path:
        raise _wrong()
    return unquote(path)


def _wrong() -> InvalidRequest:
    return InvalidRequest((Violation("store", MASK, _RULE),))
