"""How a body is checked: fields, shapes, and the one function that holds a JSON value against them.

Which fields there are is data in `requests` and `legacy`; what holds between fields is in `rules`.
The service stops at the first fault, and so does this.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum, unique
from typing import TypeAlias

from attrs import frozen

from agora_rec.emulator.schema.forms import Form
from agora_rec.emulator.schema.told import Told
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.wire import JsonObject, Refusal, as_list, as_object


class BadField(Exception):  # noqa: N818 - thrown inside the emulator to stop at the first fault
    """A field is wrong: `path` says which. The value is never repeated.

    `refusal` is how that is answered, where it isn't as every wrong field is.
    """

    def __init__(self, path: str, refusal: Refusal | None = None) -> None:
        super().__init__(path)
        self.path = path
        self.refusal = refusal


@unique
class Kind(Enum):
    """The types of the documents' tables."""

    TEXT = "string"
    INTEGER = "integer"
    NUMBER = "float"
    FLAG = "boolean"
    OBJECT = "object"
    TEXTS = "array[string]"
    OBJECTS = "array[object]"


@frozen(kw_only=True)
class Context:
    """What a check may depend on beside the value: the mode of the URL, the service's clock and ways.

    `mode` is None where a call has no mode (acquire). `by_go_client`: Agora's own Go client calls, which
    leaves out a 0 and sends one name that the service doesn't know.
    """

    mode: str | None
    now: datetime
    settings: Settings
    by_go_client: bool = False


Check: TypeAlias = Callable[[Mapping[str, object], Context], str | None]
"""A check between the fields of one object: the name of the field that is wrong, or None."""


@frozen
class Rule:
    """What must hold between the fields of one object: for the check, and to show.

    `told` is a JSON Schema that says the same of the object, as far as one can, or gives it; `words` is what
    none can say. `refusal` gives the answer to what breaks it, where that isn't the one to wrong fields.
    """

    check: Check
    told: Told | Callable[[Context], Told]
    words: str = ""
    refusal: Callable[[Settings], Refusal] | None = None

    def tell(self, context: Context) -> Told:
        """The JSON Schema that holds there."""
        return self.told(context) if callable(self.told) else self.told


def rule(
    told: Told | Callable[[Context], Told],
    words: str = "",
    refusal: Callable[[Settings], Refusal] | None = None,
) -> Callable[[Check], Rule]:
    """Make a rule of a check, and of how that is told and refused."""
    return lambda check: Rule(check, told, words, refusal)


@frozen(kw_only=True)
class Field:
    """One row of a table.

    `choices` are the allowed values (a text field that is not required may also be empty: one
    official client writes "" where it means nothing), `low` and `high` the range, `spellings` other
    names that are taken for this one (no two of them at once), `form` what each text looks like, `modes`
    where the field counts; elsewhere only its type is looked at, and it changes nothing. `shape` names the
    children; `shape_by` finds that name by the value of a sibling. `waived` tells with which settings a
    required one may be missing, `postponed` with which ones a start takes whatever it is. `legacy`: it has
    left the current documents, as have those of the choices that are in `legacy_choices`.
    """

    name: str
    kind: Kind
    required: bool = False
    default: object = None
    low: float | None = None
    high: float | None = None
    choices: frozenset[object] | None = None
    lists: tuple[tuple[str, ...], ...] | None = None
    items_max: int | None = None
    form: Form | None = None
    modes: frozenset[str] | None = None
    spellings: tuple[str, ...] = ()
    nullable: bool = False
    shape: str | None = None
    shape_by: tuple[str, Mapping[str, str]] | None = None
    waived: Callable[[Settings], bool] | None = None
    postponed: Callable[[Settings], bool] | None = None
    legacy: bool = False
    legacy_choices: frozenset[object] = frozenset()

    def is_needed(self, settings: Settings) -> bool:
        """Whether it may not be missing."""
        return self.required and not (self.waived is not None and self.waived(settings))

    def is_known(self, settings: Settings) -> bool:
        """Whether it may be there."""
        return settings.legacy_taken or not self.legacy

    def choices_with(self, settings: Settings) -> frozenset[object] | None:
        """Its choices, if it has any."""
        if self.choices is None or settings.legacy_taken:
            return self.choices
        return self.choices - self.legacy_choices

    def may_be(self, value: object, settings: Settings) -> bool:
        """Whether this is one of its choices, if it has any."""
        choices = self.choices_with(settings)
        return choices is None or value in choices


@frozen(kw_only=True)
class Shape:
    """The fields of one object, the rules between them, and unknown names that Agora's Go client sends.

    An `open` one takes any further names: its fields are in no document.
    """

    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    by_go_client: frozenset[str] = frozenset()
    open: bool = False


