"""Small parts that several sections of the page are made of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from agora_rec.emulator.page.drawing import colour
from agora_rec.emulator.page.html import Markup, Part, element

_TEXT_MAX: Final = 80


def foreign(text: str | None) -> Markup | None:
    """Text that callers made up: cut, and kept from turning the writing direction of what follows."""
    if not text:
        return None
    short = text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
    return element("bdi", short, title=None if short == text else text[: 4 * _TEXT_MAX])


def badge(text: str, mood: str) -> Markup:
    """A state or an answer, in its colour."""
    return element("span", text.replace("_", " "), class_=f"badge {mood}")


def time_of(at: datetime) -> Markup:
    """A moment; its day is seen by whoever points at it."""
    return element("time", f"{at:%H:%M:%S}", datetime=at.isoformat(), title=f"{at:%Y-%m-%d %H:%M:%S} UTC")


def count_of(number: int, one: str) -> str:
    """How many of something there are, in words."""
    return f"{number} {one if number == 1 else one + 's'}"


def fact(name: str, *parts: Part) -> Markup:
    """One entry of a list of facts."""
    return element("div", element("dt", name), element("dd", *parts))


def more(left_out: int) -> Markup | None:
    """That there are more, if there are."""
    return element("p", f"and {left_out} more: see the API", class_="empty") if left_out > 0 else None


def swatch(uid: str) -> Markup:
    """A user in the colour of their tile."""
    dot = element("circle", cx=5, cy=5, r=5, fill=colour(uid))
    return element("span", element("svg", dot, viewBox="0 0 10 10", aria_hidden="true"), uid, class_="swatch")


def table(name: str, heads: Iterable[str], rows: Iterable[Iterable[Part]]) -> Markup:
    """A table that scrolls by itself where there is no room for it."""
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", [element("th", head, scope="col") for head in heads])),
            element("tbody", [element("tr", [element("td", cell) for cell in row]) for row in rows]),
        ),
        class_="table",
        role="region",
        aria_label=name,
        tabindex=0,
    )
