"""The recording service's calls as paths of an OpenAPI document: requests.yaml `endpoints`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

from attrs import frozen

from agora_rec.emulator.description.answers import good, incomplete
from agora_rec.emulator.description.bodies import Bodies
from agora_rec.emulator.description.control import links_by_place
from agora_rec.emulator.description.refusals import refusals, told
from agora_rec.emulator.schema.told import Told
from agora_rec.emulator.settings import Settings
from agora_rec.vocabulary import ModeName, OperationName

_BASE: Final = "/v1/apps/{appid}/cloud_recording"
_RESOURCE: Final = f"{_BASE}/resourceid/{{resourceid}}"


@frozen(kw_only=True)
class _Call:
    """One row of the table of calls. `modes` are empty where a call has none; then `path` is all of it."""

    method: str
    path: str
    says: str
    modes: tuple[ModeName, ...] = ()
    body: str | None = None


_CALLS: Final[Mapping[OperationName, tuple[_Call, ...]]] = {
    OperationName.ACQUIRE: (
        _Call(
            method="post",
            path=f"{_BASE}/acquire",
            says="A resource ID, for one start within five minutes",
            body="AcquireBody",
        ),
    ),
    OperationName.START: (
        _Call(
            method="post",
            path=f"{_RESOURCE}/mode/{{mode}}/start",
            says="Begin a recording",
            modes=tuple(ModeName),
            body="StartBody",
        ),
    ),
    OperationName.QUERY: (
        _Call(
            method="get",
            path=f"{_RESOURCE}/sid/{{sid}}/mode/{{mode}}/query",
            says="How a recording is, and its files",
            modes=tuple(ModeName),
        ),
    ),
    OperationName.UPDATE: (
        _Call(
            method="post",
            path=f"{_RESOURCE}/sid/{{sid}}/mode/{{mode}}/update",
            says="Change who is recorded, pause a page, or renew a storage's token",
            modes=tuple(ModeName),
            body="UpdateBody",
        ),
    ),
    OperationName.UPDATE_LAYOUT: (
        _Call(
            method="post",
            path=f"{_RESOURCE}/sid/{{sid}}/mode/{{mode}}/updateLayout",
            says="Another layout; what is left out goes back to its default",
            modes=(ModeName.MIX,),
            body="UpdateLayoutBody",
        ),
    ),
    OperationName.STOP: (
        _Call(
            method="post",
            path=f"{_RESOURCE}/sid/{{sid}}/mode/{{mode}}/stop",
            says="End a recording",
            modes=tuple(ModeName),
            body="StopBody",
        ),
    ),
    OperationName.NCS_IP: (
        _Call(method="get", path="/v1/ncs/ip", says="Where notifications come from"),
        _Call(method="get", path="/v2/ncs/ip", says="The same"),
    ),
}
_NEXT: Final[Mapping[OperationName, tuple[OperationName, ...]]] = {
    OperationName.ACQUIRE: (OperationName.START,),
    OperationName.START: (
        OperationName.QUERY,
        OperationName.UPDATE,
        OperationName.UPDATE_LAYOUT,
        OperationName.STOP,
    ),
    OperationName.STOP: (OperationName.QUERY, OperationName.STOP),
}
"""What may follow on which call about the same recording; told as links."""


def operation_id(operation: OperationName, mode: ModeName | None = None, version: str = "") -> str:
    """How a call is named in the document."""
    return "_".join(filter(None, (str(operation), mode and str(mode), version)))


@frozen
class ServicePaths:
    """Tells the paths of the service. `app_ids` are those that it knows."""

    bodies: Bodies
    settings: Settings
    app_ids: tuple[str, ...]

    def tell(self) -> dict[str, dict[str, Told]]:
        """Path items by path."""
        paths: dict[str, dict[str, Told]] = defaultdict(dict)
        for operation, calls in _CALLS.items():
            for call in calls:
                version = call.path.split("/")[1] if len(calls) > 1 else ""
                for mode in call.modes or (None,):
                    path = call.path.replace("{mode}", str(mode))
                    paths[path][call.method] = {
                        "operationId": operation_id(operation, mode, version),
                        "tags": ["service"],
                        "summary": call.says,
                        "security": [{"customer": []}],
                        **self._parameters(path),
                        **self._body(call.body, mode),
                        "responses": self._responses(operation, mode),
                    }
        return dict(paths)

    def _parameters(self, path: str) -> Told:
        known: dict[str, Told] = {
            "appid": {"enum": list(self.app_ids)},
            "resourceid": {"type": "string", "pattern": "^[A-Za-z0-9_-]{192}$"},
            "sid": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        }
        found: list[Told] = [
            {"name": name, "in": "path", "required": True, "schema": told}
            for name, told in known.items()
            if f"{{{name}}}" in path
        ]
        return {"parameters": found} if found else {}

    def _body(self, shape: str | None, mode: ModeName | None) -> Told:
        if shape is None:
            return {}
        media_type = (
            "application/json;charset=utf-8" if self.settings.older_content_type else "application/json"
        )
        content = {media_type: {"schema": self.bodies.refer(shape, mode)}}
        return {"requestBody": {"required": True, "content": content}}

    def _responses(self, operation: OperationName, mode: ModeName | None) -> Told:
        bodies: dict[int, list[Told]] = defaultdict(list)
        bodies[200].append(good(operation, mode, self.settings))
        bodies[206] += incomplete(operation, self.settings)
        for refusal in refusals(operation, self.settings):
            bodies[refusal.status].append(told(refusal, operation, self.settings))
        found = {str(status): _response(status, each) for status, each in sorted(bodies.items()) if each}
        links = dict(_links(operation, mode))
        if links:
            found["200"]["links"] = links
        return found


def _response(status: int, bodies: list[Told]) -> Told:
    distinct = [each for place, each in enumerate(bodies) if each not in bodies[:place]]
    told = distinct[0] if len(distinct) == 1 else {"oneOf": distinct}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {
            "X-Request-Id": {"required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
        },
        "content": {"application/json": {"schema": told}},
    }


def _links(operation: OperationName, mode: ModeName | None) -> Iterator[tuple[str, Told]]:
    """What may follow, and what of it is known by then: for programs that go from call to call."""
    known = {"appid": "$request.path.appid", "resourceid": "$response.body#/resourceId"}
    who = {"cname": "$response.body#/cname", "uid": "$response.body#/uid"}
    if operation is not OperationName.ACQUIRE:
        known["sid"] = "$response.body#/sid"
    for following in _NEXT.get(operation, ()):
        call = _CALLS[following][0]
        for next_mode in call.modes if mode is None else {mode} & set(call.modes):
            name = operation_id(following, next_mode)
            body = {} if call.body is None else {"requestBody": who}
            yield name, {"operationId": name, "parameters": known, **body}
    if operation is OperationName.START:
        yield from links_by_place({"sid": known["sid"], "cname": who["cname"]})
