"""One recording at the service, and its life as a function of time.

Nothing here runs by itself. What was asked (a stop, an update) is kept with its moment, and everything
else (readiness, idle exit, files, disappearance) is worked out from that, from the channel and from the
moment at which somebody asks. The same question about the same moment has the same answer for ever.
"""

from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from attrs import define, field, frozen

from agora_rec.emulator.channels import Channel
from agora_rec.emulator.plan import AUDIO, VIDEO, Plan, Subscription, WebPlan
from agora_rec.emulator.resources import Resource
from agora_rec.emulator.settings import Settings
from agora_rec.vocabulary import ModeName, TaskStatus

AUDIO_AND_VIDEO: Final = "audio_and_video"
MIXED_UID: Final = "0"


@unique
class EndReason(StrEnum):
    """Why a recording ended."""

    STOPPED = "stopped"
    IDLE = "idle"
    HOURS_OVER = "hours_over"
    """maxRecordingHour of a web recording."""
    WRONG_PARAMETERS = "wrong_parameters"
    """The asynchronous check: storage, images or token."""
    UID_TAKEN = "uid_taken"
    """Somebody in the channel has the recorder's uid."""


@frozen
class End:
    """When and why a recording left the channel."""

    at: datetime
    reason: EndReason


@frozen
class Track:
    """One playlist: whose streams, of which media, and when its first slice began."""

    uid: str
    track_type: str
    begin: datetime


@unique
class MomentKind(StrEnum):
    """What can happen in a recording's life."""

    ACCEPTED = "accepted"
    READY = "ready"
    FIRST_SLICE = "first_slice"
    FIRST_PLAYLIST = "first_playlist"
    LEFT = "left"
    STORED = "stored"
    GONE = "gone"


@frozen
class Moment:
    """One thing that happened in a recording's life. `track` belongs to slices and playlists."""

    at: datetime
    kind: MomentKind
    track: Track | None = None


def seconds_after(moment: datetime, seconds: float) -> datetime:
    """That moment, so many seconds later."""
    return moment + timedelta(seconds=seconds)


