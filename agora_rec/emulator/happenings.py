"""What happens in a recording's life that the service tells of: which events, when, with which details.

Lazy and pure: `happenings` goes through a life from a moment on, in order, as if nobody did anything more.
What somebody does at a moment changes only what happens from that moment on.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from agora_rec.emulator import pages, pushing
from agora_rec.emulator.events import RANKS, EventType, Happening
from agora_rec.emulator.extra_events import extra_events
from agora_rec.emulator.plan import AUDIO, VIDEO, Flaw
from agora_rec.emulator.recorded import (
    channel_file_list,
    milliseconds,
    page_file_list,
    playlist_name,
)
from agora_rec.emulator.session import FAR, MIXED_UID, Session, seconds_after
from agora_rec.emulator.snapshots import grid, snapshots
from agora_rec.emulator.spells import Spell, union
from agora_rec.emulator.terms import End, EndReason, Worker
from agora_rec.emulator.wire import JsonObject
from agora_rec.vocabulary import ModeName, TaskStatus

DONE: Final = 10_000
"""The progress of an upload that is complete."""

LEAVE_INIT, LEAVE_SIG, LEAVE_NO_USERS, LEAVE_CLIENT = 0, 2, 4, 16
_WEB_WORDS: Final = (
    "ok",
    "max_recording_hour",
    "capability_limit",
    "start_engine_failed",
    "page_load_timeout",
    "access_url_failed",
    "recorder_error",
)
_WARN_RETRIED, _WARN_TO_BACKUP = 31, 32
_LEAVE_CODES: Final[Mapping[EndReason, int]] = {EndReason.IDLE: LEAVE_NO_USERS}
"""All others left by themselves, as after a stop."""
_WEB_CODES: Final[Mapping[EndReason, int]] = {EndReason.STOPPED: 0, EndReason.HOURS_OVER: 1}
_WEB_BROKEN: Final = 6
_NORMAL_ENDS: Final = frozenset(
    {EndReason.STOPPED, EndReason.IDLE, EndReason.HOURS_OVER, EndReason.UID_TAKEN}
)
_MEDIA: Final = {AUDIO: EventType.AUDIO_STATE_CHANGED, VIDEO: EventType.VIDEO_STATE_CHANGED}


def happenings(session: Session, since: datetime) -> Iterator[Happening]:
    """Everything from `since` on, in order, as if nobody did anything more; endless while it records."""
    end = session.end(FAR)
    limit = FAR if end is None else end.at
    beginnings = (*_beginning(session), *_slices(session), *_pushes(session), *_reloads(session))
    sources: list[Iterable[Happening]] = [
        # What falls on the very end doesn't begin any more.
        sorted((each for each in beginnings if since <= each.at < limit), key=_order),
        sorted((each for each in _moves(session) if since <= each.at <= limit), key=_order),
        sorted((each for each in _playlists(session, limit) if each.at >= since), key=_order),
        sorted((each for each in _trouble_with_storage(session) if each.at >= since), key=_order),
        _progress(session, since),
    ]
    if session.plan.web is None:
        sources.append(_statuses(session, end, since))
    if session.plan.capture_seconds is not None:
        sources.append(
            _tell(session, each.at, EventType.SNAPSHOT_FILE, fileName=each.name)
            for each in snapshots(session, session.plan.capture_seconds, since)
        )
    told = [_tell(session, at, kind, **said) for at, kind, said in extra_events(session, end) if since <= at]
    sources.append(sorted(told, key=_order))
    if end is not None:
        sources.append(each for each in _ending(session, end) if each.at >= since)
    return heapq.merge(*sources, key=_order)


def _order(happening: Happening) -> tuple[datetime, int]:
    return happening.at, RANKS[happening.event_type]


def _tell(session: Session, at: datetime, event_type: EventType, **details: object) -> Happening:
    """An event of the server that the recording is on at that moment."""
    return _tell_as(session.worker(at).uid, at, event_type, **details)


def _tell_as(uid: str, at: datetime, event_type: EventType, **details: object) -> Happening:
    return Happening(at=at, event_type=event_type, uid=uid, details=details)


def _beginning(session: Session) -> Iterator[Happening]:
    register_seconds = session.settings.register_seconds
    if register_seconds is not None:
        registered = seconds_after(session.started_at, register_seconds)
        if registered < (session.workers[0].lost_at or FAR):
            yield _tell(session, registered, EventType.HA_REGISTERED)
    yield from _readiness(session, session.ready_at)
    yield _tell(session, session.ready_at, EventType.UPLOADER_STARTED, status=0)


def _readiness(session: Session, at: datetime) -> Iterator[Happening]:
    if session.plan.web is None:
        # Who has the wrong token never gets into the channel.
        if session.flaw is not Flaw.TOKEN:
            yield _tell(session, at, EventType.RECORDER_STARTED, status=0)
    elif pages.is_shown(session.plan.web):
        yield _tell(session, at, EventType.WEB_RECORDER_STARTED, recorderStartTime=milliseconds(at))


def _moves(session: Session) -> Iterator[Happening]:
    settings = session.settings
    for old, move in zip(session.workers, session.failovers, strict=False):
        namer = move.uid if settings.failover_under_new_uid else old.uid
        yield _tell_as(namer, move.until, EventType.SESSION_FAILOVER, newUid=int(move.uid))
        if settings.register_seconds is not None:
            yield _tell(session, move.until, EventType.HA_REGISTERED)
        yield from _readiness(session, move.until)
        if move.old_reports:
            if session.plan.web is None:
                yield _tell_as(old.uid, move.at, EventType.RECORDER_LEAVE, leaveCode=LEAVE_SIG)
            late = seconds_after(move.until, settings.exit_seconds)
            yield _tell_as(old.uid, late, EventType.SESSION_EXIT, exitStatus=1)


def _slices(session: Session) -> Iterator[Happening]:
    """What reaches the recorder, and what it makes of it."""
    broken_off: dict[tuple[str, str], datetime] = {}
    for worker in session.workers:
        limit = session.limit(worker, FAR)
        yield from _stream_states(session, worker, limit)
        for uid, kind, spells in session.recorded(worker, limit):
            for spell in spells:
                yield _tell(
                    session,
                    spell.since,
                    EventType.SLICE_START,
                    startUtcMs=milliseconds(spell.since),
                    discontinueUtcMs=milliseconds(broken_off.get((uid, kind), spell.since)),
                    mixedAllUser=session.plan.mode is not ModeName.INDIVIDUAL,
                    streamUid=uid,
                    trackType=kind,
                )
                broken_off[uid, kind] = spell.until


def _stream_states(session: Session, worker: Worker, limit: datetime) -> Iterator[Happening]:
    """Who is received; in mix usually only whether anybody is (the mixed stream, uid 0)."""
    streams = session.streams(worker, limit)
    if session.plan.mode is ModeName.MIX and not session.settings.mixed_streams_by_user:
        streams = {
            (MIXED_UID, medium): union(
                spell for key, spells in streams.items() if key[1] == medium for spell in spells
            )
            for medium in _MEDIA
        }
    for (uid, medium), spells in streams.items():
        for spell in spells:
            for state, at in ((0, spell.since), (1, spell.until)):
                # Who is still received when the recorder leaves doesn't change.
                if at < limit:
                    yield _tell(
                        session, at, _MEDIA[medium], streamUid=uid, state=state, UtcMs=milliseconds(at)
                    )


def _pushes(session: Session) -> Iterator[Happening]:
    for each in pushing.changes(session):
        yield _tell(session, each.at, EventType.RTMP_PUBLISH_STATUS, rtmpUrl=each.url, status=each.word)


def _reloads(session: Session) -> Iterator[Happening]:
    web = session.plan.web
    course = None if web is None else pages.course_of(web)
    if web is not None and course is not None and course.reload is not None:
        at = seconds_after(session.ready_at, pages.shows_after(web, session.settings))
        yield _tell(session, session.on_a_server(at), EventType.WEB_RECORDER_RELOAD, reason=course.reload)


def _playlists(session: Session, limit: datetime) -> Iterator[Happening]:
    if session.plan.web is None and session.plan.records:
        for track in session.listed_tracks(limit):
            name = playlist_name(session, track)
            yield _tell(session, session.written_at(track, limit), EventType.FILE_INFOS, fileList=name)


def _trouble_with_storage(session: Session) -> Iterator[Happening]:
    for lapse in session.lapses(FAR):
        yield _tell(session, lapse.since, EventType.STS_EXPIRED)
    since = session.backup_since(FAR)
    if since is not None:
        for code in (_WARN_RETRIED, _WARN_TO_BACKUP):
            yield _tell(session, since, EventType.WARNING, module=1, warnCode=code)


def _statuses(session: Session, end: End | None, since: datetime) -> Iterator[Happening]:
    limit = FAR if end is None else end.at
    span = session.ready_at - session.started_at
    last = TaskStatus.PART_READY if session.flaw is Flaw.TOKEN else TaskStatus.READY
    changes = [(session.started_at + span * step / 4, step) for step in range(1, last + 1)]
    listed = session.listed_tracks(limit)
    if listed:
        changes.append((min(session.written_at(track, limit) for track in listed), TaskStatus.IN_PROGRESS))
    changes = [each for each in changes if each[0] < limit]
    if end is not None:
        if end.reason in {EndReason.WRONG_PARAMETERS, EndReason.FAILED_OVER_TOO_OFTEN}:
            changes.append((end.at, TaskStatus.ABNORMAL_EXIT))
        else:
            span = session.gone_at(end) - end.at
            changes += [(end.at + span * step / 3, TaskStatus.STOP_REQUESTED + step) for step in range(3)]
    changes += [(at, session.status(at)) for at in session.misfits]
    swapped = session.settings.modes_swapped_in_events
    for at, status in sorted(changes, key=lambda change: change[0]):
        if at < since:
            continue
        # A recording's newest playlist speaks for all.
        names = [playlist_name(session, each) for each in session.listed_tracks(at) if session.plan.records]
        yield _tell(
            session,
            at,
            EventType.STATUS_UPDATE,
            status=int(status),
            recordingMode=int((session.plan.mode is ModeName.MIX) != swapped),
            fileList=names[-1] if names else "",
        )


def _ending(session: Session, end: End) -> Iterator[Happening]:
    if session.flaw is not None and end.reason is EndReason.WRONG_PARAMETERS:
        yield _tell(session, end.at, EventType.ERROR, **_error(session))
    yield from _leaving(session, end)
    stored = session.stored_at(end)
    if stored is not None:
        yield _tell(session, stored, EventType.UPLOADING_PROGRESS, progress=DONE)
        uploaded = session.backup_since(stored) is None
        files: JsonObject = {}
        if session.plan.web is None:
            files["fileList"] = channel_file_list(session, stored, key=session.settings.event_file_key)
        yield _tell(
            session, stored, EventType.UPLOADED if uploaded else EventType.BACKUPED, status=0, **files
        )
    status = int(end.reason not in _NORMAL_ENDS)
    yield _tell(session, exit_at(session, end), EventType.SESSION_EXIT, exitStatus=status)


def exit_at(session: Session, end: End) -> datetime:
    """When the whole service of a recording has ended: the worker has gone and the upload is over."""
    gone = max(session.gone_at(end), seconds_after(end.at, session.settings.exit_seconds))
    return max(gone, session.stored_at(end) or gone)


def _error(session: Session) -> JsonObject:
    refusal = session.plan.token_refusal
    if refusal is not None:
        return {"module": 0, "errorLevel": 5, "errorCode": refusal.code, "stat": 0, "errorMsg": ""}
    if session.flaw is Flaw.STORAGE:
        return {"module": 1, "errorLevel": 4, "errorCode": 32, "stat": 1, "errorMsg": "storage refused"}
    return {"module": 0, "errorLevel": 4, "errorCode": 2, "stat": 1, "errorMsg": "image refused"}


def _leaving(session: Session, end: End) -> Iterator[Happening]:
    web = session.plan.web
    if end.reason is EndReason.FAILED_OVER_TOO_OFTEN:
        return  # nobody is left to say so
    if web is None:
        code = LEAVE_INIT if session.flaw is Flaw.TOKEN else _LEAVE_CODES.get(end.reason, LEAVE_CLIENT)
        yield _tell(session, end.at, EventType.RECORDER_LEAVE, leaveCode=code)
        return
    course = pages.course_of(web)
    code = _WEB_CODES.get(end.reason, _WEB_BROKEN)
    if end.reason is EndReason.PAGE_TROUBLE and course is not None and course.code is not None:
        code = course.code
        if course.limit is not None:
            yield _tell(session, end.at, EventType.WEB_CAPABILITY_LIMIT, limitType=course.limit)
    yield _tell(
        session,
        end.at,
        EventType.WEB_RECORDER_STOPPED,
        code=code,
        message=_WEB_WORDS[code],
        details="",
        fileList=page_file_list(session, end.at),
    )


def _progress(session: Session, since: datetime) -> Iterator[Happening]:
    """Uploaded files by recorded files: all slices but the one that is being written."""
    end = session.end(FAR)
    stored = None if end is None else session.stored_at(end)
    limit = FAR if end is None else stored or exit_at(session, end)
    if end is not None and end.reason is EndReason.FAILED_OVER_TOO_OFTEN:
        limit = end.at  # nobody is left to say so
    spans: list[Spell] = []
    for worker in session.workers:
        until = session.limit(worker, FAR)
        begins = [spells[0].since for _, _, spells in session.recorded(worker, until)]
        spans += [Spell(min(begins), until)] if begins else []

    def ratio(at: datetime) -> int:
        recorded = sum((max(span.since, min(at, span.until)) - span.since).total_seconds() for span in spans)
        slices = int(recorded // session.settings.slice_seconds)
        return DONE * slices // (slices + 1)

    for at in grid(session.started_at, session.settings.progress_seconds, since, limit):
        if session.is_moving(at):
            continue
        progress = ratio(at)
        if end is not None and stored is not None and at > end.at:
            progress += int((DONE - progress) * ((at - end.at) / (stored - end.at)))
        yield _tell(session, at, EventType.UPLOADING_PROGRESS, progress=progress)
