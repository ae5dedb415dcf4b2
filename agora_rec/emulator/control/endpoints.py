"""What can be asked of the control API, and what is done then: one table, which the documents show too.

Every act takes the desk (the emulator with what is behind it) and what was read of the request, and gives
the answer's JSON. What is wrong is thrown: `WrongFields` (400), `NotFound` (404), `Conflict` (409).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from attrs import define, evolve, field, frozen

from agora_rec.clock import Clock
from agora_rec.emulator.control import clocks, told, truths
from agora_rec.emulator.control.fields import (
    Field,
    Values,
    cname,
    flag,
    number,
    text,
    uid,
    whole,
    wholes,
    word,
)
from agora_rec.emulator.control.refusals import Conflict, NotFound
from agora_rec.emulator.control.troubles import TROUBLES, WHERE, make
from agora_rec.emulator.dial import SteppedClock
from agora_rec.emulator.failovers import SECONDS_MAX as FAILOVER_SECONDS_MAX
from agora_rec.emulator.schema.told import Told, listed, or_null, record
from agora_rec.emulator.service import Service
from agora_rec.emulator.session import Session
from agora_rec.emulator.wire import JsonObject

if TYPE_CHECKING:
    from agora_rec.emulator.emulator import Emulator

_T = TypeVar("_T")

PREFIX: Final = "/_emulator"
API: Final = f"{PREFIX}/api/"
DESCRIPTION: Final = f"{PREFIX}/openapi.json"
PAGE_MAX: Final = 1000
"""The most things that one answer lists."""
_NUMBER: Final = whole(0, 1_000_000_000)
_EVENTS_MAX: Final = 50
_EVENTS: Final = Field(
    "event_types",
    wholes(0, 10_000, _EVENTS_MAX),
    "which types of event; all that are subscribed if it is not given",
)
_SID: Final = Field("sid", text(64), "which recording", required=True)
_CNAME: Final = Field("cname", cname(), "which channel", required=True)
_UID: Final = Field("uid", uid(), "which user", required=True)
_LIMIT: Final = Field("limit", whole(1, PAGE_MAX), "how many at most", default=100)
_SINCE: Final = Field("since", _NUMBER, "only those with a larger number", default=0)
_BEFORE: Final = Field("before", _NUMBER, "only those with a smaller number")


@define(eq=False)
class Desk:
    """Where the acts are carried out: the emulator, and its parts that it doesn't show to everybody."""

    emulator: "Emulator"
    service: Service = field(repr=False)
    clock: Clock = field(repr=False)

    def now(self) -> datetime:
        """The emulator's now, with everything done that was due by then."""
        now = self.clock.now()
        self.service.catch_up(now)
        return now

    def session(self, sid: str) -> Session:
        """That recording."""
        session = self.service.office.sessions.get(sid)
        if session is None:
            raise NotFound(f"there never was a recording with the sid {sid}")
        return session


async def _recordings(desk: Desk, read: Values) -> JsonObject:
    now = desk.now()
    office = desk.service.office
    those = office.at_work(now) if read.get("running") else tuple(office.sessions.values())
    found = [
        session
        for session in reversed(those)
        if ("cname" not in read or session.resource.cname == read["cname"])
        and ("running" not in read or session.is_running(now) == read["running"])
    ]
    return {
        "recordings": [truths.recording(session, now) for session in found[: read["limit"]]],
        "more": len(found) > read["limit"],
    }


async def _recording(desk: Desk, read: Values) -> JsonObject:
    now = desk.now()
    return truths.whole_recording(desk.session(read["sid"]), now)


async def _fail_over(desk: Desk, read: Values) -> JsonObject:
    session = desk.session(read["sid"])
    try:
        new_uid = desk.emulator.fail_over(
            read["sid"],
            seconds=read["seconds"],
            new_uid=read.get("new_uid"),
            old_reports=read["old_reports"],
        )
    except ValueError as refused:
        raise Conflict(str(refused)) from None
    return {"new_uid": new_uid, **truths.recording(session, desk.now())}


