"""From what the service answered to the fact that it is: pure functions and one table.

The one question that matters is asked here: may a recording run because of this start? Only a definite
refusal of every attempt says no. Everything else (no answer, 65, 62, a repeated start, garbage) stays
unknown, because the service may have acted before the answer was lost.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from agora_rec.errors import (
    AgoraRecError,
    AlreadyStarted,
    AlreadyStopping,
    ApiError,
    Attempt,
    NoRecordedData,
    ResourceExpired,
    UploadStatusUnknown,
    WorkerNotFound,
    left_open,
)
from agora_rec.errors.text import escaped
from agora_rec.lifecycle import facts as f
from agora_rec.lifecycle.facts import Fact, RefusalKind
from agora_rec.model import QueryAnswer, StopAnswer
from agora_rec.vocabulary import AttemptOutcome, OperationName, TaskStatus, UploadingStatus

START_REFUSALS: Final[Mapping[int, RefusalKind]] = MappingProxyType(
    {
        53: RefusalKind.RESOURCE,
        433: RefusalKind.RESOURCE,
        2: RefusalKind.FOR_GOOD,
        109: RefusalKind.FOR_GOOD,
        110: RefusalKind.FOR_GOOD,
        432: RefusalKind.FOR_GOOD,
        1001: RefusalKind.FOR_GOOD,
        1003: RefusalKind.FOR_GOOD,
    }
)
"""What a definite refusal of a start means, by its code; the documents give most of them without a status.

Any other definite refusal (401, 429, a 5xx whose code says that the start failed) is FOR_NOW: nothing was
started, and the cause may be mended. Which answers are definite is `errors.left_open`'s to say.
"""

FAILOVER: Final = timedelta(seconds=90)
"""How long a recording that is being moved to another server is not found (timing.yaml `failover_total`)."""

_CLOCK_ERROR: Final = timedelta(seconds=1)  # moments of attempts are wall-clock times, which are adjusted

CONFIRMED: Final = frozenset({TaskStatus.READY, TaskStatus.IN_PROGRESS})
"""Statuses of the service's task that mean: it records."""
LEAVING: Final = frozenset({TaskStatus.STOP_REQUESTED, TaskStatus.PARTS_STOPPED, TaskStatus.EXITED})
"""Statuses that mean: it has stopped, or is about to."""


def refusal_kind(attempt: Attempt) -> RefusalKind | None:
    """What one attempt to start proves: a kind of refusal, or None when it may have worked."""
    if left_open(OperationName.START, (attempt,)):
        return None
    if attempt.outcome is AttemptOutcome.NOT_SENT or attempt.code is None:
        return RefusalKind.FOR_NOW
    return START_REFUSALS.get(attempt.code, RefusalKind.FOR_NOW)


def after_failed_start(attempts: Iterable[Attempt], error: BaseException) -> Fact:
    """The fact behind a start that ended without an answer of success.

    Args:
        attempts: Every attempt that was made for this resource ID, in order, those of earlier starts of it
            included: one that may have worked leaves the whole start unknown.
        error: What the last one ended with.
    """
    if isinstance(error, AlreadyStarted) and error.sid:
        return f.Started(sid=error.sid)
    last = RefusalKind.FOR_NOW
    for attempt in attempts:
        kind = refusal_kind(attempt)
        if kind is None:
            return f.StartUnanswered()
        last = kind
    return f.StartRefused(kind=last, reason=_reason(error))


def after_stop(answer: StopAnswer) -> Fact:
    """The fact behind a stop's answer: where the files are, if it says so."""
    match answer.uploading_status:
        case UploadingStatus.UPLOADED:
            return f.Uploaded(files=answer.files)
        case UploadingStatus.BACKUPED:
            return f.Backuped(files=answer.files)
        case _:
            return f.StopAcknowledged(files=answer.files)


def after_failed_stop(error: BaseException) -> Fact:
    """The fact behind a stop that raised: some refusals are ends, the others leave it running.

    A 404 is an end only when it was repeated for as long as a failover may take: until then the recording may
    come back on another server, and go on there.
    """
    match error:
        case NoRecordedData():
            return f.NoRecordedData()
        case UploadStatusUnknown() | AlreadyStopping():
            return f.StopAcknowledged()
        case WorkerNotFound(attempts=attempts) if _outlasts_failover(attempts):
            return f.Left(reason="stop: the service has not known it for longer than a failover takes")
        case ResourceExpired():
            return f.OutOfControl(reason=_reason(error))
        case _:
            return f.StopFailed(reason=_reason(error))


def after_query(answer: QueryAnswer) -> Fact:
    """The fact behind a query's answer."""
    status = answer.status
    if status in CONFIRMED:
        return f.Confirmed(files=answer.files)
    if status is not None and status in LEAVING:
        return f.Left(reason=f"query: status {int(status)} ({status.name.lower()})", files=answer.files)
    if status is TaskStatus.ABNORMAL_EXIT:
        return f.EndedWithoutFiles(reason="query: status 20 (abnormal exit)", files=answer.files)
    return f.Alive(files=answer.files)


def after_failed_query(error: BaseException) -> Fact | None:
    """The fact behind a query or an update that raised; None: it proves nothing (a 404 above all)."""
    match error:
        case AlreadyStopping():
            return f.Left(reason=_reason(error))
        case ResourceExpired():
            return f.OutOfControl(reason=_reason(error))
        case _:
            return None


def _outlasts_failover(attempts: Iterable[Attempt]) -> bool:
    not_found = [each.at for each in attempts if each.status == each.code == HTTPStatus.NOT_FOUND]
    return bool(not_found) and not_found[-1] - not_found[0] >= FAILOVER - _CLOCK_ERROR


def _reason(error: BaseException) -> str:
    """Say it in few words: reasons go into checkpoints, and a service's own may be long."""
    if isinstance(error, ApiError):
        said = escaped(error.reason or type(error).__name__)
        return " ".join(
            str(part) for part in (f"{error.operation.value}:", error.status, error.code, said) if part
        )
    return escaped(str(error)) if isinstance(error, AgoraRecError) else type(error).__name__
