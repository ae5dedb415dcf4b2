"""A situation for each cell of the tables: what is known, and the command or the fact that meets it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from agora_rec.lifecycle import CommandKey, Fact, FactKey, RefusalKind, Standing, facts
from agora_rec.model import RecordedFile
from agora_rec.vocabulary import Command, ModeName, State

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
UID, OTHER_UID, OLDER_UID = 527841, 1840226113, 99
PLAYLIST = RecordedFile("0f6c2a5d_class-42.m3u8")
MP4 = RecordedFile("0f6c2a5d_class-42_0.mp4")

FACTS: dict[FactKey, Fact] = {
    FactKey.ACQUIRED: facts.Acquired(resource_id="Qm3-new"),
    FactKey.EXPIRED: facts.Expired(),
    FactKey.ALTERNATE_TAKEN: facts.AlternateTaken(),
    FactKey.START_SENT: facts.StartSent(),
    FactKey.STARTED: facts.Started(sid="0f6c2a5d"),
    FactKey.START_REFUSED_RESOURCE: facts.StartRefused(kind=RefusalKind.RESOURCE, reason="53"),
    FactKey.START_REFUSED_FOR_GOOD: facts.StartRefused(kind=RefusalKind.FOR_GOOD, reason="2"),
    FactKey.START_REFUSED: facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="502"),
    FactKey.START_UNANSWERED: facts.StartUnanswered(),
    FactKey.STOP_REQUESTED: facts.StopRequested(),
    FactKey.STOP_SENT: facts.StopSent(),
    FactKey.STOP_FAILED: facts.StopFailed(reason="65"),
    FactKey.STOP_FAILED_AFTER_LEAVING: facts.StopFailed(reason="404"),
    FactKey.STOP_ACKNOWLEDGED: facts.StopAcknowledged(),
    FactKey.LEFT: facts.Left(reason="no users", instance_uid=UID),
    FactKey.EXITED: facts.Exited(instance_uid=UID),
    FactKey.ENDED_WITHOUT_FILES: facts.EndedWithoutFiles(reason="exit status 1", instance_uid=UID),
    FactKey.OUT_OF_CONTROL: facts.OutOfControl(reason="433"),
    FactKey.NO_RECORDED_DATA: facts.NoRecordedData(),
    FactKey.UPLOADED: facts.Uploaded(files=(PLAYLIST,), instance_uid=UID),
    FactKey.BACKUPED: facts.Backuped(files=(PLAYLIST,), instance_uid=UID),
    FactKey.SUPERSEDED_END: facts.Left(reason="no users", instance_uid=OLDER_UID),
    FactKey.END_WITHOUT_SID: facts.Uploaded(files=(PLAYLIST,)),
    FactKey.ALIVE: facts.Alive(),
    FactKey.CONFIRMED: facts.Confirmed(files=(PLAYLIST,)),
    FactKey.SUSPECTED: facts.Suspected(reason="fatal error event"),
    FactKey.HEARD_FROM: facts.HeardFrom(instance_uid=UID),
    FactKey.FAILED_OVER: facts.FailedOver(new_uid=OTHER_UID),
    FactKey.FAILED_OVER_AFTER_LEAVING: facts.FailedOver(new_uid=OTHER_UID),
    FactKey.FAILED_OVER_AFTER_END: facts.FailedOver(new_uid=OTHER_UID),
    FactKey.FAILED_OVER_WHILE_STOPPING: facts.HeardFrom(instance_uid=OTHER_UID),
}

_LEFT = {"left_by": frozenset({UID}), "left_at": NOW}
_ENDED = {"ended_by": frozenset({(UID, State.UPLOADED)})}
_KNOWN_BEFORE: dict[FactKey, dict[str, Any]] = {
    FactKey.STOP_FAILED_AFTER_LEAVING: _LEFT | {"stop_sent": True},
    FactKey.FAILED_OVER_AFTER_LEAVING: _LEFT,
    FactKey.FAILED_OVER_AFTER_END: _LEFT | _ENDED,
    FactKey.FAILED_OVER_WHILE_STOPPING: _ENDED | {"stop_sent": True},
    FactKey.STOP_FAILED: {"stop_sent": True},
    FactKey.SUPERSEDED_END: {"superseded": frozenset({OLDER_UID})},
    FactKey.END_WITHOUT_SID: {"sid": None},
}

COMMANDS: dict[CommandKey, tuple[Command, ModeName, datetime, dict[str, Any]]] = {
    CommandKey.ACQUIRE: (Command.ACQUIRE, ModeName.WEB, NOW, {}),
    CommandKey.ACQUIRE_ANEW: (Command.ACQUIRE, ModeName.MIX, NOW, {"start_refused": True}),
    CommandKey.START: (Command.START, ModeName.MIX, NOW + timedelta(minutes=5, microseconds=-1), {}),
    CommandKey.START_TOO_LATE: (Command.START, ModeName.MIX, NOW + timedelta(minutes=5), {}),
    CommandKey.QUERY: (Command.QUERY, ModeName.WEB, NOW, {}),
    CommandKey.UPDATE: (Command.UPDATE, ModeName.INDIVIDUAL, NOW, {}),
    CommandKey.UPDATE_LAYOUT: (Command.UPDATE_LAYOUT, ModeName.MIX, NOW, {}),
    CommandKey.UPDATE_LAYOUT_NOT_MIX: (Command.UPDATE_LAYOUT, ModeName.INDIVIDUAL, NOW, {}),
    CommandKey.STOP: (Command.STOP, ModeName.MIX, NOW, {}),
    CommandKey.STOP_AGAIN: (Command.STOP, ModeName.MIX, NOW, {"stop_requested": True}),
}


def standing(state: State, **known: Any) -> Standing:
    """A standing in any state, even where real life doesn't lead: the tables are total."""
    usual: dict[str, Any] = {
        "resource_id": "Qm3-xT_a91",
        "acquired_at": NOW,
        "sid": "0f6c2a5d",
        "instance_uid": UID,
    }
    return Standing(state=state, **(usual | known))


def for_fact(state: State, key: FactKey) -> tuple[Standing, Fact]:
    """A standing in this state, and a fact that meets the cell of this key there."""
    return standing(state, **_KNOWN_BEFORE.get(key, {})), FACTS[key]


def for_command(state: State, key: CommandKey) -> tuple[Standing, Command, ModeName, datetime]:
    """A standing in this state, and a command that meets the cell of this key there."""
    command, mode, at, known = COMMANDS[key]
    return standing(state, **known), command, mode, at
