"""The service's seven calls as pure values, and how to read what comes back.

An `Operation` is all that the transport needs to know of a call. Nothing here sends anything.
"""

import re
from typing import Final, Generic, TypeVar
from urllib.parse import quote

from attrs import frozen

from agora_rec.codec import BadShape, Body, decode, encode, refusal
from agora_rec.errors import ApiError, InvalidRequest, Subject, Violation, from_refusal, from_unreadable
from agora_rec.model import (
    AcquireAnswer,
    AcquireRequest,
    AnyAnswer,
    NcsIpAnswer,
    QueryAnswer,
    Request,
    StartAnswer,
    StartRequest,
    StopAnswer,
    StopRequest,
    UpdateAnswer,
    UpdateLayoutAnswer,
    UpdateLayoutRequest,
    UpdateRequest,
    normal_uid,
)
from agora_rec.vocabulary import ModeName, OperationName, Priority

A = TypeVar("A", bound=AnyAnswer)
A_co = TypeVar("A_co", bound=AnyAnswer, covariant=True)

STOP_TIMEOUT: Final = 30.0
"""Seconds for one attempt of a synchronous stop: the service waits up to 20 s for the upload (timing.yaml
`stop_sync`) and answers code 50 then."""

_OK: Final = 200

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")  # what nearly every part of a path consists of


@frozen(kw_only=True)
class Operation(Generic[A_co]):
    """One call to the service, ready to be sent as often as needed: every attempt sends the same.

    Attributes:
        name: Which call it is.
        method: GET or POST.
        path: Percent-encoded, from the slash on.
        body: What to send; None: nothing.
        answer: The type of a success.
        priority: Who goes first when calls wait.
        subject: What the call is about, for errors and logs.
        timeout: Seconds that one attempt needs at least; None: no more than any call.
    """

    name: OperationName
    method: str
    path: str
    body: Body | None
    answer: type[A_co]
    priority: Priority
    subject: Subject
    timeout: float | None = None


def acquire(app_id: str, request: AcquireRequest) -> Operation[AcquireAnswer]:
    """Ask for a resource ID, good for one start within five minutes.

    Raises:
        InvalidRequest: `app_id` can't be a part of a path; so for the others.
    """
    return Operation(
        name=OperationName.ACQUIRE,
        method="POST",
        path=f"{_app(app_id)}/acquire",
        body=encode(request),
        answer=AcquireAnswer,
        priority=Priority.ACQUIRE,
        subject=_subject(OperationName.ACQUIRE, request),
    )


def start(app_id: str, resource_id: str, request: StartRequest) -> Operation[StartAnswer]:
    """Begin to record with a resource ID."""
    return Operation(
        name=OperationName.START,
        method="POST",
        path=f"{_of_resource(app_id, resource_id)}/mode/{request.mode.name.value}/start",
        body=encode(request),
        answer=StartAnswer,
        priority=Priority.START,
        subject=_subject(OperationName.START, request, resource_id),
    )


def query(
    app_id: str,
    mode: ModeName,
    resource_id: str,
    sid: str,
    *,
    cname: str | None = None,
    uid: int | str | None = None,
    priority: Priority = Priority.CONFIRM,
) -> Operation[QueryAnswer]:
    """Ask how a recording is doing. `cname` and `uid` are for errors and logs; the service needs neither."""
    name = OperationName.QUERY
    return Operation(
        name=name,
        method="GET",
        path=_of_session(app_id, mode, resource_id, sid, "query"),
        body=None,
        answer=QueryAnswer,
        priority=priority,
        subject=Subject(operation=name, cname=cname, uid=_known_uid(uid), resource_id=resource_id, sid=sid),
    )


def update(
    app_id: str, mode: ModeName, resource_id: str, sid: str, request: UpdateRequest
) -> Operation[UpdateAnswer]:
    """Change a running recording; it replaces the update before."""
    return Operation(
        name=OperationName.UPDATE,
        method="POST",
        path=_of_session(app_id, mode, resource_id, sid, "update"),
        body=encode(request),
        answer=UpdateAnswer,
        priority=Priority.UPDATE,
        subject=_subject(OperationName.UPDATE, request, resource_id, sid),
    )


