"""Contents as files: MPEG-TS slices, MP4 and JPEG, with PyAV (the extra `emulator`).

The only module that knows PyAV. Small pictures and a cheap preset: the point is that files are right, not
that they look good. Times go on from one slice to the next, so that players need not start anew: each slice
has the frames of video and audio that begin in it. A packet of audio goes over into the next one, so the
encoder is given a frame more than the slice has, and a few before it, so that nothing is heard of the cut.
"""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import av
from attrs import define, field, frozen
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from agora_rec.emulator.files.drawing import Painting, Strides
from agora_rec.emulator.files.scenes import SAMPLES, Audio, Clip, Scene, Sound, Tones, Video

T = TypeVar("T")

_RATE: Final = 48_000
_TICKS: Final = 90_000
_SECOND: Final = 1_000_000
_WRAP: Final = 1 << 33
_KEY_SECONDS: Final = 5
_LOUDNESS: Final = 0.5
_WARM_UP: Final = 2
"""Frames of audio after which an encoder has come to rest."""


@frozen
class _Form:
    """A container, with what is in it. `rates` are options in multiples of the bitrate."""

    container: str
    video: "Literal['libx264', 'libvpx']"
    audio: "Literal['aac', 'libopus']"
    options: Mapping[str, str]
    rates: Mapping[str, int]


_TS: Final = _Form(
    "mpegts",
    "libx264",
    "aac",
    {"preset": "ultrafast", "tune": "zerolatency", "threads": "1", "crf": "28"},
    {"maxrate": 1, "bufsize": 2},
)
_SOUNDS: Final[Mapping[str, tuple[str, Literal["libmp3lame", "aac"]]]] = {
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("mp4", "aac"),
    "aac": ("adts", "aac"),
}
_WEBM: Final = _Form(
    "webm", "libvpx", "libopus", {"deadline": "realtime", "cpu-used": "8", "threads": "1"}, {"b": 1}
)


def encode_clip(clip: Clip) -> bytes:
    """A slice."""
    file = io.BytesIO()
    form = _WEBM if clip.webm else _TS
    with av.open(file, "w", format=form.container) as container:
        video = None if clip.video is None else _add_video(container, clip.video, form)
        audio = None if clip.audio is None else _add_audio(container, clip.audio, form)
        packets: list[Packet[Any]] = []
        if clip.video is not None and video is not None:
            packets += _video_packets(video, clip.video, clip)
        if clip.audio is not None and audio is not None:
            packets += _audio_packets(audio, clip.audio, clip)
        # Players want what belongs together close together.
        for packet in sorted(packets, key=_moment):
            container.mux(packet)
    return file.getvalue()


def _moment(packet: "Packet[Any]") -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _add_video(container: OutputContainer, video: Video, form: _Form) -> VideoStream:
    rates = {name: f"{times * video.kbps}k" for name, times in form.rates.items()}
    stream = container.add_stream(form.video, rate=video.fps, options={**form.options, **rates})
    stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
    stream.gop_size = _KEY_SECONDS * video.fps
    stream.codec_context.time_base = Fraction(1, _TICKS)
    return stream


