"""What is seen and heard in recorded files at a moment: pictures as rectangles of colour, sounds as tones.

Pure. Where whose region is, is worked out by `layouts`; here it becomes pixels, and a user a colour, a
tone and a name to read. How that is drawn and encoded is the business of `drawing` and `encoding`.
"""

import colorsys
import zlib
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from attrs import evolve, frozen

from agora_rec.emulator.layouts import Image, Picture, Region, RenderMode

Color: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

SENT_WIDTH, SENT_HEIGHT = 640, 360
"""The size of every user's video."""

SAMPLES: Final = 1024
"""Samples in one frame of audio, 48,000 in a second."""

_SIDE_MIN: Final = 16
_GOLDEN: Final = 0.618_033_988_75
_PAGE_COLOR: Final = (24, 40, 72)
_PAGE_TONE: Final = 9


@frozen(kw_only=True)
class Box:
    """A rectangle of one colour with a label at its top and something that moves at its bottom. Pixels."""

    x: int
    y: int
    width: int
    height: int
    color: Color
    label: str
    alpha: float = 1.0


@frozen(kw_only=True)
class Scene:
    """One picture. Later boxes lie on top of earlier ones; all sizes and places are even numbers."""

    width: int
    height: int
    background: Color = (0, 0, 0)
    boxes: tuple[Box, ...] = ()


Tones: TypeAlias = tuple[int, ...]
"""Whole numbers of waves in each frame of audio, so that every frame is like the one before it."""


def hertz(tone: int) -> float:
    """A tone's frequency."""
    return tone * 48_000 / SAMPLES


def color_of(uid: str) -> Color:
    """The colour of a user: each has another hue, and it stays the same."""
    return _hue(_number(uid), 0.7, 0.85)


def _hue(number: int, saturation: float, value: float) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def tone_of(uid: str) -> int:
    """The tone of a user, 234 to 1,313 Hz; neighbours differ."""
    return 5 + _number(uid) * 7 % 24


def _number(uid: str) -> int:
    return int(uid) if uid.isdecimal() else zlib.crc32(uid.encode())


def even(pixels: float) -> int:
    """The nearest even number: colours have half the resolution."""
    return round(pixels / 2) * 2


def side(pixels: int) -> int:
    """A side as it can be encoded: even, and no smaller than a block."""
    return max(_SIDE_MIN, pixels // 2 * 2)


def mixed_scene(picture: Picture) -> Scene:
    """A mixed picture. Of those who send no video only the place is there, or their image."""
    width, height = side(picture.width), side(picture.height)
    ground = picture.layout.background_image
    boxes = [] if ground is None else [*_box(_EVERYWHERE, width, height, *_look_of(ground))]
    for tile in picture.tiles:
        image = picture.images.get(tile.uid or "")
        if tile.uid in picture.with_video:
            boxes += _box(tile, width, height, color_of(tile.uid), tile.uid)
        elif image is not None:
            boxes += _box(evolve(tile, render_mode=image.render_mode), width, height, *_look_of(image))
    return Scene(
        width=width,
        height=height,
        background=_read_color(picture.layout.background_color),
        boxes=tuple(boxes),
    )


_EVERYWHERE: Final = Region(x=0.0, y=0.0, width=1.0, height=1.0)


def image_color(url: str) -> Color:
    """The colour that stands for the picture at a URL: paler than those of users."""
    return _hue(zlib.crc32(url.encode()), 0.35, 0.6)


def _look_of(image: Image) -> tuple[Color, str]:
    """Images aren't fetched: there is a colour, and the name of the file (their URLs may be secrets)."""
    return image_color(image.url), urlsplit(image.url).path.rpartition("/")[2]


def _box(tile: Region, width: int, height: int, color: Color, label: str) -> Iterable[Box]:
    left, top = even(tile.x * width), even(tile.y * height)
    right, bottom = even((tile.x + tile.width) * width), even((tile.y + tile.height) * height)
    wide, high = right - left, bottom - top
    if tile.render_mode is RenderMode.FIT:
        scale = min(wide / SENT_WIDTH, high / SENT_HEIGHT)
        seen_wide, seen_high = even(scale * SENT_WIDTH), even(scale * SENT_HEIGHT)
        left, top = left + even((wide - seen_wide) / 2), top + even((high - seen_high) / 2)
        wide, high = min(seen_wide, right - left), min(seen_high, bottom - top)
    if wide > 0 and high > 0:
        yield Box(x=left, y=top, width=wide, height=high, color=color, label=label, alpha=tile.alpha)


def _read_color(text: str) -> Color:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def user_scene(uid: str) -> Scene:
    """One user's own video."""
    return _whole(SENT_WIDTH, SENT_HEIGHT, color_of(uid), uid)


def page_scene(address: str, width: int, height: int) -> Scene:
    """A web page: its address."""
    return _whole(side(width), side(height), _PAGE_COLOR, address)


PAGE_TONES: Final[Tones] = (_PAGE_TONE,)


def _whole(width: int, height: int, color: Color, label: str) -> Scene:
    box = Box(x=0, y=0, width=width, height=height, color=color, label=label)
    return Scene(width=width, height=height, boxes=(box,))


@frozen(kw_only=True)
class Video:
    """A video's form, and its scenes: from how many seconds after the beginning on which one is seen."""

    width: int
    height: int
    fps: int
    kbps: int
    scenes: tuple[tuple[float, Scene], ...]


@frozen(kw_only=True)
class Audio:
    """An audio's form, and its tones: from how many seconds after the beginning on which ones are heard."""

    kbps: int
    stereo: bool
    tones: tuple[tuple[float, Tones], ...]


@frozen(kw_only=True)
class Clip:
    """What one slice holds. `begin` counts from the beginning of its playlist, both are microseconds.

    `webm`: it is WebM (VP8 and Opus) instead of MPEG-TS (H.264 and AAC).
    """

    begin: int
    length: int
    video: Video | None
    audio: Audio | None
    webm: bool = False


@frozen
class Movie:
    """What one MP4 file holds: the clips of its slices, by the slices' names."""

    clips: tuple[tuple[str, Clip], ...]


@frozen
class Sound:
    """What one file of audio alone holds, and its container (mp3, m4a or aac). `length` is microseconds."""

    container: str
    hertz: int
    length: int
    audio: Audio


@frozen
class Still:
    """What one screenshot holds."""

    scene: Scene


Content: TypeAlias = Clip | Movie | Sound | Still | str
"""What one file holds; text is a playlist."""
