"""A histogram over time as SVG, by hand: bars, and the line on which all of them would end ideally."""

from collections.abc import Sequence
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 740, 44, 214
_STYLE: Final = """
    text { font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #1b1f24 }
    .small { font-size: 12px; fill: #57606a }
    .bars { fill: #54aeff }
    .axis { fill: none; stroke: #8c959f }
    .ideal { fill: none; stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 4 }
"""


def histogram(title: str, source: str, counts: Sequence[int], *, ideal: float, minutes: float) -> str:
    """Draw it on a ground of its own, so that it can be read in light and in dark.

    Args:
        title: What is counted, and in what time.
        source: Where it was measured; not seen.
        counts: How many in each bin, the bins as wide as each other.
        ideal: How many in each if they were spread evenly.
        minutes: How long all bins are together.
    """
    most = max(*counts, ideal) * 1.25
    step = (_RIGHT - _LEFT) / len(counts)
    bars = "".join(_bar(_LEFT + number * step, step, _y(count, most)) for number, count in enumerate(counts))
    line = _y(ideal, most)
    ticks = [
        _text(_LEFT + (_RIGHT - _LEFT) * part / 6, _BOTTOM + 18, f"{minutes * part / 6:.0f}", "middle")
        for part in range(7)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(source)}</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="26">{escape(title)}</text>',
            f'<path class="bars" d="{bars}"/>',
            f'<path class="axis" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>',
            f'<path class="ideal" d="M{_LEFT} {line:.1f}H{_RIGHT}"/>',
            _text(_LEFT - 6, _BOTTOM + 4, "0", "end"),
            _text(_LEFT - 6, line + 4, f"{ideal:,.0f}", "end"),
            *ticks,
            _text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, "minutes; dashed: spread evenly", "middle"),
            "</svg>\n",
        ]
    )


def _y(count: float, most: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * count / most


def _bar(left: float, width: float, top: float) -> str:
    return f"M{left:.2f} {_BOTTOM}V{top:.1f}h{width:.2f}V{_BOTTOM}z"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="small" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
