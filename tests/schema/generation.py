"""Values made of a document's schemas: most of them nearly right, so that a good part of them is.

What a schema says of one value is followed, with its edges first. What it says between the fields of an
object is mended afterwards, as a rule. Whether a value is right in the end, `validation` says.
"""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any, Final, Protocol

from attrs import define
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.schema.validation import Document, Schema

_JUNK: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63,
    1.5,
    1e300,
    "",
    "0",
    "x",
    "#",
    [],
    {},
    [""],
    [None],
    {"a": {}},
)
_SELDOM: Final = 200
"""One value in so many is something else altogether, one needed field in so many is missing."""
_OPTIONAL: Final = 4
"""One field in so many is there though it need not be."""
_LEFT: Final = 15
"""One object in so many stays as it is, though it breaks what is said between its fields."""


_ALPHABET: Final = st.characters(max_codepoint=255)
_POOL: Final = 50


class Chance(Protocol):
    """What decides."""

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of these."""
        ...

    def seldom(self, times: int) -> bool:
        """Whether it is the one case in so many."""
        ...

    def text(self, pattern: str) -> str:
        """Some text like this."""
        ...


@define
class Drawn:
    """Hypothesis decides: it looks for the smallest case that fails, and takes its time for each."""

    _draw: Callable[[st.SearchStrategy[Any]], Any]

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of these."""
        return self._draw(st.sampled_from(choices))

    def seldom(self, times: int) -> bool:
        """Whether it is the one case in so many; shrinking likes the others."""
        return bool(self._draw(st.integers(0, times - 1)) == times - 1)

    def text(self, pattern: str) -> str:
        """Some text like this."""
        return str(self._draw(st.from_regex(pattern, fullmatch=True, alphabet=_ALPHABET)))


@define
class Tossed:
    """A seed decides, a hundred times as fast."""

    _random: Random

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of these."""
        return self._random.choice(choices)

    def seldom(self, times: int) -> bool:
        """Whether it is the one case in so many."""
        return not self._random.randrange(times)

    def text(self, pattern: str) -> str:
        """One of a few dozen texts that are like this."""
        return self._random.choice(_texts(pattern))


@cache
def _texts(pattern: str) -> list[str]:
    found: list[str] = []

    @settings(
        max_examples=_POOL,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.from_regex(pattern, fullmatch=True, alphabet=_ALPHABET))
    def keep(text: str) -> None:
        found.append(text)

    keep()
    return found


@define
class Maker:
    """Makes values of one document's schemas."""

    _chance: Chance
    _document: Document

    def make(self, schema: Schema) -> Any:
        """A value that the schema might like."""
        if self._seldom():
            return self._pick(_JUNK)
        schema = self._document.resolve(schema)
        choices = [each for name in ("oneOf", "anyOf") for each in schema.get(name, ())]
        if choices and "properties" not in schema and "items" not in schema:
            return self.make(self._pick(choices))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick(schema["enum"])
        makers: dict[str, Callable[[Schema], Any]] = {
            "object": self._object,
            "array": self._array,
            "integer": self._integer,
            "number": self._number,
            "string": self._text,
            "boolean": lambda _: self._pick((False, True)),
            "null": lambda _: None,
        }
        return makers[schema["type"]](schema) if "type" in schema else self._pick(_JUNK)

    def _seldom(self, times: int = _SELDOM) -> bool:
        return self._chance.seldom(times)

    def _pick(self, choices: Sequence[Any]) -> Any:
        return self._chance.pick(choices)

    def _object(self, schema: Schema) -> dict[str, Any]:
        rules = schema.get("allOf", [])
        needed = {name for each in (schema, *rules) for name in each.get("required", ())}
        made = {
            name: self.make(told)
            for name, told in schema.get("properties", {}).items()
            if told is not False
            if (not self._seldom() if name in needed else self._seldom(_OPTIONAL))
        }
        if not self._seldom(_LEFT):
            for rule in rules:
                self._mend(made, rule, schema)
        if self._seldom():
            made[self._pick(("", "x", "UID", "Cname"))] = self._pick(_JUNK)
        return made

    def _mend(self, made: dict[str, Any], rule: Schema, schema: Schema) -> None:
        """Make an object fit what is said between its fields, where that is simple."""
        if self._document.is_valid(made, rule):
            return
        for each in rule.get("allOf", ()):
            self._mend(made, each, schema)
        if "anyOf" in rule:
            self._mend(made, self._pick(rule["anyOf"]), schema)
        if "if" in rule:
            applies = self._document.is_valid(made, rule["if"])
            self._mend(made, rule.get("then" if applies else "else", {}), schema)
        needed, properties = rule.get("required", ()), rule.get("properties", {})
        for name in dict.fromkeys((*needed, *properties)):
            narrower = properties.get(name, {})
            if narrower is False:
                made.pop(name, None)
            elif name in needed or name in made:
                self._mend_field(made, name, narrower, schema["properties"].get(name, {}))

    def _mend_field(self, made: dict[str, Any], name: str, narrower: Schema, told: Schema) -> None:
        if name in made and self._document.is_valid(made[name], narrower):
            return
        told = self._document.resolve(told)
        if isinstance(made.get(name), dict):
            self._mend(made[name], narrower, told)
        else:
            made[name] = self.make({**told, **narrower})

    def _array(self, schema: Schema) -> list[Any]:
        for rule in schema.get("anyOf", ())[:1] and [self._pick(schema["anyOf"])]:
            return [self._item_like(schema["items"], each) for each in rule["prefixItems"]]
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        counts = (least, least + 1, 1, 2, most, most + 1) if most < 20 else (least, least + 1, 3)
        return [self.make(schema.get("items", {})) for _ in range(self._pick(counts))]

    def _item_like(self, items: Schema, wanted: Schema) -> Any:
        """One of several kinds of item: that which has the value that is asked for."""
        ((name, const),) = wanted["properties"].items()
        kinds = self._document.resolve(items)
        chosen = next(each for each in kinds["oneOf"] if each["properties"][name] == const)
        return self.make({**chosen, "allOf": kinds.get("allOf", [])})

    def _integer(self, schema: Schema) -> int:
        low, high = schema.get("minimum", 0), schema.get("maximum", 4000)
        if self._seldom(_SELDOM // 4):
            return int(self._pick((low - 1, high + 1)))
        return int(self._pick((low, high, low, high, (low + high) // 2, min(low + 1, high))))

    def _number(self, schema: Schema) -> float:
        low = float(schema["minimum"] if "minimum" in schema else schema.get("exclusiveMinimum", 0))
        high = float(schema.get("maximum", 4000))
        if self._seldom(_SELDOM // 4):
            return float(self._pick((low - 0.001, high + 0.001)))
        return float(self._pick((low, 0.25, 0.5, 0.5, high)))

    def _text(self, schema: Schema) -> str:
        if "pattern" in schema:
            pattern = schema["pattern"].removeprefix("^").removesuffix("$")
            return self._chance.text(pattern)
        least, most = schema.get("minLength", 0), schema.get("maxLength", 4)
        return str(self._pick(("class-42", "a" * least, "\N{EURO SIGN}" * min(least + 1, most))))
