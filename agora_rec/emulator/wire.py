"""What comes in and goes out: requests, answers, refusals and their bodies, and JSON read by hand.

Pure values. Which refusal is due is decided in `gateway` and `acts`.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NoReturn, TypeAlias

from attrs import evolve, field, frozen

from agora_rec.emulator.settings import Settings
from agora_rec.vocabulary import OperationName

JsonObject: TypeAlias = dict[str, object]

BODY_BYTES_MAX: Final = 1 << 20
"""The largest request body that is looked at; a larger one is a wrong body."""

DEPTH_MAX: Final = 64
"""How deep a body may be nested; documented ones need 8. Deeper ones would exhaust those who walk them."""


@frozen(kw_only=True)
class Request:
    """One HTTP request. `path` is raw (percent-encoded, no query string), header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    host: str = ""


@frozen
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = "application/json"


@frozen
class Broken:
    """No answer: the connection breaks."""


@frozen
class NeverReached:
    """No answer: the request was never here."""


Reply: TypeAlias = Answer | Broken | NeverReached


@frozen(kw_only=True)
class Subject:
    """What a call is about, as far as its URL, its body and the resource tell."""

    operation: OperationName | None = None
    cname: str | None = None
    uid: str | None = None
    resource_id: str | None = None
    sid: str | None = None


@frozen(kw_only=True)
class Refusal:
    """One way to say no: a row of errors.yaml."""

    status: int
    code: int | None = None
    reason: str | None = None
    message: str | None = None
    extra: Mapping[str, object] = field(factory=dict[str, object])

    def because(self, reason: str) -> "Refusal":
        """The same refusal with a reason of this case."""
        return evolve(self, reason=reason)


class Refused(Exception):  # noqa: N818 - it is an answer on its way out, not an error of the emulator
    """Thrown inside the core to end a call with a refusal; never leaves it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


NO_AUTHORIZATION: Final = Refusal(status=401, message="Unauthorized")
WRONG_CREDENTIALS: Final = Refusal(status=401, message="Invalid authentication credentials")
NO_ROUTE: Final = Refusal(status=404, message="no Route matched with those values")
RATE_EXCEEDED: Final = Refusal(status=429, message="API rate limit exceeded")
INVALID_APP_ID: Final = Refusal(status=400, message="appid is invalid")
INVALID_APP_ID_OLDER: Final = Refusal(status=401, message="invalid appid")
INVALID_APP_ID_ACQUIRE: Final = Refusal(status=400, code=400, reason="invalid_appid")
NOT_ENABLED_OLDER: Final = Refusal(status=400, code=62, reason="service not enabled")
NOT_ACTIVE: Final = Refusal(status=400, code=405, reason="no_active_status")
BAD_PARAMETER: Final = Refusal(status=400, code=2, reason="api body validate failed!")
BAD_FORM_OLDER: Final = Refusal(status=400, code=8, reason="invalid request")
INVALID_CNAME: Final = Refusal(status=400, code=401, reason="invalid_channel_name")
INVALID_CNAME_OLDER: Final = Refusal(status=400, code=1013)
TOO_MANY_RECORDINGS: Final = Refusal(status=400, code=406, reason="vendor_over_load")
NO_CAPACITY: Final = Refusal(status=500, code=502, reason="Failed to allocate worker")
ALREADY_STARTED: Final = Refusal(status=201, code=7, reason="already started")
TASK_CONFLICT: Final = Refusal(status=400, code=53, reason="task conflict")
TOKEN_EXPIRED: Final = Refusal(status=400, code=109, reason="token expired")
TOKEN_WRONG: Final = Refusal(status=400, code=110, reason="token invalid")
MISMATCH: Final = Refusal(status=400, code=432, reason="cname or uid mismatch")
RESOURCE_EXPIRED: Final = Refusal(status=400, code=433, reason="resource expired")
RESOURCE_UNREADABLE: Final = Refusal(status=400, code=1001, reason="resource id cannot be read")
RESOURCE_FOREIGN: Final = Refusal(status=400, code=1003, reason="resource id does not belong to it")
INVALID_LAYOUT_OLDER: Final = Refusal(status=400, code=1028, reason="invalid layout")
NO_WORKER: Final = Refusal(status=404, code=404, reason="failed to find worker")
EXITING: Final = Refusal(status=404, code=501, reason="service exiting")
EXITING_ALREADY: Final = Refusal(status=400, code=49, reason="invalid operation")
NO_RECORDED_DATA: Final = Refusal(status=206, code=435, reason="no recorded data")


def dump(value: Mapping[str, object]) -> bytes:
    """An answer's body. ASCII only, so that odd text that came in (lone surrogates) can go out again."""
    return json.dumps(value, separators=(",", ":")).encode()


