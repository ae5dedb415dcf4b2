"""What counts as a number of seconds or of calls, wherever one is given."""

import math
from typing import TypeGuard


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that can be counted with: no bool, no infinity, not too large, no text."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond the floats
        return False
