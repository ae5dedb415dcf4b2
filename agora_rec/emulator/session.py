"""One recording at the service, and its life as a function of time.

Nothing here runs by itself. What was asked (a stop, an update) is kept with its moment, and everything
else (readiness, idle exit, files, disappearance) is worked out from that, from the channel and from the
moment at which somebody asks. The same question about the same moment has the same answer for ever.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define, field

from agora_rec.emulator import pages
from agora_rec.emulator.channels import Channel
from agora_rec.emulator.extras import Extras
from agora_rec.emulator.files.access import BucketAccess
from agora_rec.emulator.layouts import (
    IMAGE_AFTER_SECONDS,
    USERS_MAX,
    Image,
    Layout,
    Picture,
    arrange,
)
from agora_rec.emulator.plan import AUDIO, VIDEO, Flaw, Plan, Subscription
from agora_rec.emulator.resources import Resource
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.spells import (
    Spell,
    common,
    limited,
    mp4_spells,
    page_spells,
    stream_spells,
    union,
)
from agora_rec.emulator.terms import End, EndReason, Failover, Track, Worker
from agora_rec.vocabulary import ModeName, TaskStatus

AUDIO_AND_VIDEO: Final = "audio_and_video"
MIXED_UID: Final = "0"
FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""A moment to ask about when the question is what will happen if nobody does anything more."""


def seconds_after(moment: datetime, seconds: float) -> datetime:
    """That moment, so many seconds later."""
    return moment + timedelta(seconds=seconds)


