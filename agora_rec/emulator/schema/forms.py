"""Checks of single texts: what a uid, a colour, an address or a path may look like."""

import base64
import binascii
import json
import re
from typing import Final
from urllib.parse import urlsplit

UID_MAX: Final = 4294967295
ALL_STREAMS: Final = "#allstream#"
_UID: Final = re.compile(r"[1-9][0-9]{0,9}")
_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
_FOLDER: Final = re.compile(r"[A-Za-z0-9]+")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST_CHARACTERS_MAX: Final = 253
_CNAME: Final = re.compile(r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]+")
SALT_BYTES: Final = 32


def is_uid(text: str) -> bool:
    """An integer 1 .. 4294967295 as text."""
    return _UID.fullmatch(text) is not None and int(text) <= UID_MAX


def is_uid_or_all(text: str) -> bool:
    """A uid, or the word that stands for everybody."""
    return text == ALL_STREAMS or is_uid(text)


def is_cname(text: str, bytes_max: int) -> bool:
    """A channel name of the allowed characters (all ASCII, so that bytes are characters)."""
    return _CNAME.fullmatch(text) is not None and len(text) <= bytes_max


def is_colour(text: str) -> bool:
    """# and six hex digits."""
    return _COLOUR.fullmatch(text) is not None


def is_folder(text: str) -> bool:
    """One part of a fileNamePrefix."""
    return _FOLDER.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """A bare host name, without scheme, and so without a port or path."""
    labels = text.split(".")
    return len(text) <= _HOST_CHARACTERS_MAX and all(_LABEL.fullmatch(label) for label in labels)


def is_web_url(text: str) -> bool:
    """An http or https address. Whether something stands there is found out later."""
    return _has_scheme(text, ("http", "https"))


def is_rtmp_url(text: str) -> bool:
    """An rtmp or rtmps address."""
    return _has_scheme(text, ("rtmp", "rtmps"))


def _has_scheme(text: str, schemes: tuple[str, ...]) -> bool:
    if not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_salt(text: str) -> bool:
    """base64 of 32 bytes."""
    try:
        return len(base64.b64decode(text, validate=True)) == SALT_BYTES
    except (binascii.Error, ValueError):
        return False


def is_json_object(text: str) -> bool:
    """A JSON object inside a string."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def is_filled(text: str) -> bool:
    """Any text that isn't empty."""
    return bool(text)