def refusal_answer(refusal: Refusal, subject: Subject, settings: Settings) -> Answer:
    """The answer that says no: plain, or with the context that was seen in the wild (responses.yaml)."""
    if settings.observed_bodies and refusal.code in _OBSERVED:
        return Answer(refusal.status, dump(_OBSERVED[refusal.code](refusal, subject)))
    body: JsonObject = {}
    if refusal.code is not None:
        body["code"] = refusal.code
    if refusal.reason is not None:
        body["reason"] = refusal.reason
    if refusal.message is not None:
        body["message"] = refusal.message
    if not body:
        body["message"] = _phrase(refusal.status)
    return Answer(refusal.status, dump({**body, **refusal.extra}))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "error"


def _context(subject: Subject) -> JsonObject:
    return {
        "cname": subject.cname or "",
        "uid": subject.uid or "",
        "resourceId": subject.resource_id or "",
        "sid": subject.sid or "",
    }


def _observed_404(refusal: Refusal, subject: Subject) -> JsonObject:
    if subject.operation is not OperationName.STOP:
        return {
            "cname": subject.cname or "",
            "code": refusal.code,
            "reason": refusal.reason,
            "uid": subject.uid or "",
        }
    return {
        **_context(subject),
        "code": refusal.code,
        "serverResponse": {
            "command": "StopCloudRecorder",
            "payload": {"message": refusal.reason},
            "subscribeModeBitmask": 1,
            "vid": "1",
        },
    }


def _observed_49(refusal: Refusal, subject: Subject) -> JsonObject:
    return {
        **_context(subject),
        "code": refusal.code,
        "serverResponse": {
            "backuped": 0,
            "fileListMode": "",
            "fileListStr": "",
            "gwWorkerVersion": "",
            "inProgressBitmask": 0,
            "output": "",
            "payload": {"message": "Failed"},
            "selectionBitmask": 0,
            "subscribeModeBitmask": 1,
        },
    }


_OBSERVED: Final = {404: _observed_404, 49: _observed_49}


def load(data: bytes) -> object:
    """The JSON value of a body.

    Raises:
        ValueError: this is no JSON (text that isn't UTF-8, NaN, numbers or nesting beyond reason, and a name
            that stands twice in an object, too).
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if data.count(b"[") + data.count(b"{") > DEPTH_MAX and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def _unique(pairs: list[tuple[str, object]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


_TOO_DEEP: Final = "nested too deeply"


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [item for each in level for item in (as_list(each) or (as_object(each) or {}).values())]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def as_object(value: object) -> JsonObject | None:
    """`value` if it is a JSON object."""
    if not isinstance(value, dict):
        return None
    return {str(name): item for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON names are text


def as_list(value: object) -> list[object] | None:
    """`value` if it is a JSON array."""
    return list(value) if isinstance(value, list) else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any items


def text_of(value: Mapping[str, object], name: str) -> str | None:
    """The text under that name; None if there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else None


def int_of(value: Mapping[str, object], name: str, default: int) -> int:
    """The whole number under that name, or the default."""
    found = value.get(name)
    return found if isinstance(found, int) else default


def flag_of(value: Mapping[str, object], name: str) -> bool:
    """Whether `true` stands under that name."""
    return value.get(name) is True


def object_of(value: Mapping[str, object], name: str) -> JsonObject:
    """The object under that name; an empty one if there is none."""
    return as_object(value.get(name)) or {}


def objects_of(value: Mapping[str, object], name: str) -> list[JsonObject]:
    """The objects in the array under that name."""
    return [found for item in as_list(value.get(name)) or [] if (found := as_object(item)) is not None]


def texts_of(value: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    """The texts in the array under that name; None if there is no array."""
    found = as_list(value.get(name))
    return None if found is None else tuple(item for item in found if isinstance(item, str))