def _page(things: Sequence[_T], number: Callable[[_T], int], read: Values) -> tuple[list[_T], bool]:
    """The newest of those that are asked for, newest first, and whether there are more."""
    before = read.get("before")
    found = [
        each for each in things if number(each) > read["since"] and (before is None or number(each) < before)
    ]
    return found[: -read["limit"] - 1 : -1], len(found) > read["limit"]


async def _calls(desk: Desk, read: Values) -> JsonObject:
    desk.now()
    listed, more = _page(desk.emulator.calls, lambda call: call.number, read)
    return {"calls": [truths.call(each) for each in listed], "more": more}


async def _call(desk: Desk, read: Values) -> JsonObject:
    desk.now()
    found = next((each for each in desk.emulator.calls if each.number == read["number"]), None)
    if found is None:
        raise NotFound(f"there is no call number {read['number']}")
    return truths.whole_call(found)


async def _notices(desk: Desk, read: Values) -> JsonObject:
    listed, more = _page(desk.emulator.notices, lambda notice: notice.number, read)
    return {"notices": [truths.notice(each) for each in listed], "more": more}


async def _channels(desk: Desk, read: Values) -> JsonObject:
    now = desk.now()
    known = list(desk.service.office.channels.values())
    return {
        "channels": [truths.channel(each, now) for each in known[: -read["limit"] - 1 : -1]],
        "more": len(known) > read["limit"],
    }


async def _channel(desk: Desk, read: Values) -> JsonObject:
    now = desk.now()
    return truths.channel(desk.service.office.channel(read["cname"]), now)


async def _join(desk: Desk, read: Values) -> JsonObject:
    desk.emulator.channel(read["cname"]).join(
        read["uid"], audio=read["audio"], video=read["video"], host=read["host"], webm=read["webm"]
    )
    return await _channel(desk, read)


async def _publish(desk: Desk, read: Values) -> JsonObject:
    handle, uid = desk.emulator.channel(read["cname"]), read["uid"]
    audio, video = read.get("audio"), read.get("video")
    try:
        handle.publish(uid, audio=audio is True, video=video is True)
        handle.unpublish(uid, audio=audio is False, video=video is False)
    except LookupError:
        raise NotFound(f"{uid} is not in this channel") from None
    return await _channel(desk, read)


async def _leave(desk: Desk, read: Values) -> JsonObject:
    desk.emulator.channel(read["cname"]).leave(read["uid"])
    return await _channel(desk, read)


async def _empty(desk: Desk, read: Values) -> JsonObject:
    desk.emulator.channel(read["cname"]).empty()
    return await _channel(desk, read)


async def _faults(desk: Desk, read: Values) -> JsonObject:  # noqa: ARG001 - the form of an act
    return {"faults": [truths.fault(each) for each in desk.service.faults.waiting]}


async def _inject(desk: Desk, read: Values) -> JsonObject:
    where = {each.name: read.get(each.name) for each in WHERE}
    desk.emulator.inject(make(read["fault"], read), **where)
    return await _faults(desk, read)


async def _clear_faults(desk: Desk, read: Values) -> JsonObject:
    desk.emulator.clear_faults()
    return await _faults(desk, read)


async def _deliveries(desk: Desk, read: Values) -> JsonObject:
    listed, more = _page(desk.emulator.deliveries, lambda record: record.number, read)
    return {
        "receiver": desk.emulator.webhooks_to is not None,
        "deliveries": [truths.delivery(each) for each in listed],
        "more": more,
    }


async def _check_health(desk: Desk, read: Values) -> JsonObject:
    if desk.emulator.webhooks_to is None:
        raise Conflict("nobody receives notifications: begin the emulator with a receiver (--webhooks-to)")
    checks = await desk.emulator.send_health_check(*read.get("event_types", ()))
    return {
        "healthy": all(each.is_healthy for each in checks),
        "checks": [
            {"event_type": each.event_type, "code": each.code, "attempts": truths.attempts([each.attempt])}
            for each in checks
        ],
    }


async def _clock(desk: Desk, read: Values) -> JsonObject:  # noqa: ARG001 - the form of an act
    return {"now": truths.moment(desk.now()), **clocks.describe(desk.clock)}


