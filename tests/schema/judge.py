"""Whether an answer is what a description says of it, and whether the question was judged as it says.

It knows the description and what went over the wire, and nothing else of whoever answers.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, unquote

from attrs import frozen

from tests.schema.validation import Document, Schema

BEYOND_SCHEMAS: Final = re.compile(
    r"""
    request_hash\ mismatch!
    # What acquire, or the start of this recording, asked for.
    | .*:\ invalid\ (?:
        scene | mode | storageConfig\.region | rtmpPublishConfig | streamSubscribe\.(?:audio|video)UidList
    )\ value!
    # Sums, products, the present moment, and grammars.
    | .*:\ invalid\ (?:.*[.\]])?(?:
        width | height | videoWidth | fileNamePrefix | stsExpiration | privateParams
        | url | image_url | backgroundImage | defaultUserBackgroundImage | rtmpUrl
        | unsubscribe(?:Audio|Video)Uids
    )\ value!
    """,
    re.VERBOSE | re.DOTALL,
)
"""Reasons for a refusal that no JSON Schema can know; the description has words for them."""
_ACCEPTED: Final = range(200, 300)
_BAD_PARAMETER: Final = 2


@frozen
class Asked:
    """A question as it went over the wire. `path` is raw, without the query string."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class Answered:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class Judge:
    """Holds questions and answers against one description."""

    document: Document

    def operation(self, method: str, path: str) -> tuple[Schema, dict[str, str]] | None:
        """What is described for that path, and what stands in its places."""
        for template, item in self.document.content["paths"].items():
            if method.lower() in item:
                places = _places(template, path)
                if places is not None:
                    return item[method.lower()], places
        return None

    def faults(self, asked: Asked, answered: Answered) -> list[str]:
        """Everything that is wrong."""
        found = self.operation(asked.method, asked.path)
        if found is None:
            return [] if answered.status < 500 else [f"{answered.status} to what isn't described"]
        operation, places = found
        wrong = list(self._wrong_with_question(asked, operation, places))
        faults = list(self._faults_of_answer(answered, operation))
        if wrong and answered.status in _ACCEPTED:
            faults.append(f"{answered.status}, though it is wrong: {'; '.join(wrong)}")
        if not wrong and _is_about_parameters(answered):
            faults.append(f"refused, though it is right: {answered.body[:300]!r}")
        return faults

    def _faults_of_answer(self, answered: Answered, operation: Schema) -> Iterator[str]:
        described = operation["responses"].get(str(answered.status))
        if described is None:
            yield f"no answer {answered.status} is described"
            return
        for name, told in described.get("headers", {}).items():
            value = answered.headers.get(name.lower())
            if value is None or self.document.faults(value, told["schema"]):
                yield f"its header {name} is {value!r}"
        (media_type,) = described["content"]
        if answered.headers.get("content-type") != media_type:
            yield f"its Content-Type is {answered.headers.get('content-type')!r}"
            return
        try:
            body = _load(answered.body)
        except ValueError:
            yield "its body is no JSON"
            return
        for fault in self.document.faults(body, described["content"][media_type]["schema"]):
            yield f"its body is wrong: {fault}"

    def _wrong_with_question(
        self, asked: Asked, operation: Schema, places: Mapping[str, str]
    ) -> Iterator[str]:
        if operation["security"] and not asked.headers.get("authorization", "").lower().startswith("basic "):
            yield "no credentials"
        sent = {"path": dict(places), "query": dict(parse_qsl(asked.query, keep_blank_values=True))}
        for told in operation.get("parameters", ()):
            value = sent[told["in"]].pop(told["name"], None)
            if value is None and told["required"]:
                yield f"{told['name']} is missing"
            if value is not None and not self._is_like(value, told["schema"]):
                yield f"{told['name']} is wrong"
        # The service has no query strings, and looks at none.
        if operation["tags"] == ["control"]:
            yield from (f"{name} isn't known" for name in sent["query"])
        if "requestBody" in operation:
            yield from self._wrong_with_body(asked, operation["requestBody"])

    def _is_like(self, text: str, schema: Schema) -> bool:
        """Whether a text stands for a value as the schema says."""
        meant: list[object] = [text]
        if re.fullmatch(r"0|-?[1-9][0-9]*|true|false", text):
            meant.append(json.loads(text))
        return any(self.document.is_valid(each, schema) for each in meant)

    def _wrong_with_body(self, asked: Asked, told: Schema) -> Iterator[str]:
        if not asked.body:
            if told["required"]:
                yield "no body"
            return
        ((media_type, described),) = told["content"].items()
        if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
            yield "its Content-Type is wrong"
        try:
            body = _load(asked.body)
        except ValueError:
            yield "its body is no JSON"
            return
        yield from self.document.faults(body, described["schema"])


def _is_about_parameters(answered: Answered) -> bool:
    """Whether something was refused for what it says, and not for the state that things are in."""
    if answered.status != 400:
        return False
    said: dict[str, Any] = _load(answered.body)
    if said.get("error") == "invalid_request":
        return True
    return said.get("code") == _BAD_PARAMETER and not BEYOND_SCHEMAS.fullmatch(said["reason"])


def _places(template: str, path: str) -> dict[str, str] | None:
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    places: dict[str, str] = {}
    for want, part in zip(wanted, given, strict=True):
        if want.startswith("{"):
            places[want.strip("{}")] = unquote(part)
        elif want != unquote(part):
            return None
    return places


def _load(body: bytes) -> Any:
    return json.loads(body.decode("utf-8"), parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
