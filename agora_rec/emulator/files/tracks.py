"""The files of one playlist on one server: slices, its versions, MP4, and what they hold. Lazy and pure.

Which playlists a recording has, and what it writes beside them, is in `timeline`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise, tee, zip_longest
from typing import Final, TypeVar

from attrs import field, frozen

from agora_rec.emulator.files.playlists import Entry, Listing
from agora_rec.emulator.files.scenes import (
    PAGE_TONES,
    SENT_HEIGHT,
    SENT_WIDTH,
    Audio,
    Clip,
    Content,
    Movie,
    Scene,
    Tones,
    Video,
    mixed_scene,
    page_scene,
    side,
    tone_of,
    user_scene,
)
from agora_rec.emulator.layouts import IMAGE_AFTER_SECONDS
from agora_rec.emulator.plan import AUDIO, VIDEO
from agora_rec.emulator.recorded import (
    handed_over_name,
    milliseconds,
    mp4_name,
    playlist_name,
    slice_name,
)
from agora_rec.emulator.session import FAR, Session, seconds_after
from agora_rec.emulator.spells import Spell, union
from agora_rec.emulator.terms import Track, Worker
from agora_rec.vocabulary import ModeName

_SENT_FPS, _SENT_KBPS = 15, 400
"""Of every user's video."""
_FPS_MAX: Final = 60

T = TypeVar("T")


@frozen
class File:
    """One file, and when it goes to the bucket; a playlist does again and again.

    `content` works out what it holds, which is the same whenever it is asked for from that moment on.
    """

    at: datetime
    name: str
    content: Callable[[], Content] = field(repr=False, eq=False)

    @property
    def is_playlist(self) -> bool:
        """Whether it is a version of a playlist."""
        return self.name.endswith(".m3u8")


@frozen
class Slice:
    """One slice. `last`: the end of the recording, or of its server, flushes it."""

    begin: datetime
    until: datetime
    broken: bool
    last: bool = False


@frozen
class Delivery:
    """When files go to the bucket. None: not as things stand.

    `final` is when the last ones do, `backup` since when files go to the service's backup first, `handover`
    when that hands them over.
    """

    final: datetime | None
    backup: datetime | None
    handover: datetime | None

    def at(self, ready: datetime | None) -> datetime | None:
        """When a file goes up that is ready at that moment."""
        if ready is not None and self.backup is not None and ready >= self.backup:
            return self.handover
        return ready


