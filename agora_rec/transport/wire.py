"""What the send loop asks of an HTTP library, without naming one.

One exchange, one answer or one `WireFailure`, and the rule that nothing leaves with a traceback that could
show a header or a body. `http.py` fulfils it with httpx, `over_aiohttp.py` with aiohttp.
"""

import re
from collections.abc import Coroutine, Iterator, Sequence
from enum import Enum, unique
from typing import Any, Final, Protocol, cast

from attrs import field, frozen

from agora_rec.codec import Body

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer's body that are read at most; a larger one is refused."""

KEEP_ALIVE: Final = 30.0
"""Seconds that an idle connection is kept."""

CONNECT_SHARE: Final = 0.4
"""The part of an attempt's time that opening a connection, and again TLS on it, may take. So a host that
takes no connections is recognised as such before the attempt as a whole is over: nothing was sent then."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_DETAIL_LIMIT: Final = 200
_REQUEST_ID_LIMIT: Final = 100


@unique
class FailureKind(Enum):
    """Why there is no answer."""

    CONNECT = "no connection"
    TIMEOUT = "no answer in time"
    LOST = "connection lost"
    GARBLED = "not HTTP"
    TOO_LARGE = "answer too large"
    LOCAL = "can't be sent from here"


@frozen
class WireAnswer:
    """An answer as it came: any status, at most `ANSWER_LIMIT` bytes of body, the service's ID of it.

    `retry_after` is the time that it asks for before the next attempt, in seconds.
    """

    status: int
    body: bytes = field(repr=False)  # may hold the keys of streams
    request_id: str | None = None
    retry_after: float | None = None


class WireFailure(Exception):  # noqa: N818 - a signal inside the transport, callers get a TransportError
    """An exchange that brought no answer; the library's own exception is its cause.

    Attributes:
        kind: Why.
        sent: Whether the request may have reached the service; False is certain.
        dns: Whether the host's name did not resolve.
        stale: Whether a connection that had been used before was closed before any answer began: most likely
            the server had closed it for being idle. A fresh connection will tell.
        detail: What happened in words; never a secret.
    """

    def __init__(
        self, kind: FailureKind, detail: str, *, sent: bool, dns: bool = False, stale: bool = False
    ) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail: str = detail[:_DETAIL_LIMIT]
        self.sent = sent
        self.dns = dns
        self.stale = stale


class Wire(Protocol):
    """A way to make one exchange with a host."""

    def open(self, hosts: Sequence[str]) -> None:
        """Do beforehand what is heavy: imports, certificates, proxies, what every request has in common.

        A wire that was not opened, or asked for another host, does it in the first exchange.

        Args:
            hosts: The base URLs that may be asked.

        Raises:
            InvalidRequest: The environment names a proxy or certificates that can't be used.
        """
        ...

    def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> Coroutine[Any, Any, WireAnswer]:
        """Send one request and read its answer. Redirects are answers like others; nothing is decompressed.

        Args:
            method: GET or POST.
            host: A base URL.
            path: What follows it, percent-encoded, from the slash on.
            body: JSON to send; None: the request has no body and no content type.
            seconds: What the whole may take. Opening a connection may take its share (`CONNECT_SHARE`), and
                that is all the wire watches: the whole is the caller's business.
            fresh: Whether a new connection is made, and those that have been idle are closed.

        Raises:
            WireFailure: There is no answer.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection that this object has opened."""
        ...


class Reader:
    """Collects the parts of an answer's body up to `ANSWER_LIMIT`."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        """Whether there was more than may be read."""
        return self._size > ANSWER_LIMIT

    def feed(self, part: bytes) -> None:
        """Take the next part; what comes after the limit is dropped."""
        self._size += len(part)
        if not self.is_full:
            self._parts.append(part)

    def body(self) -> bytes:
        """All parts together.

        Raises:
            WireFailure: There was more; the connection can't be used again then.
        """
        if self.is_full:
            raise too_large()
        return b"".join(self._parts)


def refuse_large(content_length: str | None) -> None:
    """Judge an answer's Content-Length, before any of it is read.

    Raises:
        WireFailure: The answer would be larger than `ANSWER_LIMIT`.
    """
    if content_length is not None and content_length.isdecimal() and int(content_length[:20]) > ANSWER_LIMIT:
        raise too_large()


def too_large() -> WireFailure:
    """The failure of an answer that is larger than `ANSWER_LIMIT`."""
    return WireFailure(FailureKind.TOO_LARGE, f"the answer has more than {ANSWER_LIMIT} bytes", sent=True)


def in_words(error: BaseException) -> str:
    """An exception as one text: its name, and the first words in it or in what it came from."""
    words = next((text for text in map(str, chain(error)) if text), "")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def short_request_id(header: str | None) -> str | None:
    """The value of an answer's X-Request-Id, bounded; the service's support asks for it."""
    return None if header is None else header[:_REQUEST_ID_LIMIT]


def seconds_to_wait(header: str | None) -> float | None:
    """The value of an answer's Retry-After in seconds; None where it means nothing.

    Gateways that count calls send seconds. A date would be the sender's clock against ours: it isn't read.
    """
    if header is None or _SECONDS.fullmatch(header) is None:
        return None
    return float(header)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it came from, causes, contexts and members of groups, each once."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [each.__context__, each.__cause__]
        if isinstance(each, BaseExceptionGroup):
            left += cast("BaseExceptionGroup[BaseException]", each).exceptions


def scrub(error: BaseException) -> None:
    """Drop the tracebacks of an exception and all that it came from: their frames hold headers and bodies."""
    for each in chain(error):
        each.__traceback__ = None
