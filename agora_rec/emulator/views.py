"""The truth about recordings, as tests and users of the emulator read it."""

from datetime import datetime

from attrs import frozen

from agora_rec.emulator.recorded import recorded_files
from agora_rec.emulator.session import Session
from agora_rec.emulator.terms import EndReason
from agora_rec.vocabulary import ModeName, UploadingStatus


@frozen(kw_only=True)
class SessionView:
    """The truth about one recording at one moment.

    `uid` is the one that it was started with, `instance_uid` the recorder's own: another one after each
    move to another server. `area` is where it is placed (one of acquire's `region`). `running`: it is
    recording, on its way there, or being moved. `gone`: no worker knows of it any more (404). `files` are
    the names of playlists and MP4 files that exist, `uploading_status` where they are (unknown until they
    are stored; None while it runs, or if it ended without files).
    """

    cname: str
    uid: str
    instance_uid: str
    sid: str
    resource_id: str
    app_id: str
    mode: ModeName
    area: str
    started_at: datetime
    running: bool
    gone: bool
    ended_at: datetime | None
    end_reason: EndReason | None
    files: tuple[str, ...]
    uploading_status: UploadingStatus | None


def view(session: Session, now: datetime) -> SessionView:
    """That recording as it is at `now`."""
    end = session.end(now)
    status: UploadingStatus | None = None
    if end is not None and session.listed_tracks(now):
        stored_at = session.stored_at(end)
        stored = UploadingStatus.UPLOADED if session.backup_since(now) is None else UploadingStatus.BACKUPED
        status = UploadingStatus.UNKNOWN if stored_at is None or now < stored_at else stored
    return SessionView(
        cname=session.resource.cname,
        uid=session.resource.uid,
        instance_uid=session.worker(now).uid,
        sid=session.sid,
        resource_id=session.resource.resource_id,
        app_id=session.resource.app_id,
        mode=session.plan.mode,
        area=session.resource.area,
        started_at=session.started_at,
        running=end is None,
        gone=end is not None and session.gone_at(end) <= now,
        ended_at=None if end is None else end.at,
        end_reason=None if end is None else end.reason,
        files=tuple(each.name for each in recorded_files(session, now)),
        uploading_status=status,
    )