@frozen
class TrackFiles:
    """One playlist and what belongs to it, on one server."""

    session: Session
    worker: Worker
    track: Track
    spells: tuple[Spell, ...]

    @property
    def limit(self) -> datetime:
        """Until when its server recorded, or will as things stand."""
        return self.session.limit(self.worker, FAR)

    @property
    def is_lost(self) -> bool:
        """Whether its server is: what that was writing then is never seen."""
        return self.limit == self.worker.lost_at

    def slices(self) -> Iterator[Slice]:
        """All that are ever complete, in order."""
        length = timedelta(seconds=self.session.settings.slice_seconds)
        for spell in self._pieces():
            begin = spell.since
            while begin < spell.until:
                until = min(begin + length, spell.until)
                last = until == self.limit and until - begin < length
                if last and self.is_lost:
                    return
                yield Slice(begin, until, broken=begin == spell.since, last=last)
                begin = until

    def _pieces(self) -> Iterator[Spell]:
        """The time that is recorded, cut where the codec changes."""
        webm = self._webm
        changes = sorted({moment for spell in webm for moment in (spell.since, spell.until)})
        for spell in self.spells:
            cuts = [moment for moment in changes if spell.since < moment < spell.until]
            for begin, until in pairwise([spell.since, *cuts, spell.until]):
                yield Spell(begin, until)

    @property
    def _webm(self) -> tuple[Spell, ...]:
        individual = self.session.plan.mode is ModeName.INDIVIDUAL
        return self.session.webm_spells(self.track) if individual else ()

    def ready(self, part: Slice, delivery: Delivery) -> datetime | None:
        """When a slice goes up, if nothing is wrong with the bucket."""
        return delivery.final if part.last else part.until

    def clips(self, delivery: Delivery, since: datetime) -> Iterator[File]:
        """The slices."""
        for part in self.slices():
            at = delivery.at(self.ready(part, delivery))
            if at is None:
                return
            if at >= since:
                yield File(at, slice_name(self.session, self.track, part.begin), partial(self.clip, part))

    def playlists(self, delivery: Delivery, since: datetime) -> Iterator[File]:
        """The playlist, as often as it is written, and as the backup hands it over."""
        if self.track not in self.session.listed_tracks(FAR):
            return
        name, first = playlist_name(self.session, self.track), self.session.written_at(self.track, FAR)
        starts = self.starts()
        listed: list[Entry] = []
        latest = first
        for part, following in _with_next(self.slices()):
            ready = self.ready(part, delivery)
            if ready is None or delivery.at(ready) is None:
                return
            listed.append(self.entry(part, starts))
            latest = max(ready, first)
            superseded = following is not None and not following.last and following.until <= latest
            over = delivery.final is not None and latest >= delivery.final
            if not (superseded or over or latest < since) and delivery.at(latest) == latest:
                yield File(latest, name, self.listing(listed, closed=False).text)
        # A server that was lost closes nothing; what it had sent to the backup comes all the same.
        closing = latest if self.is_lost else delivery.final
        at = delivery.at(closing)
        if at is None or at < since:
            return
        if at != closing:
            name = handed_over_name(self.session, self.track, milliseconds(at), 0)
        if at != closing or not self.is_lost:
            yield File(at, name, self.listing(listed, closed=not self.is_lost).text)

    def movies(self, delivery: Delivery, since: datetime) -> Iterator[File]:
        """The MP4 files, each when it is complete."""
        for index, (over, parts) in enumerate(self._movie_parts()):
            cut_off = over >= self.limit
            if cut_off and self.is_lost:
                return
            at = delivery.at(delivery.final if cut_off else over)
            if at is None:
                return
            if at >= since:
                yield File(at, mp4_name(self.session, self.track, index), partial(self.movie, parts))

    def _movie_parts(self) -> Iterator[tuple[datetime, list[Slice]]]:
        """When each MP4 file is complete, and the slices in it."""
        parts = self.slices()
        part = next(parts, None)
        for file, following in _with_next(self.session.mp4_spells(self.spells)):
            found: list[Slice] = []
            while part is not None and (following is None or part.begin < following.since):
                found.append(part)
                part = next(parts, None)
            yield file.until, found

    def movie(self, parts: Iterable[Slice]) -> Movie:
        """What an MP4 file holds."""
        clips = ((slice_name(self.session, self.track, part.begin), self.clip(part)) for part in parts)
        return Movie(tuple(clips))

    def listing(self, listed: Sequence[Entry], *, closed: bool) -> Listing:
        """A version of the playlist, with what is listed by now."""
        commas, unix_times = self.session.plan.commas, self.session.settings.unix_times_in_playlists
        return Listing(listed, len(listed), closed=closed, commas=commas, unix_times=unix_times)

    def starts(self) -> tuple[tuple[str, datetime], ...]:
        """Which streams begin, or begin again, when: of a mixed recording the mixed ones."""
        plan = self.session.plan
        if plan.mode is ModeName.INDIVIDUAL:
            found = {self.track.track_type: self.spells}
        elif plan.web is not None:
            found = {AUDIO: self.spells, VIDEO: self.spells}
        else:
            streams = self.streams().items()
            found = {
                medium: union(spell for key, spells in streams if key[1] == medium for spell in spells)
                for medium in (AUDIO, VIDEO)
            }
        return tuple((medium, spell.since) for medium, spells in found.items() for spell in spells)

    def entry(self, part: Slice, starts: Iterable[tuple[str, datetime]]) -> Entry:
        """A slice as the playlist has it."""
        own_video = self.session.plan.mode is ModeName.INDIVIDUAL and self.track.track_type == VIDEO
        return Entry(
            name=slice_name(self.session, self.track, part.begin).rpartition("/")[2],
            begin=part.begin,
            seconds=(part.until - part.begin).total_seconds(),
            broken=part.broken,
            starts=tuple(each for each in starts if part.begin <= each[1] < part.until),
            size=(SENT_WIDTH, SENT_HEIGHT) if own_video else None,
        )

    def streams(self) -> dict[tuple[str, str], tuple[Spell, ...]]:
        """Whose streams its server receives when."""
        return self.session.streams(self.worker, self.limit)

    def clip(self, part: Slice) -> Clip:
        """What a slice holds."""
        plan = self.session.plan
        video: Video | None
        audio: Audio | None
        if plan.mode is ModeName.INDIVIDUAL:
            own_video = self.track.track_type == VIDEO
            video = self._own_video() if own_video else None
            audio = None if own_video else self._audio(((0.0, (tone_of(self.track.uid),)),))
        elif plan.web is not None:
            web = plan.web
            scene = page_scene(web.address, web.width, web.height)
            video, audio = _video(web.fps, web.kbps, ((0.0, scene),)), self._audio(((0.0, PAGE_TONES),))
        else:
            video, audio = self._mixed_video(part), self._mixed_audio(part)
        return Clip(
            begin=microseconds(part.begin - self.track.begin),
            length=microseconds(part.until - part.begin),
            video=video,
            audio=audio,
            webm=covers(self._webm, part.begin),
        )

    def _own_video(self) -> Video:
        return _video(_SENT_FPS, _SENT_KBPS, ((0.0, user_scene(self.track.uid)),))

    def _audio(self, tones: tuple[tuple[float, Tones], ...]) -> Audio:
        return Audio(kbps=self.session.plan.audio_kbps, stereo=self.session.plan.stereo, tones=tones)

    def _mixed_audio(self, part: Slice) -> Audio | None:
        if AUDIO not in self.session.plan.media:
            return None
        heard = {uid: spells for (uid, medium), spells in self.streams().items() if medium == AUDIO}

        def at(moment: datetime) -> Tones:
            return tuple(tone_of(uid) for uid, spells in heard.items() if covers(spells, moment))

        return self._audio(course(part, self._moments(), at))

    def _mixed_video(self, part: Slice) -> Video | None:
        mix = self.session.plan.mix
        if mix is None:
            return None
        nothing = Scene(width=side(mix.width), height=side(mix.height))

        def at(moment: datetime) -> Scene:
            picture = self.session.picture(moment)
            return nothing if picture is None else mixed_scene(picture)

        return _video(mix.fps, mix.kbps, course(part, self._moments(), at))

    def _moments(self) -> Iterator[datetime]:
        """When anything may change in a mixed recording."""
        yield from (told for told, _ in self.session.layouts)
        for (_, medium), spells in self.streams().items():
            for spell in spells:
                yield from (spell.since, spell.until)
                unseen = spell.since if medium == AUDIO else spell.until
                if unseen < FAR:
                    yield seconds_after(unseen, IMAGE_AFTER_SECONDS)


def _with_next(parts: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    these, following = tee(parts)
    next(following, None)
    return zip_longest(these, following)


def _video(fps: int, kbps: int, scenes: tuple[tuple[float, Scene], ...]) -> Video:
    first = scenes[0][1]
    return Video(width=first.width, height=first.height, fps=min(fps, _FPS_MAX), kbps=kbps, scenes=scenes)


def covers(spells: Iterable[Spell], moment: datetime) -> bool:
    """Whether that moment lies in one of them."""
    return any(spell.since <= moment < spell.until for spell in spells)


def course(
    part: Slice, moments: Iterable[datetime], at: Callable[[datetime], T]
) -> tuple[tuple[float, T], ...]:
    """What there is during a slice: from how many seconds after its beginning on."""
    inside = sorted({moment for moment in moments if part.begin < moment < part.until})
    found = [(0.0, at(part.begin))]
    for moment in inside:
        now = at(moment)
        if now != found[-1][1]:
            found.append(((moment - part.begin).total_seconds(), now))
    return tuple(found)


def microseconds(span: timedelta) -> int:
    """A span of time as a whole number."""
    return span // timedelta(microseconds=1)
