"""How single values of JSON are read: texts, numbers, times, UIDs, and what else has no fields.

Each reader gives the value or raises `BadShape` for the place where it was called. Echoes, which only repeat
what the caller sent, are read leniently: a wrong one is None, since no good answer may be lost for it.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from agora_rec.codec.shape import BadShape, kind
from agora_rec.model.converters import MAX_UID
from agora_rec.secret import Secret

MAX_TEXT: Final = 65_536
_LARGEST: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_END: Final = 10**11  # below: seconds (until the year 5138), from there on: milliseconds (from 1973)
_LAST_MILLISECOND: Final = 253_402_300_799_999  # of the year 9999, where datetime ends
_UID_DIGITS: Final = len(str(MAX_UID))
_FOR_DOCUMENTS: Final = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)


def text(value: object) -> str:
    """A text, empty or not."""
    if not isinstance(value, str):
        raise BadShape("$", f"expected a text, got {kind(value)}")
    if len(value) > MAX_TEXT:
        raise BadShape("$", f"a text of {len(value)} characters, more than {MAX_TEXT}")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadShape("$", "a text with half characters (lone surrogates)")
    return value


def name(value: object) -> str:
    """A text that says something."""
    read = text(value)
    if not read:
        raise BadShape("$", "expected a text that isn't empty")
    return read


def integer(value: object) -> int:
    """A whole number, also if it is written as 5.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadShape("$", f"expected a whole number, got {kind(value)}")
    if abs(value) > _LARGEST:
        raise BadShape("$", "a number beyond 64 bits")
    return value


def number(value: object) -> float:
    """Any finite number."""
    return value if isinstance(value, float) and abs(value) <= _LARGEST else float(integer(value))


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise BadShape("$", f"expected true or false, got {kind(value)}")
    return value


def moment(value: object) -> datetime | None:
    """A time of an answer. The sources disagree about its unit; its size tells. 0 means: not yet."""
    read = integer(value)
    if read <= 0:
        return None
    milliseconds = read * 1000 if read < _SECONDS_END else read
    if milliseconds > _LAST_MILLISECOND:
        raise BadShape("$", "a time after the year 9999")
    return _EPOCH + timedelta(milliseconds=milliseconds)


def unix_seconds(value: object) -> int:
    """A time of a request: always seconds."""
    return integer(value)


def secret(value: object) -> Secret:
    """A text that is never shown."""
    return Secret(text(value))


def uid(value: object) -> int | str:
    """A UID of a request, as it was given."""
    return value if isinstance(value, str) and text(value) else integer(value)


def answered_uid(value: object) -> int | None:
    """A UID of an answer: text or number, 0 for a mix. None: it is neither."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _UID_DIGITS:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_UID:
        return value
    return None


def echo(value: object) -> str | None:
    """A name that the answer repeats; None: it is none."""
    try:
        return text(value) or None
    except BadShape:
        return None


def address(value: object) -> IPv4Address | IPv6Address:
    """An address that something may come from over the internet: a firewall is going to let it through.

    Those that are kept for documents are read as well: nothing comes from them, and emulators answer them.
    """
    read = text(value)
    try:
        found = ip_address(read)
    except ValueError:
        found = None  # raised below, so that no foreign text hangs on it
    if found is None or "%" in read:  # a zone, of which Python lets any text pass, line ends included
        raise BadShape("$", "expected an IP address")
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if not (_is_public(found) or any(found in network for network in _FOR_DOCUMENTS)):
        raise BadShape("$", "an IP address that nothing comes from over the internet")
    return found


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or local)
