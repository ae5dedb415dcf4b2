"""Which call a method and a path mean."""

from typing import Final
from urllib.parse import unquote

from attrs import evolve, frozen

from agora_rec.vocabulary import OperationName


@frozen(kw_only=True)
class Route:
    """One call with what its URL says. Which modes there are is not the route's business."""

    operation: OperationName
    app_id: str | None = None
    resource_id: str | None = None
    sid: str | None = None
    mode: str | None = None


_SERVICE_REGIONS: Final = frozenset({"na", "eu", "ap", "cn"})
"""What Agora's Python client may put in front of a path (hosts.yaml `official_clients`)."""
_POSTS: Final = {
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
    "stop": OperationName.STOP,
}


def find_route(method: str, path: str) -> Route | None:
    """The call that is meant, or None: 'no Route matched with those values'.

    Names and case count; nothing may follow. `path` is raw, its parts are decoded here.
    """
    parts = [unquote(part) for part in path.split("/")]
    if parts[1:2] and parts[1] in _SERVICE_REGIONS:
        del parts[1]
    match parts:
        case ["", "v1" | "v2", "ncs", "ip"] if method == "GET":
            return Route(operation=OperationName.NCS_IP)
        case ["", "v1", "apps", app_id, "cloud_recording", *rest] if app_id:
            found = _find_recording_call(method, rest)
            return None if found is None else evolve(found, app_id=app_id)
        case _:
            return None


def _find_recording_call(method: str, rest: list[str]) -> Route | None:
    match method, rest:
        case "POST", ["acquire"]:
            return Route(operation=OperationName.ACQUIRE)
        case "POST", ["resourceid", resource_id, "mode", mode, "start"] if resource_id and mode:
            return Route(operation=OperationName.START, resource_id=resource_id, mode=mode)
        case "GET", ["resourceid", resource_id, "sid", sid, "mode", mode, "query"] if (
            resource_id and sid and mode
        ):
            return Route(operation=OperationName.QUERY, resource_id=resource_id, sid=sid, mode=mode)
        case "POST", ["resourceid", resource_id, "sid", sid, "mode", mode, verb] if (
            resource_id and sid and mode and verb in _POSTS
        ):
            return Route(operation=_POSTS[verb], resource_id=resource_id, sid=sid, mode=mode)
        case _:
            return None
