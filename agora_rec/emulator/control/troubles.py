"""The faults as the control API names them, and what may be sent with each of them: one table."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from agora_rec.emulator import faults
from agora_rec.emulator.control.fields import (
    EVER,
    Field,
    Values,
    cname,
    flag,
    header,
    number,
    text,
    times,
    uid,
    whole,
    words_of,
)
from agora_rec.emulator.faults import Fault
from agora_rec.emulator.spans import SECONDS_MAX
from agora_rec.emulator.wire import JsonObject
from agora_rec.vocabulary import OperationName

_LONG: Final = number(0, SECONDS_MAX)
_STATUS: Final = whole(200, 599)
_TEXT: Final = text(1000)
_DATA_MAX: Final = 10_000
_TIMES_MAX: Final = 1_000_000


@frozen
class Trouble:
    """One kind of fault: what it is made of, and with what."""

    makes: type[Any]
    says: str
    fields: tuple[Field, ...] = ()


TROUBLES: Final[Mapping[str, Trouble]] = {
    "delay": Trouble(faults.Delay, "acts late", (Field("seconds", _LONG, "how late", required=True),)),
    "slow_answer": Trouble(
        faults.SlowAnswer,
        "acts at once and answers late",
        (Field("seconds", _LONG, "how late", required=True),),
    ),
    "lose_answer": Trouble(
        faults.LoseAnswer,
        "acts, and the connection breaks before the answer",
        (Field("seconds", _LONG, "how long after the answer's moment"),),
    ),
    "cut": Trouble(
        faults.Cut,
        "the connection breaks before it acts",
        (Field("seconds", _LONG, "how long after the request"),),
    ),
    "unreachable": Trouble(faults.Unreachable, "no connection"),
    "refuse": Trouble(
        faults.Refuse,
        "says no",
        (
            Field("status", _STATUS, "of the answer", required=True),
            Field("code", whole(0, 1_000_000), "the recording service's code"),
            Field("reason", _TEXT, "its reason"),
            Field("message", _TEXT, "the gateway's message"),
            Field("acted", flag(), "it is carried out all the same"),
        ),
    ),
    "garble": Trouble(
        faults.Garble,
        "acts and answers with something else",
        (
            Field("data", text(_DATA_MAX, least=0), "what it answers", required=True),
            Field("status", _STATUS, "of the answer"),
            Field("content_type", header(100), "of the answer"),
        ),
    ),
    "upload": Trouble(
        faults.Upload,
        "for a stop: a slow upload, or one that ends in the backup",
        (
            Field("seconds", _LONG, "how long it takes"),
            Field("backuped", flag(), "it ends in the backup"),
        ),
    ),
}

WHERE: Final = (
    Field("operation", words_of(OperationName), "which call"),
    Field("cname", cname(), "about which channel"),
    Field("uid", uid(), "about which recorder"),
    Field("host", text(253), "sent to which host"),
    Field("times", times(_TIMES_MAX), f"how often; {EVER}: until the faults are cleared", default=1),
)
"""Which calls a fault happens to; what is left out fits any."""

_NAMES: Final = {trouble.makes: name for name, trouble in TROUBLES.items()}


def make(name: str, read: Values) -> Fault:
    """The fault of that name, with what was read of its fields."""
    given = {each.name: read[each.name] for each in TROUBLES[name].fields if each.name in read}
    if "data" in given:
        given["data"] = given["data"].encode("utf-8", "replace")
    made: Fault = TROUBLES[name].makes(**given)
    return made


def name_of(fault: Fault) -> str:
    """Its name here."""
    return _NAMES[type(fault)]


def parts_of(fault: Fault) -> JsonObject:
    """What it was made with, as it may be sent."""
    parts = {each.name: getattr(fault, each.name) for each in TROUBLES[name_of(fault)].fields}
    return {
        name: part.decode("utf-8", "replace") if isinstance(part, bytes) else part
        for name, part in parts.items()
        if part is not None
    }
