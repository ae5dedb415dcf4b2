"""A mixed picture as a drawing (SVG): who is where, in the picture's own proportions and background."""

import re
from typing import Final

from agora_rec.emulator.files.scenes import color_of
from agora_rec.emulator.layouts import LayoutKind, Picture, Tile
from agora_rec.emulator.page.html import Markup, element

_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
_BRIGHT: Final = 0.18
"""The luminance from which on black stands out more than white."""
_NAMES: Final = {
    LayoutKind.FLOATING: "floating",
    LayoutKind.BEST_FIT: "best fit",
    LayoutKind.VERTICAL: "vertical",
    LayoutKind.CUSTOM: "custom",
}


def layout_name(picture: Picture) -> str:
    """What the layout is called."""
    return _NAMES[picture.layout.kind]


def draw(picture: Picture) -> Markup:
    """The drawing. Who sends no video has an empty, dashed tile; a place that is nobody's a dotted one."""
    background = picture.layout.background_color
    seen = ", ".join(tile.uid for tile in picture.tiles if tile.uid is not None) or "nobody"
    return element(
        "svg",
        element(
            "rect",
            width=picture.width,
            height=picture.height,
            fill=background if _COLOUR.fullmatch(background) else "#000000",
        ),
        [_tile(tile, picture) for tile in picture.tiles],
        class_="picture",
        viewBox=f"0 0 {picture.width} {picture.height}",
        role="img",
        aria_label=f"{layout_name(picture)} layout, {picture.width} by {picture.height}, shows {seen}",
    )


def colour(uid: str) -> str:
    """A user's own colour, as it is in the recorded files too."""
    red, green, blue = color_of(uid)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _ink(uid: str) -> str:
    """What can be read on a user's colour."""
    red, green, blue = ((part / 255) ** 2.2 for part in color_of(uid))
    return "#101010" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _BRIGHT else "#ffffff"


def _tile(tile: Tile, picture: Picture) -> Markup:
    left, top = tile.x * picture.width, tile.y * picture.height
    width, height = tile.width * picture.width, tile.height * picture.height
    line = min(picture.width, picture.height) / 160
    is_seen = tile.uid in picture.with_video
    size = min(height / 3, width / max(3, len(tile.uid or "") * 0.75))
    return element(
        "g",
        element("title", f"{tile.uid}{'' if is_seen else ', no video'}" if tile.uid else "nobody"),
        element(
            "rect",
            x=f"{left + line / 2:.1f}",
            y=f"{top + line / 2:.1f}",
            width=f"{max(0.0, width - line):.1f}",
            height=f"{max(0.0, height - line):.1f}",
            fill=colour(tile.uid or "") if is_seen else "#000000",
            fill_opacity=None if is_seen else 0.25,
            stroke="#ffffff" if is_seen else "#b4bdca",
            stroke_width=f"{line:.1f}",
            stroke_dasharray=None if is_seen else f"{line * (4 if tile.uid else 1):.1f} {line * 3:.1f}",
        ),
        element(
            "text",
            tile.uid,
            x=f"{left + width / 2:.1f}",
            y=f"{top + height / 2:.1f}",
            font_size=f"{size:.1f}",
            fill=_ink(tile.uid) if is_seen else "#d3dae4",
            text_anchor="middle",
            dominant_baseline="central",
        )
        if tile.uid is not None
        else None,
        opacity=None if tile.alpha == 1 else f"{tile.alpha:.3f}",
    )
