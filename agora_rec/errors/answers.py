"""From what the service said to the error that says it: the only reader of the table."""

from typing import Final

from attrs import evolve

from agora_rec.errors import api
from agora_rec.errors.table import ANY, OTHERWISE, SUCCESS, TABLE, Row
from agora_rec.errors.values import Attempt, Refusal, Subject
from agora_rec.vocabulary import OperationName


def lookup(operation: OperationName, status: int, code: int | None = None, reason: str | None = None) -> Row:
    """Give the narrowest row for an answer.

    A code, or the gateway's words where there is no code, weighs more than an operation, and an operation
    more than a status: a code that the documents give without a status is found under every 4xx.
    """
    kind = status // 100
    said: int | str | None = code if code is not None else _gateway_words(reason)
    known = (said,) if said is not None else ()
    for each in (*known, ANY):
        for key in (
            (operation, status, each),
            (operation, kind, each),
            (ANY, status, each),
            (ANY, kind, each),
        ):
            row = TABLE.get(key)
            if row is not None:
                return row
    return OTHERWISE


_WORDS: Final = tuple(code for _, _, code in TABLE if isinstance(code, str))


def _gateway_words(reason: str | None) -> str | None:
    text = "" if reason is None else reason.strip().casefold()
    return next((words for words in _WORDS if text.startswith(words)), None)


def from_refusal(subject: Subject, refusal: Refusal, attempts: tuple[Attempt, ...] = ()) -> api.ApiError:
    """Make the error for what the service said. It is returned, not raised.

    The resource ID and the sid of the answer fill what the subject doesn't know.
    """
    row = lookup(subject.operation, refusal.status, refusal.code, refusal.reason)
    error = row.error(
        subject=evolve(
            subject,
            resource_id=subject.resource_id or refusal.resource_id or None,
            sid=subject.sid or refusal.sid or None,
        ),
        status=refusal.status,
        code=refusal.code,
        reason=refusal.reason,
        meaning=row.meaning,
        hint=row.then,
        retry=row.retry,
        schedule=row.schedule,
        attempts=attempts,
    )
    if isinstance(error, api.PartialContent):
        error.uploading_status = refusal.uploading_status
        error.has_files = refusal.has_files
    return error


def from_unreadable(
    subject: Subject, status: int, reason: str, attempts: tuple[Attempt, ...] = ()
) -> api.ApiError:
    """Make the error for an answer whose body can't be read; `reason` says what is wrong with it.

    A proxy's 5xx or 429 comes as HTML or empty, and its status says enough. Any other unreadable body, a
    404's above all, is nothing that the service said, so it proves nothing: `UnexpectedAnswer`.
    """
    row = lookup(subject.operation, status)
    if row.error not in {api.ServiceUnavailable, api.RateLimited}:
        row = TABLE[ANY, SUCCESS, ANY] if status // 100 == SUCCESS else OTHERWISE
    return row.error(
        subject=subject,
        status=status,
        reason=reason,
        meaning=row.meaning,
        hint=row.then,
        retry=row.retry,
        schedule=row.schedule,
        attempts=attempts,
    )
