"""What the send loop logs: one record for each attempt, with its parts as fields and what comes of it.

All records go to the logger `agora_rec`. Nothing secret gets here: of a request only what it is about, of an
answer only its status, its code and its ID. Texts that others chose are escaped, in the message and in the
fields, so that none of them can pass for a line of the log. docs/observability.md shows fields and levels.
"""

import logging
from collections.abc import Mapping, Sequence
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from agora_rec.errors import Attempt, Subject
from agora_rec.errors.text import as_field, shown
from agora_rec.vocabulary import AttemptOutcome

logger: Final = logging.getLogger("agora_rec")


@unique
class Sequel(Enum):
    """What comes of an attempt, or of the wait for one: the field `sequel` of its record."""

    DONE = "done"
    """The service has answered, and the caller has the answer; 206 and 201 are answers too."""
    AGAIN = "again"
    """The same request goes out once more, in `again_in` seconds or as soon as the budget allows then."""
    ANEW = "anew"
    """The server had closed the idle connection that was used: it goes out over another one at once."""
    REFUSED = "refused"
    """The service said no, and would say it again: the caller gets the error."""
    GIVEN_UP = "given_up"
    """It would be sent again, but its repetitions are used up or its deadline comes first."""
    WITHDRAWN = "withdrawn"
    """It was not needed any more while it waited: a stop came first, or all who wanted it have left."""
    CUT = "cut"
    """It was cancelled, or a fault broke it off, in the middle of an attempt: it may have acted after all."""


LEVELS: Final[Mapping[Sequel, int]] = MappingProxyType(
    {
        Sequel.DONE: logging.DEBUG,
        Sequel.AGAIN: logging.INFO,
        Sequel.ANEW: logging.DEBUG,
        Sequel.REFUSED: logging.INFO,
        Sequel.GIVEN_UP: logging.WARNING,
        Sequel.WITHDRAWN: logging.DEBUG,
        Sequel.CUT: logging.INFO,
    }
)

_NOTHING: Final[Mapping[str, object]] = MappingProxyType(
    dict.fromkeys(("host", "outcome", "status", "code", "detail", "seconds", "again_in", "request_id"))
)  # what there is to tell of an attempt that was never made


def sequel_of(attempt: Attempt, again_in: float | None, *, repeatable: bool) -> Sequel:
    """What comes of an attempt that brought no plain success.

    Args:
        attempt: The attempt.
        again_in: Seconds before the next one; None: there is none.
        repeatable: Whether another attempt might fare better.
    """
    if again_in is not None:
        return Sequel.AGAIN
    if attempt.outcome is AttemptOutcome.ANSWERED:
        return Sequel.DONE
    refused = attempt.outcome is AttemptOutcome.REFUSED and not repeatable
    return Sequel.REFUSED if refused else Sequel.GIVEN_UP


def log_attempt(
    subject: Subject,
    attempts: Sequence[Attempt],
    sequel: Sequel,
    *,
    again_in: float | None,
) -> None:
    """Log the last one of these attempts.

    Args:
        subject: What the call is about.
        attempts: All attempts so far, at least one.
        sequel: What comes of it.
        again_in: Seconds before the next one, if there is one.
    """
    if not logger.isEnabledFor(LEVELS[sequel]):
        return
    attempt, text = attempts[-1], str(attempts[-1])
    if again_in is not None:
        text += f"; again in {again_in:.1f} s"
    elif sequel is Sequel.GIVEN_UP:
        text += f"; {_given_up(attempts)}"
    told = {
        "host": attempt.host,
        "outcome": attempt.outcome.value,
        "status": attempt.status,
        "code": attempt.code,
        "detail": as_field(attempt.detail),
        "seconds": attempt.seconds,
        "again_in": again_in,
        "request_id": as_field(attempt.request_id),
    }
    _log(subject, sequel, text, attempt=len(attempts), waited=attempt.waited, told=told)


def log_wait(subject: Subject, attempts: Sequence[Attempt], sequel: Sequel, *, waited: float) -> None:
    """Log that a call has ended while it waited for its next attempt, or for its first."""
    if logger.isEnabledFor(LEVELS[sequel]):
        late = f"no slot before its deadline; {_given_up(attempts)}"
        text = late if sequel is Sequel.GIVEN_UP else "not needed any more while it waited"
        _log(subject, sequel, text, attempt=len(attempts), waited=waited, told=_NOTHING)


def _given_up(attempts: Sequence[Attempt]) -> str:
    return f"given up after {len(attempts)} attempt{'' if len(attempts) == 1 else 's'}"


def _log(
    subject: Subject,
    sequel: Sequel,
    text: str,
    *,
    attempt: int,
    waited: float,
    told: Mapping[str, object],
) -> None:
    operation = subject.operation.value
    about = "" if subject.cname is None else f" (cname {shown(subject.cname, 80)}, uid {subject.uid})"
    extra = {
        "operation": operation,
        "cname": as_field(subject.cname),
        "uid": subject.uid,
        "resource_id": as_field(subject.resource_id),
        "sid": as_field(subject.sid),
        "attempt": attempt,
        "waited": waited,
        "sequel": sequel.value,
        **told,
    }
    logger.log(LEVELS[sequel], "%s: %s%s", operation, text, about, extra=extra)
