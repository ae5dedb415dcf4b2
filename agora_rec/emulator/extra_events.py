"""What the services that left the documents tell of a recording: events 60, 61, 80, 90, 201 to 203, 1001.

No document says when exactly they come; here each comes with what causes it. Pure, as `happenings`, which
merges these into all others.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

from agora_rec.emulator.events import EventType
from agora_rec.emulator.extras import VOD
from agora_rec.emulator.plan import AUDIO
from agora_rec.emulator.recorded import mixed_audio_name, playlist_name
from agora_rec.emulator.session import FAR, Session, seconds_after
from agora_rec.emulator.terms import End
from agora_rec.emulator.wire import JsonObject

Told: TypeAlias = tuple[datetime, EventType, JsonObject]

_PULL_REFUSED = 1


def extra_events(session: Session, end: End | None) -> Iterator[Told]:
    """All of them, given how the recording ends."""
    if session.extras.vod:
        yield from _vod(session, end)
    for name in session.extras.moderations:
        yield from _moderation(session, end, name)
    if session.extras.mixing is not None and end is not None:
        yield from _mixing(session, end, session.extras.mixing.container)


def states(session: Session, now: datetime) -> list[JsonObject]:
    """What a query tells of these services."""
    found: list[JsonObject] = []
    if session.extras.vod:
        state = "inProgress" if session.is_running(now) else "idle"
        videos = [
            {"fileName": playlist_name(session, track), "videoId": _video_id(session)}
            for track in session.listed_tracks(now)
        ]
        found.append({"serviceName": VOD, "payload": {"state": state, "videoInfo": videos}})
    for name in session.extras.moderations:
        status = "failed" if name in session.settings.broken_services else "inProgress"
        worker = session.worker(now)
        streams = session.streams(worker, session.limit(worker, FAR))
        heard = [
            uid
            for (uid, medium), spells in streams.items()
            if medium == AUDIO and any(spell.since <= now < spell.until for spell in spells)
        ]
        said = [{"uid": uid, "streamType": "audio", "status": status} for uid in heard]
        found.append({"serviceName": name, "streamState": said})
    return found


def _video_id(session: Session) -> str:
    return f"v-{session.sid[:16]}"


def _vod(session: Session, end: End | None) -> Iterator[Told]:
    limit = FAR if end is None else end.at
    listed = session.listed_tracks(limit)
    if listed:
        first = min(session.written_at(track, limit) for track in listed)
        yield first, EventType.VOD_STARTED, {"aliVodInfo": {"videoId": _video_id(session)}}
    stored = None if end is None else session.stored_at(end)
    if stored is not None:
        yield stored, EventType.VOD_TRIGGERED, {}


def _moderation(session: Session, end: End | None, name: str) -> Iterator[Told]:
    """Each stream of a user's audio is listened to, from its beginning to its end."""
    for worker in session.workers:
        limit = session.limit(worker, FAR)
        for (uid, medium), spells in session.streams(worker, limit).items():
            if medium != AUDIO:
                continue
            said: JsonObject = {"serviceName": name, "streamType": "audio", "streamUid": int(uid)}
            for spell in spells:
                if name in session.settings.broken_services:
                    broken = {**said, "errorCode": _PULL_REFUSED}
                    yield spell.since, EventType.EXTENSION_SERVICE_ERROR, broken
                    continue
                yield spell.since, EventType.EXTENSION_SERVICE_START, said
                # With a lost server goes who would tell of it.
                if spell.until < limit or (end is not None and spell.until == end.at):
                    yield spell.until, EventType.EXTENSION_SERVICE_STOP, said


def _mixing(session: Session, end: End, container: str) -> Iterator[Told]:
    """One file of all audio, made when everything is stored where it can be read."""
    stored = session.stored_at(end)
    if stored is None:
        return
    yield stored, EventType.TRANSCODER_STARTED, {}
    at = seconds_after(stored, session.settings.mixing_seconds)
    if session.backup_since(stored) is None:
        name = mixed_audio_name(session, container)
        said: JsonObject = {"result": "total_success", "fileList": [{"fileName": name}]}
    else:
        names = [playlist_name(session, track) for track in session.listed_tracks(stored)]
        yield (
            at,
            EventType.DOWNLOAD_FAILED,
            {
                "vendor": session.extras.vendor,
                "region": session.extras.region,
                "bucket": session.plan.bucket,
                session.settings.event_file_key: ";".join(names),
            },
        )
        said = {"result": "failed", "fileList": []}
    yield at, EventType.FINAL_RESULT, said