def update_layout(
    app_id: str, mode: ModeName, resource_id: str, sid: str, request: UpdateLayoutRequest
) -> Operation[UpdateLayoutAnswer]:
    """Change the picture of a running recording; the service takes it in mix mode only."""
    return Operation(
        name=OperationName.UPDATE_LAYOUT,
        method="POST",
        path=_of_session(app_id, mode, resource_id, sid, "updateLayout"),
        body=encode(request),
        answer=UpdateLayoutAnswer,
        priority=Priority.UPDATE,
        subject=_subject(OperationName.UPDATE_LAYOUT, request, resource_id, sid),
    )


def stop(
    app_id: str, mode: ModeName, resource_id: str, sid: str, request: StopRequest
) -> Operation[StopAnswer]:
    """End a recording."""
    return Operation(
        name=OperationName.STOP,
        method="POST",
        path=_of_session(app_id, mode, resource_id, sid, "stop"),
        body=encode(request),
        answer=StopAnswer,
        priority=Priority.STOP,
        subject=_subject(OperationName.STOP, request, resource_id, sid),
        timeout=None if request.async_stop else STOP_TIMEOUT,
    )


def ncs_ip() -> Operation[NcsIpAnswer]:
    """Ask where the service's webhooks come from today."""
    return Operation(
        name=OperationName.NCS_IP,
        method="GET",
        path="/v1/ncs/ip",
        body=None,
        answer=NcsIpAnswer,
        priority=Priority.WATCH,
        subject=Subject(operation=OperationName.NCS_IP),
    )


def interpret(operation: Operation[A], status: int, data: bytes) -> A:
    """Read the answer to an operation: pure.

    Raises:
        ApiError: It is no plain success. What can't be read is an `UnexpectedAnswer`, unless its status says
            enough.
    """
    answer = _read(operation, status, data)
    del data  # answers repeat the keys of streams: no traceback may show them
    if isinstance(answer, ApiError):
        raise answer
    return answer


def _read(operation: Operation[A], status: int, data: bytes) -> A | ApiError:
    try:
        if status == _OK:
            return decode(operation.answer, data)
        return from_refusal(operation.subject, refusal(status, data))
    except BadShape as bad:
        error = from_unreadable(operation.subject, status, str(bad))
        error.__cause__ = bad.with_traceback(None)
        return error


def _app(app_id: str) -> str:
    return f"/v1/apps/{_part('app_id', app_id)}/cloud_recording"


def _of_resource(app_id: str, resource_id: str) -> str:
    return f"{_app(app_id)}/resourceid/{_part('resource_id', resource_id)}"


def _of_session(app_id: str, mode: ModeName, resource_id: str, sid: str, call: str) -> str:
    return f"{_of_resource(app_id, resource_id)}/sid/{_part('sid', sid)}/mode/{mode.value}/{call}"


def _part(name: str, text: str) -> str:
    """One part of a path, percent-encoded. Dots alone would make it another path, encoded or not."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        encoded = ""
    if encoded in {"", ".", ".."}:
        rule = "a text that can stand in a path: neither empty nor dots alone nor broken Unicode"
        raise InvalidRequest((Violation(name, ascii(text)[:100], rule),))
    return encoded


def _subject(
    name: OperationName, request: Request, resource_id: str | None = None, sid: str | None = None
) -> Subject:
    return Subject(
        operation=name,
        cname=request.cname,
        uid=_known_uid(request.uid),
        resource_id=resource_id,
        sid=sid,
    )


def _known_uid(uid: int | str | None) -> int | None:
    """The uid as a number; None where it is none: an error's subject is no place to complain."""
    try:
        return normal_uid(uid)
    except ValueError:
        return None
