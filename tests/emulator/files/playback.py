"""Recorded files as a strict player sees them: frames with their times and colours, tones, playlists."""

import cmath
import io
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import av
from attrs import define, frozen

Color = tuple[int, int, int]

_RATE: Final = 48_000
_HEADER: Final = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-ALLOW-CACHE:YES"]
_ROTATE: Final = re.compile(
    r"#EXT-X-AGORA-ROTATE:WIDTH=([0-9]+),HEIGHT=([0-9]+),ROTATE=(0|90|180|270),TIME=([0-9]{17}|[0-9]{13})"
)
_START: Final = re.compile(
    r"#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=(AUDIO|VIDEO),TIME=([0-9]{17}|[0-9]{13})"
)
_INFO: Final = re.compile(r"#EXTINF:([0-9]+\.[0-9]{6})(,?)")


@define
class Played:
    """A file, played to its end. Times are seconds; `frames` are pictures, `heard` single samples."""

    size: tuple[int, int] | None
    times: list[float]
    frames: list[Any]
    heard_times: list[float]
    heard: list[float]
    channels: int

    def colors_at(self, number: int, places: Iterable[tuple[float, float]]) -> list[Color]:
        """The colours of a frame at places, in parts of its width and height."""
        frame = self.frames[number]
        plane = frame.reformat(format="rgb24").planes[0]
        data = bytes(plane)
        starts = [int(y * frame.height) * plane.line_size + int(x * frame.width) * 3 for x, y in places]
        return [(data[start], data[start + 1], data[start + 2]) for start in starts]

    def color(self, number: int, x: float = 0.5, y: float = 0.5) -> Color:
        return self.colors_at(number, [(x, y)])[0]

    def colors(self, number: int, left: float, top: float, right: float, bottom: float) -> set[Color]:
        """All colours of a frame in a rectangle, roughly: to the next of eight steps."""
        frame = self.frames[number]
        plane = frame.reformat(format="rgb24").planes[0]
        data = bytes(plane)
        found: set[Color] = set()
        for row in range(int(top * frame.height), int(bottom * frame.height)):
            for column in range(int(left * frame.width), int(right * frame.width)):
                start = row * plane.line_size + column * 3
                found.add((data[start] // 32, data[start + 1] // 32, data[start + 2] // 32))
        return found

    def loudness(self, hertz: float, begin: float, seconds: float = 0.2) -> float:
        """How much of a tone there is from that time on: 1 is a sine of full loudness."""
        first = int((begin - self.heard_times[0]) * _RATE)
        part = self.heard[first : first + int(seconds * _RATE)]
        assert len(part) == int(seconds * _RATE)
        return loudness_of(part, hertz, _RATE)


def loudness_of(part: Sequence[float], hertz: float, rate: int) -> float:
    """How much of a tone there is in these samples: 1 is a sine of full loudness."""
    turn = -2j * math.pi * hertz / rate
    return 2 * abs(sum(sample * cmath.exp(turn * place) for place, sample in enumerate(part))) / len(part)


def play(data: bytes, form: str | None = None) -> Played:
    """Decode all of a file."""
    with av.open(io.BytesIO(data), "r", format=form) as container:
        played = Played(None, [], [], [], [], 0)
        decode: Any = container.decode  # its types don't tell frames apart
        for frame in decode(*container.streams):
            time: float = frame.time
            if isinstance(frame, av.VideoFrame):
                played.size = (frame.width, frame.height)
                played.times.append(time)
                played.frames.append(frame)
            else:
                assert isinstance(frame, av.AudioFrame)
                assert frame.sample_rate == _RATE
                played.channels = frame.layout.nb_channels
                played.heard_times.append(time)
                played.heard += array("f", bytes(frame.planes[0])[: frame.samples * 4])
        return played


def play_listed(playlist: Path) -> dict[str, list[float]]:
    """What FFmpeg plays, given a closed playlist beside its slices: each packet's time, by kind."""
    with av.open(str(playlist), options={"allowed_extensions": "ALL"}) as container:
        found: dict[str, list[float]] = {stream.type: [] for stream in container.streams}
        for packet in container.demux():
            if packet.pts is not None:
                found[packet.stream.type].append(float(packet.pts * packet.time_base))
        return found


def near(found: Color, wanted: Color, within: int = 12) -> bool:
    return all(abs(one - other) <= within for one, other in zip(found, wanted, strict=True))


@frozen
class Part:
    """One slice in a playlist, with the tags before it."""

    name: str
    seconds: float
    comma: bool
    broken: bool
    turns: tuple[tuple[int, int, str], ...]
    starts: tuple[tuple[str, str], ...]


@frozen
class Read:
    target: int
    parts: tuple[Part, ...]
    closed: bool

    @property
    def names(self) -> list[str]:
        return [part.name for part in self.parts]


def read_playlist(data: bytes) -> Read:
    """A playlist, of which every line must be one that files.yaml knows."""
    text = data.decode("ascii")
    assert text.endswith("\n")
    lines = text.splitlines()
    assert lines[:4] == _HEADER
    target = re.fullmatch("#EXT-X-TARGETDURATION:([0-9]+)", lines[4])
    assert target is not None
    closed = lines[-1] == "#EXT-X-ENDLIST"
    parts: list[Part] = []
    broken, turns, starts, seconds, comma = False, [], [], None, False
    for line in lines[5 : -1 if closed else None]:
        if line == "#EXT-X-DISCONTINUITY":
            broken = True
        elif turned := _ROTATE.fullmatch(line):
            turns.append((int(turned[1]), int(turned[2]), turned[4]))
        elif started := _START.fullmatch(line):
            starts.append((started[1], started[2]))
        elif info := _INFO.fullmatch(line):
            seconds, comma = float(info[1]), bool(info[2])
        else:
            assert not line.startswith("#"), line
            assert seconds is not None
            parts.append(Part(line, seconds, comma, broken, tuple(turns), tuple(starts)))
            broken, turns, starts, seconds, comma = False, [], [], None, False
    assert seconds is None
    read = Read(int(target[1]), tuple(parts), closed)
    assert all(part.seconds <= read.target for part in parts)
    return read
