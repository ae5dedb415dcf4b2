"""Which refusals each of the service's calls may meet in this emulator, and what they look like.

Those that somebody injects (`Refuse`) are not among them.
"""

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from agora_rec.emulator import wire
from agora_rec.emulator.schema.told import Told
from agora_rec.emulator.settings import AppIdRefusal, Settings
from agora_rec.emulator.wire import Refusal, Subject
from agora_rec.vocabulary import OperationName

_GATEWAY: Final = (wire.NO_AUTHORIZATION, wire.WRONG_CREDENTIALS, wire.NO_ROUTE, wire.RATE_EXCEEDED)
_ABOUT_RESOURCES: Final = (wire.RESOURCE_UNREADABLE, wire.RESOURCE_FOREIGN)

_REFUSALS: Final[Mapping[OperationName, tuple[Refusal, ...]]] = {
    OperationName.ACQUIRE: (wire.BAD_PARAMETER, wire.TOO_MANY_RECORDINGS),
    OperationName.START: (
        wire.BAD_PARAMETER,
        wire.TASK_CONFLICT,
        wire.MISMATCH,
        wire.RESOURCE_EXPIRED,
        *_ABOUT_RESOURCES,
        wire.NO_CAPACITY,
    ),
    OperationName.QUERY: (wire.BAD_PARAMETER, wire.RESOURCE_EXPIRED, *_ABOUT_RESOURCES, wire.NO_WORKER),
    OperationName.UPDATE: (wire.BAD_PARAMETER, wire.MISMATCH, wire.RESOURCE_EXPIRED, wire.NO_WORKER),
    OperationName.UPDATE_LAYOUT: (wire.BAD_PARAMETER, wire.MISMATCH, wire.RESOURCE_EXPIRED, wire.NO_WORKER),
    OperationName.STOP: (
        wire.NO_RECORDED_DATA,
        wire.BAD_PARAMETER,
        wire.EXITING_ALREADY,
        wire.MISMATCH,
        wire.RESOURCE_EXPIRED,
        *_ABOUT_RESOURCES,
        wire.NO_WORKER,
    ),
    OperationName.NCS_IP: (),
}
_VARYING: Final = frozenset({wire.BAD_PARAMETER.code})
"""Codes whose reasons say what is wrong."""


def refusals(operation: OperationName, settings: Settings) -> list[Refusal]:
    """What may be said to that call instead of what it asks for."""
    return [*_GATEWAY, *_chosen(operation, settings), *_REFUSALS[operation]]


def _chosen(operation: OperationName, settings: Settings) -> list[Refusal]:
    """Those that depend on the settings."""
    acquires, starts = operation is OperationName.ACQUIRE, operation is OperationName.START
    app_id = {
        AppIdRefusal.GATEWAY: wire.INVALID_APP_ID,
        AppIdRefusal.OLDER: wire.INVALID_APP_ID_OLDER,
        AppIdRefusal.SERVICE: wire.INVALID_APP_ID_ACQUIRE if acquires else wire.INVALID_APP_ID,
        AppIdRefusal.OLDER_SERVICE: wire.NOT_ENABLED_OLDER if acquires else wire.INVALID_APP_ID,
    }[settings.app_id_refusal]
    started = wire.ALREADY_STARTED
    if settings.repeated_start_with_sid:
        started = evolve(started, extra={"resourceId": "", "sid": ""})
    cname = wire.INVALID_CNAME_OLDER if settings.older_cname_code else wire.INVALID_CNAME
    tokens = settings.tokens_checked_at_start
    exits = settings.exiting_refused and operation in {OperationName.QUERY, OperationName.STOP}
    layout = settings.older_layout_code and operation is OperationName.UPDATE_LAYOUT
    has_body = operation not in {OperationName.QUERY, OperationName.NCS_IP}
    chosen = (
        (app_id, operation is not OperationName.NCS_IP),
        (wire.NOT_ACTIVE, acquires and bool(settings.inactive_app_ids)),
        (wire.BAD_FORM_OLDER, has_body and settings.older_form_code),
        (started, starts),
        (cname, acquires),
        (wire.TOKEN_EXPIRED, starts and tokens),
        (wire.TOKEN_WRONG, starts and tokens),
        (wire.EXITING, exits),
        (wire.INVALID_LAYOUT_OLDER, layout),
    )
    return [refusal for refusal, applies in chosen if applies]


def told(refusal: Refusal, operation: OperationName, settings: Settings) -> Told:
    """What that refusal's body looks like: the body itself, with what depends on the call left open."""
    answer = wire.refusal_answer(refusal, Subject(operation=operation), settings)
    body = _like(wire.load(answer.body))
    varies = refusal.code in _VARYING
    kept = {"code": refusal.code, "reason": None if varies else refusal.reason, "message": refusal.message}
    for name, value in kept.items():
        if value is not None and name in body["properties"]:
            body["properties"][name] = {"const": value}
    return body


def _like(value: object) -> Told:
    """A JSON Schema of values that are made as this one."""
    given = wire.as_object(value)
    if given is None:
        return {"type": "integer" if isinstance(value, int) else "string"}
    return {
        "type": "object",
        "properties": {name: _like(item) for name, item in given.items()},
        "required": list(given),
        "additionalProperties": False,
    }
