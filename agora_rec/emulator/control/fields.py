"""What a caller of the control API may send: fields, what each may be, and every one that is wrong.

The same fields are read from JSON, from query strings and from forms; in the last two all values are text.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from agora_rec.emulator.schema.forms import CNAME, HEADER, UID, UID_MAX
from agora_rec.emulator.schema.told import Told
from agora_rec.emulator.wire import as_list
from agora_rec.errors import Violation

Values: TypeAlias = dict[str, Any]
"""What was read, by the names of the fields."""

CNAME_BYTES_MAX: Final = 1024
EVER: Final = "ever"

_SHOWN_MAX: Final = 100
_FLAGS: Final[Mapping[str, object]] = {"true": True, "false": False}
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)


class WrongFields(Exception):  # noqa: N818 - an answer on its way out
    """Something that was sent is wrong; never leaves the control API."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(map(str, violations)))
        self.violations: tuple[Violation, ...] = tuple(violations)


@frozen
class Kind:
    """What values a field takes: `says` tells it, `read` gives what a value means, or a ValueError.

    `told` says it as a JSON Schema. `read_text` gives what a text stands for, where all values are text.
    """

    says: str
    told: Told = field(repr=False)
    read: Callable[[object], object] = field(repr=False)
    read_text: Callable[[str], object] = field(default=str, repr=False)


def _as_number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _as_whole(text: str) -> object:
    return int(text) if _WHOLE.fullmatch(text) else text


def _as_flag(text: str) -> object:
    return _FLAGS.get(text, text)


def number(low: float, high: float, *, above: bool = False) -> Kind:
    """A number in a range; with `above` the lower end isn't part of it."""

    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError
        if not low <= value <= high or (above and value == low):
            raise ValueError
        return value

    told: Told = {"type": "number", "exclusiveMinimum" if above else "minimum": low, "maximum": high}
    return Kind(f"a number, {'more than ' if above else ''}{low:,} to {high:,.0f}", told, read, _as_number)


def whole(low: int, high: int) -> Kind:
    """A whole number in a range."""

    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    told: Told = {"type": "integer", "minimum": low, "maximum": high}
    return Kind(f"a whole number, {low} to {high}", told, read, _as_whole)


def flag() -> Kind:
    """True or false."""

    def read(value: object) -> object:
        if not isinstance(value, bool):
            raise ValueError  # noqa: TRY004 - all that is wrong is told in one way
        return value

    return Kind("true or false", {"type": "boolean"}, read, _as_flag)


def text(most: int, *, least: int = 1) -> Kind:
    """Some text of a bounded length."""

    def read(value: object) -> object:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ValueError
        return value

    told: Told = {"type": "string", "minLength": least, "maxLength": most}
    return Kind(f"text of {least} to {most} characters", told, read)


def header(most: int) -> Kind:
    """The value of a header: printable ASCII."""

    def read(value: object) -> object:
        if not isinstance(value, str) or not HEADER(value) or len(value) > most:
            raise ValueError
        return value

    return Kind(f"1 to {most} printable ASCII characters", {**HEADER.told, "maxLength": most}, read)


def word(choices: Sequence[str]) -> Kind:
    """One of several words."""

    def read(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    return Kind("one of " + ", ".join(choices), {"enum": list(choices)}, read)


def words_of(enum: type[Enum]) -> Kind:
    """The value of an enum's member, which is what is read."""
    kind = word([str(member.value) for member in enum])
    return Kind(kind.says, kind.told, lambda value: enum(kind.read(value)))


def uid() -> Kind:
    """A uid, as a number or as its text; what is read is the number."""
    inner = whole(1, UID_MAX)
    return Kind(
        f"a uid, 1 to {UID_MAX}",
        {"anyOf": [inner.told, UID.told]},
        lambda value: inner.read(_as_whole(value) if isinstance(value, str) else value),
    )


def cname() -> Kind:
    """The name of a channel, as the service allows it."""

    def read(value: object) -> object:
        if not isinstance(value, str) or not CNAME(value) or len(value) > CNAME_BYTES_MAX:
            raise ValueError
        return value

    told = {**CNAME.told, "maxLength": CNAME_BYTES_MAX}
    return Kind(f"a channel's name: the service's characters, 1 to {CNAME_BYTES_MAX}", told, read)


def times(most: int) -> Kind:
    """How often something happens; None is read for ever."""
    inner = whole(1, most)

    def read(value: object) -> object:
        return None if value == EVER else inner.read(value)

    told: Told = {"anyOf": [inner.told, {"const": EVER}]}
    return Kind(
        f"{inner.says}, or {EVER}", told, read, lambda text: text if text == EVER else _as_whole(text)
    )


def wholes(low: int, high: int, most: int) -> Kind:
    """Several whole numbers; as text they are separated by commas."""
    inner = whole(low, high)

    def read(value: object) -> object:
        items = as_list(value)
        if items is None or len(items) > most:
            raise ValueError
        return tuple(inner.read(item) for item in items)

    return Kind(
        f"up to {most} whole numbers, {low} to {high}",
        {"type": "array", "items": inner.told, "maxItems": most},
        read,
        lambda value: [_as_whole(part.strip()) for part in value.split(",")],
    )


@frozen
class Field:
    """One value that may be sent. What isn't, is not among what is read, unless it has a default."""

    name: str
    kind: Kind
    says: str
    required: bool = False
    default: object = None


def read_fields(fields: Sequence[Field], given: Mapping[str, object], *, texts: bool = False) -> Values:
    """Everything that was sent, read and checked. With `texts` it came without types.

    Raises:
        WrongFields: something is missing, wrong, or isn't known at all: all of that.
    """
    read: Values = {}
    known = {each.name for each in fields}
    wrong = [
        Violation(
            _shown(name),
            _shown(given[name]),
            f"not known here; known are {', '.join(sorted(known)) or 'none'}",
        )
        for name in given
        if name not in known
    ]
    for each in fields:
        if given.get(each.name) is None:
            if each.required:
                wrong.append(Violation(each.name, "nothing", f"needed: {each.kind.says}"))
            elif each.default is not None:
                read[each.name] = each.default
            continue
        value = given[each.name]
        try:
            read[each.name] = each.kind.read(
                each.kind.read_text(value) if texts and isinstance(value, str) else value
            )
        except ValueError:
            wrong.append(Violation(each.name, _shown(value), each.kind.says))
    if wrong:
        raise WrongFields(wrong)
    return read


def _shown(value: object) -> str:
    whole_text = value if isinstance(value, str) else repr(value)
    return whole_text if len(whole_text) <= _SHOWN_MAX else f"{whole_text[:_SHOWN_MAX]}…"