@define(eq=False)
class Session:
    """One recording: what it was asked to do, and when.

    Lists of pairs say what was told when, in order: subscriptions, layouts, pauses of a page, addresses to
    push to, the end of the storage's temporary token, whether that storage refuses files. `misfits` are the
    moments of calls that did not fit its status. `access` is the bucket, if it is one that can really be
    written to; at `refused_at` it was found not to be what start said, at `bucket_lost_at` it began to
    refuse files.
    """

    sid: str
    resource: Resource
    plan: Plan
    started_at: datetime
    settings: Settings
    channel: Channel
    extras: Extras
    subscriptions: list[tuple[datetime, Subscription]]
    layouts: list[tuple[datetime, Layout]] = field(factory=list[tuple[datetime, Layout]])
    holds: list[tuple[datetime, bool]] = field(factory=list[tuple[datetime, bool]])
    pushes: list[tuple[datetime, tuple[str, ...]]] = field(
        factory=list[tuple[datetime, tuple[str, ...]]], repr=False
    )
    tokens: list[tuple[datetime, datetime | None]] = field(factory=list[tuple[datetime, datetime | None]])
    refusing: list[tuple[datetime, bool]] = field(factory=list[tuple[datetime, bool]])
    failovers: list[Failover] = field(factory=list[Failover])
    misfits: list[datetime] = field(factory=list[datetime])
    access: BucketAccess | None = None
    stop_at: datetime | None = None
    lost_at: datetime | None = None
    refused_at: datetime | None = None
    bucket_lost_at: datetime | None = None
    upload_seconds: float | None = None
    upload_fails: bool = False

    @property
    def flaw(self) -> Flaw | None:
        """What is found wrong with its parameters; known at once, or when a real bucket has refused it."""
        return self.plan.flaw or (None if self.refused_at is None else Flaw.STORAGE)

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

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The servers that it was, is or will be on, one after the other."""
        if not self.failovers:
            return (Worker(0, self.resource.uid, self.ready_at, self.lost_at),)
        begins = [(self.resource.uid, self.ready_at), *((each.uid, each.until) for each in self.failovers)]
        ends = [*(each.at for each in self.failovers), self.lost_at]
        return tuple(
            Worker(number, uid, ready_at, lost_at)
            for number, ((uid, ready_at), lost_at) in enumerate(zip(begins, ends, strict=True))
        )

    def worker(self, now: datetime) -> Worker:
        """The server that it is on; while it is moved, still the old one."""
        return [each for each in self.workers if each.number == 0 or each.ready_at <= now][-1]

    def is_moving(self, now: datetime) -> bool:
        """Whether its server was lost, and no other has taken it over yet."""
        return any(each.at <= now < each.until for each in self.failovers)

    def on_a_server(self, moment: datetime) -> datetime:
        """That moment, or if it is on no server then, the one at which it is on one again."""
        return next((each.until for each in self.failovers if each.at <= moment < each.until), moment)

    def end(self, now: datetime) -> End | None:
        """When and why it left the channel; None if it is still there at `now`."""
        ends = [end for end in self._ends(now) if end.at <= now]
        return min(ends, key=lambda end: end.at, default=None)

    def _ends(self, now: datetime) -> list[End]:
        ends: list[End] = []
        if self.stop_at is not None:
            ends.append(End(self.stop_at, EndReason.STOPPED))
        if self.lost_at is not None:
            ends.append(End(self.lost_at, EndReason.FAILED_OVER_TOO_OFTEN))
        if self.flaw is not None:
            at = seconds_after(self.started_at, self.settings.check_seconds)
            at = at if self.refused_at is None else max(at, self.refused_at)
            ends.append(End(self.on_a_server(at), EndReason.WRONG_PARAMETERS))
        if self.plan.web is not None:
            at = seconds_after(self.ready_at, self.plan.web.hours_max * 3600)
            ends.append(End(self.on_a_server(at), EndReason.HOURS_OVER))
            trouble = pages.ends_after(self.plan.web, self.settings)
            if trouble is not None:
                at = seconds_after(self.ready_at, trouble)
                ends.append(End(self.on_a_server(at), EndReason.PAGE_TROUBLE))
            return ends
        return ends + [end for worker in self.workers for end in self._ends_by_channel(worker, now)]

    def _ends_by_channel(self, worker: Worker, now: datetime) -> list[End]:
        limit = now if worker.lost_at is None else worker.lost_at
        ends: list[End] = []
        seconds = self.plan.idle_seconds
        idle = self.channel.idle_since(worker.ready_at, min(limit, now), seconds, hosts_only=self.plan.live)
        if idle is not None:
            ends.append(End(seconds_after(idle, seconds), EndReason.IDLE))
        taken = self.channel.first_presence(worker.uid, worker.ready_at)
        if taken is not None:
            ends.append(End(taken, EndReason.UID_TAKEN))
        # What would have been after the loss of the server never was.
        return [end for end in ends if end.at <= limit]

    @property
    def upload_takes(self) -> float:
        """How long the upload takes after the end, in seconds."""
        return self.settings.upload_seconds if self.upload_seconds is None else self.upload_seconds

    @property
    def is_upload_slow(self) -> bool:
        """Whether a synchronous stop gives up waiting for the upload."""
        return self.upload_takes > self.settings.sync_stop_seconds

    def stored_at(self, end: End) -> datetime | None:
        """When all files are where they belong, given the end; None if there are none, or never."""
        if end.reason is EndReason.FAILED_OVER_TOO_OFTEN or not self.listed_tracks(end.at):
            return None
        return seconds_after(end.at, self.upload_takes)

    def gone_at(self, end: End) -> datetime:
        """When the worker is no more: its own time to go, and the upload as far as a stop waits for it."""
        if end.reason is EndReason.FAILED_OVER_TOO_OFTEN:
            return end.at
        longest = seconds_after(end.at, self.settings.sync_stop_seconds)
        stored = seconds_after(end.at, self.upload_takes)
        return max(seconds_after(end.at, self.settings.exit_seconds), min(stored, longest))

    def is_gone(self, now: datetime) -> bool:
        """Whether no worker knows of it any more."""
        end = self.end(now)
        return end is not None and self.gone_at(end) <= now

    def is_running(self, now: datetime) -> bool:
        """Whether it is in the channel (or on its way there, or to another server)."""
        return self.end(now) is None

    def lapses(self, now: datetime) -> tuple[Spell, ...]:
        """When the storage's temporary token had run out, before the next one came or all was stored."""
        end = self.end(now)
        limit = now if end is None else self.stored_at(end) or end.at
        renewals = [*(told for told, _ in self.tokens[1:]), FAR]
        return tuple(
            Spell(runs_out, renewed)
            for (_, runs_out), renewed in zip(self.tokens, renewals, strict=True)
            if runs_out is not None and runs_out < min(renewed, limit)
        )

    def backup_since(self, now: datetime) -> datetime | None:
        """When the first file went to the service's backup, if one did by `now`.

        There are files from the first playlist on.
        """
        refusals = self.refusals(now)
        listed = self.listed_tracks(now) if refusals else ()
        if not listed:
            return None
        first = min(self.written_at(track, now) for track in listed)
        begins = [max(each.since, first) for each in refusals if max(each.since, first) < each.until]
        return min((begin for begin in begins if begin <= now), default=None)

    def refusals(self, now: datetime) -> list[Spell]:
        """When the bucket takes nothing, as far as is known at `now`.

        The causes: a bucket that refuses all, wrong keys in an update, a storage token that ran out, a test's
        wish for this upload, a real bucket that was lost.
        """
        refusals = list(self.lapses(now))
        nexts = [*(told for told, _ in self.refusing[1:]), FAR]
        refusals += [
            Spell(told, until) for (told, refuses), until in zip(self.refusing, nexts, strict=True) if refuses
        ]
        if self.upload_fails and self.stop_at is not None:
            refusals.append(Spell(self.stop_at, FAR))
        if self.bucket_lost_at is not None:
            refusals.append(Spell(self.bucket_lost_at, FAR))
        return refusals

    def status(self, now: datetime) -> TaskStatus:
        """The status number at `now`; only meaningful while it isn't gone."""
        end = self.end(now)
        if end is not None:
            if end.reason is EndReason.WRONG_PARAMETERS:
                return TaskStatus.ABNORMAL_EXIT
            return _step(6, 3, end.at, self.gone_at(end), now)
        if now < self.ready_at:
            return _step(0, 4, self.started_at, self.ready_at, now)
        # A page counts as in progress with its first picture (seen in the wild with an empty list); a
        # channel with its first uploaded file.
        web = self.plan.mode is ModeName.WEB
        begun = self.tracks(now) if web else self.listed_tracks(now)
        if begun:
            return TaskStatus.IN_PROGRESS
        # Who has the wrong token never gets into the channel.
        return TaskStatus.PART_READY if self.plan.flaw is Flaw.TOKEN else TaskStatus.READY

    def onhold(self, now: datetime) -> bool:
        """Whether a web recording pauses."""
        return any([held for at, held in self.holds if at <= now][-1:])

    def picture(self, now: datetime) -> Picture | None:
        """What a mixed recording shows at `now`; None if it shows nothing then.

        Who is seen is who sends something that is recorded; of those who send audio alone it is the place.
        """
        mix = self.plan.mix
        if mix is None or self._never_begins or self.is_moving(now):
            return None
        if now < self.ready_at or not self.is_running(now):
            return None
        subscription = [told for at, told in self.subscriptions if at <= now][-1]
        layout = [mix.layout, *(told for at, told in self.layouts if at <= now)][-1]
        present = [stay for stay in self.channel.present(now) if stay.host or not self.plan.live]
        heard = {stay.uid for stay in present if stay.audio and subscription.takes(stay.uid, AUDIO)}
        seen = {stay.uid for stay in present if stay.video and subscription.takes(stay.uid, VIDEO)}
        shown = [stay.uid for stay in present if stay.uid in heard | seen]
        images = self._images(now, layout, [uid for uid in shown if uid not in seen])
        return Picture(mix.width, mix.height, layout, arrange(layout, shown), frozenset(seen), images)

    def _images(self, now: datetime, layout: Layout, unseen: Sequence[str]) -> dict[str, Image]:
        """What is shown of those who send audio alone, once they have done so for a while."""
        wanted = {uid: layout.images.get(uid, layout.image_of_any) for uid in unseen}
        if not any(wanted.values()):
            return {}
        worker = self.worker(now)
        streams = self.streams(worker, now)
        found: dict[str, Image] = {}
        for uid, image in wanted.items():
            heard, watched = streams.get((uid, AUDIO), ()), streams.get((uid, VIDEO), ())
            begins = [*(spell.since for spell in heard[-1:]), *(spell.until for spell in watched[-1:])]
            if image and begins and seconds_after(max(begins), IMAGE_AFTER_SECONDS) <= now:
                found[uid] = image
        return found

    def playlist_at(self, track: Track) -> datetime:
        """When a track's first slice is complete and its playlist exists, if nothing ends it earlier."""
        seconds = {
            ModeName.MIX: self.settings.first_slice_mix,
            ModeName.INDIVIDUAL: self.settings.first_slice_individual,
            ModeName.WEB: self.settings.first_slice_web,
        }[self.plan.mode]
        return seconds_after(track.begin, seconds)

    def written_at(self, track: Track, now: datetime) -> datetime:
        """When a track's playlist was there: with the first slice, or with the end, which flushes it."""
        end = self.end(now)
        return self.playlist_at(track) if end is None else min(self.playlist_at(track), end.at)

    def limit(self, worker: Worker, now: datetime) -> datetime:
        """Until when that server recorded, as far as is known at `now`."""
        end = self.end(now)
        return min(now if end is None else end.at, worker.lost_at or FAR)

    @property
    def _never_begins(self) -> bool:
        return self.plan.flaw is not None or (self.refused_at or FAR) <= self.ready_at

    def streams(self, worker: Worker, limit: datetime) -> dict[tuple[str, str], tuple[Spell, ...]]:
        """When a server received which streams (uid and medium), up to a moment; none for pages."""
        if self._never_begins or self.plan.web is not None:
            return {}
        found = stream_spells(
            self.channel, self.subscriptions, worker.ready_at, limit, hosts_only=self.plan.live
        )
        if self.plan.users_max is not None:
            found = _with_places(found, {AUDIO, VIDEO}, self.plan.users_max)
        found = _with_places(found, {VIDEO}, USERS_MAX)
        if self.plan.mode is ModeName.MIX:
            return found
        # Sorted by their beginning, and else in the order of coming, which nothing later changes.
        return {key: found[key] for key in sorted(found, key=lambda key: found[key][0].since)}

    def recorded(self, worker: Worker, limit: datetime) -> tuple[tuple[str, str, tuple[Spell, ...]], ...]:
        """What a server recorded when, up to a moment: uid, track type and spells, one for each playlist."""
        if self.plan.web is not None:
            begins = not self._never_begins and pages.is_shown(self.plan.web)
            spells = page_spells(self.holds, worker.ready_at, limit) if begins else ()
            return ((MIXED_UID, AUDIO_AND_VIDEO, spells),) if spells else ()
        streams = self.streams(worker, limit)
        if self.plan.mode is ModeName.INDIVIDUAL:
            return tuple((uid, medium, spells) for (uid, medium), spells in streams.items())
        if not streams:
            return ()
        kind = AUDIO_AND_VIDEO if len(self.plan.media) > 1 else next(iter(self.plan.media))
        return ((MIXED_UID, kind, union(spell for spells in streams.values() for spell in spells)),)

    def tracks(self, now: datetime) -> tuple[Track, ...]:
        """What has begun to be recorded by `now`, in the order of its beginning."""
        return self._tracks(now, self.end(now))

    def _tracks(self, now: datetime, end: End | None) -> tuple[Track, ...]:
        limit = now if end is None else end.at
        return tuple(
            Track(uid, kind, spells[0].since, worker.failover)
            for worker in self.workers
            for uid, kind, spells in self.recorded(worker, min(limit, worker.lost_at or FAR))
        )

    def listed_tracks(self, now: datetime) -> tuple[Track, ...]:
        """The tracks that have a playlist by `now`.

        The end flushes the slice that is being written; with a server its unfinished slices are lost.
        """
        if self.refused_at is not None and self.refused_at <= now:
            return ()
        end = self.end(now)
        limits = {worker.failover: worker.lost_at or FAR for worker in self.workers}
        return tuple(
            track
            for track in self._tracks(now, end)
            if self.playlist_at(track) <= min(now if end is None else FAR, limits[track.failover])
        )

    @property
    def mp4_seconds(self) -> float:
        """How long one MP4 file is, which isn't to get too large (files.yaml `mp4`, `size`)."""
        web, mix = self.plan.web, self.plan.mix
        video = web or mix
        kbps = self.plan.audio_kbps + (0 if video is None else video.kbps)
        largest = self.settings.mp4_bytes * 8 / (kbps * 1000)
        return min(self.settings.mix_mp4_seconds if web is None else web.mp4_seconds, largest)

    def webm_spells(self, track: Track) -> tuple[Spell, ...]:
        """When what is recorded of a user's stream is WebM, from the beginning of a track on."""
        if track.track_type != VIDEO and not self.plan.standard:
            return ()
        stays = self.channel.webm_stays(track.uid)
        spells = (Spell(max(stay.since, track.begin), stay.until or FAR) for stay in stays)
        return union(spell for spell in spells if spell.since < spell.until)

    def mp4_spells(self, spells: Sequence[Spell]) -> Iterator[Spell]:
        """The MP4 files of what is recorded then: when each begins, and is complete if nothing ends it."""
        length = timedelta(seconds=self.mp4_seconds)
        return mp4_spells(spells, length, timedelta(seconds=self.settings.slice_seconds))

    def mp4_begins(self, track: Track, now: datetime) -> tuple[datetime, ...]:
        """When each MP4 file of a track began; with a server the one goes that it was writing."""
        [worker] = [each for each in self.workers if each.failover == track.failover]
        limit = self.limit(worker, now)
        # Of a mixed recording or a page there is one track on each server.
        ((_, _, spells),) = self.recorded(worker, limit)
        lost = limit == worker.lost_at
        return tuple(each.since for each in self.mp4_spells(spells) if not lost or each.until < limit)


def _with_places(
    streams: dict[tuple[str, str], tuple[Spell, ...]], media: set[str], places: int
) -> dict[tuple[str, str], tuple[Spell, ...]]:
    """The same streams, with those of some media only as far as their users are among so many at once."""
    if len(streams) <= places:
        return streams
    users: dict[str, list[Spell]] = {}
    for (uid, medium), spells in streams.items():
        if medium in media:
            users.setdefault(uid, []).extend(spells)
    if len(users) <= places:
        return streams
    placed = limited({uid: union(spells) for uid, spells in users.items()}, places)
    found = {
        (uid, medium): common(spells, placed.get(uid, ())) if medium in media else spells
        for (uid, medium), spells in streams.items()
    }
    return {key: spells for key, spells in found.items() if spells}


def _step(first: int, count: int, begin: datetime, end: datetime, now: datetime) -> TaskStatus:
    """The status at `now` when `count` of them follow each other evenly from `begin` to `end`."""
    whole = (end - begin).total_seconds()
    passed = (now - begin).total_seconds()
    number = count - 1 if whole <= 0 else min(count - 1, int(passed / whole * count))
    return TaskStatus(first + number)
