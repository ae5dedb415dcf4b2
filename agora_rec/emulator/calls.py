"""The log of what reached the service: the truth that tests compare with. Secrets are masked on entry."""

from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from attrs import frozen

from agora_rec.emulator import wire
from agora_rec.secret import MASK
from agora_rec.vocabulary import OperationName

_SECRET_NAMES: Final = frozenset(
    {
        "accesskey",
        "secretkey",
        "ststoken",
        "token",
        "secret",
        "salt",
        "rtmpurl",
        "callbackseed",
        "privateparams",
    }
)
"""In lower case: a misspelt name holds the same secret."""


@unique
class Fate(StrEnum):
    """What became of a call."""

    PENDING = "pending"
    """The service is at it."""
    ANSWERED = "answered"
    LOST = "lost"
    """It was carried out; the connection broke before its answer."""
    CUT = "cut"
    """The connection broke before it was carried out."""


@frozen(kw_only=True)
class Call:
    """One call as the service saw it.

    `number` counts from 1 in the order of arrival. `host` is the name by which the caller knows the service.
    `status` and `code` are the answer's, also where it was lost; None while it is pending or if there
    was none. `body` is the request's, without secrets (None without one, a remark if it is no JSON
    object). `overlapped`: another call about the same recording was being handled at the same time.
    """

    number: int
    at: datetime
    method: str
    path: str
    host: str = ""
    operation: OperationName | None = None
    mode: str | None = None
    cname: str | None = None
    uid: str | None = None
    resource_id: str | None = None
    sid: str | None = None
    body: object = None
    fate: Fate = Fate.PENDING
    answered_at: datetime | None = None
    status: int | None = None
    code: int | None = None
    reason: str | None = None
    overlapped: bool = False


def mask(value: object) -> object:
    """A JSON value with everything secret replaced, at any depth and in any spelling of the names."""
    given = wire.as_object(value)
    if given is not None:
        return {name: MASK if name.lower() in _SECRET_NAMES else mask(item) for name, item in given.items()}
    items = wire.as_list(value)
    return value if items is None else [mask(item) for item in items]
