"""Whether a call was legal when it was sent: an independent reading of the answers delivered until then.

This module shares no code with the client: it reads URLs, bodies, answers and notifications by itself, and
knows the rules from the service's documents and from what the library promises. It doesn't know what the
client thinks, only what it was told. A life is one client from its opening to its end or death; what a life
was told binds that life, while facts of the service (which resource ID belongs to whom) bind all.

A notification permits from the moment of its delivery on (its sid may be used, an end that another instance
reported is none), and binds whoever has acknowledged it from that moment on.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from tests.simulation.notices import Instances, Told, read_notice

_PATH: Final = re.compile(
    r"/v1/apps/(?P<app>[^/]+)/cloud_recording/"
    r"(?:(?P<acquire>acquire)"
    r"|resourceid/(?P<resource>[^/]+)(?:/sid/(?P<sid>[^/]+))?/mode/(?P<mode>[^/]+)/(?P<verb>\w+))"
)
_START_WITHIN: Final = 300.001
"""Seconds; the thousandth is for moments that were added up as floats."""
_SPENT: Final = frozenset({2, 53, 109, 110, 432, 433, 1001, 1003})
_NOT_STARTED: Final = frozenset({(500, 15), (500, 502)})
_DOUBTFUL_CODES: Final = frozenset({7, 62, 65})
_DOUBTFUL_STATUSES: Final = frozenset({408, 499})
_LEAVING: Final = frozenset({6, 7, 8, 20})


@define(eq=False, kw_only=True)
class Sent:
    """A call on its way."""

    number: int
    life: int
    at: float
    verb: str
    who: tuple[str, str]
    """cname and uid, as they were acquired."""
    resource: str | None = None
    sid: str | None = None
    mode: str | None = None


@define(eq=False, kw_only=True)
class Resource:
    """What is known of one resource ID."""

    who: tuple[str, str]
    answered_at: float
    body: bytes | None = None
    sent_at: float = 0.0
    """When its start was sent first, in seconds of the play."""
    senders: set[int] = field(factory=set[int])
    """The lives that have sent its start."""
    open: bool = False
    """A start was sent that may have worked."""
    failed: bool = False
    """A start was refused for certain, and its documents name another uid as the way on."""
    spent_in: set[int] = field(factory=set[int])
    """The lives that were told that no start under it will ever work."""
    started_in: set[int] = field(factory=set[int])
    """The lives that were told that it has started."""


@define(eq=False)
class Oracle:
    """Judges calls as they are sent; whatever it says is a violation."""

    violate: Callable[[str], None]
    first_uids: Mapping[tuple[str, str], tuple[str, str]] = field(factory=dict)
    """Who has which first uid, by its alternate one: each a cname and a uid."""
    moments: list[float] = field(factory=list[float], init=False)
    """When calls were sent, in order."""
    _resources: dict[str, Resource] = field(factory=dict[str, Resource], init=False)
    _sids: dict[str, str] = field(factory=dict[str, str], init=False)
    """The resource of each sid that was told to somebody."""
    _over: set[tuple[int, str]] = field(factory=set[tuple[int, str]], init=False)
    """(life, sid) of which that life was told that it has stopped or left."""
    _instances: dict[str, Instances] = field(factory=dict[str, Instances], init=False)
    """By sid, as far as notifications were given to somebody."""
    _acknowledged: dict[str, Instances] = field(factory=dict[str, Instances], init=False)
    """The same, as far as somebody has said that he knows it: who dies over a notification does not."""
    _ends: dict[tuple[int, str], set[str]] = field(factory=dict[tuple[int, str], set[str]], init=False)
    """(life, sid) and the instances of which that life has acknowledged that they have left."""
    _over_at: dict[str, float] = field(factory=dict[str, float], init=False)
    """By sid: when it last seemed to be over to somebody."""
    _on_the_wire: dict[tuple[Any, ...], Sent] = field(factory=dict[tuple[Any, ...], Sent], init=False)
    _count: int = field(default=0, init=False)

    def sent(self, life: int, at: float, path: str, body: bytes) -> Sent:
        """Judge a call that goes out now."""
        self._count += 1
        self.moments.append(at)
        call = self._read(life, at, path, body)
        key = self._line(call)
        other = self._on_the_wire.get(key)
        if other is not None:
            self._illegal(call, f"{other.verb} #{other.number} of the same recording is on the wire")
        self._on_the_wire[key] = call
        match call.verb:
            case "acquire":
                self._judge_acquire(call)
            case "start":
                self._judge_start(call, body)
            case _:
                self._judge_control(call)
        return call

    def _line(self, call: Sent) -> tuple[Any, ...]:
        """Of which calls only one may be on the wire: those of a recording, by one client."""
        return call.life, call.who

    def answered(self, call: Sent, at: float, status: int, body: bytes) -> None:
        """An answer was delivered to the client."""
        self._on_the_wire.pop(self._line(call), None)
        told = _object(body)
        match call.verb:
            case "acquire":
                self._told_of_acquire(call, at, status, told)
            case "start":
                self._told_of_start(call, status, told)
            case "stop" if _acknowledges(status, told):
                self._over.add((call.life, call.sid or ""))
            case "query" if status == 200 and _status_of(told) in _LEAVING:  # it says so itself
                self._over.add((call.life, call.sid or ""))
            case _:
                pass

    def unanswered(self, call: Sent, *, reached: bool) -> None:
        """No answer came, or the client didn't wait for it."""
        self._on_the_wire.pop(self._line(call), None)
        if call.verb == "start" and reached and call.resource in self._resources:
            self._resources[call.resource].open = True

    def delivered(self, body: bytes, at: float) -> None:
        """A notification is given to somebody: what it says may be made use of."""
        told = read_notice(body)
        if told is None:
            return
        if self._is_over_for_somebody(told.sid):
            self._over_at[told.sid] = at
        if told.sid not in self._sids and (resource := self._awaiting(told)) is not None:
            self._sids[told.sid] = resource
        self._instances.setdefault(told.sid, Instances()).heard(told)
        known = self._acknowledged.get(told.sid, Instances())
        if told.is_end and known.with_one(told).is_over({told.uid}):  # which is taken in before that
            self._over_at[told.sid] = at

    def acknowledged(self, life: int, body: bytes, zero: float) -> None:
        """Somebody has said that he knows what a notification says: it binds him.

        Args:
            life: Who.
            body: The notification.
            zero: The service's time, in seconds since 1970, when the play began.
        """
        told = read_notice(body)
        if told is None:
            return
        resource = self._resources.get(self._sids.get(told.sid, ""))
        if resource is not None and told.at - zero >= resource.sent_at:
            resource.started_in.add(life)
        self._acknowledged.setdefault(told.sid, Instances()).heard(told)
        if told.is_end:
            self._ends.setdefault((life, told.sid), set()).add(told.uid)

    def is_over(self, life: int, sid: str) -> bool:
        """Whether a life was told that a recording has stopped or left."""
        ended = self._ends.get((life, sid))
        return (life, sid) in self._over or (ended is not None and self._instances[sid].is_over(ended))

    def was_told_over(self, sid: str, since: float) -> bool:
        """Whether somebody was told that a recording has left, and nobody more since a moment ago."""
        return self._over_at.get(sid, -1.0) >= since or self._is_over_for_somebody(sid)

    def _is_over_for_somebody(self, sid: str) -> bool:
        told = [ended for (_, about), ended in self._ends.items() if about == sid]
        return any(self._acknowledged[sid].is_over(ended) for ended in told)

    def _awaiting(self, told: Told) -> str | None:
        """The resource ID whose start waits for its sid, under the channel and uid of a notification."""
        known, who = set(self._sids.values()), (told.cname, told.uid)
        waiting = {
            key: each.sent_at
            for key, each in self._resources.items()
            if each.who == who and each.body is not None and key not in known
        }
        return max(waiting, key=waiting.__getitem__, default=None)

    def attached(self, resource: str | None) -> None:
        """A client goes on from a checkpoint by which a start is on its way: nobody knows what came of it."""
        if resource in self._resources:
            self._resources[resource].open = True

    def died(self, life: int) -> None:
        """What was on the wire for a life is nobody's any more."""
        for key in [key for key in self._on_the_wire if key[0] == life]:
            self._on_the_wire.pop(key)

    def _read(self, life: int, at: float, path: str, body: bytes) -> Sent:
        found = _PATH.fullmatch(path)
        if found is None:
            self.violate(f"illegal call #{self._count}: no such path as {path}")
            return Sent(number=self._count, life=life, at=at, verb="?", who=("?", "?"))
        told = _object(body)
        resource = found["resource"]
        known = self._resources.get(resource or "")
        given = str(told.get("cname")), str(told.get("uid"))
        if known is not None and "uid" in told and given != known.who:
            self.violate(f"illegal call #{self._count}: for {given}, and {known.who} was acquired")
        return Sent(
            number=self._count,
            life=life,
            at=at,
            verb=found["acquire"] or found["verb"],
            who=given if known is None else known.who,
            resource=resource,
            sid=found["sid"],
            mode=found["mode"],
        )

    def _illegal(self, call: Sent, why: str) -> None:
        self.violate(f"illegal call #{call.number}: {call.verb} for {call.who[0]}: {why}")

    def _judge_acquire(self, call: Sent) -> None:
        if any(_is_same(each, call) and self._may_run(key) for key, each in self._resources.items()):
            self._illegal(call, "a start of it may have worked, or has worked: a new one may double it")
        first = self.first_uids.get(call.who)
        if first and not any(each.who == first and each.failed for each in self._resources.values()):
            self._illegal(call, "an alternate uid, and no start of the first one has failed for certain")

    def _judge_start(self, call: Sent, body: bytes) -> None:
        resource = self._resources.get(call.resource or "")
        if resource is None:
            self._illegal(call, "nobody was told this resource ID")
            return
        if call.at - resource.answered_at >= _START_WITHIN:
            self._illegal(call, f"{call.at - resource.answered_at:.3f} s after the acquire's answer")
        if resource.body not in (None, body):
            self._illegal(call, "repeated with another body")
        if call.life in resource.started_in:
            self._illegal(call, "it was told that it has started")
        if self._is_spent(call, resource):
            self._illegal(call, "the resource ID was refused for good")
        others = {key: each for key, each in self._resources.items() if key != call.resource}
        if any(_is_same(each, call) and self._may_run(key) for key, each in others.items()):
            self._illegal(call, "a start with another resource ID may have worked")
        if resource.body is None:
            resource.body, resource.sent_at = body, call.at
        resource.senders.add(call.life)

    def _may_run(self, resource: str) -> bool:
        """Whether what was started with a resource ID may be there, as far as anybody can know."""
        return self._resources[resource].open

    def _is_spent(self, call: Sent, resource: Resource) -> bool:
        """Whether its sender was told that no start under this resource ID will work, or has worked."""
        return call.life in resource.spent_in and not resource.open

    def _judge_control(self, call: Sent) -> None:
        if self._sids.get(call.sid or "") != call.resource:
            self._illegal(call, "nobody was told this sid for this resource ID")
        if self.is_over(call.life, call.sid or ""):
            self._illegal(call, "it was told that it has stopped or left")
        if call.verb == "updateLayout" and call.mode != "mix":
            self._illegal(call, "only in mix mode")

    def _told_of_acquire(self, call: Sent, at: float, status: int, told: dict[str, Any]) -> None:
        resource = told.get("resourceId")
        if status == 200 and isinstance(resource, str):
            self._resources[resource] = Resource(who=call.who, answered_at=at)

    def _told_of_start(self, call: Sent, status: int, told: dict[str, Any]) -> None:
        resource = self._resources.get(call.resource or "")
        if resource is None:
            return
        code, sid = told.get("code"), told.get("sid")
        if status in (200, 201) and isinstance(sid, str) and sid:
            resource.open = True
            resource.started_in.add(call.life)
            self._sids[sid] = call.resource or ""
        elif _refuses(status, code):
            if code in _SPENT:
                resource.spent_in.add(call.life)
            resource.failed = resource.failed or (status, code) in _NOT_STARTED
        else:
            resource.open = True


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _is_same(resource: Resource, call: Sent) -> bool:
    """Whether both are about one recording: each has a channel of its own, and perhaps two uids."""
    return resource.who[0] == call.who[0]


def _refuses(status: int, code: object) -> bool:
    """Whether an answer to a start proves that this attempt started nothing."""
    if code in _DOUBTFUL_CODES or status in _DOUBTFUL_STATUSES:
        return False
    return 400 <= status < 500 or (status, code) in _NOT_STARTED


def _acknowledges(status: int, told: dict[str, Any]) -> bool:
    """Whether an answer to a stop says that it stops or has stopped."""
    code = told.get("code")
    if status == 200:
        return isinstance(told.get("sid"), str) and isinstance(told.get("serverResponse"), dict)
    if status == 206:
        return bool(told) and code != 65
    return (status, code) in {(400, 49), (404, 501)}


def _status_of(told: dict[str, Any]) -> object:
    response = told.get("serverResponse")
    return response.get("status") if isinstance(response, dict) else None
