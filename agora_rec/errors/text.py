"""How foreign texts are shown in messages and reprs: short, on one line, without control characters.

What comes from the network may hold anything: a page of HTML, terminal escapes, a forged log line. It is
kept whole on the error, and shown only through `shown`. Secrets are not this module's business: they never
get here.
"""

from typing import Final

LIMIT: Final = 200
"""Characters of one foreign text in a message."""


def shown(text: str, limit: int = LIMIT) -> str:
    """Give a text in quotes: at most `limit` characters of it, all that doesn't print escaped.

    Line breaks, control characters, surrogates and characters that change the direction of writing all become
    backslash escapes. A shortened text says how long it was.
    """
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:limit])
    if len(text) > limit or len(escaped) > limit:
        return f"'{escaped[:limit]}'... ({len(text)} characters)"
    return f"'{escaped}'"


def shown_or_none(text: str | None) -> str:
    """Give `shown(text)`, or the word None: for reprs of fields that may be missing."""
    return "None" if text is None else shown(text)


def sentence(text: str) -> str:
    """Give a phrase as a sentence: first letter large, a full stop at the end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""
