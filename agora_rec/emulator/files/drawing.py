"""Scenes as planes of brightness and colour (YUV 4:2:0, BT.601), in plain Python. Knows no codec.

A scene is painted once; for each frame of it only the small things that move are painted anew.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field, frozen

from agora_rec.emulator.files import font
from agora_rec.emulator.files.scenes import Box, Color, Scene

_DARK, _LIGHT = 16, 235
_MIDDLE: Final = 128
_LABEL_WIDTH, _LABEL_HEIGHT = 0.9, 0.3
"""The part of a box that its label takes at most; the middle of a box is always of its colour alone."""
_LABEL_DOT_MAX: Final = 6
_MARKS: Final = 40
"""Frames that a mark takes from one side of its box to the other."""


def yuv(color: Color) -> tuple[int, int, int]:
    """A colour as brightness and two differences, in the range of television."""
    red, green, blue = color
    return (
        round(16 + 0.257 * red + 0.504 * green + 0.098 * blue),
        round(128 - 0.148 * red - 0.291 * green + 0.439 * blue),
        round(128 + 0.439 * red - 0.368 * green - 0.071 * blue),
    )


@frozen
class Strides:
    """How many bytes a row takes, in the plane of brightness and in those of colour."""

    brightness: int
    color: int


@define
class Painting:
    """A scene, painted. The planes are brightness and the two colour differences."""

    scene: Scene
    strides: Strides
    planes: tuple[bytearray, bytearray, bytearray] = field(init=False)

    def __attrs_post_init__(self) -> None:
        ground = yuv(self.scene.background)
        height = self.scene.height
        self.planes = (
            bytearray([ground[0]]) * (self.strides.brightness * height),
            bytearray([ground[1]]) * (self.strides.color * height // 2),
            bytearray([ground[2]]) * (self.strides.color * height // 2),
        )
        for box in self.scene.boxes:
            self._fill(box)
            self._write(box)

    def brightness(self, number: int) -> bytes:
        """The plane of brightness of that frame: with the marks where they are then."""
        plane = bytearray(self.planes[0])
        stride = self.strides.brightness
        for place, box in enumerate(self.scene.boxes):
            above = self.scene.boxes[place + 1 :]
            size = max(2, min(box.width, box.height) // 12)
            step = number % (2 * _MARKS)
            way = min(step, 2 * _MARKS - step) * (box.width - size) // _MARKS
            mark, left = bytes([_ink(box)]) * size, box.x + way
            for row in range(box.y + box.height - 2 * size, box.y + box.height - size):
                for start, end in _uncovered(left, left + size, row, above):
                    plane[row * stride + start : row * stride + end] = mark[: end - start]
        return bytes(plane)

    def _fill(self, box: Box) -> None:
        strides = (self.strides.brightness, self.strides.color, self.strides.color)
        for plane, stride, value, part in zip(self.planes, strides, yuv(box.color), (1, 2, 2), strict=True):
            blend = bytes(round(below + (value - below) * box.alpha) for below in range(256))
            left, width = box.x // part, box.width // part
            for row in range(box.y // part, (box.y + box.height) // part):
                start = row * stride + left
                plane[start : start + width] = plane[start : start + width].translate(blend)

    def _write(self, box: Box) -> None:
        across = len(box.label) * font.ADVANCE
        dot = min(
            _LABEL_DOT_MAX,
            int(box.width * _LABEL_WIDTH) // max(1, across),
            int(box.height * _LABEL_HEIGHT) // (font.ROWS + 2),
        )
        ink = bytes([_ink(box)]) * dot
        plane, stride = self.planes[0], self.strides.brightness
        for x, y in _dots(box.label) if dot else ():
            for row in range(dot):
                start = (box.y + dot * (y + 1) + row) * stride + box.x + dot * (x + 1)
                plane[start : start + dot] = ink


def _uncovered(left: int, right: int, row: int, above: Sequence[Box]) -> list[tuple[int, int]]:
    """What of a piece of a row no box lies on."""
    pieces = [(left, right)]
    for box in above:
        if box.y <= row < box.y + box.height:
            ends = [(start, min(end, box.x)) for start, end in pieces]
            ends += [(max(start, box.x + box.width), end) for start, end in pieces]
            pieces = [(start, end) for start, end in ends if start < end]
    return pieces


def _ink(box: Box) -> int:
    """What can be read on a box: dark on bright colours, bright on dark ones."""
    return _DARK if yuv(box.color)[0] > _MIDDLE else _LIGHT


def _dots(label: str) -> Iterator[tuple[int, int]]:
    for number, character in enumerate(label):
        for column, bits in enumerate(font.columns(character)):
            for row in range(font.ROWS):
                if bits >> row & 1:
                    yield number * font.ADVANCE + column, row
