"""The control API as paths of an OpenAPI document: its table of endpoints, told."""

from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from agora_rec.emulator.control.endpoints import API, DESCRIPTION, ENDPOINTS, LISTED, Endpoint
from agora_rec.emulator.control.fields import Field, WrongFields
from agora_rec.emulator.control.refusals import FORBIDDEN, REFUSALS, TOO_LARGE, Refusal
from agora_rec.emulator.schema.told import Told, listed, or_null, record

_TEXT: Final[Told] = {"type": "string"}
_ANYWHERE: Final = (REFUSALS[WrongFields], FORBIDDEN, TOO_LARGE)
_UNASKED: Final = (FORBIDDEN, TOO_LARGE)
"""Where nothing that is sent is looked at."""


def control_paths() -> dict[str, dict[str, Told]]:
    """Path items by path."""
    paths: dict[str, dict[str, Told]] = defaultdict(dict)
    for name, path, says, gives in (
        ("endpoints", API, "all endpoints of this API, in short", LISTED),
        ("description", DESCRIPTION, "this document", {"type": "object"}),
    ):
        paths[path]["get"] = _operation(name, says, gives, _UNASKED)
    for each in ENDPOINTS:
        refused = (*_ANYWHERE, *(REFUSALS[kind] for kind in each.refuses))
        paths[f"{API}{each.path}"][each.method.lower()] = {
            **_operation(each.name, each.says, each.gives, refused),
            "parameters": list(_parameters(each)),
            **_body(each),
        }
    return dict(paths)


def links_by_place(known: dict[str, str]) -> Iterator[tuple[str, Told]]:
    """Links to all endpoints in whose paths nothing stands but what is known."""
    for each in ENDPOINTS:
        places = {place.name for place in each.places}
        if places and places <= set(known):
            parameters = {name: known[name] for name in sorted(places)}
            yield each.name, {"operationId": each.name, "parameters": parameters}


def _operation(name: str, says: str, gives: Told, refused: tuple[Refusal, ...]) -> Told:
    responses = {"200": _response(200, gives)}
    for refusal in sorted(refused, key=lambda each: each.status):
        responses[str(refusal.status)] = _response(refusal.status, _refusal(refusal))
    return {
        "operationId": name,
        "tags": ["control"],
        "summary": says[0].upper() + says[1:],
        "security": [],
        "responses": responses,
    }


def _response(status: int, told: Told) -> Told:
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": told}}}


def _refusal(refusal: Refusal) -> Told:
    said: dict[str, Told] = {"error": {"const": refusal.error}, "message": _TEXT}
    if refusal == REFUSALS[WrongFields]:
        said["violations"] = listed(record(dict.fromkeys(("path", "value", "rule"), _TEXT)))
    return record(said)


def _parameters(endpoint: Endpoint) -> Iterator[Told]:
    for place, fields in (("path", endpoint.places), ("query", endpoint.query)):
        for each in fields:
            yield {
                "name": each.name,
                "in": place,
                "required": each.required,
                "description": each.says,
                "schema": _value(each),
            }


def _value(known: Field) -> Told:
    return known.kind.told if known.default is None else {**known.kind.told, "default": known.default}


def _body(endpoint: Endpoint) -> Told:
    if not endpoint.fields:
        return {}
    told = _object(endpoint.fields)
    if endpoint.kinds:
        chosen, *common = endpoint.fields
        told = {
            "oneOf": [
                _object((*common, *further), {chosen.name: {"const": kind}})
                for kind, further in endpoint.kinds.items()
            ]
        }
    needed = any(each.required for each in endpoint.fields)
    return {"requestBody": {"required": needed, "content": {"application/json": {"schema": told}}}}


def _object(fields: tuple[Field, ...], known: dict[str, Told] | None = None) -> Told:
    """An object with these fields; null says the same as leaving one out."""
    needed = dict(known or {})
    optional: dict[str, Told] = {}
    for each in fields:
        told = {**_value(each), "description": each.says}
        if each.required:
            needed[each.name] = told
        else:
            optional[each.name] = or_null(told)
    return record(needed, optional=optional)
