"""How foreign texts are shown in messages and reprs: short, on one line, without control characters.

What comes from the network may hold anything: a page of HTML, terminal escapes, a forged log line. It is
kept whole on the error, and shown only through `shown`. Secrets are not this module's business: they never
get here.
"""

from typing import Final

LIMIT: Final = 200
"""Characters of one foreign text in a message."""

FIELD_LIMIT: Final = 1000
"""Characters of one foreign text in a field of a log record or a span: resource IDs have some hundreds."""


def escaped(text: str, limit: int = LIMIT) -> str:
    """Give at most `limit` characters of a text, all that doesn't print escaped; `...` stands for the rest.

    Line breaks, control characters, surrogates and characters that change the direction of writing become
    backslash escapes.
    """
    if len(text) <= limit and text.isprintable():
        return text
    whole = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:limit])
    return f"{whole[:limit]}..." if len(text) > limit or len(whole) > limit else whole


def shown(text: str, limit: int = LIMIT) -> str:
    """Give `escaped(text)` in quotes; a shortened text says how long it was."""
    short = escaped(text, limit)
    return f"'{short}'" if len(short) <= limit else f"'{short}' ({len(text)} characters)"


def shown_or_none(text: str | None) -> str:
    """Give `shown(text)`, or the word None: for reprs of fields that may be missing."""
    return "None" if text is None else shown(text)


def as_field(text: str | None) -> str | None:
    """Give a text for a field of a log record or a span: whole, unless it is absurdly long; None stays None.

    Escaped as well: whoever writes fields line by line must not be fooled, and halves of surrogate pairs
    could not be sent on.
    """
    return None if text is None else escaped(text, FIELD_LIMIT)


def sentence(text: str) -> str:
    """Give a phrase as a sentence: first letter large, a full stop at the end, not too long."""
    short = escaped(text, 2 * LIMIT)
    return f"{short[:1].upper()}{short[1:]}{'' if short.endswith('.') else '.'}" if short else ""
