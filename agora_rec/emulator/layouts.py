"""Where each user is in a mixed picture: the four layouts as rectangles. Pure geometry, no drawing.

The figures are those of Agora's guides (the size of floating windows, how many rows and columns there are
for how many users); where these are silent, the way in which its own recording examples count. Users are
named in the order of their coming; the first 17 are shown. Later ones move up when somebody leaves.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum, unique
from itertools import islice
from typing import Final, TypeAlias

from attrs import field, frozen

from agora_rec.emulator.wire import JsonObject, int_of, objects_of, text_of

USERS_MAX: Final = 17
IMAGE_AFTER_SECONDS: Final = 3.5
"""So long somebody has sent no video when an image is shown instead."""

_FLOATING_SIZE, _FLOATING_GAP = 0.235, 0.012
"""Of the canvas' width and height; also the distance from its edges."""
_FLOATING_COLUMNS: Final = 4

_GRIDS: Final = ((1, 1, 1), (2, 2, 1), (4, 2, 2), (9, 3, 3), (16, 4, 4))
"""Best fit: for up to so many users so many columns and rows. 17 are an exception."""
_CROWD: Final = 17
_CROWD_SIZE: Final = 0.2

_COLUMNS: Final = ((4, 1, 4, 1 / 5), (6, 1, 6, 1 / 7), (8, 1, 8, 1 / 9), (16, 2, 8, 1 / 10))
"""Vertical: for up to so many small regions so many columns and rows, and the width of each."""


@unique
class LayoutKind(IntEnum):
    """`mixedVideoLayout`."""

    FLOATING = 0
    BEST_FIT = 1
    VERTICAL = 2
    CUSTOM = 3


@unique
class RenderMode(IntEnum):
    """What is done with a video that has another shape than its region."""

    CROP = 0
    """It fills the region, and what sticks out is cut off."""
    FIT = 1
    """It is seen whole, with the background beside it."""


@frozen(kw_only=True)
class Region:
    """A place on the canvas, in parts of its width and height. `uid`: whose it is, None: the next one's."""

    x: float
    y: float
    width: float
    height: float
    uid: str | None = None
    alpha: float = 1.0
    render_mode: RenderMode = RenderMode.CROP


Tile: TypeAlias = Region
"""A region as it is filled: `uid` is who is seen there, None: nobody, which shows the background."""


@frozen
class Image:
    """A picture from a URL, which stands for a user's video, or lies below everything."""

    url: str = field(repr=False)
    render_mode: RenderMode = RenderMode.CROP


@frozen(kw_only=True)
class Layout:
    """How a picture is put together. `large_uid` is `maxResolutionUid`; only a custom one has `regions`.

    `image_of_any` is shown for users without video, unless they have one of their own in `images`, by uid.
    """

    kind: LayoutKind = LayoutKind.FLOATING
    background_color: str = "#000000"
    background_image: Image | None = None
    image_of_any: Image | None = None
    images: Mapping[str, Image] = field(factory=dict[str, Image])
    large_uid: str | None = None
    regions: tuple[Region, ...] = ()


@frozen
class Picture:
    """A mixed picture at one moment. Its size is in pixels; later tiles lie on top of earlier ones.

    `with_video` are those who are seen; the others of the tiles send audio alone, and `images` are what is
    shown of these, by uid.
    """

    width: int
    height: int
    layout: Layout
    tiles: tuple[Tile, ...]
    with_video: frozenset[str]
    images: Mapping[str, Image] = field(factory=dict[str, Image])


def read_layout(request: JsonObject) -> Layout:
    """The layout that a checked transcodingConfig, or clientRequest of updateLayout, asks for."""
    return Layout(
        kind=LayoutKind(int_of(request, "mixedVideoLayout", 0)),
        background_color=text_of(request, "backgroundColor") or "#000000",
        background_image=_read_image(request, "backgroundImage"),
        image_of_any=_read_image(request, "defaultUserBackgroundImage"),
        images={
            text_of(each, "uid") or "": Image(
                text_of(each, "image_url") or "", RenderMode(int_of(each, "render_mode", 0))
            )
            for each in objects_of(request, "backgroundConfig")
        },
        large_uid=text_of(request, "maxResolutionUid"),
        regions=tuple(_read_region(each) for each in objects_of(request, "layoutConfig")),
    )


def _read_image(request: JsonObject, name: str) -> Image | None:
    url = text_of(request, name)
    return Image(url) if url else None


