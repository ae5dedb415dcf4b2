"""From what the service answered to the fact that it is: pure functions and one table.

The one question that matters is asked here: may a recording run because of this start? Only a definite
refusal of every attempt says no. Everything else (no answer, 65, 62, a repeated start, garbage) stays
unknown, because the service may have acted before the answer was lost.
"""

from collections.abc import Iterable, Mapping
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
)
from agora_rec.lifecycle import facts as f
from agora_rec.lifecycle.facts import Fact, RefusalKind
from agora_rec.model import QueryAnswer, StopAnswer
from agora_rec.vocabulary import AttemptOutcome, TaskStatus, UploadingStatus

START_REFUSALS: Final[Mapping[tuple[int, int | None], RefusalKind]] = MappingProxyType(
    {
        (400, 53): RefusalKind.RESOURCE,
        (400, 433): RefusalKind.RESOURCE,
        (400, 2): RefusalKind.FOR_GOOD,
        (400, 109): RefusalKind.FOR_GOOD,
        (400, 110): RefusalKind.FOR_GOOD,
        (400, 432): RefusalKind.FOR_GOOD,
        (400, 1001): RefusalKind.FOR_GOOD,
        (400, 1003): RefusalKind.FOR_GOOD,
        (500, 15): RefusalKind.FOR_NOW,
        (500, 502): RefusalKind.FOR_NOW,
    }
)
"""What a definite refusal of a start means, by (status, code).

Other answers of the 4xx range refuse FOR_NOW, since nothing was started and the caller may mend the cause;
other 5xx, and whatever isn't listed, prove nothing.
"""

_CLIENT_ERRORS = range(400, 500)
_MAYBE_ACTED = frozenset({408, 499})  # a proxy gave up waiting; the service may have gone on

_CONFIRMED = frozenset({TaskStatus.READY, TaskStatus.IN_PROGRESS})
_LEAVING = frozenset({TaskStatus.STOP_REQUESTED, TaskStatus.PARTS_STOPPED, TaskStatus.EXITED})


def refusal_kind(attempt: Attempt) -> RefusalKind | None:
    """What one attempt to start proves: a kind of refusal, or None when it may have worked."""
    if attempt.outcome is AttemptOutcome.NOT_SENT:
        return RefusalKind.FOR_NOW
    if attempt.outcome is not AttemptOutcome.REFUSED or attempt.status is None:
        return None
    kind = START_REFUSALS.get((attempt.status, attempt.code))
    if kind is None and attempt.status in _CLIENT_ERRORS and attempt.status not in _MAYBE_ACTED:
        return RefusalKind.FOR_NOW
    return kind


def after_failed_start(attempts: Iterable[Attempt], error: BaseException) -> Fact:
    """The fact behind a start that ended without an answer of success.

    Args:
        attempts: Every attempt that was made for this resource ID, in order, those of earlier starts of it
            included: one that may have worked leaves the whole start unknown.
        error: What the last one ended with.
    """
    if isinstance(error, AlreadyStarted) and error.sid:
        return f.Started(sid=error.sid)
    kinds = [refusal_kind(attempt) for attempt in attempts]
    if any(kind is None for kind in kinds):
        return f.StartUnanswered()
    kind = kinds[-1] if kinds else None
    return f.StartRefused(kind=kind or RefusalKind.FOR_NOW, reason=_reason(error))


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
    """The fact behind a stop that raised: some refusals are ends, the others leave it running."""
    match error:
        case NoRecordedData():
            return f.NoRecordedData()
        case UploadStatusUnknown() | AlreadyStopping():
            return f.StopAcknowledged()
        case WorkerNotFound():  # its retries go on past the failover window
            return f.Left(reason="the service has not known it for as long as a failover may take")
        case ResourceExpired():
            return f.OutOfControl(reason=_reason(error))
        case _:
            return f.StopFailed(reason=_reason(error))


def after_query(answer: QueryAnswer) -> Fact:
    """The fact behind a query's answer."""
    status = answer.status
    if status in _CONFIRMED:
        return f.Confirmed(files=answer.files)
    if status in _LEAVING:
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


def _reason(error: BaseException) -> str:
    if isinstance(error, ApiError):
        said = error.reason or type(error).__name__
        return f"{error.operation.value}: {error.status} {error.code or ''} {said}".replace("  ", " ")
    return str(error) if isinstance(error, AgoraRecError) else type(error).__name__