async def _advance(desk: Desk, read: Values) -> JsonObject:
    if not isinstance(desk.clock, SteppedClock):
        raise Conflict("this emulator's clock can't be moved: it isn't a SteppedClock or an AcceleratedClock")
    await clocks.advance(desk.clock, read["seconds"])
    return await _clock(desk, read)


Act: TypeAlias = Callable[[Desk, Values], Awaitable[JsonObject]]


@frozen(kw_only=True)
class Endpoint:
    """One thing that can be asked. `path` is below `/_emulator/api/`; in braces stand fields.

    `query` are the fields of the query string, `fields` those of the JSON body; `kinds` are further ones,
    which depend on the value of the body's first field. `gives` is a JSON Schema of its answer, `refuses`
    what it throws beside `WrongFields`.
    """

    name: str
    method: str
    path: str
    says: str
    act: Act = field(repr=False)
    gives: Told = field(repr=False)
    refuses: tuple[type[NotFound | Conflict], ...] = ()
    places: tuple[Field, ...] = ()
    query: tuple[Field, ...] = ()
    fields: tuple[Field, ...] = ()
    kinds: Mapping[str, tuple[Field, ...]] = field(factory=dict[str, tuple[Field, ...]])

    def fields_for(self, given: Mapping[str, object]) -> tuple[Field, ...]:
        """The body's fields, given what came."""
        chosen = given.get(self.fields[0].name) if self.kinds else None
        return (*self.fields, *self.kinds.get(chosen if isinstance(chosen, str) else "", ()))


_FAULTS: Final = record(
    {
        "faults": listed(
            {
                "oneOf": [
                    record(
                        {
                            "fault": {"const": name},
                            **{each.name: or_null(each.kind.told) for each in WHERE},
                        },
                        optional={each.name: each.kind.told for each in trouble.fields},
                    )
                    for name, trouble in TROUBLES.items()
                ]
            }
        )
    }
)

CHECK_HEALTH: Final = Endpoint(
    name="check_health",
    method="POST",
    path="health-check",
    says="do what the console does to try the receiver",
    act=_check_health,
    gives=record({"healthy": told.FLAG, "checks": listed(told.CHECK)}),
    refuses=(Conflict,),
    fields=(_EVENTS,),
)

