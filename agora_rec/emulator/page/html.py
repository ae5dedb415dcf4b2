"""HTML and SVG as values: all text is escaped unless it was made here, so that no foreign text is markup.

Names of channels, uids, addresses and whatever else callers have sent are hostile; they come in as plain
`str` and leave as text.
"""

import html
from collections.abc import Iterable
from typing import Final, TypeAlias

_VOID: Final = frozenset({"br", "input", "link", "meta"})


class Markup(str):
    """Markup that was made by `element`: it is not escaped again."""

    __slots__ = ()


Part: TypeAlias = "str | Iterable[Part] | None"
"""What an element holds: text, other elements, several of both, or nothing."""


def element(tag: str, *parts: Part, **attributes: str | float | bool | None) -> Markup:
    """An element. Attributes that are None or False are left out, True stands alone.

    Names are written as in Python: `class_`, `aria_label`.
    """
    written = "".join(
        f" {_name(name)}" if value is True else f' {_name(name)}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(parts)}</{tag}>")


def join(parts: Part) -> Markup:
    """Several parts in a row."""
    if parts is None:
        return Markup()
    if isinstance(parts, Markup):
        return parts
    if isinstance(parts, str):
        return Markup(html.escape(parts))
    return Markup("".join(map(join, parts)))


def encode(markup: Markup) -> bytes:
    """The document's bytes: ASCII, so that odd text (lone surrogates) can go out too."""
    return b"<!doctype html>\n" + markup.encode("ascii", "xmlcharrefreplace")


def _name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
