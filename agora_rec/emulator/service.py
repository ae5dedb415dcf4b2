"""The service itself: requests arrive, are carried out and answered, each at its moment. Pure.

No I/O, no tasks, no clock: every method is told the moment. A request is handled in two steps, so that
calls really overlap: `arrive` takes it in and `complete` gives the reply when its moment has come. What
was begun goes on without its caller: whatever is overdue is carried out, in order and at its own moment,
before anything else is looked at. So an arrival that nobody completes is no different from one whose
caller waits.
"""

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import define, evolve, field

from agora_rec.emulator import failovers, wire
from agora_rec.emulator.acts import Errand, Later, Office, Outcome, act
from agora_rec.emulator.calls import Call, Fate, mask
from agora_rec.emulator.faults import (
    Cut,
    Delay,
    Fault,
    FaultPlan,
    Garble,
    LoseAnswer,
    Refuse,
    SlowAnswer,
    Unreachable,
    Upload,
)
from agora_rec.emulator.gateway import Gateway
from agora_rec.emulator.notices import Notice, NoticeBoard
from agora_rec.emulator.resources import Ids
from agora_rec.emulator.routes import Route, find_route
from agora_rec.emulator.session import seconds_after
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.views import SessionView, view
from agora_rec.emulator.wire import (
    Answer,
    Broken,
    JsonObject,
    NeverReached,
    Refusal,
    Refused,
    Reply,
    Request,
    Subject,
)
from agora_rec.vocabulary import OperationName

_SPOILING: Final = (OperationName.STOP, OperationName.QUERY)
_UID_SEED: Final = 1 << 33
"""New recorders' uids have a source of their own, so that a failover doesn't change the next ids."""
_CHANGING: Final = (OperationName.UPDATE, OperationName.STOP)
_UNDECIDED: Final = Answer(500, b"{}")


@define(eq=False, kw_only=True)
class Arrival:
    """A request that has come in. `due` is the moment at which `complete` is to be asked (again).

    `errand` is what there is to do; None where the gateway let nothing through. `outcome` is what came
    of it, `reply` what the caller gets, known when its moment has come.
    """

    number: int
    due: datetime
    subject: Subject
    fault: Fault | None = None
    errand: Errand | None = None
    acted: bool = False
    outcome: Outcome = _UNDECIDED
    reply: Reply | None = None


