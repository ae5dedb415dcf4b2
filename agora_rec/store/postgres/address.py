"""Where a server is: a URI or a connection string as libpq reads it, and what of it may be shown.

Nothing here connects; only `over_libpq` needs it. libpq would look host names up by itself, and block the
event loop meanwhile: so it is given addresses, one attempt for each, and the name beside it, which the
server's certificate has to have.
"""

import random
from collections.abc import Mapping
from ipaddress import ip_address
from socket import SOCK_STREAM
from typing import Final

import anyio
import psycopg
from psycopg import pq

from agora_rec.secret import MASK, Secret

_OWN: Final = {"client_encoding": "UTF8", "fallback_application_name": "agora_rec"}


def is_address(url: Secret) -> bool:
    """Whether libpq can read it."""
    text: object = url.reveal()  # whatever the caller gave
    return isinstance(text, str) and bool(text) and _options(url) is not None  # pyright: ignore[reportUnnecessaryIsInstance]


def shown(url: Secret) -> str:
    """Hosts and database, without user, password and options; masked if it can't be read."""
    options = _options(url) if is_address(url) else None
    if options is None:
        return MASK
    places = ",".join(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, _, port in _places(options)
    )
    return f"postgresql://{places}/{options.get('dbname', '')}"


async def look_up(url: Secret) -> list[tuple[str, str, str]]:
    """Give (host, address, port) for each attempt, in the order in which they are to be made.

    A name that isn't known gives none.
    """
    options = _with_defaults(url)
    places = _places(options)
    if options.get("load_balance_hosts") == "random":
        random.shuffle(places)
    return [
        (host, found, port)
        for host, address, port in places
        for found in ([address] if address or not _is_name(host) else await _addresses(host))
    ]


def conninfo(url: Secret, host: str, address: str, port: str) -> Secret:
    """Give the text with which libpq makes one attempt."""
    options = {**(_options(url) or {}), **_OWN, "host": host, "hostaddr": address, "port": port}
    return Secret(" ".join(f"{name}={_quoted(value)}" for name, value in options.items() if value))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _options(url: Secret) -> dict[str, str] | None:
    """What is said in it; None: libpq can't read it."""
    try:
        return _texts(pq.Conninfo.parse(url.reveal().encode()))
    except (psycopg.Error, UnicodeError):  # its message may quote the password
        return None


def _texts(options: list["pq.ConninfoOption"]) -> dict[str, str]:
    return {each.keyword.decode(): each.val.decode() for each in options if each.val is not None}


def _with_defaults(url: Secret) -> dict[str, str]:
    """What is said in it, else in the environment (PGHOST and the like), else what libpq presumes."""
    return {**_texts(pq.Conninfo.get_defaults()), **(_options(url) or {})}


def _places(options: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Host, address and port of each server; there may be several, separated by commas."""
    hosts, addresses, ports = (options.get(name, "").split(",") for name in ("host", "hostaddr", "port"))
    number = max(len(hosts), len(addresses))
    hosts += [""] * (number - len(hosts))
    addresses += [""] * (number - len(addresses))
    ports = ports * number if len(ports) == 1 else ports
    return [
        (host, address, port or "5432") for host, address, port in zip(hosts, addresses, ports, strict=False)
    ]


def _is_name(host: str) -> bool:
    """Whether it has to be looked up: it is no socket's path and no address."""
    if not host or host[0] in "/@":
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


async def _addresses(host: str) -> list[str]:
    try:
        found = await anyio.getaddrinfo(host, None, type=SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
