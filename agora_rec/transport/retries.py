"""Which failed attempts are repeated, and after how many seconds: data and pure functions.

The numbers are the documented ones (timing.yaml `retry_schedules`, errors.yaml `schedules`); a test compares
them. Whether an answer allows the identical request again is said by the table of errors, not here.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, unique
from types import MappingProxyType
from typing import Any, Final

from attrs import Attribute, field, frozen

from agora_rec.errors import (
    ApiError,
    InvalidRequest,
    RateLimited,
    Retry,
    ScheduleName,
    UnexpectedAnswer,
)
from agora_rec.transport.spans import wrong_span
from agora_rec.transport.wire import FailureKind, WireFailure
from agora_rec.vocabulary import OperationName


@unique
class Trouble(Enum):
    """What went wrong with an attempt, as far as the next one depends on it.

    The value is the name of the field of `RetryPolicy` that holds the waits.
    """

    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"
    RATE_LIMITED = "rate_limited"
    NOT_COMPLETED = "not_completed"
    SERVER = "server"
    START_SERVER = "start_server"
    QUERY_SERVER = "query_server"
    STOP_404 = "stop_404"


_SCHEDULES: Final[Mapping[ScheduleName, Trouble]] = MappingProxyType(
    {
        "backoff_general": Trouble.SERVER,
        "start_5xx": Trouble.START_SERVER,
        "query_5xx": Trouble.QUERY_SERVER,
        "code_65": Trouble.NOT_COMPLETED,
    }
)


_FAILURES: Final[Mapping[FailureKind, Trouble | None]] = MappingProxyType(
    {
        FailureKind.CONNECT: Trouble.NO_ANSWER,
        FailureKind.TIMEOUT: Trouble.NO_ANSWER,
        FailureKind.LOST: Trouble.NO_ANSWER,
        FailureKind.GARBLED: Trouble.NO_ANSWER,
        # These two come out the same the next time, whatever host is asked.
        FailureKind.TOO_LARGE: None,
        FailureKind.LOCAL: None,
    }
)

_MAY_ASK_FOR_TIME: Final = frozenset({429, 503})
"""Statuses whose `Retry-After` is heeded; of other statuses it has another meaning, or none."""


@frozen
class Mishap:
    """An attempt that may be repeated: what went wrong, and when (on the caller's monotonic clock).

    `retry_after` is the time that the answer asked for, in seconds.
    """

    trouble: Trouble
    at: float
    retry_after: float = 0.0


def mishap_after(
    error: ApiError | WireFailure, *, at: float, retry_after: float | None = None
) -> Mishap | None:
    """What a failed attempt means for the next one; None: the same request is not sent again.

    Args:
        error: What the attempt ended with.
        at: When.
        retry_after: Seconds that the answer's `Retry-After` named, if it had one that means something.
    """
    trouble = trouble_of(error)
    if trouble is None:
        return None
    asked = retry_after if isinstance(error, ApiError) and error.status in _MAY_ASK_FOR_TIME else None
    return Mishap(trouble, at, asked or 0.0)


def trouble_of(error: ApiError | WireFailure) -> Trouble | None:
    """The kind of trouble that an attempt met; None: the same request is not sent again.

    A 404 is repeated for a stop only: a recording that is being moved to another server answers 404 for
    up to 90 s, and taking that for its end would leave it running. To the other calls it is news for the
    caller. A success that can't be read is no usable answer; all calls of the service may be repeated
    (timing.yaml `retry_safety`), so it is asked again.
    """
    if isinstance(error, WireFailure):
        return _FAILURES[error.kind]
    if isinstance(error, RateLimited):
        return Trouble.RATE_LIMITED
    if isinstance(error, UnexpectedAnswer):
        readable = error.status is None or not 200 <= error.status < 300  # noqa: PLR2004 - successes
        return None if readable else Trouble.UNREADABLE
    if error.retry is not Retry.SAME or error.schedule is None:
        return None
    if error.schedule == "query_404":
        return Trouble.STOP_404 if error.operation is OperationName.STOP else None
    return _SCHEDULES[error.schedule]


def _spans(
    policy: "RetryPolicy", attribute: "Attribute[tuple[float, ...]]", waits: tuple[float, ...]
) -> None:
    for wait in waits:
        _span(policy, attribute, wait)


def _span(policy: object, attribute: "Attribute[Any]", wait: float) -> None:
    del policy
    wrong = wrong_span(f"retry.{attribute.name}", wait, above=attribute.name == "stop_404_every")
    if wrong:
        raise InvalidRequest(tuple(wrong))


def _waits(*seconds: float) -> tuple[float, ...]:
    """A field of a policy: seconds before each repetition; given as any iterable, kept as a tuple."""
    waits: tuple[float, ...] = field(default=seconds, converter=tuple, validator=_spans)
    return waits


@frozen(kw_only=True)
class RetryPolicy:
    """Seconds to wait before each repetition, by what went wrong; an empty tuple: no repetition.

    The waits of one trouble are used up one by one during a call; troubles do not reset each other. Nothing
    is repeated past the caller's deadline, which for a start lies inside the five minutes of its resource ID.
    Starts that were answered 201, conflicts (53) and repeated stops (49) are never sent again.

    Attributes:
        no_answer: The connection failed or no answer came (timing.yaml `host_switch`); the host may change
            in between.
        unreadable: A success that can't be read; the same waits.
        rate_limited: 429. No numbers are documented; the budget slows down besides.
        retry_after_limit: Seconds that a `Retry-After` of a 429 or 503 can lengthen a wait to; it never
            shortens one. The service documents no such header, but gateways like the one before it send it.
            0 ignores it.
        not_completed: 206 with code 65 (`code_65`).
        server: 5xx to acquire, update, update_layout and stop (`backoff_general`).
        start_server: 5xx to a start (`start_5xx`).
        query_server: 5xx to a query. Documented are 5, 10, 15, 30 s, for one who watches a recording
            (`query_5xx`). Only the first of them is waited here: a caller who asks once shall not hang for a
            minute, and those who watch ask again by themselves.
        stop_404: 404 to a stop (`query_404`), then every `stop_404_every` seconds, until `stop_404_for`
            seconds after the first 404: longer than the 90 s of a failover.
        stop_404_every: See `stop_404`; above 0.
        stop_404_for: See `stop_404`.

    Raises:
        InvalidRequest: A number is no span of time.
    """

    no_answer: tuple[float, ...] = _waits(1, 3, 6)
    unreadable: tuple[float, ...] = _waits(1, 3, 6)
    rate_limited: tuple[float, ...] = _waits(1, 3, 6)
    retry_after_limit: float = field(default=30.0, validator=_span)
    not_completed: tuple[float, ...] = _waits(3, 6)
    server: tuple[float, ...] = _waits(1, 3, 6)
    start_server: tuple[float, ...] = _waits(3, 6, 9)
    query_server: tuple[float, ...] = _waits(5)
    stop_404: tuple[float, ...] = _waits(5, 10, 15)
    stop_404_every: float = field(default=15.0, validator=_span)
    stop_404_for: float = field(default=100.0, validator=_span)

    @classmethod
    def never(cls) -> "RetryPolicy":
        """A policy that repeats nothing: every trouble is the caller's."""
        return cls(
            no_answer=(),
            unreadable=(),
            rate_limited=(),
            not_completed=(),
            server=(),
            start_server=(),
            query_server=(),
            stop_404=(),
            stop_404_for=0.0,
        )

    def wait(self, mishaps: Sequence[Mishap], *, deadline: float | None = None) -> float | None:
        """Seconds from the last mishap to the next attempt; None: give up.

        Args:
            mishaps: All of this call, in order, at least one; the last one is the one that has just happened.
            deadline: The moment after which nothing is sent any more; None: there is none.
        """
        last = mishaps[-1]
        same = [each for each in mishaps if each.trouble is last.trouble]
        own = self._nth_wait(last, first=same[0], number=len(same))
        if own is None:
            return None
        seconds = max(own, min(last.retry_after, self.retry_after_limit))
        return None if deadline is not None and last.at + seconds > deadline else seconds

    def _nth_wait(self, last: Mishap, *, first: Mishap, number: int) -> float | None:
        waits: tuple[float, ...] = getattr(self, last.trouble.value)
        if last.trouble is Trouble.STOP_404:
            seconds = waits[number - 1] if number <= len(waits) else self.stop_404_every
            return seconds if last.at + seconds - first.at <= self.stop_404_for else None
        return waits[number - 1] if number <= len(waits) else None
