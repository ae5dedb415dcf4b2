"""The words in which JSON Schemas are told here: of requests, of rules between their fields, of answers."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

Told: TypeAlias = dict[str, Any]
"""A JSON Schema."""

ANYTHING: Final[Told] = {}


def record(properties: Mapping[str, Told], *, optional: Mapping[str, Told] | None = None) -> Told:
    """An object with these fields, and maybe those, and no others."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def listed(items: Told) -> Told:
    """An array of these."""
    return {"type": "array", "items": items}


def values_of(enum: type[Enum]) -> Told:
    """One of an enum's values."""
    return {"enum": [each.value for each in enum]}


def or_null(told: Told) -> Told:
    """This, or null."""
    return {"anyOf": [told, {"type": "null"}]}


def has(*names: str) -> Told:
    """At least one of these fields is there."""
    needed: list[Told] = [{"required": [name]} for name in names]
    return needed[0] if len(needed) == 1 else {"anyOf": needed}


def field(name: str, told: Told) -> Told:
    """What is told of that field, if it is there."""
    return {"properties": {name: told}}


def field_there(name: str, told: Told) -> Told:
    """That field is there, and this is told of it."""
    return {"required": [name], **field(name, told)}


def is_one_of(name: str, values: Collection[object]) -> Told:
    """That field is there, with one of these values."""
    return field_there(name, {"enum": sorted(values, key=repr)})


def is_filled(name: str) -> Told:
    """That text is there, and not empty."""
    return field_there(name, {"type": "string", "minLength": 1})


def when(condition: Told, then: Told) -> Told:
    """Where the one holds, so does the other."""
    return {"if": condition, "then": then}


def lacks(*names: str) -> Told:
    """None of these fields is there."""
    return {"properties": dict.fromkeys(names, False)}


def one_group_at_most(*groups: Collection[str]) -> Told:
    """Of these groups of fields there is one, or none."""
    names = [name for group in groups for name in group]
    return any_of(*(lacks(*(name for name in names if name not in group)) for group in groups))


def any_of(*told: Told) -> Told:
    """At least one of these holds."""
    return {"anyOf": list(told)}


def both(*told: Told) -> Told:
    """All of these hold."""
    return {"allOf": [each for each in told if each]}