@define(eq=False)
class Session:
    """One recording: what it was asked to do, and when."""

    sid: str
    resource: Resource
    plan: Plan
    started_at: datetime
    settings: Settings
    channel: Channel
    subscriptions: list[tuple[datetime, Subscription]]
    holds: list[tuple[datetime, bool]] = field(factory=list[tuple[datetime, bool]])
    outputs: tuple[str, ...] = field(default=(), repr=False)
    outputs_since: datetime | None = None
    stop_at: datetime | None = None
    upload_seconds: float | None = None
    backuped: bool = False

    @property
    def ready_at(self) -> datetime:
        """When everything is ready, and recording can begin."""
        web = self.plan.mode is ModeName.WEB
        return seconds_after(
            self.started_at, self.settings.web_start_seconds if web else self.settings.start_seconds
        )

    @property
    def expires_at(self) -> datetime:
        """When `resourceExpiredHour` is over: afterwards no call is taken for it."""
        return seconds_after(self.started_at, self.resource.hours * 3600)

    def end(self, now: datetime) -> End | None:
        """When and why it left the channel; None if it is still there at `now`."""
        ends = [end for end in self._ends(now) if end.at <= now]
        return min(ends, key=lambda end: end.at, default=None)

    def _ends(self, now: datetime) -> list[End]:
        ends: list[End] = []
        if self.stop_at is not None:
            ends.append(End(self.stop_at, EndReason.STOPPED))
        if self.plan.flaw:
            at = seconds_after(self.started_at, self.settings.check_seconds)
            ends.append(End(at, EndReason.WRONG_PARAMETERS))
        if self.plan.web is not None:
            at = seconds_after(self.ready_at, self.plan.web.hours_max * 3600)
            ends.append(End(at, EndReason.HOURS_OVER))
            return ends
        seconds = self.plan.idle_seconds
        idle = self.channel.idle_since(self.ready_at, now, seconds, hosts_only=self.plan.live)
        if idle is not None:
            ends.append(End(seconds_after(idle, seconds), EndReason.IDLE))
        taken = self.channel.first_presence(self.resource.uid, self.ready_at)
        if taken is not None:
            ends.append(End(taken, EndReason.UID_TAKEN))
        return ends

    @property
    def upload_takes(self) -> float:
        """How long the upload takes after the end, in seconds."""
        return self.settings.upload_seconds if self.upload_seconds is None else self.upload_seconds

    @property
    def is_upload_slow(self) -> bool:
        """Whether a synchronous stop gives up waiting for the upload."""
        return self.upload_takes > self.settings.sync_stop_seconds

    def stored_at(self, end: End) -> datetime:
        """When all files are where they belong, given the end."""
        return seconds_after(end.at, self.upload_takes)

    def gone_at(self, end: End) -> datetime:
        """When the worker is no more: its own time to go, and the upload as far as a stop waits for it."""
        longest = seconds_after(end.at, self.settings.sync_stop_seconds)
        return max(seconds_after(end.at, self.settings.exit_seconds), min(self.stored_at(end), longest))

    def is_gone(self, now: datetime) -> bool:
        """Whether no worker knows of it any more."""
        end = self.end(now)
        return end is not None and self.gone_at(end) <= now

    def is_running(self, now: datetime) -> bool:
        """Whether it is in the channel (or on its way there)."""
        return self.end(now) is None

    def status(self, now: datetime) -> TaskStatus:
        """The status number at `now`; only meaningful while it isn't gone."""
        end = self.end(now)
        if end is not None:
            if end.reason is EndReason.WRONG_PARAMETERS:
                return TaskStatus.ABNORMAL_EXIT
            return _step(6, 3, end.at, self.gone_at(end), now)
        if now < self.ready_at:
            return _step(0, 4, self.started_at, self.ready_at, now)
        begun = [track for track in self.tracks(now) if self._is_begun(track, now)]
        return TaskStatus.IN_PROGRESS if begun else TaskStatus.READY

    def _is_begun(self, track: Track, now: datetime) -> bool:
        # A page counts as in progress with its first picture (seen in the wild with an empty list); a
        # channel with its first uploaded file.
        return self.plan.mode is ModeName.WEB or self.playlist_at(track) <= now

    def onhold(self, now: datetime) -> bool:
        """Whether a web recording pauses."""
        held = self.plan.web is not None and self.plan.web.onhold
        for at, value in self.holds:
            held = value if at <= now else held
        return held

    def playlist_at(self, track: Track) -> datetime:
        """When a track's first slice is complete and its playlist exists, if nothing ends it earlier."""
        seconds = {
            ModeName.MIX: self.settings.first_slice_mix,
            ModeName.INDIVIDUAL: self.settings.first_slice_individual,
            ModeName.WEB: self.settings.first_slice_web,
        }[self.plan.mode]
        return seconds_after(track.begin, seconds)

    def tracks(self, now: datetime) -> tuple[Track, ...]:
        """What has begun to be recorded by `now`, in the order of its beginning."""
        end = self.end(now)
        limit = now if end is None else end.at
        if self.plan.flaw:
            return ()
        if self.plan.web is not None:
            begin = self._page_begin(self.plan.web, limit)
            return () if begin is None else (Track(MIXED_UID, AUDIO_AND_VIDEO, begin),)
        begins = self._stream_begins(limit)
        if self.plan.mode is ModeName.MIX:
            kind = AUDIO_AND_VIDEO if len(self.plan.media) > 1 else next(iter(self.plan.media))
            return () if not begins else (Track(MIXED_UID, kind, min(begins.values())),)
        tracks = sorted(
            (Track(uid, medium, begin) for (uid, medium), begin in begins.items()),
            key=lambda track: track.begin,  # and else in the order of coming, which nothing later changes
        )
        users = list(dict.fromkeys(track.uid for track in tracks))[: self.plan.users_max]
        return tuple(track for track in tracks if track.uid in users)

    def _page_begin(self, web: WebPlan, limit: datetime) -> datetime | None:
        periods = [(self.ready_at, web.onhold), *((max(at, self.ready_at), held) for at, held in self.holds)]
        for number, (since, held) in enumerate(periods):
            until = periods[number + 1][0] if number + 1 < len(periods) else limit
            if not held and since < min(until, limit):
                return since
        return None

    def _stream_begins(self, limit: datetime) -> dict[tuple[str, str], datetime]:
        begins: dict[tuple[str, str], datetime] = {}
        for number, (since, subscription) in enumerate(self.subscriptions):
            last = number + 1 == len(self.subscriptions)
            until = limit if last else min(self.subscriptions[number + 1][0], limit)
            for stay in self.channel.stays:
                begin = max(since, stay.since, self.ready_at)
                if begin >= (until if stay.until is None else min(until, stay.until)):
                    continue
                for medium, sent in ((AUDIO, stay.audio), (VIDEO, stay.video)):
                    if sent and subscription.takes(stay.uid, medium):
                        key = (stay.uid, medium)
                        begins[key] = min(begins.get(key, begin), begin)
        return begins

    def listed_tracks(self, now: datetime) -> tuple[Track, ...]:
        """The tracks that have a playlist by `now`; the end flushes the slice that is being written."""
        tracks = self.tracks(now)
        if self.end(now) is not None:
            return tracks
        return tuple(track for track in tracks if self.playlist_at(track) <= now)

    def mp4_begins(self, track: Track, now: datetime) -> tuple[datetime, ...]:
        """When each MP4 file of a track began."""
        web = self.plan.web
        length = self.settings.mix_mp4_seconds if web is None else web.mp4_seconds
        end = self.end(now)
        last = ((now if end is None else end.at) - track.begin).total_seconds()
        # One that would begin at the very end has nothing in it.
        count = max(1, -int(-last // length))
        return tuple(seconds_after(track.begin, number * length) for number in range(count))

    def life(self, now: datetime) -> tuple[Moment, ...]:
        """Everything that has happened by `now`, in order; what notifications will be made from."""
        moments = [Moment(self.started_at, MomentKind.ACCEPTED), Moment(self.ready_at, MomentKind.READY)]
        end = self.end(now)
        tracks = self.tracks(now)
        for track in tracks:
            written = self.playlist_at(track) if end is None else min(self.playlist_at(track), end.at)
            moments.append(Moment(track.begin, MomentKind.FIRST_SLICE, track))
            moments.append(Moment(written, MomentKind.FIRST_PLAYLIST, track))
        if end is not None:
            moments = [each for each in moments if each.at <= end.at]
            moments.append(Moment(end.at, MomentKind.LEFT))
            moments.append(Moment(self.gone_at(end), MomentKind.GONE))
            if tracks:
                moments.append(Moment(self.stored_at(end), MomentKind.STORED))
        return tuple(sorted((each for each in moments if each.at <= now), key=lambda each: each.at))


def _step(first: int, count: int, begin: datetime, end: datetime, now: datetime) -> TaskStatus:
    """The status at `now` when `count` of them follow each other evenly from `begin` to `end`."""
    whole = (end - begin).total_seconds()
    passed = (now - begin).total_seconds()
    number = count - 1 if whole <= 0 else min(count - 1, int(passed / whole * count))
    return TaskStatus(first + number)
