"""The root of the tree, and what its branches share. The branches are in `local.py` and `api.py`."""

from typing import Any, Final, Self

import attrs
from attrs import define, field

from agora_rec.errors.text import LIMIT, escaped, sentence
from agora_rec.errors.values import Attempt, DocumentedCause, Subject
from agora_rec.vocabulary import Certainty, OperationName


@define(slots=False, eq=False)
class AgoraRecError(Exception):
    """Anything that this library raises on purpose.

    `evidence` holds the notifications and answers that bear on it, oldest first. Every error can be pickled
    and copied, and its repr shows its fields.
    """

    # Without slots: they would not mix with the memory layout of TimeoutError, and notes need a __dict__.
    # eq=False is what attrs does for exceptions anyway; said here, so that type checkers know it too.

    evidence: tuple[object, ...] = field(default=(), kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Whether a recording may run because of this call, although it failed."""
        return False

    def message(self) -> str:
        """What happened, what it most likely means, and what to do."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.message()

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException would call the class with `args`, which can't work with keyword-only fields.
        fields = {each.alias: getattr(self, each.name) for each in attrs.fields(type(self))}
        notes = getattr(self, "__notes__", None)
        return _rebuild, (type(self), fields), None if notes is None else {"__notes__": notes}


def _rebuild(error: type[AgoraRecError], fields: dict[str, Any]) -> AgoraRecError:
    return error(**fields)


class AboutRecording:
    """The fields of an error's `subject`, by their own names."""

    subject: Subject

    @property
    def operation(self) -> OperationName:
        """The operation that the error came from."""
        return self.subject.operation

    @property
    def cname(self) -> str | None:
        """The channel."""
        return self.subject.cname

    @property
    def uid(self) -> int | None:
        """The uid that was acquired."""
        return self.subject.uid

    @property
    def resource_id(self) -> str | None:
        """The resource ID, if there was one."""
        return self.subject.resource_id

    @property
    def sid(self) -> str | None:
        """The recording's ID, from the request or else from the service's answer."""
        return self.subject.sid


class HasAttempts:
    """Errors that tell how the call was attempted."""

    attempts: tuple[Attempt, ...]

    def with_attempts(self, attempts: tuple[Attempt, ...]) -> Self:
        """Attach all attempts of the call, in order; gives the error back, to be raised."""
        self.attempts = attempts
        return self


class HasCauses:
    """Errors of waits that tell what the service said, and the documented causes that fit.

    `said` is what it said by notification of how the recording is doing, in short, oldest first; the whole
    notifications are in `evidence`. `causes` come most likely first, each with its certainty, its evidence
    and what to do.
    """

    said: tuple[str, ...]
    causes: tuple[DocumentedCause, ...]
    evidence: tuple[object, ...]

    def with_causes(
        self, *, said: tuple[str, ...], causes: tuple[DocumentedCause, ...], evidence: tuple[object, ...]
    ) -> Self:
        """Attach what is known; gives the error back, to be raised."""
        self.said, self.causes, self.evidence = said, causes, evidence
        return self


_ATTEMPTS_SHOWN = 6
_SAID_SHOWN = 10
_CAUSES_SHOWN = 8
_CERTAIN: Final = {Certainty.SAID: "certain: "}  # the others say it themselves

DEADLINE_CAME: Final = "Given up for want of time: no attempt begins after the deadline."


def tell_attempts(attempts: tuple[Attempt, ...]) -> str:
    """Give the attempts as a sentence, the last ones only if there are many; empty if there was none."""
    if not attempts:
        return ""
    count = f"{len(attempts)} attempt{'' if len(attempts) == 1 else 's'}"
    last = ", the last" if len(attempts) > _ATTEMPTS_SHOWN else ""
    return f"{count}{last}: {'; '.join(str(each) for each in attempts[-_ATTEMPTS_SHOWN:])}."


def tell_causes(error: HasCauses) -> str:
    """Give what was said and what explains it as lines, of a bounded number and length; empty if nothing.

    Where no event came in at all, that is told too: without them much stays a guess.
    """
    said, causes = error.said, error.causes
    lines: list[str] = []
    if said:
        last = "" if len(said) <= _SAID_SHOWN else f" (the last {_SAID_SHOWN} of {len(said)} events)"
        lines.append(f"The service has said{last}:")
        lines += (f"  {escaped(each)}" for each in said[-_SAID_SHOWN:])
    elif causes and not error.evidence:
        lines.append("No event has come in; wrong parameters are told by events only, which need a webhook.")
    if causes:
        lines.append("What explains it, most likely first:")
    for number, cause in enumerate(causes[:_CAUSES_SHOWN], start=1):
        lines.append(f"  {number}. {_CERTAIN.get(cause.certainty, '')}{escaped(str(cause))}")
        lines.append(f"     {sentence(cause.meaning)} To do: {escaped(cause.then, 2 * LIMIT)}.")
    if len(causes) > _CAUSES_SHOWN:
        lines.append(f"  and {len(causes) - _CAUSES_SHOWN} more: see its causes.")
    return "".join(f"\n{line}" for line in lines)


def tell(*sentences: str) -> str:
    """Join the sentences that are not empty."""
    return " ".join(each for each in sentences if each)
