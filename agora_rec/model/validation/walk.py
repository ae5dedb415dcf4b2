"""How values are judged: each field by its rule, each value by its crosswise rules, all faults collected."""

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import Enum
from typing import Final, TypeGuard, cast

from agora_rec.errors import Violation
from agora_rec.model.validation.crosswise import CROSSWISE, Context
from agora_rec.model.validation.rules import Rule
from agora_rec.model.validation.tables import RULES
from agora_rec.secret import MASK, Secret

_SHOWN: Final = 60
_FEW: Final = 4
_SCALARS: Final = frozenset({str, int, float, bool, datetime})
_UNKNOWN: Final = Rule("", lambda _: True)
"""For faults in fields further down, which name their value only where it is no secret."""


def violations(value: object, context: Context, path: str = "") -> Iterator[Violation]:
    """All that is wrong in a value and below it; its class must be one of `RULES`."""
    rules = RULES[type(value)]
    for name, rule in rules.items():
        part = getattr(value, name)
        if part is not None or not rule.optional:  # most are left out
            yield from judged(rule, part, _join(path, name), context)
    for crosswise in CROSSWISE.get(type(value), ()):
        for fault in crosswise(value, context):
            rule = rules.get(fault.path, _UNKNOWN)
            text = shown(fault.value, secret=rule.secret, opaque=rule.opaque)
            yield Violation(_join(path, fault.path), text, fault.says)


def judged(rule: Rule, value: object, path: str, context: Context) -> Iterator[Violation]:
    """All that is wrong in one field and below it."""
    if value is None:
        if not rule.optional:
            yield Violation(path, "None", f"needed: {rule.says}")
    elif not rule.holds(value):
        yield Violation(path, shown(value, secret=rule.secret, opaque=rule.opaque), rule.says)
    elif rule.items is not None:
        items = cast("tuple[object, ...]", value)
        if len(items) < rule.least or (rule.most is not None and len(items) > rule.most):
            yield Violation(path, shown(items, opaque=True), rule.says)
        for index, item in enumerate(items):
            yield from judged(rule.items, item, f"{path}[{index}]", context)
    elif type(value) in RULES:
        yield from violations(value, context, path)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def shown(value: object, *, secret: bool = False, opaque: bool = False) -> str:
    """A short text for a value: secrets masked, long ones cut, of what may hold a secret only the kind."""
    if value is None:
        return "None"
    if secret or isinstance(value, Secret):
        return MASK
    kind = type(value)
    if _is_collection(value):
        return _collection(value, opaque=opaque)
    if opaque or (kind not in _SCALARS and not isinstance(value, Enum)):
        return f"<{kind.__name__}>"
    try:
        text = repr(value[:_SHOWN] if isinstance(value, str) else value)
    except ValueError:  # an integer of more digits than Python prints
        return f"<{kind.__name__}>"
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}..."


def _is_collection(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, tuple | list | dict | set | frozenset)


def _collection(items: Collection[object], *, opaque: bool) -> str:
    if opaque or not isinstance(items, tuple) or len(items) > _FEW:
        return f"<{type(items).__name__} of {len(items)}>"
    return f"({', '.join(shown(item, opaque=_is_collection(item)) for item in items)})"
