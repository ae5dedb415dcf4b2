"""The control API and the page over ASGI: which request means what, and how the answers look.

What is done is in `endpoints`, who may ask in `guard`, how the page looks in `emulator.page`.
"""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

from attrs import define, field, frozen

from agora_rec.emulator import wire
from agora_rec.emulator.control.endpoints import (
    API,
    CHECK_HEALTH,
    ENDPOINTS,
    PREFIX,
    Desk,
    Endpoint,
    list_endpoints,
)
from agora_rec.emulator.control.fields import WrongFields
from agora_rec.emulator.control.guard import ControlAccess, Guard
from agora_rec.emulator.control.reading import read_form, read_request
from agora_rec.emulator.control.refusals import (
    FORBIDDEN,
    REFUSALS,
    TOO_LARGE,
    Conflict,
    NotFound,
    Refusal,
    Thrown,
    WrongMethod,
)
from agora_rec.emulator.description import describe
from agora_rec.emulator.page import STATIC, read_static, render
from agora_rec.emulator.wire import JsonObject, Request
from agora_rec.errors import Violation

BODY_BYTES_MAX: Final = 1 << 16
"""The largest body that is read."""
FIELDS_MAX: Final = 50

_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # without any referrer browsers send forms with the Origin null
    "x-content-type-options": "nosniff",
}


@frozen
class Response:
    """One answer of the control API. `headers` are those beside the ones that all have."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict[str, str])

    @property
    def all_headers(self) -> dict[str, str]:
        """Everything but the length."""
        return {"content-type": self.content_type, **_HEADERS, **self.headers}


def _json(status: int, body: JsonObject, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, json.dumps(body, separators=(",", ":")).encode(), headers=headers or {})


def _error(
    refusal: Refusal, message: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    return _json(refusal.status, {"error": refusal.error, "message": message, **more}, headers)


@define(eq=False)
class Control:
    """Everything below `/_emulator`."""

    desk: Desk
    guard: Guard

    def answers(self, path: str) -> bool:
        """Whether a request for that path is for it, and not for the service."""
        is_below = path == PREFIX or path.startswith(f"{PREFIX}/")
        return is_below and self.guard.access is not ControlAccess.OFF

    async def answer(
        self, request: Request, *, query: bytes, scheme: str, client: str | None, root: str = ""
    ) -> Response:
        """The answer to one request whose path is below the prefix.

        Args:
            request: the request.
            query: its query string.
            scheme: http or https.
            client: the address that it comes from, if the server knows it.
            root: where the application is mounted in another one.
        """
        objection = self.guard.objection(
            request.method, request.headers, scheme=scheme, host=request.host, client=client
        )
        if objection is not None:
            return _error(FORBIDDEN, objection)
        if len(request.body) > BODY_BYTES_MAX:
            return _error(TOO_LARGE, f"a body may have {BODY_BYTES_MAX} bytes")
        try:
            return await self._answer(request, query, f"{scheme}://{request.headers.get('host', '')}{root}")
        except (WrongFields, NotFound, WrongMethod, Conflict) as refused:
            return _refuse(refused)

    async def _answer(self, request: Request, query: bytes, url: str) -> Response:
        reads = request.method in {"GET", "HEAD"}
        match request.path.removeprefix(PREFIX).split("/"):
            case [""]:
                # Relative, wherever the application is mounted.
                return Response(308, b"", "text/plain", {"location": f"{PREFIX.removeprefix('/')}/"})
            case ["", ""] if reads:
                return _page(200, render(self.desk))
            case ["", "openapi.json"] if reads:
                return _json(200, self._describe(url))
            case ["", "static", name] if reads and name in STATIC:
                return Response(200, read_static(name), STATIC[name])
            case ["", "do", name] if request.method == "POST":
                return await self._act_on_form(name, request)
            case ["", "api", *rest]:
                return await self._act([unquote(part) for part in rest], request, query)
            case _:
                raise NotFound(f"there is nothing here; the API begins at {API}")

    def _describe(self, url: str) -> JsonObject:
        service = self.desk.service
        known = (self.desk.emulator.app_id, *sorted(service.settings.other_app_ids))
        return describe(service.settings, app_ids=known, now=self.desk.now(), url=url)

    async def _act(self, parts: list[str], request: Request, query: bytes) -> Response:
        """What a program asks for."""
        if parts in ([], [""]) and request.method == "GET":
            return _json(200, list_endpoints())
        fitting = {each.method: each for each in ENDPOINTS if _places(each, parts) is not None}
        if not fitting:
            raise NotFound(f"no such endpoint; GET {API} lists all of them")
        endpoint = fitting.get(request.method)
        if endpoint is None:
            raise WrongMethod(fitting)
        places = _places(endpoint, parts) or {}
        read = read_request(endpoint, places, _read_query(query), _read_json(request))
        return _json(200, await endpoint.act(self.desk, read))

    async def _act_on_form(self, name: str, request: Request) -> Response:
        """What a form of the page asks for; without script the browser sees the page again afterwards."""
        endpoint = next((each for each in ENDPOINTS if each.name == name and each.method != "GET"), None)
        if endpoint is None:
            raise NotFound("there is no such form")
        try:
            said = await endpoint.act(self.desk, read_form(endpoint, _read_pairs(request.body)))
        except (WrongFields, NotFound, Conflict) as refused:
            again = render(self.desk, str(refused), went_well=False, base="../")
            return _page(_refuse(refused).status, again)
        if endpoint is CHECK_HEALTH:
            healthy = said["healthy"] is True
            words = f"The receiver {'answers' if healthy else 'does not answer'} as it should."
            return _page(200, render(self.desk, words, went_well=healthy, base="../"))
        return Response(303, b"", "text/plain", {"location": "../"})


def _refuse(refused: Thrown) -> Response:
    headers = {"allow": refused.allowed} if isinstance(refused, WrongMethod) else None
    more: JsonObject = {}
    if isinstance(refused, WrongFields):
        more["violations"] = [
            {"path": each.path, "value": each.value, "rule": each.rule} for each in refused.violations
        ]
    return _error(REFUSALS[type(refused)], str(refused), headers=headers, **more)


def _page(status: int, content: bytes) -> Response:
    return Response(status, content, "text/html; charset=utf-8")


def _places(endpoint: Endpoint, parts: list[str]) -> dict[str, str] | None:
    """What stands in the places of an endpoint's path; None if that path is another one."""
    wanted = endpoint.path.split("/")
    if len(wanted) != len(parts):
        return None
    places: dict[str, str] = {}
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith("{"):
            places[want.strip("{}")] = part
        elif want != part:
            return None
    return places


def _read_query(query: bytes) -> dict[str, str]:
    """The fields of a query string, each of which is there once."""
    pairs = _pairs(query)
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WrongFields([Violation(name, "more than one", "one value") for name in twice])
    return dict(pairs)


def _read_pairs(form: bytes) -> dict[str, str]:
    """The fields of a form; the last of several values counts: that of a box which is ticked."""
    return dict(_pairs(form))


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise WrongFields([Violation("", "too many", f"{FIELDS_MAX} fields at most")]) from None


def _read_json(request: Request) -> JsonObject:
    """A body's object; an empty one if there is no body."""
    if not request.body:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongFields([Violation("Content-Type", media_type[:100], "application/json")])
    try:
        given = wire.as_object(wire.load(request.body))
    except ValueError:
        given = None
    if given is None:
        raise WrongFields([Violation("", "something else", "a JSON object")])
    return given
