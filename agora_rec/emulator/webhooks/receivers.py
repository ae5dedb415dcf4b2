"""Whom notifications go to: what the courier knows of a receiver, and how an answer is judged.

The two kinds are in `over_http` and `over_asgi`. Which URLs the service would accept is decided here.
"""

import ipaddress
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx
from attrs import define, field, frozen

from agora_rec.emulator import wire
from agora_rec.emulator.webhooks.records import Reception
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import MASK, Secret

ANSWER_BYTES_MAX: Final = 1 << 16
"""The largest answer that is read; nobody looks at more than that it is JSON."""


@frozen
class Receipt:
    """How an attempt ended, as the receiver's side shows it."""

    reception: Reception
    status: int | None = None
    detail: str = ""


class Receiver(Protocol):
    """Somebody who takes notifications."""

    async def post(self, headers: dict[str, str], body: bytes) -> Receipt:
        """Hand one over, and wait for the answer, however long that takes; cancelled when time is up."""
        ...


@define(eq=False)
class Intake:
    """An answer's body while it comes in, and no more of it than anybody needs."""

    _bytes: bytearray = field(factory=bytearray, init=False)

    @property
    def is_too_large(self) -> bool:
        """Whether there was more than the limit; what came after it is not kept."""
        return len(self._bytes) > ANSWER_BYTES_MAX

    def add(self, data: bytes) -> None:
        """Take in a piece."""
        if not self.is_too_large:
            self._bytes += data[: ANSWER_BYTES_MAX + 1]

    def judge(self, status: int) -> Receipt:
        """What an answer with this status and body is worth: 200 with JSON, or a failure."""
        if status != HTTPStatus.OK:
            return Receipt(Reception.REFUSED, status)
        if self.is_too_large:
            return Receipt(Reception.TOO_LARGE, status)
        try:
            wire.load(bytes(self._bytes))
        except ValueError:
            return Receipt(Reception.NOT_JSON, status)
        return Receipt(Reception.ACCEPTED, status)


def check_url(url: Secret) -> Secret:
    """The URL, if the service would send to it: https, or plain http to this machine (for tests).

    Raises:
        InvalidRequest: it would not. (A password in it is never repeated.)
    """
    rule = _fault(url)
    if rule is not None:
        raise InvalidRequest((Violation("webhooks_to", _shown(url), rule),))
    return url


def _fault(url: Secret) -> str | None:
    try:
        parts = urlsplit(url.reveal())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"a URL: {error}"
    rules = {
        "a URL with http(s) and a host, or an ASGI application": (
            parts.scheme in {"http", "https"} and host and port != 0
        ),
        "without blanks, and in ASCII (punycode, percent-encoding)": _is_plain(url.reveal()),
        "without user name and password: the service sends none": "@" not in parts.netloc,
        "without a fragment, which would never be sent": not parts.fragment,
        "https: HTTP receivers are no longer supported (http is for addresses of this machine)": (
            parts.scheme == "https" or _is_this_machine(host)
        ),
    }
    broken = next((rule for rule, is_kept in rules.items() if not is_kept), None)
    return broken or (None if _is_sendable(url) else "a URL that httpx can send to")


def _is_sendable(url: Secret) -> bool:
    """Whether httpx, which knows more about names of hosts, takes it too."""
    try:
        httpx.Request("POST", url.reveal())
    except (httpx.InvalidURL, UnicodeError):
        return False
    return True


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: Secret) -> str:
    """Scheme and place: paths and queries of receivers hold tokens, as a rule."""
    scheme, separator, rest = url.reveal().partition("://")
    place = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    user, at, host = place.rpartition("@")
    shown = f"{scheme}{separator}{MASK if user else ''}{at}{host}" if separator else MASK
    return ascii(shown[:100])