ENDPOINTS: Final = (
    Endpoint(
        name="recordings",
        method="GET",
        path="recordings",
        says="the recordings, the latest first, without pictures and histories",
        act=_recordings,
        gives=told.page_of("recordings", told.RECORDING),
        query=(
            evolve(_CNAME, says="only those of this channel", required=False),
            Field("running", flag(), "only those that run, or only those that don't"),
            _LIMIT,
        ),
    ),
    Endpoint(
        name="recording",
        method="GET",
        path="recordings/{sid}",
        says="one recording: files, state, picture (who is seen where) and history",
        act=_recording,
        gives=told.WHOLE_RECORDING,
        refuses=(NotFound,),
        places=(_SID,),
    ),
    Endpoint(
        name="fail_over",
        method="POST",
        path="recordings/{sid}/failover",
        says="its server is lost: 404 for a while, then it goes on under another uid",
        act=_fail_over,
        gives=told.MOVED_RECORDING,
        refuses=(NotFound, Conflict),
        places=(_SID,),
        fields=(
            Field("seconds", number(0, FAILOVER_SECONDS_MAX, above=True), "how long it takes", default=60.0),
            Field("new_uid", uid(), "the new recorder's uid; a random one if it is not given"),
            Field("old_reports", flag(), "the old recorder reports its end as well", default=False),
        ),
    ),
    Endpoint(
        name="calls",
        method="GET",
        path="calls",
        says="the calls that reached the service, newest first, without their bodies",
        act=_calls,
        gives=told.page_of("calls", told.CALL),
        query=(_SINCE, _BEFORE, _LIMIT),
    ),
    Endpoint(
        name="call",
        method="GET",
        path="calls/{number}",
        says="one call with its body (secrets are masked)",
        act=_call,
        gives=told.WHOLE_CALL,
        refuses=(NotFound,),
        places=(Field("number", _NUMBER, "which call", required=True),),
    ),
    Endpoint(
        name="notices",
        method="GET",
        path="notices",
        says="what the service notifies of, newest first, whether or not anybody receives it",
        act=_notices,
        gives=told.page_of("notices", told.NOTICE),
        query=(_SINCE, _BEFORE, _LIMIT),
    ),
    Endpoint(
        name="channels",
        method="GET",
        path="channels",
        says="the channels that anybody has spoken of, the latest first, with their users",
        act=_channels,
        gives=told.page_of("channels", told.CHANNEL),
        query=(_LIMIT,),
    ),
    Endpoint(
        name="channel",
        method="GET",
        path="channels/{cname}",
        says="one channel with its users; one that nobody spoke of has those that the emulator begins with",
        act=_channel,
        gives=told.CHANNEL,
        places=(_CNAME,),
    ),
    Endpoint(
        name="join",
        method="PUT",
        path="channels/{cname}/users/{uid}",
        says="somebody comes, or is there in another way",
        act=_join,
        gives=told.CHANNEL,
        places=(_CNAME, _UID),
        fields=(
            Field("audio", flag(), "sends audio", default=True),
            Field("video", flag(), "sends video", default=True),
            Field("host", flag(), "is a host; false: audience", default=True),
            Field("webm", flag(), "is a browser whose video is stored as WebM", default=False),
        ),
    ),
    Endpoint(
        name="publish",
        method="PATCH",
        path="channels/{cname}/users/{uid}",
        says="somebody who is there begins or ceases to send something; what is left out stays as it is",
        act=_publish,
        gives=told.CHANNEL,
        refuses=(NotFound,),
        places=(_CNAME, _UID),
        fields=(
            Field("audio", flag(), "sends audio"),
            Field("video", flag(), "sends video"),
        ),
    ),
    Endpoint(
        name="leave",
        method="DELETE",
        path="channels/{cname}/users/{uid}",
        says="somebody goes",
        act=_leave,
        gives=told.CHANNEL,
        places=(_CNAME, _UID),
    ),
    Endpoint(
        name="empty",
        method="DELETE",
        path="channels/{cname}/users",
        says="everybody goes",
        act=_empty,
        gives=told.CHANNEL,
        places=(_CNAME,),
    ),
    Endpoint(
        name="faults",
        method="GET",
        path="faults",
        says="the faults that still wait for their calls, in the order in which they go",
        act=_faults,
        gives=_FAULTS,
    ),
    Endpoint(
        name="inject",
        method="POST",
        path="faults",
        says="a fault happens to the next calls that fit",
        act=_inject,
        gives=_FAULTS,
        fields=(Field("fault", word(tuple(TROUBLES)), "what happens", required=True), *WHERE),
        kinds={name: trouble.fields for name, trouble in TROUBLES.items()},
    ),
    Endpoint(
        name="clear_faults",
        method="DELETE",
        path="faults",
        says="forget the faults that still wait",
        act=_clear_faults,
        gives=_FAULTS,
    ),
    Endpoint(
        name="deliveries",
        method="GET",
        path="deliveries",
        says="what became of each notification on its way to the receiver, newest first",
        act=_deliveries,
        gives=told.page_of("deliveries", told.DELIVERY, receiver=told.FLAG),
        query=(_SINCE, _BEFORE, _LIMIT),
    ),
    CHECK_HEALTH,
    Endpoint(
        name="clock",
        method="GET",
        path="clock",
        says="what time it is, and whether that can be moved",
        act=_clock,
        gives=told.CLOCK,
    ),
    Endpoint(
        name="advance",
        method="POST",
        path="clock/advance",
        says="move the clock, where it is a stepped or an accelerated one",
        act=_advance,
        gives=told.CLOCK,
        refuses=(Conflict,),
        fields=(Field("seconds", number(0, clocks.SECONDS_MAX), "how far", required=True),),
    ),
)
"""Everything that can be asked, in the order of the documents."""


LISTED: Final = record({"endpoints": listed(record(dict.fromkeys(("method", "path", "says"), told.TEXT)))})
"""What `list_endpoints` gives, as a JSON Schema."""


def list_endpoints() -> JsonObject:
    """All of them, in short."""
    return {
        "endpoints": [
            {"method": each.method, "path": f"{API}{each.path}", "says": each.says} for each in ENDPOINTS
        ]
    }
