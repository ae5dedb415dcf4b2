"""Each operation and each trouble has one reaction: all of them in one matrix, written by hand.

Nothing here may be derived from the library's own tables. A letter stands for a documented schedule, and its
numbers come from the reference; a dot means that the error is raised at once.
"""

from collections.abc import Callable

import pytest

from agora_rec.errors import ApiError, Refusal, Subject, from_refusal, from_unreadable
from agora_rec.transport.retries import Mishap, RetryPolicy, mishap_after
from agora_rec.transport.wire import FailureKind, WireFailure
from agora_rec.vocabulary import OperationName
from tests.support.reference import load

TIMING = load("timing")["retry_schedules"]
OPERATIONS = ("acquire", "start", "query", "update", "update_layout", "stop", "ncs_ip")

SCHEDULES: dict[str, list[int]] = {
    ".": [],
    "h": TIMING["host_switch"]["waits"],
    "g": load("errors")["schedules"]["backoff_general"]["waits"],
    "s": TIMING["start_5xx"]["waits"],
    "c": TIMING["code_65"]["waits"],
    # One who asks shall not hang for a minute: those who watch ask again by themselves.
    "q": TIMING["query_5xx"]["waits"][:1],
    # On past the 90 s of a failover.
    "f": [*TIMING["query_404"]["waits"], 15, 15, 15, 15],
}

MATRIX = """
                     acquire start query update update_layout stop ncs_ip
    not_connected    h       h     h     h      h             h    h
    timed_out        h       h     h     h      h             h    h
    lost             h       h     h     h      h             h    h
    garbled          h       h     h     h      h             h    h
    too_large        .       .     .     .      .             .    .
    not_from_here    .       .     .     .      .             .    .
    unreadable       h       h     h     h      h             h    h
    redirected       .       .     .     .      .             .    .
    unreadable_404   .       .     .     .      .             .    .
    unreadable_502   g       s     q     g      g             g    g
    code_65          c       c     c     c      c             c    c
    code_62          g       s     q     g      g             g    g
    http_429         g       g     g     g      g             g    g
    http_500         g       s     q     g      g             g    g
    http_502         g       s     q     g      g             g    g
    http_503         g       s     q     g      g             g    g
    http_504         g       s     q     g      g             g    g
    code_15          g       s     q     g      g             g    g
    code_502         g       .     q     g      g             g    g
    no_worker_404    .       .     .     .      .             f    .
    exiting_404      .       .     .     .      .             .    .
    no_route_404     .       .     .     .      .             .    .
    http_401         .       .     .     .      .             .    .
    http_408         .       .     .     .      .             .    .
    conflict_53      .       .     .     .      .             .    .
    exiting_49       .       .     .     .      .             .    .
    over_quota_406   .       .     .     .      .             .    .
    parameter_2      .       .     .     .      .             .    .
    expired_433      .       .     .     .      .             .    .
"""


def _said(status: int, code: int | None = None, reason: str | None = None) -> Callable[[Subject], ApiError]:
    return lambda subject: from_refusal(subject, Refusal(status=status, code=code, reason=reason))


def _unreadable(status: int) -> Callable[[Subject], ApiError]:
    return lambda subject: from_unreadable(subject, status, "not JSON")


def _unanswered(kind: FailureKind, *, sent: bool) -> Callable[[Subject], WireFailure]:
    return lambda _: WireFailure(kind, "", sent=sent)


TROUBLES: dict[str, Callable[[Subject], ApiError | WireFailure]] = {
    "not_connected": _unanswered(FailureKind.CONNECT, sent=False),
    "timed_out": _unanswered(FailureKind.TIMEOUT, sent=True),
    "lost": _unanswered(FailureKind.LOST, sent=True),
    "garbled": _unanswered(FailureKind.GARBLED, sent=True),
    "too_large": _unanswered(FailureKind.TOO_LARGE, sent=True),
    "not_from_here": _unanswered(FailureKind.LOCAL, sent=False),
    "unreadable": _unreadable(200),
    "redirected": _unreadable(302),
    "unreadable_404": _unreadable(404),
    "unreadable_502": _unreadable(502),
    "code_65": _said(206, 65, "request not completed"),
    "code_62": _said(504, 62, "request timeout"),
    "http_429": _said(429, None, "API rate limit exceeded"),
    "http_500": _said(500),
    "http_502": _said(502),
    "http_503": _said(503),
    "http_504": _said(504),
    "code_15": _said(500, 15),
    "code_502": _said(500, 502, "Failed to allocate worker"),
    "no_worker_404": _said(404, 404, "failed to find worker"),
    "exiting_404": _said(404, 501),
    "no_route_404": _said(404, None, "no Route matched with those values"),
    "http_401": _said(401, None, "Unauthorized"),
    "http_408": _said(408),
    "conflict_53": _said(400, 53, "task conflict"),
    "exiting_49": _said(400, 49, "invalid operation"),
    "over_quota_406": _said(400, 406, "vendor_over_load"),
    "parameter_2": _said(400, 2),
    "expired_433": _said(400, 433),
}


def cells() -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in MATRIX.strip().splitlines())
    assert tuple(head) == OPERATIONS
    return {
        (trouble, operation): letter
        for trouble, *letters in rows
        for operation, letter in zip(head, letters, strict=True)
    }


@pytest.mark.parametrize(("cell", "letter"), cells().items())
def test_each_operation_and_trouble_has_its_documented_reaction(cell: tuple[str, str], letter: str):
    trouble, operation = cell
    error = TROUBLES[trouble](Subject(operation=OperationName(operation)))
    assert _waits(error) == SCHEDULES[letter]


def _waits(error: ApiError | WireFailure) -> list[float]:
    """The waits of a call whose attempts take no time and all end in this error."""
    mishaps: list[Mishap] = []
    waits: list[float] = []
    while (mishap := mishap_after(error, at=sum(waits))) is not None:
        mishaps.append(mishap)
        wait = RetryPolicy().wait(mishaps)
        if wait is None:
            break
        waits.append(wait)
    return waits


def test_the_matrix_is_whole():
    assert {operation for _, operation in cells()} == set(OperationName)
    assert {trouble for trouble, _ in cells()} == set(TROUBLES)
    kinds = {error.kind for make in TROUBLES.values() if isinstance(error := make(_ANY), WireFailure)}
    assert kinds == set(FailureKind)


_ANY = Subject(operation=OperationName.QUERY)
