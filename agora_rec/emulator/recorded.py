"""Which files a recording has left by a moment, what they are called, and how lists of them look.

Pure functions of a session and a moment; names as in files.yaml, lists as in responses.yaml and events.yaml.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from agora_rec.emulator.plan import AUDIO
from agora_rec.emulator.session import Session
from agora_rec.emulator.terms import Track
from agora_rec.emulator.wire import JsonObject
from agora_rec.files import (
    Backup,
    FileKind,
    FileName,
    Media,
    mixed_mp4,
    mixed_playlist,
    mixed_slice,
    parse,
    snapshot,
    user_playlist,
    user_slice,
    web_cname,
)
from agora_rec.vocabulary import ModeName

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


@frozen
class RecordedFile:
    """One playlist or MP4, the track that it belongs to, and when it began."""

    name: str
    track: Track
    begin: datetime


def playlist_name(session: Session, track: Track) -> str:
    """The name of a track's playlist."""
    plan = session.plan
    if plan.mode is ModeName.INDIVIDUAL:
        media = Media.AUDIO if track.track_type == AUDIO else Media.VIDEO
        name = user_playlist(session.sid, session.resource.cname, int(track.uid), media, folders=plan.folders)
    else:
        name = mixed_playlist(session.sid, _file_cname(session), folders=plan.folders)
    return _moved(name, track.failover)


def slice_name(session: Session, track: Track, begin: datetime) -> str:
    """The name of a track's slice that begins then."""
    plan = session.plan
    if plan.mode is ModeName.INDIVIDUAL:
        media = Media.AUDIO if track.track_type == AUDIO else Media.VIDEO
        cname, uid = session.resource.cname, int(track.uid)
        extension = "webm" if is_webm(session, track, begin) else "ts"
        name = user_slice(session.sid, cname, uid, media, begin, extension=extension, folders=plan.folders)
    else:
        name = mixed_slice(session.sid, _file_cname(session), begin, folders=plan.folders)
    return _moved(name, track.failover)


def is_webm(session: Session, track: Track, moment: datetime) -> bool:
    """Whether a slice of an individual recording that begins then is WebM."""
    return any(spell.since <= moment < spell.until for spell in session.webm_spells(track))


def mp4_name(session: Session, track: Track, index: int) -> str:
    """The name of a track's MP4 file; they count from 0."""
    name = mixed_mp4(session.sid, _file_cname(session), index, folders=session.plan.folders)
    return _moved(name, track.failover)


def handed_over_name(session: Session, track: Track, tick: int, index: int) -> str:
    """The name of a track's playlist that comes out of the backup (files.yaml `after_backup`)."""
    name = parse(playlist_name(session, track), sid=session.sid, cname=_file_cname(session))
    return str(evolve(name, backup=Backup(tick, index)))


def snapshot_name(session: Session, uid: str, moment: datetime, failover: int | None) -> str:
    """The name of one user's screenshot."""
    cname, folders = session.resource.cname, session.plan.folders
    return _moved(snapshot(session.sid, cname, int(uid), moment, folders=folders), failover)


def mixed_audio_name(session: Session, container: str) -> str:
    """The name of the one file that postponed audio mixing makes."""
    return str(
        FileName(
            kind=FileKind.MIXED_AUDIO,
            sid=session.sid,
            cname=session.resource.cname,
            extension=container,
            index=0,
            folders=session.plan.folders,
        )
    )


def _moved(name: FileName, failover: int | None) -> str:
    return str(name if failover is None else evolve(name, failover=failover))


def _file_cname(session: Session) -> str:
    cname = session.resource.cname
    return web_cname(cname) if session.plan.mode is ModeName.WEB else cname


def recorded_files(session: Session, now: datetime) -> list[RecordedFile]:
    """All playlists and MP4 files that exist by `now`, in the order of their playlists' beginning."""
    found: list[RecordedFile] = []
    for track in session.listed_tracks(now) if session.plan.records else ():
        found.append(RecordedFile(playlist_name(session, track), track, track.begin))
        for index, begin in enumerate(session.mp4_begins(track, now) if session.plan.mp4 else ()):
            found.append(RecordedFile(mp4_name(session, track, index), track, begin))
    return found


def channel_file_list(
    session: Session, now: datetime, *, in_seconds: bool = False, key: str = "fileName"
) -> list[JsonObject]:
    """The files of an individual or mix recording, as answers and events list them, named under `key`."""
    mixed = session.plan.mode is ModeName.MIX
    return [
        {
            key: each.name,
            "trackType": each.track.track_type,
            "uid": each.track.uid,
            "mixedAllUser": mixed,
            "isPlayable": _is_playable(session, each.track, now),
            "sliceStartTime": _time(each.begin, in_seconds=in_seconds),
        }
        for each in recorded_files(session, now)
    ]


def _is_playable(session: Session, track: Track, now: datetime) -> bool:
    if session.plan.mode is ModeName.MIX:
        return True
    end = session.end(now)
    limit = now if end is None else end.at
    # A playlist with WebM in it isn't played online.
    if any(spell.since < limit for spell in session.webm_spells(track)):
        return False
    return track.track_type == AUDIO or not session.settings.older_playable


def page_file_list(session: Session, now: datetime, *, in_seconds: bool = False) -> list[JsonObject]:
    """The files of a web recording, as answers and events list them."""
    return [
        {
            session.settings.web_file_key: each.name,
            "sliceStartTime": _time(each.begin, in_seconds=in_seconds),
        }
        for each in recorded_files(session, now)
    ]


def _time(moment: datetime, *, in_seconds: bool) -> int:
    return milliseconds(moment) // 1000 if in_seconds else milliseconds(moment)
