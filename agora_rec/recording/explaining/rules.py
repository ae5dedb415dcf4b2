"""The form of a rule, and the rules for what a call was answered, which the errors' own table explains."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from attrs import frozen

from agora_rec.errors import lookup
from agora_rec.lifecycle import FactKey
from agora_rec.recording.explaining import telling
from agora_rec.recording.explaining.known import Found, Known
from agora_rec.recording.explaining.values import Cause, CauseName, Evidence
from agora_rec.store import Tried
from agora_rec.vocabulary import Certainty, OperationName, State


@frozen(kw_only=True)
class Rule:
    """One documented cause.

    Attributes:
        name: Its name.
        certainty: How sure it is, where there is evidence.
        find: The evidence for it; empty where it doesn't fit.
        meaning: What it means; may name what `Known.words` has.
        then: What to do; the same.
        source: Where the facts stand.
        explains: Whether it explains an end, so that nothing has to be guessed at.
    """

    name: CauseName
    certainty: Certainty = Certainty.SAID
    find: Callable[[Known], Found]
    meaning: str
    then: str
    source: str
    explains: bool = True

    def apply(self, known: Known) -> Cause | None:
        """The cause, if anything speaks for it."""
        evidence = self.find(known)
        if not evidence:
            return None
        words = known.words
        return Cause(
            name=self.name,
            certainty=self.certainty,
            evidence=tuple(sorted(evidence, key=_moment)),
            meaning=self.meaning.format_map(words),
            then=self.then.format_map(words),
            source=self.source,
        )


def _moment(evidence: Evidence) -> datetime:
    return evidence.at or _LONG_AGO


_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_WIRE_NAMES: Final = {OperationName.UPDATE_LAYOUT: "updateLayout"}
_BEFORE_RUNNING: Final = (OperationName.ACQUIRE, OperationName.START)


def answers(known: Known) -> Iterator[Cause]:
    """What the calls were answered that matter for how it stands now."""
    for operation in _that_matter(known):
        last = known.last_tried(operation)
        if last is not None and telling.of_attempt(last) not in known.not_found:
            yield _answer(known, last)


def _that_matter(known: Known) -> Iterator[OperationName]:
    state, last = known.state, known.last_change
    if state.is_before_start or state is State.STARTING or known.standing.sid is None:
        yield from _BEFORE_RUNNING
    elif state is State.RECORDING:
        if last is not None and last.fact is FactKey.STOP_FAILED:
            yield OperationName.STOP
        yield from (OperationName.QUERY, OperationName.UPDATE, OperationName.UPDATE_LAYOUT)


def _answer(known: Known, last: Tried) -> Cause:
    attempt, operation = last.attempt, last.operation
    same = (each for each in known.checkpoint.tried if each.operation is operation)
    evidence = tuple(telling.of_attempt(each) for each in same if _is_like(each, last))
    if attempt.status is None:
        return Cause(
            name=CauseName.UNANSWERED,
            certainty=Certainty.SAID,
            evidence=evidence,
            meaning="no usable answer came: the network, a proxy, or the service's host",
            then="look at the network and the hosts' names, then call again; another host is asked where "
            "there is one",
            source="timing.yaml retry_schedules.host_switch",
        )
    row = lookup(operation, attempt.status, attempt.code)
    said = f"http {attempt.status}" + ("" if attempt.code is None else f", code {attempt.code}")
    return Cause(
        name=CauseName.REFUSED if attempt.status >= HTTPStatus.BAD_REQUEST else CauseName.UNDECIDED,
        certainty=Certainty.SAID,
        evidence=evidence,
        meaning=row.meaning,
        then=row.then,
        source=f"errors.yaml by_endpoint.{_WIRE_NAMES.get(operation, operation.value)} ({said})",
    )


def _is_like(one: Tried, other: Tried) -> bool:
    return (one.attempt.status, one.attempt.code) == (other.attempt.status, other.attempt.code)
