"""Which files a recording writes when, and what they hold: worked out from its truth. Lazy and pure.

`files` goes through a recording from a moment on, as if nobody did anything more, as `happenings` does.
What somebody does at a moment changes only what is written from that moment on. What belongs to one playlist
is in `tracks`.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from agora_rec.emulator.extras import Mixing
from agora_rec.emulator.files.scenes import Audio, Sound, Still, Tones, tone_of, user_scene
from agora_rec.emulator.files.tracks import (
    Delivery,
    File,
    Slice,
    TrackFiles,
    course,
    covers,
    microseconds,
)
from agora_rec.emulator.plan import AUDIO
from agora_rec.emulator.recorded import mixed_audio_name
from agora_rec.emulator.session import FAR, Session, seconds_after
from agora_rec.emulator.snapshots import snapshots
from agora_rec.emulator.terms import Track

_UPLOAD_SECONDS: Final = 0.4
"""How long the last files may really take: they go up so much earlier than they are said to be there."""

_MIXED_KBPS: Final = 48
"""Of postponed mixing: the only `bitrate` that there is."""


def files(session: Session, since: datetime) -> Iterator[File]:
    """Everything that is written from `since` on, in order; endless while it records."""
    delivery = _delivery(session)
    sources: list[Iterable[File]] = []
    if session.refused_at is not None:
        return iter(())
    if session.plan.records:
        for worker in session.workers:
            for uid, kind, spells in session.recorded(worker, session.limit(worker, FAR)):
                track = TrackFiles(
                    session, worker, Track(uid, kind, spells[0].since, worker.failover), spells
                )
                sources += [track.clips(delivery, since), track.playlists(delivery, since)]
                if session.plan.mp4:
                    sources.append(track.movies(delivery, since))
    if session.plan.capture_seconds is not None:
        sources.append(_stills(session, session.plan.capture_seconds, delivery, since))
    sources.append(_sounds(session, since))
    return heapq.merge(*sources, key=lambda each: each.at)


def _sounds(session: Session, since: datetime) -> Iterator[File]:
    """What postponed audio mixing makes of a recording that is wholly in its bucket."""
    mixing, end = session.extras.mixing, session.end(FAR)
    stored = None if end is None else session.stored_at(end)
    if mixing is None or end is None or stored is None or session.backup_since(stored) is not None:
        return
    at = seconds_after(stored, max(0.0, session.settings.mixing_seconds - _UPLOAD_SECONDS))
    if at >= since:
        name = mixed_audio_name(session, mixing.container)
        yield File(at, name, partial(_sound, session, mixing, Slice(session.ready_at, end.at, broken=True)))


def _sound(session: Session, mixing: Mixing, whole: Slice) -> Sound:
    heard = [
        (tone_of(uid), spells)
        for worker in session.workers
        for (uid, medium), spells in session.streams(worker, session.limit(worker, FAR)).items()
        if medium == AUDIO
    ]
    moments = (moment for _, spells in heard for spell in spells for moment in (spell.since, spell.until))

    def at(moment: datetime) -> Tones:
        return tuple(tone for tone, spells in heard if covers(spells, moment))

    audio = Audio(kbps=_MIXED_KBPS, stereo=mixing.stereo, tones=course(whole, moments, at))
    return Sound(mixing.container, mixing.hertz, microseconds(whole.until - whole.begin), audio)


def _delivery(session: Session) -> Delivery:
    end = session.end(FAR)
    stored = None if end is None else session.stored_at(end)
    backup = min((each.since for each in session.refusals(FAR)), default=None)
    if end is None or stored is None:
        return Delivery(None, backup, None)
    final = max(end.at, seconds_after(stored, -_UPLOAD_SECONDS))
    return Delivery(final, backup, seconds_after(stored, session.settings.handover_seconds))


def _still(uid: str) -> Still:
    return Still(user_scene(uid))


def _stills(session: Session, seconds: float, delivery: Delivery, since: datetime) -> Iterator[File]:
    begin = session.started_at if delivery.backup is not None else since
    for each in snapshots(session, seconds, begin):
        at = delivery.at(each.at)
        if at is None:
            return
        if at >= since:
            yield File(at, each.name, partial(_still, each.uid))
