"""What counts as a number of seconds or of calls, wherever one is given."""

import math
from typing import Final, TypeGuard

from agora_rec.errors import Violation
from agora_rec.errors.text import shown

LONGEST: Final = 1e9
"""The longest span that can be chosen, in seconds: thirty years, which every calendar and server can add."""

RATE_MOST: Final = 1e6
"""The most calls per second that can be chosen."""


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that can be counted with: no bool, no infinity, not too large, no text."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the floats
        return False


def is_deadline(value: object) -> bool:
    """Whether somebody can wait for so long: any number of seconds, infinity (and None) for ever.

    What is 0 or less is over at once, as it comes of a time that was shared out.
    """
    return value is None or is_finite(value) or (isinstance(value, float) and math.isinf(value))


def wrong_span(name: str, value: object, *, above: bool = False) -> list[Violation]:
    """What is wrong with a number of seconds, if anything is.

    Args:
        name: The argument.
        value: What was given for it.
        above: Whether it must be more than 0.
    """
    if is_finite(value) and 0 <= value <= LONGEST and not (above and value == 0):
        return []
    least = "above 0" if above else "0 or more"
    return [Violation(name, shown(repr(value), 40), f"seconds, {least}, {LONGEST:.0f} at most")]


def wrong_rate(name: str, value: object) -> list[Violation]:
    """What is wrong with a number of calls per second, if anything is."""
    if is_finite(value) and 1 / LONGEST <= value <= RATE_MOST:
        return []
    rule = f"a number of calls per second above 0, {RATE_MOST:.0f} at most"
    return [Violation(name, shown(repr(value), 40), rule)]
