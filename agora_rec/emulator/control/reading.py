"""What came in a request, read by the fields of its endpoint; everything that is wrong is told at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from agora_rec.emulator.control.endpoints import Endpoint
from agora_rec.emulator.control.fields import Field, Values, WrongFields, read_fields


def read_request(
    endpoint: Endpoint, places: Mapping[str, str], query: Mapping[str, str], body: Mapping[str, object]
) -> Values:
    """What came in the path, the query string and the body, checked together.

    Raises:
        WrongFields: all that is wrong in any of the three.
    """
    parts: tuple[tuple[Sequence[Field], Mapping[str, Any], bool], ...] = (
        (endpoint.places, places, True),
        (endpoint.query, query, True),
        (endpoint.fields_for(body), body, False),
    )
    return _read_all(parts)


def read_form(endpoint: Endpoint, form: Mapping[str, str]) -> Values:
    """What came in a form, where all fields stand side by side, and empty text is nothing.

    Raises:
        WrongFields: all that is wrong in it.
    """
    filled = {name: value for name, value in form.items() if value}
    return _read_all((((*endpoint.places, *endpoint.fields_for(filled)), filled, True),))


def _read_all(parts: Sequence[tuple[Sequence[Field], Mapping[str, Any], bool]]) -> Values:
    read: Values = {}
    wrong: list[Any] = []
    for fields, given, texts in parts:
        try:
            read.update(read_fields(fields, given, texts=texts))
        except WrongFields as each:
            wrong.extend(each.violations)
    if wrong:
        raise WrongFields(wrong)
    return read
