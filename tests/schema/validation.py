"""An OpenAPI document whose JSON Schemas are held against values: its own words, and nothing else."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import jsonschema
from attrs import define, field
from jsonschema.validators import extend

Schema: TypeAlias = dict[str, Any]


@define(eq=False)
class Document:
    """One document. What its schemas say is compiled once."""

    content: Schema
    _validators: dict[int, tuple[object, Any]] = field(factory=dict[int, tuple[object, Any]], init=False)

    def resolve(self, schema: Schema) -> Schema:
        """What stands where a schema points to."""
        while "$ref" in schema:
            schema = self.content["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def faults(self, value: object, schema: Schema) -> list[str]:
        """What is wrong with a value: where, and which words of the schema it breaks."""
        return [
            f"{error.json_path} {error.validator}" for error in self._validator(schema).iter_errors(value)
        ]

    def is_valid(self, value: object, schema: Schema) -> bool:
        """Whether a value is as a schema says."""
        valid: bool = self._validator(schema).is_valid(value)
        return valid

    def _validator(self, schema: Schema) -> Any:
        # The schema is kept too: its number would go to another one.
        if id(schema) not in self._validators:
            whole = {**schema, "components": self.content["components"]}
            self._validators[id(schema)] = schema, _Validator(whole)
        return self._validators[id(schema)][1]


def _pattern(validator: Any, pattern: str, value: object, _: Mapping[str, Any]) -> Iterator[Any]:
    """As ECMAScript reads a pattern: its $ is the end, and not what stands before a last line break."""
    if validator.is_type(value, "string") and not _compiled(pattern).search(str(value)):
        yield jsonschema.ValidationError(f"not like {pattern}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def _is_integer(_: object, value: object) -> bool:
    """The service has types: 1.0 is no integer."""
    return isinstance(value, int) and not isinstance(value, bool)


_Base: Final = jsonschema.Draft202012Validator
_Validator: Final = extend(
    _Base, {"pattern": _pattern}, type_checker=_Base.TYPE_CHECKER.redefine("integer", _is_integer)
)
