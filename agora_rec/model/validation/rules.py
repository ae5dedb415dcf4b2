"""What a single field may be: small rules, each a predicate and the words for it.

A predicate is given whatever the caller gave, of any type, and must answer without raising.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TypeGuard, cast
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from agora_rec.model.converters import MAX_UID, normal_uid
from agora_rec.model.subscription import ALL_STREAMS
from agora_rec.secret import Secret

MAX_TEXT: Final = 65_536
"""A bound of our own on any text, far above all that makes sense; an answer's texts have the same."""

Holds = Callable[[object], bool]


@frozen
class Rule:
    """What one field may be.

    Attributes:
        says: what would be right.
        holds: whether a value is right; for lists and values of several fields only whether it is one at all.
        optional: whether it may be left out.
        secret: whether the value is never shown.
        opaque: whether only the kind of a wrong value is shown, since it may hold secrets.
        items: what each element of a list may be.
        most: how many elements there may be.
        least: how many there must be.
    """

    says: str
    holds: Holds
    optional: bool = field(default=False, kw_only=True)
    secret: bool = field(default=False, kw_only=True)
    opaque: bool = field(default=False, kw_only=True)
    items: "Rule | None" = field(default=None, kw_only=True)
    least: int = field(default=0, kw_only=True)
    most: int | None = field(default=None, kw_only=True)


def optional(rule: Rule) -> Rule:
    """The same rule for a field that may be left out."""
    return evolve(rule, optional=True)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number, and not a boolean that looks like one."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole(least: int, most: int | None = None) -> Rule:
    """A whole number of a range."""
    says = f"an integer from {least} to {most}" if most is not None else f"an integer from {least} on"

    def holds(value: object) -> bool:
        return is_whole(value) and least <= value and (most is None or value <= most)

    return Rule(says, holds)


def fraction() -> Rule:
    """A part of something: from 0 to 1."""

    def holds(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

    return Rule("a number from 0 to 1", holds)


def flag() -> Rule:
    """True or false."""
    return Rule("True or False", lambda value: isinstance(value, bool))


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that says something and can be sent."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def text() -> Rule:
    """Any text that isn't empty."""
    return Rule("a text that isn't empty", is_text)


def matching(pattern: str, says: str) -> Rule:
    """A text of which the whole fits a pattern."""
    compiled = re.compile(pattern, re.ASCII)
    return Rule(says, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None)


def url(*schemes: str) -> Rule:
    """A URL with a host and one of these schemes."""

    def holds(value: object) -> bool:
        if not is_text(value) or re.search(r"[\s\x00-\x1f\x7f]", value):
            return False
        try:
            parts = urlsplit(value)
        except ValueError:  # brackets that hold no IPv6 address
            return False
        return parts.scheme in schemes and bool(parts.hostname)

    return Rule(f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}", holds)


def uid() -> Rule:
    """The UID of a user."""
    return Rule(f"an integer from 1 to {MAX_UID}, or its digits as text", _is_uid)


def uid_or_all() -> Rule:
    """The UID of a user, or everybody."""
    return Rule(
        f"an integer from 1 to {MAX_UID}, its digits as text, or ALL_STREAMS",
        lambda value: _is_uid(value) or (isinstance(value, str) and value == ALL_STREAMS),
    )


def _is_uid(value: object) -> bool:
    try:
        normal_uid(value)
    except ValueError:
        return False
    return True


def choice(cls: type[Enum]) -> Rule:
    """A member of a closed set, or its number or word."""
    values = frozenset(member.value for member in cls)
    return Rule(f"one of {_listed(cls)}", lambda value: _is_plain(value, cls) and value in values)


def open_choice(cls: type[Enum]) -> Rule:
    """A member of a set that the service extends; what is newer than this release is said as `cls(...)`."""
    values = frozenset(member.value for member in cls)

    def holds(value: object) -> bool:
        if isinstance(value, cls):
            return value >= 0 if isinstance(value, int) else is_text(value)
        return _is_plain(value, cls) and value in values

    return Rule(f"one of {_listed(cls)}, or {cls.__name__}(...) for one that is newer", holds)


def _is_plain(value: object, cls: type[Enum]) -> bool:
    """Whether it is of the set's own kind: no boolean, no member of another set with the same number."""
    if isinstance(value, Enum):
        return isinstance(value, cls)
    return is_whole(value) if issubclass(cls, int) else isinstance(value, str)


def _listed(cls: type[Enum]) -> str:
    members = list(cls)
    if len(members) > _MANY:
        return f"{cls.__name__}, {members[0].value} to {members[-1].value}"
    return f"{cls.__name__}: {', '.join(str(member.value) for member in members)}"


_MANY: Final = 10


def exactly(*allowed: Any) -> Rule:
    """One of a few tuples of words."""
    return Rule(
        f"one of {', '.join(repr(tuple(map(str, words))) for words in allowed)}",
        lambda value: (
            isinstance(value, tuple)
            and all(isinstance(word, str) for word in cast("tuple[object, ...]", value))
            and value in allowed
        ),
    )


def hidden(rule: Rule | None = None) -> Rule:
    """A `Secret` whose text fits a rule; its value is never shown."""
    inner = text() if rule is None else rule

    def holds(value: object) -> bool:
        return isinstance(value, Secret) and inner.holds(value.reveal())

    return Rule(inner.says, holds, secret=True)


def salt() -> Rule:
    """Base64 of 32 bytes."""

    def holds(value: object) -> bool:
        if not isinstance(value, str) or not value.isascii() or len(value) > _SALT_TEXT:
            return False
        try:
            return len(base64.b64decode(value, validate=True)) == _SALT_BYTES
        except binascii.Error:
            return False

    return hidden(Rule("base64 of 32 bytes", holds))


_SALT_BYTES: Final = 32
_SALT_TEXT: Final = 44


def json_text() -> Rule:
    """An object of JSON, as text."""

    def holds(value: object) -> bool:
        if not is_text(value):
            return False
        try:
            return isinstance(json.loads(value), dict)
        except (ValueError, RecursionError):
            return False

    return Rule("an object of JSON, as text", holds)


def moment() -> Rule:
    """A moment of this era, aware of its zone: the converter has turned it into UTC."""

    def holds(value: object) -> bool:
        return isinstance(value, datetime) and value.tzinfo is UTC and value >= _EPOCH

    return Rule("an aware datetime, or Unix seconds", holds)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def value_of(*classes: type) -> Rule:
    """A value of one of these classes; its own fields are judged by its own rules."""
    says = f"a {' or '.join(cls.__name__ for cls in classes)}"
    return Rule(says, lambda value: type(value) in classes, opaque=True)


def listed(items: Rule, *, least: int = 0, most: int | None = None, of: str = "values") -> Rule:
    """A list, each element of which is judged by a rule."""
    bounds = {(True, True): f"{least} to {most} ", (False, True): f"at most {most} ", (True, False): "some "}
    count = bounds.get((least > 0, most is not None), "")
    return Rule(
        f"a list of {count}{of}",
        lambda value: isinstance(value, tuple),
        items=items,
        least=least,
        most=most,
        secret=items.secret,
        opaque=True,
    )
