"""What the service or its gateway says when it isn't a plain success, whatever the shape of the body."""

from typing import Final

from agora_rec.codec.leaves import echo, integer
from agora_rec.codec.parsing import parse
from agora_rec.codec.shape import BadShape, JsonObject, find, is_list
from agora_rec.errors import Refusal
from agora_rec.vocabulary import UploadingStatus

_REASONS: Final = ("reason", "message", "serverResponse.payload.message")
_SERVICES: Final = "serverResponse.extensionServiceState"


def refusal(status: int, data: bytes) -> Refusal:
    """Read the body of an answer that isn't a plain success: 201, 206, 4xx or 5xx.

    All shapes are read with one lenient reader: what is not there or not readable is None, since the status
    alone says most. The reason is the service's `reason`, the gateway's `message` or the service's inner
    message.

    Raises:
        BadShape: the body is no object of JSON, as with proxies and outages.
    """
    read = _read(status, data)
    del data  # answers repeat stream keys: no traceback may show them
    if isinstance(read, BadShape):
        raise read.with_traceback(None)
    return read


def _read(status: int, data: bytes) -> Refusal | BadShape:
    try:
        tree = parse(data)
    except BadShape as bad:
        return bad
    services = _services(tree)
    uploading = [_text(tree, "serverResponse.uploadingStatus")]
    uploading += [_text(service, "payload.uploadingStatus") for service in services]
    said = next((word for word in uploading if word), None)
    lists = [_quiet(tree, "serverResponse.fileList")]
    lists += [_quiet(service, "payload.fileList") for service in services]
    return Refusal(
        status=status,
        code=_code(tree),
        reason=next((reason for path in _REASONS if (reason := _text(tree, path))), None),
        resource_id=_text(tree, "resourceId"),
        sid=_text(tree, "sid"),
        uploading_status=None if said is None else UploadingStatus(said),
        has_files=any(bool(listed) for listed in lists),
    )


def _services(tree: JsonObject) -> list[object]:
    found = _quiet(tree, _SERVICES)
    return found if is_list(found) else [found]


def _quiet(tree: object, path: str) -> object:
    try:
        return find(tree, path)
    except BadShape:
        return None


def _text(tree: object, path: str) -> str | None:
    return echo(_quiet(tree, path))


def _code(tree: JsonObject) -> int | None:
    try:
        return integer(tree.get("code"))
    except BadShape:
        return None
