"""The milestones of one recording's life, for tests that want to see it at a glance.

What the service tells of, and with which words, is in `happenings`.
"""

from datetime import datetime
from enum import StrEnum, unique

from attrs import frozen

from agora_rec.emulator.session import Session
from agora_rec.emulator.terms import Track


@unique
class MomentKind(StrEnum):
    """What can happen in a recording's life."""

    ACCEPTED = "accepted"
    READY = "ready"
    FIRST_SLICE = "first_slice"
    FIRST_PLAYLIST = "first_playlist"
    INTERRUPTED = "interrupted"
    """Its server was lost."""
    MOVED = "moved"
    """It goes on, on another server."""
    LEFT = "left"
    STORED = "stored"
    GONE = "gone"


@frozen
class Moment:
    """One thing that happened in a recording's life. `track` belongs to slices and playlists."""

    at: datetime
    kind: MomentKind
    track: Track | None = None


def life(session: Session, now: datetime) -> tuple[Moment, ...]:
    """Everything that has happened by `now`, in order."""
    moments = [Moment(session.started_at, MomentKind.ACCEPTED), Moment(session.ready_at, MomentKind.READY)]
    for each in session.failovers:
        moments.append(Moment(each.at, MomentKind.INTERRUPTED))
        moments.append(Moment(each.until, MomentKind.MOVED))
    end = session.end(now)
    moments += [Moment(track.begin, MomentKind.FIRST_SLICE, track) for track in session.tracks(now)]
    moments += [
        Moment(session.written_at(track, now), MomentKind.FIRST_PLAYLIST, track)
        for track in session.listed_tracks(now)
    ]
    if end is not None:
        moments = [each for each in moments if each.at <= end.at]
        moments.append(Moment(end.at, MomentKind.LEFT))
        moments.append(Moment(session.gone_at(end), MomentKind.GONE))
        stored = session.stored_at(end)
        if stored is not None:
            moments.append(Moment(stored, MomentKind.STORED))
    return tuple(sorted((each for each in moments if each.at <= now), key=lambda each: each.at))