def check(
    shapes: Mapping[str, Shape], name: str, value: object, context: Context, path: str = ""
) -> JsonObject:
    """Hold a value against a shape.

    Returns:
        The object with its fields under their own names, without those that don't count.

    Raises:
        BadField: at the first fault.
    """
    given = as_object(value)
    if given is None:
        raise BadField(path)
    shape = shapes[name]
    if context.settings.unknown_fields_refused and not shape.open:
        _refuse_unknown(shape, given, context, path)
    found: JsonObject = {}
    for known in shape.fields:
        spelled = [each for each in (known.name, *known.spellings) if each in given]
        where = f"{path}.{known.name}" if path else known.name
        if len(spelled) > 1 or (not spelled and known.is_needed(context.settings)):
            raise BadField(where)
        if not spelled:
            continue
        item = given[spelled[0]]
        if item is None and known.nullable:
            continue
        if not known.is_known(context.settings):
            raise BadField(where)
        if known.modes is not None and context.mode is not None and context.mode not in known.modes:
            _check_kind(known, item, where)
            continue
        found[known.name] = _check_value(_Place(shapes, context, found, where), known, item)
    for rule in shape.rules:
        wrong = rule.check(found, context)
        if wrong is not None:
            refusal = None if rule.refusal is None else rule.refusal(context.settings)
            raise BadField(f"{path}.{wrong}" if path else wrong, refusal)
    return found


def _refuse_unknown(shape: Shape, given: JsonObject, context: Context, path: str) -> None:
    known = {each for row in shape.fields for each in (row.name, *row.spellings)}
    known |= shape.by_go_client if context.by_go_client else frozenset()
    for name in given:
        if name not in known:
            # An unknown name comes from outside and may be anything, so only its place is told.
            raise BadField(f"{path}.?" if path else "?")


def _check_kind(known: Field, item: object, where: str) -> None:
    items = as_list(item)
    right = {
        Kind.TEXT: isinstance(item, str),
        Kind.INTEGER: isinstance(item, int) and not isinstance(item, bool),
        Kind.NUMBER: isinstance(item, int | float) and not isinstance(item, bool),
        Kind.FLAG: isinstance(item, bool),
        Kind.OBJECT: isinstance(item, dict),
        Kind.TEXTS: items is not None and all(isinstance(each, str) for each in items),
        Kind.OBJECTS: items is not None and all(isinstance(each, dict) for each in items),
    }[known.kind]
    if not right:
        raise BadField(where)


@frozen
class _Place:
    """Where a value stands: the shapes, what the check may depend on, its checked siblings, its path."""

    shapes: Mapping[str, Shape]
    context: Context
    siblings: JsonObject
    path: str

    def check(self, shape: str, item: object, suffix: str = "") -> JsonObject:
        """Hold a child against its shape."""
        return check(self.shapes, shape, item, self.context, self.path + suffix)


def _check_value(place: _Place, known: Field, item: object) -> object:
    _check_kind(known, item, place.path)
    if known.kind is Kind.OBJECT:
        if known.shape_by is not None:
            sibling, by = known.shape_by
            return place.check(by[str(place.siblings[sibling])], item)
        return item if known.shape is None else place.check(known.shape, item)
    if known.kind in {Kind.TEXTS, Kind.OBJECTS}:
        return _check_items(place, known, as_list(item) or [])
    if isinstance(item, str):
        _check_text(place, known, item)
    elif isinstance(item, int | float) and not isinstance(item, bool):
        if (known.low is not None and item < known.low) or (known.high is not None and item > known.high):
            raise BadField(place.path)
        if not known.may_be(item, place.context.settings):
            raise BadField(place.path)
    return item


def _check_items(place: _Place, known: Field, items: list[object]) -> list[object]:
    if known.items_max is not None and len(items) > known.items_max:
        raise BadField(place.path)
    if known.lists is not None and tuple(items) not in known.lists:
        raise BadField(place.path)
    if known.form is not None and not all(known.form(str(each)) for each in items):
        raise BadField(place.path)
    if known.shape is None:
        return items
    return [place.check(known.shape, each, f"[{number}]") for number, each in enumerate(items)]


def _check_text(place: _Place, known: Field, item: str) -> None:
    if not item:
        # The service is written so that an empty text is a missing one.
        if known.required:
            raise BadField(place.path)
        return
    if not known.may_be(item, place.context.settings):
        raise BadField(place.path)
    if known.form is not None and not known.form(item):
        raise BadField(place.path)
