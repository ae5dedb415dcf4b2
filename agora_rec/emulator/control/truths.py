"""What the control API tells: the emulator's own values as JSON. Pure, and without secrets.

Moments are text as ISO 8601 has it. Texts that callers made up are as long as they may be at the service,
at most.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from agora_rec.emulator.calls import Call, mask
from agora_rec.emulator.channels import Channel
from agora_rec.emulator.control.troubles import name_of, parts_of
from agora_rec.emulator.faults import Planned
from agora_rec.emulator.layouts import Picture, Tile
from agora_rec.emulator.life import Moment, life
from agora_rec.emulator.notices import Notice
from agora_rec.emulator.session import Session
from agora_rec.emulator.views import SessionView, view
from agora_rec.emulator.webhooks.records import Delivery, DeliveryAttempt
from agora_rec.emulator.wire import JsonObject

_TEXT_MAX: Final = 1024


@unique
class Phase(StrEnum):
    """Where a recording is in its life, in one word."""

    STARTING = "starting"
    RECORDING = "recording"
    ON_HOLD = "on_hold"
    """A page that pauses."""
    MOVING = "moving"
    """Its server was lost, and the next one isn't there yet."""
    EXITING = "exiting"
    """It has ended, and its worker is still there."""
    GONE = "gone"


def phase(session: Session, now: datetime) -> Phase:
    """Where that recording is at `now`."""
    if session.is_gone(now):
        return Phase.GONE
    if not session.is_running(now):
        return Phase.EXITING
    if session.is_moving(now):
        return Phase.MOVING
    if now < session.ready_at:
        return Phase.STARTING
    return Phase.ON_HOLD if session.onhold(now) else Phase.RECORDING


def moment(at: datetime | None) -> str | None:
    """A moment as text."""
    return None if at is None else at.isoformat(timespec="milliseconds")


def clipped(text: str | None) -> str | None:
    """A text that somebody has sent, no longer than anything valid."""
    return text if text is None or len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def recording(session: Session, now: datetime) -> JsonObject:
    """One recording in short."""
    seen: SessionView = view(session, now)
    return {
        "sid": seen.sid,
        "resource_id": seen.resource_id,
        "cname": seen.cname,
        "uid": seen.uid,
        "instance_uid": seen.instance_uid,
        "mode": str(seen.mode),
        "phase": str(phase(session, now)),
        "status": None if seen.gone else int(session.status(now)),
        "running": seen.running,
        "gone": seen.gone,
        "started_at": moment(seen.started_at),
        "ended_at": moment(seen.ended_at),
        "end_reason": None if seen.end_reason is None else str(seen.end_reason),
        "files": list(seen.files),
        "uploading_status": None if seen.uploading_status is None else str(seen.uploading_status),
    }


def whole_recording(session: Session, now: datetime) -> JsonObject:
    """One recording with its picture and its history."""
    picture = session.picture(now)
    return {
        **recording(session, now),
        "picture": None if picture is None else _picture(picture),
        "history": [_moment_of_life(each) for each in life(session, now)],
    }


def _picture(picture: Picture) -> JsonObject:
    return {
        "width": picture.width,
        "height": picture.height,
        "layout": picture.layout.kind.name.lower(),
        "background_color": picture.layout.background_color,
        "tiles": [_tile(each, picture) for each in picture.tiles],
    }


def _tile(tile: Tile, picture: Picture) -> JsonObject:
    return {
        "uid": tile.uid,
        "video": tile.uid in picture.with_video,
        "x": round(tile.x, 6),
        "y": round(tile.y, 6),
        "width": round(tile.width, 6),
        "height": round(tile.height, 6),
        "alpha": tile.alpha,
        "render_mode": tile.render_mode.name.lower(),
    }


def _moment_of_life(each: Moment) -> JsonObject:
    track = each.track
    about: JsonObject = {} if track is None else {"uid": track.uid, "track_type": track.track_type}
    return {"at": moment(each.at), "what": str(each.kind), **about}


def channel(seen: Channel, now: datetime) -> JsonObject:
    """One channel with those who are in it."""
    return {
        "cname": seen.name,
        "users": [
            {
                "uid": stay.uid,
                "audio": stay.audio,
                "video": stay.video,
                "host": stay.host,
                "webm": stay.webm,
            }
            for stay in seen.present(now)
        ],
    }


def call(logged: Call) -> JsonObject:
    """One call in short, without its body."""
    answered = logged.answered_at
    return {
        "number": logged.number,
        "at": moment(logged.at),
        "method": clipped(logged.method),
        "path": clipped(logged.path),
        "operation": None if logged.operation is None else str(logged.operation),
        "mode": clipped(logged.mode),
        "cname": clipped(logged.cname),
        "uid": clipped(logged.uid),
        "resource_id": clipped(logged.resource_id),
        "sid": clipped(logged.sid),
        "fate": str(logged.fate),
        "seconds": None if answered is None else round((answered - logged.at).total_seconds(), 6),
        "status": logged.status,
        "code": logged.code,
        "reason": clipped(logged.reason),
        "overlapped": logged.overlapped,
    }


def whole_call(logged: Call) -> JsonObject:
    """One call with its body, in which secrets are masked."""
    return {**call(logged), "body": logged.body}


def fault(planned: Planned) -> JsonObject:
    """A fault that waits for its calls. `times` is how often it will still happen, None for ever."""
    return {
        "fault": name_of(planned.fault),
        **parts_of(planned.fault),
        "operation": None if planned.operation is None else str(planned.operation),
        "cname": planned.cname,
        "uid": planned.uid,
        "host": planned.host,
        "times": planned.left,
    }


def notice(told: Notice) -> JsonObject:
    """One notification that the service sends."""
    return {
        "number": told.number,
        "at": moment(told.at),
        "happened_at": moment(told.happened_at),
        "cname": told.cname,
        "uid": told.uid,
        "sid": told.sid,
        "event_type": int(told.event_type),
        "event": told.event_type.name.lower(),
        "sequence": told.sequence,
        "details": mask(dict(told.details)),
    }


def delivery(record: Delivery) -> JsonObject:
    """What has become of one notification on its way to the receiver."""
    return {
        "number": record.number,
        "copy": record.copy,
        "notice_id": record.notice_id,
        "event_type": record.event_type,
        "at": moment(record.at),
        "state": str(record.state),
        "due": moment(record.due),
        "attempts": attempts(record.attempts),
    }


def attempts(made: Iterable[DeliveryAttempt]) -> list[JsonObject]:
    """Attempts to deliver, in order."""
    return [
        {
            "at": moment(each.at),
            "seconds": round(each.seconds, 6),
            "reception": str(each.reception),
            "status": each.status,
            "detail": each.detail,
        }
        for each in made
    ]
