"""What counts as a number of seconds, wherever the emulator is told one."""

from typing import Final, TypeGuard

SECONDS_MAX: Final = 1e9
"""The longest time that can be chosen: about thirty years."""


def is_span(value: object, most: float = SECONDS_MAX) -> TypeGuard[float]:
    """Whether it is a number from 0 to `most`: no bool, no text, neither infinite nor nan."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def require_span(name: str, value: object, *, above: bool = False) -> None:
    """Refuse what is no number of seconds.

    Args:
        name: What it is for.
        value: What was given.
        above: Whether it must be more than 0.

    Raises:
        ValueError: it is none.
    """
    if not is_span(value) or (above and value == 0):
        least = "more than 0" if above else "0 or more"
        raise ValueError(f"{name} is {value!r:.40}, and should be a number, {least}, at most {SECONDS_MAX:g}")
