"""The converter: cattrs, taught the tables of `fields` and `answers`.

It is built once, on first use. Secrets stay `Secret`s in what it makes: their text comes out only while bytes
are written, in `agora_rec.codec.encode`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from cattrs import Converter

from agora_rec.codec import leaves
from agora_rec.codec.answers import ANSWER_FIELDS, DEMANDED, each, files_of, services_of
from agora_rec.codec.fields import ALWAYS, MARKS, REQUEST_FIELDS
from agora_rec.codec.shape import BadShape, JsonObject, Wire, descend, fields_of, finder, place
from agora_rec.model import AvFileType, ExtensionServiceState, RecordedFile, SnapshotFileType, Vendor
from agora_rec.secret import Secret
from agora_rec.vocabulary import OpenIntEnum, OpenStrEnum

FIELDS: Final[Mapping[type, Mapping[str, Wire]]] = REQUEST_FIELDS | ANSWER_FIELDS

_Read = Callable[[object], Any]
_Hook = Callable[[Any, Any], Any]

_LEAVES: Final[Mapping[Any, _Read]] = {
    str: leaves.text,
    int: leaves.integer,
    float: leaves.number,
    bool: leaves.flag,
    datetime: leaves.moment,
    Secret: leaves.secret,
    int | str: leaves.uid,
}
_OR_OTHER: Final[Mapping[Any, Any]] = {
    AvFileType | str: AvFileType,
    SnapshotFileType | str: SnapshotFileType,
    Vendor | int: Vendor,
}
"""Sets of which other words than ours can be said as well."""


@cache
def converter() -> Converter:
    """The one converter, built when it is first needed; nothing outside of this package gets hold of it."""
    made = Converter(detailed_validation=False)
    exact = _exact_hooks(made)

    def value_writer(_: Any) -> _Read:
        return lambda value: write(value, made)

    def list_writer(_: Any) -> Callable[[Any], Any]:
        return lambda items: [made.unstructure(item) for item in items]

    def hook_for(hint: Any) -> _Hook:
        if hint in exact:
            return exact[hint]
        makers = ((_is_union, _union_hook), (_is_tuple, _tuple_hook))
        make = next((make for fits, make in makers if fits(hint)), _class_hook)
        return make(hint, made)

    def is_ours(hint: Any) -> bool:
        return hint in exact or hint in FIELDS or _is_union(hint) or _is_tuple(hint)

    made.register_unstructure_hook_factory(FIELDS.__contains__, value_writer)
    made.register_unstructure_hook_factory(_is_tuple, list_writer)
    made.register_unstructure_hook(Secret, _as_it_is)
    made.register_structure_hook_factory(is_ours, hook_for)
    # cattrs asks its own hooks for numbers, texts and enums before any factory: they convert where we refuse.
    for hint in _LEAVES.keys() - {int | str}:
        made.register_structure_hook(hint, exact[hint])
    for cls in _enums():
        made.register_structure_hook(cls, _enum_hook(cls))
    return made


def _enums() -> set[type[Enum]]:
    """Every set of words or numbers that an attribute of a value is of."""
    hints = [attribute.type for cls in FIELDS for attribute in attrs.fields(cls)]
    members = [member for hint in hints for member in (hint, *get_args(hint))]
    inner = [member for hint in members for member in (hint, *get_args(hint))]
    return {hint for hint in inner if isinstance(hint, type) and issubclass(hint, Enum)}


def _as_it_is(value: Secret) -> Secret:
    return value


def _exact_hooks(made: Converter) -> dict[Any, _Hook]:
    """How single values are read, and the lists that come in several forms."""

    def files(value: object, _: Any) -> tuple[RecordedFile, ...]:
        return files_of(value, made.structure)

    def services(value: object, _: Any) -> tuple[ExtensionServiceState, ...]:
        return services_of(value, made.structure)

    leaf_hooks: dict[Any, _Hook] = {hint: _ignoring_type(read) for hint, read in _LEAVES.items()}
    return leaf_hooks | {tuple[RecordedFile, ...]: files, tuple[ExtensionServiceState, ...]: services}


def write(value: object, made: Converter) -> JsonObject:
    """Write a value as an object of JSON; what is None isn't written."""
    tree: JsonObject = {}
    _write_into(tree, value, FIELDS[type(value)], made)
    return tree


def _write_into(tree: JsonObject, value: object, fields: Mapping[str, Wire], made: Converter) -> None:
    for name, wire in fields.items():
        part = getattr(value, name)
        if part is None:
            continue
        if wire.inline:
            _write_into(descend(tree, wire.path), part, wire.fields or FIELDS[type(part)], made)
            continue
        written = made.unstructure(part) if wire.write is None else wire.write(part)
        if written is not None:
            place(tree, wire.path, written)
    if type(value) in ALWAYS:
        descend(tree, ALWAYS[type(value)])


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, UnionType}