def _video_packets(stream: VideoStream, video: Video, clip: Clip) -> Iterator["Packet[Any]"]:
    count = max(1, -(-clip.length * video.fps // _SECOND))
    first = clip.begin * video.fps // _SECOND
    for number in range(count):
        offset = number / video.fps
        painting = _painting(_at(video.scenes, offset))
        frame = av.VideoFrame(video.width, video.height, "yuv420p")
        _paint(frame, painting, first + number)
        frame.time_base = Fraction(1, _TICKS)
        frame.pts = clip.begin * _TICKS // _SECOND + number * _TICKS // video.fps
        yield from stream.encode(frame)
    yield from stream.encode(None)


_painted: Final[list[Painting]] = []
"""The scene that was painted last: most frames show the same one as the frame before."""


def _painting(scene: Scene) -> Painting:
    if not _painted or _painted[0].scene != scene:
        frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
        strides = Strides(frame.planes[0].line_size, frame.planes[1].line_size)
        _painted[:] = [Painting(scene, strides)]
    return _painted[0]


def _paint(frame: av.VideoFrame, painting: Painting, number: int) -> None:
    for plane, data in zip(frame.planes, (painting.brightness(number), *painting.planes[1:]), strict=True):
        plane.update(bytes(data))


def _add_audio(container: OutputContainer, audio: Audio, form: _Form) -> AudioStream:
    stream = container.add_stream(form.audio, rate=_RATE, layout="stereo" if audio.stereo else "mono")
    stream.bit_rate = audio.kbps * 1000
    return stream


def _audio_packets(stream: AudioStream, audio: Audio, clip: Clip) -> Iterator["Packet[Any]"]:
    first = _first_audio_frame(clip.begin)
    over = max(first + 1, _first_audio_frame(clip.begin + clip.length))

    def encode() -> Iterator["Packet[Any]"]:
        for number in range(first - _WARM_UP, over + 1):
            yield from stream.encode(_audio_frame(audio, number, clip.begin / _SECOND))
        yield from stream.encode(None)

    yield from (packet for packet in encode() if first * SAMPLES <= (packet.pts or 0) < over * SAMPLES)


def _audio_frame(audio: Audio, number: int, begin: float) -> av.AudioFrame:
    """That frame; the tones count from `begin` on, in seconds."""
    frame = av.AudioFrame("fltp", "stereo" if audio.stereo else "mono", SAMPLES)
    for plane in frame.planes:
        plane.update(_wave(_at(audio.tones, number * SAMPLES / _RATE - begin)))
    frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
    frame.pts = number * SAMPLES
    return frame


def encode_sound(sound: Sound) -> bytes:
    """A file of audio alone."""
    form, codec = _SOUNDS[sound.container]
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        layout = "stereo" if sound.audio.stereo else "mono"
        stream = container.add_stream(codec, rate=sound.hertz, layout=layout)
        stream.bit_rate = sound.audio.kbps * 1000
        for number in range(max(1, _first_audio_frame(sound.length))):
            container.mux(stream.encode(_audio_frame(sound.audio, number, 0.0)))
        container.mux(stream.encode(None))
    return file.getvalue()


def _first_audio_frame(moment: int) -> int:
    """The first that begins at that microsecond, or later."""
    return -(-moment * _RATE // (SAMPLES * _SECOND))


_waves: Final[dict[Tones, bytes]] = {}


def _wave(tones: Tones) -> bytes:
    """One frame of audio; all others of the same tones are the same."""
    if tones not in _waves:
        loudness = _LOUDNESS / max(1, len(tones))
        turns = [2 * math.pi * tone / SAMPLES for tone in tones]
        _waves[tones] = array(
            "f", (loudness * sum(math.sin(turn * place) for turn in turns) for place in range(SAMPLES))
        ).tobytes()
    return _waves[tones]


def _at(course: Sequence[tuple[float, T]], offset: float) -> T:
    """What there is at that second."""
    return [value for begin, value in course if begin <= max(0.0, offset)][-1]


def encode_movie(slices: Iterable[Path], target: Path) -> None:
    """Slices, one after the other, as one MP4 file. What they hold is not encoded again."""
    with av.open(target, "w", format="mp4", options={"movflags": "faststart"}) as movie:
        joiner = _Joiner(movie)
        for path in slices:
            with av.open(path, format="mpegts") as part:
                joiner.append(part)


@define
class _Joiner:
    """Appends slices to a movie, which begins with its first moment at 0."""

    movie: OutputContainer
    _streams: dict[int, Stream] = field(factory=dict[int, Stream], init=False)
    _latest: dict[int, int] = field(factory=dict[int, int], init=False)
    _begin: int | None = field(default=None, init=False)

    def append(self, part: InputContainer) -> None:
        if self._begin is None:
            self._begin = part.start_time or 0
        begin = round(self._begin * _TICKS / _SECOND)
        for stream in part.streams:
            if stream.index not in self._streams:
                self._streams[stream.index] = self.movie.add_stream_from_template(stream)
        for packet in part.demux():
            if packet.dts is None or packet.pts is None:
                continue  # the end
            index = packet.stream.index
            # Times in slices have 33 bits, and begin anew after 26 hours.
            rounds = -(-max(0, self._latest.get(index, 0) - packet.dts - _WRAP // 2) // _WRAP)
            shift = rounds * _WRAP - begin
            self._latest[index] = packet.dts + rounds * _WRAP
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = self._streams[index]
            self.movie.mux(packet)


def encode_still(scene: Scene) -> bytes:
    """A JPEG picture."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = scene.width, scene.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    frame = av.VideoFrame(scene.width, scene.height, "yuv420p")
    _paint(frame, _painting(scene), 0)
    full = frame.reformat(format="yuvj420p")
    full.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(full), *encoder.encode(None)))
