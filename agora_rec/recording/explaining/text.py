"""An explanation as text: for people, with moments in UTC; whatever others have written is escaped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from agora_rec.errors.text import escaped, sentence, shown
from agora_rec.recording.explaining import telling
from agora_rec.recording.explaining.values import Cause, Evidence, Explanation
from agora_rec.vocabulary import Certainty

_SURE: Final = {
    Certainty.SAID: "",
    Certainty.LIKELY: "likely: ",
    Certainty.POSSIBLE: "possible: ",
}
_EARLY: Final = datetime.min.replace(tzinfo=UTC)
_IDS_SHOWN: Final = 64
_EVIDENCE_SHOWN: Final = 5


def headline(cause: Cause) -> str:
    """The cause in one line: `storage misconfigured: event 1, module 1, code 32 at 10:02:07`."""
    return _headline(cause, None)


def _headline(cause: Cause, seen_from: datetime | None) -> str:
    first, count = cause.evidence[0], len(cause.evidence)
    times = "" if count == 1 else f" (and {count - 1} more)"
    return f"{_SURE[cause.certainty]}{cause.name}: {_told(first, seen_from)}{times}"


def report(explanation: Explanation) -> str:
    """All of it."""
    return "\n".join(_lines(explanation))


def said(explanation: Explanation) -> tuple[str, ...]:
    """What the service has said of how the recording is doing, a line for each event, oldest first."""
    events = [each for each in explanation.notifications if telling.is_of_the_course(each)]
    told = [(telling.name_of(each), telling.of_notification(each)) for each in events]
    told.sort(key=lambda each: each[1].at or _EARLY)
    return tuple(f"{name}: {_told(evidence, explanation.at)}" for name, evidence in told)


def _lines(explanation: Explanation) -> Iterator[str]:
    at = explanation.at
    since = "" if explanation.since is None else f" since {_moment(explanation.since, at)}"
    key = "" if explanation.key is None else f" (key {shown(explanation.key)})"
    yield f"recording {shown(explanation.cname)} uid {explanation.uid}{key}: {explanation.state.name}{since}"
    yield f"  at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: {escaped(explanation.summary)}"
    if explanation.maybe_running:
        until = (
            "" if explanation.until is None else f"; calls are taken until {_moment(explanation.until, at)}"
        )
        yield f"  something may be running{until}"
    for label, text in (("resource ID", explanation.resource_id), ("sid", explanation.sid)):
        if text is not None:
            yield f"  {label} {escaped(text, _IDS_SHOWN)}"
    yield ""
    if not explanation.causes:
        yield "Nothing that is known speaks of trouble."
    for number, cause in enumerate(explanation.causes, 1):
        yield from _cause(number, cause, at)
    yield from _course(explanation)


def _cause(number: int, cause: Cause, at: datetime) -> Iterator[str]:
    yield f"{number}. {_headline(cause, at)}"
    for each in cause.evidence[1:_EVIDENCE_SHOWN]:
        yield f"     {_told(each, at)}"
    yield f"   {sentence(cause.meaning)}"
    yield f"   To do: {cause.then}."
    yield f"   ({cause.source})"


def _course(explanation: Explanation) -> Iterator[str]:
    """What has happened, by the moment; what has none comes first."""
    told: list[tuple[datetime | None, str]] = [
        (each.at, telling.of_change(each).what) for each in explanation.history
    ]
    told += [(each.attempt.at, telling.of_attempt(each).what) for each in explanation.tried]
    for notification in explanation.notifications:
        evidence = telling.of_notification(notification)
        told.append((evidence.at, f"{evidence.what} - {telling.name_of(notification)}"))
    if explanation.reasons:
        yield ""
        yield "What was given as a reason:"
        yield from (f"  {escaped(reason)}" for reason in explanation.reasons)
    if told:
        yield ""
        yield "What has happened:"
        for moment, what in sorted(told, key=lambda each: each[0] or _EARLY):
            when = "" if moment is None else _moment(moment, explanation.at)
            yield f"  {when:8}  {what}"


def _told(evidence: Evidence, seen_from: datetime | None) -> str:
    return evidence.what if evidence.at is None else f"{evidence.what} at {_moment(evidence.at, seen_from)}"


def _moment(moment: datetime, seen_from: datetime | None) -> str:
    """The time of day; with the date if that is another day than the one it is seen from."""
    utc = moment.astimezone(UTC)
    same_day = seen_from is None or utc.date() == seen_from.astimezone(UTC).date()
    return f"{utc:%H:%M:%S}" if same_day else f"{utc:%Y-%m-%d %H:%M:%S}"