def _is_tuple(hint: Any) -> bool:
    return hint is tuple or get_origin(hint) is tuple


def _ignoring_type(read: _Read) -> _Hook:
    return lambda value, _: read(value)


def _reader(hint: Any, made: Converter) -> _Read:
    if hint in _LEAVES:
        return _LEAVES[hint]
    hook = made.get_structure_hook(hint)
    return lambda value: hook(value, hint)


def _tuple_hook(hint: Any, made: Converter) -> _Hook:
    read = _reader(get_args(hint)[0], made)
    return lambda value, _: each(value, read)


def _enum_hook(cls: type[Any]) -> _Hook:
    is_open = issubclass(cls, OpenIntEnum | OpenStrEnum)
    read: _Read = leaves.integer if issubclass(cls, int) else leaves.text
    known = _members(cls)

    def read_enum(value: object, _: Any) -> Any:
        plain = read(value)
        member = known.get(plain)
        if member is not None:
            return member
        if not is_open:
            raise BadShape("$", f"none of the known values of {cls.__name__}")
        return cls(plain) if plain != "" else None

    return read_enum


def _members(cls: Any) -> dict[object, Any]:
    return {member.value: member for member in cls}


def _union_hook(hint: Any, made: Converter) -> _Hook:
    """Read one of several classes, told apart by their marks, or a word that may be ours."""
    if hint in _OR_OTHER:
        ours = _OR_OTHER[hint]
        other = leaves.integer if issubclass(ours, int) else leaves.text
        known = _members(ours)

        def read_word(value: object, _: Any) -> Any:
            plain = other(value)
            return known.get(plain, plain)

        return read_word
    classes = [cls for cls in get_args(hint) if cls is not NoneType]
    return _marked_hook(classes, made)


def _marked_hook(classes: list[Any], made: Converter) -> _Hook:
    readers = {cls: _reader(cls, made) for cls in classes}

    def read_marked(value: object, _: Any) -> Any:
        for cls, read in readers.items():
            if MARKS[cls].fits(value):
                return read(value)
        if any(MARKS[cls].seen(value) for cls in classes):
            raise BadShape("$", f"none of {', '.join(cls.__name__ for cls in classes)}")
        return None

    return read_marked


def _without_none(hint: Any) -> Any:
    """The type of an attribute that may be None, when it isn't."""
    if not _is_union(hint):
        return hint
    members = tuple(member for member in get_args(hint) if member is not NoneType)
    return Union[members]  # noqa: UP007 - made of a tuple


def _class_hook(cls: type[Any], made: Converter) -> _Hook:
    rows = [_row(attribute, FIELDS[cls][attribute.name], made) for attribute in attrs.fields(cls)]
    demanded = DEMANDED.get(cls)
    find_demanded = None if demanded is None else finder(demanded)

    def read_class(value: object, _: Any) -> Any:
        tree = fields_of(value)
        if find_demanded is not None and find_demanded(tree) is None:
            raise BadShape(f"$.{demanded}", "missing")
        parts: dict[str, Any] = {}
        for name, path, find_in, aliases, read, required in rows:
            where, found = path, find_in(tree)
            if found is None and aliases:
                where, found = _found_at(aliases, path, tree)
            if found is not None:
                try:
                    found = read(found)
                except BadShape as bad:
                    raise bad.under(f".{where}" if where else "") from None
            if found is not None:
                parts[name] = found
            elif required:
                raise BadShape(f"$.{path}", "missing")
        return cls(**parts)

    return read_class


_Find = Callable[[JsonObject], object]
_Aliases = tuple[tuple[str, _Find], ...]
_Row = tuple[str, str, _Find, _Aliases, _Read, bool]
"""How one field is read: its name, where it stands, how it is found there or elsewhere, how it is read, and
whether it must say something."""


def _row(attribute: "attrs.Attribute[Any]", wire: Wire, made: Converter) -> _Row:
    read = _value_reader(wire, _without_none(attribute.type), made)
    aliases = tuple((path, finder(path)) for path in wire.aliases)
    required = attribute.default is attrs.NOTHING
    return attribute.name, wire.path, finder(wire.path), aliases, read, required


def _found_at(aliases: _Aliases, path: str, tree: JsonObject) -> tuple[str, object]:
    """What one of the other spellings says, and which; None, and `path`, where none says anything."""
    for alias, find_alias in aliases:
        found = find_alias(tree)
        if found is not None:
            return alias, found
    return path, None


def _value_reader(wire: Wire, hint: Any, made: Converter) -> _Read:
    if wire.read is not None:
        return wire.read
    if wire.inline and not _is_union(hint):
        hook = _marked_hook([hint], made)
        return lambda value: hook(value, hint)
    return _reader(hint, made)
