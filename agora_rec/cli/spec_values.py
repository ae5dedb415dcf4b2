"""Single values of files that list recordings: what each means, or the rule that it breaks.

Values come as TOML has them, or as text from a CSV file.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, TypeGuard, TypeVar

from agora_rec import Secret
from agora_rec.errors.text import shown
from agora_rec.secret import MASK

T = TypeVar("T")

MOST_SECONDS: Final = 720 * 3600
"""The service takes calls for no recording any longer."""

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_DIGITS: Final = re.compile(r"[0-9]{1,10}")


class BrokenRuleError(Exception):
    """A value isn't what it should be. Has the rule, and what may be shown in the value's place."""

    def __init__(self, rule: str, value: str | None = None) -> None:
        super().__init__(rule)
        self.rule = rule
        self.value = value


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a list, of whatever."""
    return isinstance(value, list)


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise BrokenRuleError("a text")
    return value


def whole(value: Any) -> int:
    """A whole number, or its digits."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BrokenRuleError("a whole number")
    return value


def _span(value: Any, unit: int) -> timedelta:
    number: float
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if not (isfinite(number) and 0 < number * unit <= MOST_SECONDS):
        raise BrokenRuleError(f"a number above 0, at most {MOST_SECONDS // unit}")
    return timedelta(seconds=number * unit)


def seconds(value: Any) -> timedelta:
    """A duration that is given in seconds."""
    return _span(value, 1)


def minutes(value: Any) -> timedelta:
    """A duration that is given in minutes."""
    return _span(value, 60)


def moment(value: Any) -> datetime:
    """A moment with its offset from UTC, as TOML has it or as ISO text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise BrokenRuleError("a date and a time with the offset from UTC, as 2027-01-31T17:00:00+01:00")
    return value


def one_of(choices: Mapping[str, T], more: str = "") -> Callable[[Any], T]:
    """A reader for one of several words; `more` is added to the rule."""

    def read(value: Any) -> T:
        found = choices.get(value) if isinstance(value, str) else None
        if found is None:
            raise BrokenRuleError(f"one of {', '.join(choices)}{more}")
        return found

    return read


def folders(value: Any) -> tuple[str, ...]:
    """Folders: a list of texts, or one text with slashes."""
    parts: Sequence[Any] = value.split("/") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BrokenRuleError("folders, as term1/day2")
    return tuple(parts)


def from_environment(value: Any) -> Secret:
    """The secret that an environment variable of this name has. What is no plain name may be the secret."""
    name = text(value)
    secret = Secret(os.environ.get(name, "") if "\0" not in name and "=" not in name else "")
    if not secret:
        raise BrokenRuleError(
            "the name of an environment variable that is set, not what is in it",
            shown(name) if _VARIABLE.fullmatch(name) else MASK,
        )
    return secret


def recorders(value: Any) -> list[Mapping[str, Any]]:
    """Recorders beside the first one: uids in one text, or a list of uids and tables."""
    parts: Any = value.replace(";", " ").split() if isinstance(value, str) else value
    if not is_list(parts):
        raise BrokenRuleError(
            "uids; or tables with uid, region, token_env, alternate and alternate_token_env"
        )
    return [part if isinstance(part, dict) else {"uid": part} for part in parts]
