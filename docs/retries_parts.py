"""The tables of the page about retries, made from the library's own: what is sent again, and after what."""

from collections.abc import Callable
from typing import Final

from agora_rec.errors import ApiError, Refusal, Subject, from_refusal, from_unreadable
from agora_rec.recording.remedies import OTHERWISE, REMEDIES, Remedy, Way
from agora_rec.transport.retries import Mishap, RetryPolicy, mishap_after
from agora_rec.transport.wire import FailureKind, WireFailure
from agora_rec.vocabulary import OperationName

COLUMNS: Final = (
    OperationName.ACQUIRE,
    OperationName.START,
    OperationName.QUERY,
    OperationName.UPDATE,
    OperationName.UPDATE_LAYOUT,
    OperationName.STOP,
)

_Error = ApiError | WireFailure


def _said(status: int, code: int | None = None) -> Callable[[Subject], _Error]:
    return lambda subject: from_refusal(subject, Refusal(status=status, code=code))


def _unanswered(kind: FailureKind) -> Callable[[Subject], _Error]:
    return lambda _: WireFailure(kind, "", sent=True)


_EVERY: Final = frozenset(COLUMNS)
_START: Final = frozenset({OperationName.START})
_RUNNING: Final = _EVERY - {OperationName.ACQUIRE, OperationName.START}

SITUATIONS: Final[dict[str, tuple[frozenset[OperationName], Callable[[Subject], _Error]]]] = {
    "no connection (name, connect, TLS): nothing was sent": (_EVERY, _unanswered(FailureKind.CONNECT)),
    "no answer in time, connection lost, or garbled: perhaps done": (_EVERY, _unanswered(FailureKind.LOST)),
    "an answer of more than 1 MiB": (_EVERY, _unanswered(FailureKind.TOO_LARGE)),
    "it can't be sent from here (a wrong proxy, no certificates)": (_EVERY, _unanswered(FailureKind.LOCAL)),
    "a success that can't be read": (_EVERY, lambda subject: from_unreadable(subject, 200, "not JSON")),
    "206, code 65: not completed": (_EVERY, _said(206, 65)),
    "429: too many calls": (_EVERY, _said(429)),
    "5xx: the service's, a proxy's, timed out inside (62)": (_EVERY, _said(503)),
    "500, code 502: no worker": (_START, _said(500, 502)),
    "404, code 404: no such recording": (_RUNNING, _said(404, 404)),
    "201, code 7: started before": (_START, _said(201, 7)),
    "any other 4xx": (_EVERY, _said(400, 2)),
}
"""What may happen to an attempt, and of which calls. `tests/transport/test_reactions.py` has each of them."""


def waits() -> str:
    """For each situation and operation the seconds before each repetition."""
    head = ("what happened", *(f"`{operation.value}`" for operation in COLUMNS))
    rows = [
        (name, *(_cell(make, operation) if operation in calls else "" for operation in COLUMNS))
        for name, (calls, make) in SITUATIONS.items()
    ]
    return _table(head, rows)


def remedies() -> str:
    """What a goal does after each refusal of a start."""
    rows: dict[Remedy, list[str]] = {}
    for code, remedy in REMEDIES.items():
        rows.setdefault(remedy, []).append(str(code))
    rows.setdefault(OTHERWISE, []).append("all others")
    head = ("code", "acquire and start anew", "then the alternate uid", "why")
    return _table(
        head,
        [
            (
                ", ".join(codes),
                _anew(remedy),
                "yes" if Way.ALTERNATE in remedy.ways else "no",
                remedy.why,
            )
            for remedy, codes in rows.items()
        ],
    )


def _anew(remedy: Remedy) -> str:
    if Way.ANEW_AFTER_WAITS in remedy.ways:
        return f"after {', '.join(f'{each:g}' for each in RetryPolicy().start_server)} s"
    return "once, at once" if Way.ANEW in remedy.ways else "no"


def _cell(make: Callable[[Subject], _Error], operation: OperationName) -> str:
    error = make(Subject(operation=operation))
    mishaps: list[Mishap] = []
    seconds: list[float] = []
    while (mishap := mishap_after(error, at=sum(seconds))) is not None:
        mishaps.append(mishap)
        wait = RetryPolicy().wait(mishaps)
        if wait is None:
            break
        seconds.append(wait)
    return ", ".join(f"{each:g}" for each in seconds) or "·"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