@define(eq=False)
class Service:
    """One account's recording service."""

    gateway: Gateway
    settings: Settings
    seed: int = 0
    faults: FaultPlan = field(factory=FaultPlan, init=False)
    office: Office = field(init=False)
    _board: NoticeBoard = field(init=False)
    _uids: Ids = field(init=False)
    _calls: dict[int, Call] = field(factory=dict[int, Call], init=False)
    _agenda: list[tuple[datetime, int, Arrival]] = field(
        factory=list[tuple[datetime, int, Arrival]], init=False
    )
    _late: set[Arrival] = field(factory=set[Arrival], init=False)
    """Calls that came in and are carried out later."""
    _open: dict[str, set[Arrival]] = field(factory=dict[str, set[Arrival]], init=False)
    _arrivals: int = field(default=0, init=False)
    _entries: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.office = Office(self.settings, Ids(self.seed))
        self._uids = Ids(self.seed + _UID_SEED)
        self._board = NoticeBoard(self.settings.notice_seconds, self.settings.notices_kept)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that has reached the service, in the order of arrival."""
        return tuple(self._calls.values())

    def sessions(self, now: datetime) -> tuple[SessionView, ...]:
        """Every recording that there ever was, as it is now."""
        self.catch_up(now)
        return tuple(view(session, now) for session in self.office.sessions.values())

    @property
    def watchers(self) -> list[Callable[[], None]]:
        """Who is called whenever `next_notice_at` may have moved: to an earlier moment, or from None."""
        return self._board.watchers

    def notices(self, now: datetime, after: int = 0) -> tuple[Notice, ...]:
        """What the service has notified of by `now`, in order, without the first `after` notices.

        The notice at which one has arrived is the cursor: `after=notice.number` gives what is new. What
        was told once is told again as it was, whatever has been done since. Beyond
        `Settings.notices_kept` the oldest are forgotten.
        """
        self.catch_up(now)
        return self._board.tell(now, after)

    def next_notice_at(self, now: datetime) -> datetime | None:
        """The earliest moment at which `notices` can have something new, as far as is known at `now`.

        It is not later than `now` if something is there already. A call or a change in a channel can
        bring it forward: `watchers` are told.
        """
        self.catch_up(now)
        next_at = self._board.next_at()
        # What late calls cause will come even if their callers have left.
        moments = [seconds_after(arrival.due, self.settings.notice_seconds) for arrival in self._late]
        return min(moments if next_at is None else [*moments, next_at], default=None)

    def fail_over(
        self, sid: str, now: datetime, *, seconds: float, new_uid: str | None, old_reports: bool
    ) -> str | None:
        """The server of a recording is lost now; see `Emulator.fail_over`. The new recorder's uid.

        Raises:
            KeyError: there never was a recording with this sid.
            ValueError: it can't be moved now, or not so.
        """
        self.catch_up(now)
        session = self.office.sessions[sid]
        uid = failovers.lose_server(
            session, now, seconds=seconds, new_uid=new_uid, old_reports=old_reports, ids=self._uids
        )
        self._board.touch(sid)
        return uid

    def bucket_refused(self, sid: str, now: datetime, *, at_start: bool) -> None:
        """The real bucket of a recording takes nothing.

        Found out at the start, its parameters are wrong. Later, or when files are said to be there already,
        it is a bucket that was lost, and they go to the backup.
        """
        self.catch_up(now)
        session = self.office.sessions[sid]
        if at_start and not session.listed_tracks(now):
            session.refused_at = now
        elif session.bucket_lost_at is None:
            session.bucket_lost_at = now
        self._board.touch(sid)

    def channel_changed(self, cname: str) -> None:
        """Somebody came, went, or sends something else: to be said after each such change."""
        self._board.touch_channel(cname)

    def arrive(self, request: Request, now: datetime) -> Arrival:
        """Take a request in. Ask `complete` for its reply when its `due` has come."""
        self.catch_up(now)
        route = find_route(request.method, request.path)
        content = _read_body(request)
        subject = self._subject(route, content)
        planned = self.faults.find(subject.operation, subject.cname, subject.uid, request.host)
        self._arrivals += 1
        arrival = Arrival(number=self._arrivals, due=now, subject=subject)
        if planned is not None and isinstance(planned.fault, Unreachable):
            self.faults.use(planned)
            arrival.reply = NeverReached()
            return arrival
        self._log(arrival, request, route, content, now)
        refusal = self.gateway.judge(route, request.headers, self.settings, now)
        if refusal is not None or route is None:
            # The fault goes on waiting for a call that gets through.
            arrival.outcome = wire.refusal_answer(refusal or wire.NO_ROUTE, subject, self.settings)
            self._act(arrival, now)
            return arrival
        if planned is not None:
            self.faults.use(planned)
            arrival.fault = planned.fault
        fault = arrival.fault
        upload = fault if isinstance(fault, Upload) else None
        arrival.errand = Errand(
            route=route, headers=request.headers, content=content, upload=upload, host=request.host
        )
        self._note_overlaps(arrival, arrival.errand)
        if isinstance(fault, Cut | Delay):
            self._late.add(arrival)
            self._schedule(arrival, seconds_after(now, fault.seconds))
        else:
            self._act(arrival, now)
        return arrival

    def complete(self, arrival: Arrival, now: datetime) -> Reply | None:
        """The reply; None if its moment hasn't come (`due` says when it will)."""
        self.catch_up(now)
        while arrival.reply is None and arrival.due <= now:
            self._step(arrival, arrival.due)
        return arrival.reply

    def catch_up(self, now: datetime) -> None:
        """Take every step that is due before `now`, in order.

        What is due just now stays: its caller is about to fetch it, and until then it overlaps with
        whatever else comes at this moment.
        """
        while self._agenda and self._agenda[0][0] < now:
            moment, _, arrival = heapq.heappop(self._agenda)
            if arrival.reply is None and arrival.due == moment:
                self._step(arrival, moment)

    def _subject(self, route: Route | None, content: object) -> Subject:
        """Whom a call is about: by its body, else by what the service knows of its URL."""
        if route is None:
            return Subject()
        given = wire.as_object(content) or {}
        session = self.office.sessions.get(route.sid or "")
        resource = self.office.resources.get(route.resource_id or "")
        if resource is None and session is not None:
            resource = session.resource
        known = (None, None) if resource is None else (resource.cname, resource.uid)
        return Subject(
            operation=route.operation,
            cname=wire.text_of(given, "cname") or known[0],
            uid=wire.text_of(given, "uid") or known[1],
            resource_id=route.resource_id,
            sid=route.sid,
        )

    def _log(
        self, arrival: Arrival, request: Request, route: Route | None, content: object, now: datetime
    ) -> None:
        subject = arrival.subject
        self._calls[arrival.number] = Call(
            number=arrival.number,
            at=now,
            method=request.method,
            path=request.path,
            host=request.host,
            operation=subject.operation,
            mode=None if route is None else route.mode,
            cname=subject.cname,
            uid=subject.uid,
            resource_id=subject.resource_id,
            sid=subject.sid,
            body=_describe_body(request, content),
        )

    def _note_overlaps(self, arrival: Arrival, errand: Errand) -> None:
        """Two calls about one recording meet: both are marked, and a stop that meets a query is spoilt."""
        if errand.route.sid is None:
            return
        others = self._open.setdefault(errand.route.sid, set())
        for other in others:
            for number in (arrival.number, other.number):
                self._calls[number] = evolve(self._calls[number], overlapped=True)
            for stop, query in ((arrival, other), (other, arrival)):
                if (stop.subject.operation, query.subject.operation) == _SPOILING and stop.errand is not None:
                    stop.errand.raced = True
        others.add(arrival)

    def _close(self, arrival: Arrival) -> None:
        """From now on it overlaps with nothing; of a recording without open calls nothing is kept."""
        sid = arrival.subject.sid or ""
        others = self._open.get(sid, set())
        others.discard(arrival)
        if not others:
            self._open.pop(sid, None)

    def _schedule(self, arrival: Arrival, moment: datetime) -> None:
        arrival.due = moment
        self._entries += 1  # decides between entries of the same moment
        heapq.heappush(self._agenda, (moment, self._entries, arrival))

    def _step(self, arrival: Arrival, moment: datetime) -> None:
        self._late.discard(arrival)
        if isinstance(arrival.fault, Cut):
            self._settle(arrival, None, Fate.CUT, moment)
        elif not arrival.acted:
            self._act(arrival, moment)
        else:
            fate = Fate.LOST if isinstance(arrival.fault, LoseAnswer) else Fate.ANSWERED
            self._settle(arrival, self._answer(arrival), fate, moment)

    def _act(self, arrival: Arrival, now: datetime) -> None:
        """Carry the call out, and note when its answer is due."""
        arrival.acted = True
        fault = arrival.fault
        if arrival.errand is not None and (not isinstance(fault, Refuse) or fault.acted):
            try:
                arrival.outcome = act(self.office, arrival.errand, now)
            except Refused as refused:
                arrival.outcome = wire.refusal_answer(refused.refusal, arrival.subject, self.settings)
            self._note_changes(arrival.errand.route)
        due = seconds_after(now, self.settings.latency)
        if isinstance(arrival.outcome, Later):
            due = max(due, arrival.outcome.at)
        if isinstance(fault, SlowAnswer | LoseAnswer):
            due = seconds_after(due, fault.seconds)
        self._schedule(arrival, due)

    def _note_changes(self, route: Route) -> None:
        """Tell the board of the recording that a call may have changed, or begun."""
        if route.operation is OperationName.START:
            session = self.office.started.get(route.resource_id or "")
            if session is not None:
                self._board.follow(session)
        elif route.operation in _CHANGING:
            self._board.touch(route.sid or "")

    def _answer(self, arrival: Arrival) -> Answer:
        fault, outcome = arrival.fault, arrival.outcome
        if isinstance(fault, Refuse):
            refusal = Refusal(
                status=fault.status,
                code=fault.code,
                reason=fault.reason,
                message=fault.message,
                extra=fault.extra,
            )
            return wire.refusal_answer(refusal, arrival.subject, self.settings)
        if isinstance(fault, Garble):
            return Answer(fault.status, fault.data, fault.content_type)
        return outcome.tell() if isinstance(outcome, Later) else outcome

    def _settle(self, arrival: Arrival, answer: Answer | None, fate: Fate, moment: datetime) -> None:
        """Note what became of a call, and hand out its reply."""
        arrival.reply = answer if answer is not None and fate is Fate.ANSWERED else Broken()
        self._close(arrival)
        said = {} if answer is None else _read_answer(answer)
        code, reason = said.get("code"), said.get("reason", said.get("message"))
        call = self._calls[arrival.number]
        self._calls[arrival.number] = evolve(
            call,
            fate=fate,
            answered_at=moment,
            status=None if answer is None else answer.status,
            code=code if isinstance(code, int) else None,
            reason=reason if isinstance(reason, str) else None,
            resource_id=call.resource_id or wire.text_of(said, "resourceId"),
            sid=call.sid or wire.text_of(said, "sid"),
        )


def _read_body(request: Request) -> object:
    if request.method != "POST" or len(request.body) > wire.BODY_BYTES_MAX:
        return None
    try:
        return wire.load(request.body)
    except ValueError:
        return None


def _describe_body(request: Request, content: object) -> object:
    """What the log keeps of a body: an object without its secrets; of anything else only its size."""
    if not request.body:
        return None
    given = wire.as_object(content)
    return f"{len(request.body)} bytes, no JSON object" if given is None else mask(given)


def _read_answer(answer: Answer) -> JsonObject:
    try:
        return wire.as_object(wire.load(answer.body)) or {}
    except ValueError:
        return {}
