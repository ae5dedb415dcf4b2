"""What is known of a recording, as JSON for programs: the words and numbers that the library has."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from agora_rec import Cause, Change, Checkpoint, Explanation, Outcome, QueryAnswer, RecordedFile


def dump(value: Any) -> str:
    """JSON that nothing can break out of: all that isn't plain ASCII is escaped."""
    return json.dumps(value, indent=2, ensure_ascii=True)


def of_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Which recording it is, and where it stands."""
    standing = checkpoint.standing
    return {
        "key": checkpoint.key,
        "cname": checkpoint.cname,
        "uid": checkpoint.uid,
        "state": standing.state.value,
        "since": moment(since(checkpoint)),
        "resource_id": standing.resource_id,
        "sid": standing.sid,
    }


def since(checkpoint: Checkpoint) -> datetime | None:
    """When it came to where it stands."""
    return checkpoint.history[-1].at if checkpoint.history else None


def of_explanation(explanation: Explanation) -> dict[str, Any]:
    """All of it but the notifications themselves: what matters of them is in the evidence."""
    return {
        "at": moment(explanation.at),
        "key": explanation.key,
        "cname": explanation.cname,
        "uid": explanation.uid,
        "state": explanation.state.value,
        "since": moment(explanation.since),
        "resource_id": explanation.resource_id,
        "sid": explanation.sid,
        "summary": explanation.summary,
        "maybe_running": explanation.maybe_running,
        "until": moment(explanation.until),
        "causes": [_of_cause(cause) for cause in explanation.causes],
        "reasons": list(explanation.reasons),
        "history": [_of_change(each) for each in explanation.history],
    }


def _of_change(change: Change) -> dict[str, Any]:
    return {
        "at": moment(change.at),
        "fact": change.fact.value,
        "before": change.before.value,
        "after": change.after.value,
    }


def _of_cause(cause: Cause) -> dict[str, Any]:
    return {
        "name": cause.name.value,
        "certainty": cause.certainty.name.lower(),
        "evidence": [{"at": moment(each.at), "what": each.what} for each in cause.evidence],
        "meaning": cause.meaning,
        "then": cause.then,
        "source": cause.source,
    }


def of_query(answer: QueryAnswer) -> dict[str, Any]:
    """What a query was answered."""
    return {
        "status": None if answer.status is None else int(answer.status),
        "slice_start_time": moment(answer.slice_start_time),
        "files": _names(answer.files),
    }


def of_outcome(outcome: Outcome) -> dict[str, Any]:
    """What a stop has come to."""
    return {
        "state": outcome.state.value,
        "in_bucket": outcome.in_bucket,
        "no_data": outcome.no_data,
        "files": _names(outcome.files),
    }


def _names(files: Iterable[RecordedFile]) -> list[str]:
    return [file.name for file in files]


def moment(at: datetime | None) -> str | None:
    """A moment in UTC, in ISO's form."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")
