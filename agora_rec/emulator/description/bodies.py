"""The tables of `schema` as JSON Schemas: what the bodies of the service's calls may hold.

Nothing here knows a field: what a table says is told, and nothing else.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from attrs import define, field

from agora_rec.emulator.schema.fields import Context, Field, Kind, Shape
from agora_rec.emulator.schema.told import Told, any_of, or_null
from agora_rec.emulator.settings import Settings
from agora_rec.vocabulary import ModeName

_TYPES: Final[Mapping[Kind, Told]] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.FLAG: {"type": "boolean"},
    Kind.OBJECT: {"type": "object"},
    Kind.TEXTS: {"type": "array", "items": {"type": "string"}},
    Kind.OBJECTS: {"type": "array", "items": {"type": "object"}},
}
_UNLOOKED: Final = "not looked at in this mode"


@define
class Bodies:
    """Tells shapes as components of a document, each once.

    What is the same in all modes has the shape's name; what isn't has the mode's as well.
    """

    _shapes: Mapping[str, Shape]
    _settings: Settings = field(repr=False)
    _now: datetime
    components: dict[str, Told] = field(factory=dict[str, Told], init=False)
    _same: dict[str, bool] = field(factory=dict[str, bool], init=False)

    def refer(self, shape: str, mode: str | None) -> Told:
        """A reference to that shape as it is in that mode (None: of a call that has none)."""
        name = shape if mode is None or self._is_same_in_all_modes(shape) else f"{shape}.{mode}"
        if name not in self.components:
            self.components[name] = {}  # what it holds may hold it
            self.components[name] = self._tell(shape, mode, self.refer)
        return {"$ref": f"#/components/schemas/{name}"}

    def _is_same_in_all_modes(self, shape: str) -> bool:
        if shape not in self._same:
            first, *others = (self._whole(shape, mode) for mode in ModeName)
            self._same[shape] = all(each == first for each in others)
        return self._same[shape]

    def _whole(self, shape: str, mode: str | None) -> Told:
        return self._tell(shape, mode, self._whole)

    def _tell(self, name: str, mode: str | None, child: "_Child") -> Told:
        shape = self._shapes[name]
        context = Context(mode=mode, now=self._now, settings=self._settings)
        chosen = next((each for each in shape.fields if each.shape_by is not None), None)
        if chosen is None or chosen.shape_by is None:
            told = self._object(shape, mode, child)
        else:
            sibling, by = chosen.shape_by
            variants = [
                self._object(shape, mode, child, {sibling: {"const": value}, chosen.name: child(kind, mode)})
                for value, kind in by.items()
                if _row(shape, sibling).may_be(value, self._settings)
            ]
            told = {"oneOf": variants}
        rules = [each for rule in shape.rules if (each := rule.tell(context))]
        words = [rule.words for rule in shape.rules if rule.words]
        return {
            **told,
            **({"allOf": rules} if rules else {}),
            **({"description": "; ".join(words)} if words else {}),
        }

    def _object(
        self, shape: Shape, mode: str | None, child: "_Child", known: Mapping[str, Told] | None = None
    ) -> Told:
        properties: dict[str, Told | bool] = {}
        for each in shape.fields:
            told = (known or {}).get(each.name) or self._field(each, mode, child)
            properties |= dict.fromkeys((each.name, *each.spellings), told)
        required = [each.name for each in shape.fields if each.is_needed(self._settings)]
        closed = self._settings.unknown_fields_refused and not shape.open
        return {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            **({"additionalProperties": False} if closed else {}),
        }

    def _field(self, known: Field, mode: str | None, child: "_Child") -> Told | bool:
        if not known.is_known(self._settings):
            return False
        if known.postponed is not None and known.postponed(self._settings):
            return {"description": "looked at later"}
        return _field(known, mode, child, self._settings)


def _row(shape: Shape, name: str) -> Field:
    return next(each for each in shape.fields if each.name == name)


_Child = Callable[[str, str | None], Told]


def _field(known: Field, mode: str | None, child: _Child, settings: Settings) -> Told:
    told = _TYPES[known.kind]
    if known.modes is not None and mode is not None and mode not in known.modes:
        return {**told, "description": _UNLOOKED}
    if known.shape is not None:
        inner = child(known.shape, mode)
        told = inner if known.kind is Kind.OBJECT else {"type": "array", "items": inner}
    elif known.kind is Kind.TEXT:
        told = _text(known, settings)
    elif known.kind is Kind.TEXTS and known.form is not None:
        told = {"type": "array", "items": known.form.told}
        alone = [{"type": "array", "items": {"const": word}, "maxItems": 1} for word in known.form.alone]
        told = any_of(told, *alone) if alone else told
    elif known.choices is not None:
        told = {**told, "enum": sorted(known.choices_with(settings) or (), key=repr)}
    bounds: dict[str, object] = {
        "minimum": known.low,
        "maximum": known.high,
        "maxItems": known.items_max,
        "enum": None if known.lists is None else [list(each) for each in known.lists],
        "default": _json(known.default),
    }
    told = {**told, **{name: value for name, value in bounds.items() if value is not None}}
    return or_null(told) if known.nullable else told


def _json(value: object) -> object:
    # A table's tuples are lists there.
    found: object = json.loads(json.dumps(value)) if isinstance(value, tuple) else value
    return found


def _text(known: Field, settings: Settings) -> Told:
    """A text; one that isn't needed may be empty."""
    empty: list[object] = [] if known.required else [""]
    if known.choices is not None:
        return {"type": "string", "enum": sorted(map(str, known.choices_with(settings) or ())) + empty}
    if known.form is not None:
        pattern = f"^(?:{known.form.pattern})$" if known.required else f"^(?:{known.form.pattern})?$"
        return {**known.form.told, "pattern": pattern}
    return {"type": "string", "minLength": 1} if known.required else {"type": "string"}
