"""Addresses of Redis servers: which can be used, and what of them may be shown. Nothing here connects."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from agora_rec.secret import MASK, Secret

RULE: Final = (
    "redis://, rediss:// (TLS) or unix://, with a host or the path of a socket, and a number as database"
)


def is_address(url: Secret) -> bool:
    """Whether this names a server, by a scheme that is known and with parts that can be read."""
    parts = _split(url)
    if parts is None:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    database = parts.path.removeprefix("/")
    is_number = not database or (database.isascii() and database.isdigit())
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and is_number


def shown(url: Secret) -> str:
    """The address without user, password and options, which may hold secrets; masked if it is none."""
    parts = _split(url)
    if parts is None or not is_address(url):
        return MASK
    host = parts.hostname or ""
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def _split(url: Secret) -> SplitResult | None:
    """The parts, if the text can be taken apart at all."""
    text: object = url.reveal()  # whatever the caller gave
    try:
        parts = urlsplit(text) if isinstance(text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        return None if parts is None or parts.port == 0 else parts
    except ValueError:  # a port or brackets that make no sense
        return None
