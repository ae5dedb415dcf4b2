"""What the control API's answers look like, as JSON Schemas: the other side of `truths`. Values only."""

from typing import Final

from agora_rec.emulator.calls import Fate
from agora_rec.emulator.control.truths import Phase
from agora_rec.emulator.layouts import LayoutKind, RenderMode
from agora_rec.emulator.life import MomentKind
from agora_rec.emulator.schema.told import Told, listed, or_null, record, values_of
from agora_rec.emulator.terms import EndReason
from agora_rec.emulator.webhooks.records import DeliveryState, Reception
from agora_rec.vocabulary import ModeName, OperationName, TaskStatus

FLAG: Final[Told] = {"type": "boolean"}
_NUMBER: Final[Told] = {"type": "number"}
TEXT: Final[Told] = {"type": "string"}
_WHOLE: Final[Told] = {"type": "integer"}
_COUNT: Final[Told] = {"type": "integer", "minimum": 1}
_SECONDS: Final[Told] = {"type": "number", "minimum": 0}
_SHARE: Final[Told] = {"type": "number", "minimum": 0, "maximum": 1}
_STATUS: Final[Told] = {"type": "integer", "minimum": 100, "maximum": 999}
_MOMENT: Final[Told] = {"type": "string", "format": "date-time"}


def names_of(enum: type[LayoutKind | RenderMode]) -> Told:
    """The names of an enum's members, as they are shown."""
    return {"enum": [each.name.lower() for each in enum]}


_RECORDING: Final[dict[str, Told]] = {
    "sid": TEXT,
    "resource_id": TEXT,
    "cname": TEXT,
    "uid": TEXT,
    "instance_uid": TEXT,
    "mode": values_of(ModeName),
    "phase": values_of(Phase),
    "status": or_null(values_of(TaskStatus)),
    "running": FLAG,
    "gone": FLAG,
    "started_at": _MOMENT,
    "ended_at": or_null(_MOMENT),
    "end_reason": or_null(values_of(EndReason)),
    "files": listed(TEXT),
    "uploading_status": or_null({"enum": ["uploaded", "backuped", "unknown"]}),
}
_TILE: Final = record(
    {
        "uid": or_null(TEXT),
        "video": FLAG,
        "x": _SHARE,
        "y": _SHARE,
        "width": _SHARE,
        "height": _SHARE,
        "alpha": _SHARE,
        "render_mode": names_of(RenderMode),
    }
)
_PICTURE: Final = record(
    {
        "width": _COUNT,
        "height": _COUNT,
        "layout": names_of(LayoutKind),
        "background_color": TEXT,
        "tiles": listed(_TILE),
    }
)
_HAPPENED: Final = record(
    {"at": _MOMENT, "what": values_of(MomentKind)}, optional={"uid": TEXT, "track_type": TEXT}
)
_CALL: Final[dict[str, Told]] = {
    "number": _COUNT,
    "at": _MOMENT,
    "method": TEXT,
    "path": TEXT,
    "operation": or_null(values_of(OperationName)),
    **dict.fromkeys(("mode", "cname", "uid", "resource_id", "sid"), or_null(TEXT)),
    "fate": values_of(Fate),
    "seconds": or_null(_SECONDS),
    "status": or_null(_STATUS),
    "code": or_null(_WHOLE),
    "reason": or_null(TEXT),
    "overlapped": FLAG,
}

RECORDING: Final = record(_RECORDING)
WHOLE_RECORDING: Final = record({**_RECORDING, "picture": or_null(_PICTURE), "history": listed(_HAPPENED)})
MOVED_RECORDING: Final = record({**_RECORDING, "new_uid": or_null(_WHOLE)})
CHANNEL: Final = record(
    {
        "cname": TEXT,
        "users": listed(record({"uid": TEXT, "audio": FLAG, "video": FLAG, "host": FLAG, "webm": FLAG})),
    }
)
CALL: Final = record(_CALL)
WHOLE_CALL: Final = record({**_CALL, "body": {"type": ["object", "string", "null"]}})
NOTICE: Final = record(
    {
        "number": _COUNT,
        "at": _MOMENT,
        "happened_at": _MOMENT,
        "cname": TEXT,
        "uid": TEXT,
        "sid": TEXT,
        "event_type": _WHOLE,
        "event": TEXT,
        "sequence": {"type": "integer", "minimum": 0},
        "details": {"type": "object"},
    }
)
ATTEMPT: Final = record(
    {
        "at": _MOMENT,
        "seconds": _SECONDS,
        "reception": values_of(Reception),
        "status": or_null(_STATUS),
        "detail": TEXT,
    }
)
DELIVERY: Final = record(
    {
        "number": _COUNT,
        "copy": _COUNT,
        "notice_id": TEXT,
        "event_type": _WHOLE,
        "at": _MOMENT,
        "state": values_of(DeliveryState),
        "due": or_null(_MOMENT),
        "attempts": listed(ATTEMPT),
    }
)
CHECK: Final = record({"event_type": _WHOLE, "code": _STATUS, "attempts": listed(ATTEMPT)})
CLOCK: Final = record(
    {
        "now": _MOMENT,
        "dial": {"enum": ["real", "accelerated", "stepped", "own"]},
        "speed": or_null(_NUMBER),
        "movable": FLAG,
    }
)


def page_of(name: str, items: Told, **more: Told) -> Told:
    """A list under that name, of which there may be more."""
    return record({name: listed(items), "more": FLAG, **more})