def _read_region(given: JsonObject) -> Region:
    return Region(
        x=_number(given, "x_axis"),
        y=_number(given, "y_axis"),
        width=_number(given, "width"),
        height=_number(given, "height"),
        uid=text_of(given, "uid") or None,
        alpha=_number(given, "alpha", 1.0),
        render_mode=RenderMode(int_of(given, "render_mode", 0)),
    )


def _number(given: Mapping[str, object], name: str, default: float = 0.0) -> float:
    found = given.get(name)
    return float(found) if isinstance(found, int | float) else default


def arrange(layout: Layout, uids: Sequence[str]) -> tuple[Tile, ...]:
    """Who is seen where, given who is there in the order of coming; later tiles lie on top of earlier ones.

    A region of a custom layout, and the large one of a vertical layout, is a tile even when it is nobody's.
    """
    return tuple(_WAYS[layout.kind](layout, uids))


def _floating(_: Layout, uids: Sequence[str]) -> Iterator[Tile]:
    for number, uid in enumerate(uids[:USERS_MAX]):
        if number == 0:
            yield Tile(uid=uid, x=0.0, y=0.0, width=1.0, height=1.0, render_mode=RenderMode.FIT)
            continue
        row, column = divmod(number - 1, _FLOATING_COLUMNS)
        step = _FLOATING_SIZE + _FLOATING_GAP
        yield Tile(
            uid=uid,
            x=_FLOATING_GAP + column * step,
            y=1.0 - (row + 1) * step,
            width=_FLOATING_SIZE,
            height=_FLOATING_SIZE,
            render_mode=RenderMode.FIT,
        )


def _best_fit(_: Layout, uids: Sequence[str]) -> Iterator[Tile]:
    shown = uids[:USERS_MAX]
    if len(shown) == _CROWD:
        yield from _crowd(shown)
        return
    columns, rows = next((columns, rows) for most, columns, rows in _GRIDS if len(shown) <= most)
    for number, uid in enumerate(shown):
        row, column = divmod(number, columns)
        yield Tile(uid=uid, x=column / columns, y=row / rows, width=1 / columns, height=1 / rows)


def _crowd(shown: Sequence[str]) -> Iterator[Tile]:
    """Four rows of four, with margins, and one in the middle below them."""
    for number, uid in enumerate(shown):
        row, column = divmod(number, 4)
        left = (1 - _CROWD_SIZE) / 2 if row == 4 else _CROWD_SIZE / 2 + column * _CROWD_SIZE  # noqa: PLR2004
        yield Tile(uid=uid, x=left, y=row * _CROWD_SIZE, width=_CROWD_SIZE, height=_CROWD_SIZE)


def _vertical(layout: Layout, uids: Sequence[str]) -> Iterator[Tile]:
    small = [uid for uid in uids if uid != layout.large_uid][: USERS_MAX - 1]
    columns, rows, width = next(
        (columns, rows, width) for most, columns, rows, width in _COLUMNS if len(small) <= most
    )
    left = 1 - columns * width
    yield Tile(
        uid=layout.large_uid if layout.large_uid in uids else None,
        x=0.0,
        y=0.0,
        width=left,
        height=1.0,
        render_mode=RenderMode.FIT,
    )
    for number, uid in enumerate(small):
        column, row = divmod(number, rows)
        yield Tile(
            uid=uid,
            x=left + column * width,
            y=row / rows,
            width=width,
            height=1 / rows,
            render_mode=RenderMode.FIT,
        )


def _custom(layout: Layout, uids: Sequence[str]) -> Iterator[Tile]:
    named = {region.uid for region in layout.regions}
    free = islice((uid for uid in uids if uid not in named), USERS_MAX)
    for region in layout.regions:
        uid = next(free, None) if region.uid is None else region.uid
        yield Tile(
            uid=uid if uid in uids else None,
            x=region.x,
            y=region.y,
            width=region.width,
            height=region.height,
            alpha=region.alpha,
            render_mode=region.render_mode,
        )


_WAYS: Final[Mapping[LayoutKind, Callable[[Layout, Sequence[str]], Iterator[Tile]]]] = {
    LayoutKind.FLOATING: _floating,
    LayoutKind.BEST_FIT: _best_fit,
    LayoutKind.VERTICAL: _vertical,
    LayoutKind.CUSTOM: _custom,
}
