"""One spec on its way through the fleet: its place in the queue, its recorders, its result."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio
from attrs import evolve

from agora_rec.errors import AgoraRecError, FleetClosed, InvalidRequest, StartUnconfirmed, Violation
from agora_rec.errors.text import shown
from agora_rec.fleet.account import account_of
from agora_rec.fleet.admission import Admission
from agora_rec.fleet.chains import Chain
from agora_rec.fleet.member import Member
from agora_rec.fleet.result import Gap, Result
from agora_rec.fleet.spec import Replacement, Spec
from agora_rec.recording import Recording
from agora_rec.recording.jobs import Job
from agora_rec.store import Plan
from agora_rec.supervision import Charge, Incident, IncidentKind
from agora_rec.supervision.incidents import told
from agora_rec.vocabulary import State

if TYPE_CHECKING:
    from agora_rec.fleet.roster import Roster

log: Final = logging.getLogger("agora_rec")

FAILURES_KEPT: Final = 50
"""How many incidents are kept with each result; the oldest make room."""


class Entry:
    """One spec of a fleet.

    Args:
        roster: Whose.
        number: Its number there.
        spec: What is to be recorded.
        admission: The places that it needs.
        policy: What is done when the service loses a recording of it; None: nothing.
    """

    __slots__ = (
        "admission",
        "counted",
        "earlier",
        "error",
        "failures",
        "gaps",
        "is_adopted",
        "is_begun",
        "is_released",
        "is_stopped",
        "is_waiting",
        "members",
        "number",
        "on_close",
        "policy",
        "queueing",
        "result",
        "root",
        "roster",
        "spec",
        "until",
        "woken",
    )

    def __init__(
        self, roster: "Roster", number: int, spec: Spec, admission: Admission, policy: Replacement | None
    ) -> None:
        self.roster: Roster = roster
        self.number: int = number
        self.spec: Spec = spec
        self.admission: Admission = admission
        self.policy: Replacement | None = policy
        self.until: datetime | None = spec.until if isinstance(spec.until, datetime) else None
        """When it is to be stopped, once that is known."""
        self.members: tuple[Member, ...] = ()
        self.failures: tuple[Incident, ...] = ()
        self.gaps: tuple[Gap, ...] = ()
        self.earlier: tuple[Recording, ...] = ()
        """Those that are over, and whose place others had taken before this fleet had it."""
        self.root: str | None = None
        """The id of the recording that all began with, if another fleet began it."""
        self.error: Exception | None = None
        self.is_waiting: bool = True
        """Whether it waits for its places."""
        self.is_begun: bool = False
        """Whether all of its recorders that could be started are."""
        self.is_adopted: bool = False
        """Whether nobody has asked for it here: the store had it."""
        self.is_stopped: bool = False
        """Whether nobody wants it to record any more."""
        self.is_released: bool = False
        self.queueing: anyio.CancelScope | None = None
        """Of whoever waits for its places."""
        self.woken: anyio.Event | None = None
        """Made by whoever waits for it to begin, or to be stopped."""
        self.result: Result | None = None
        """What has become of it, when it is over."""
        self.counted: Result | None = None
        """What the fleet has counted it as, if it keeps no more of it than that."""
        self.on_close: tuple[Callable[[Entry], None], ...] = ()

    @property
    def lasts(self) -> float | None:
        """For how many seconds it is recorded, where its end follows from its start."""
        return self.spec.until.total_seconds() if isinstance(self.spec.until, timedelta) else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its recorders, if it has any."""
        keys = (self.spec.key_of(number) for number in range(len(self.spec.recorders)))
        return tuple(key for key in keys if key is not None)

    @property
    def first_id(self) -> str | None:
        """The id of the first recording of the first recorder."""
        first = self.members[0].charges if self.members else []
        return self.root or (first[0].recording.id if first else None)

    @property
    def first(self) -> Recording:
        """The recording of the first recorder that records now, or did last; there must be one."""
        return next(member.charges[-1].recording for member in self.members if member.charges)

    @property
    def may_run(self) -> bool:
        """Whether something of it may record, or be about to."""
        return not self.is_begun or any(member.may_run for member in self.members)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """All of its recordings, those that were replaced included."""
        return tuple(charge.recording for member in self.members for charge in member.charges)

    def adopt(self, root: str, chains: Sequence[Chain], *, is_asked_for: bool) -> None:
        """Go on with what somebody else began.

        Args:
            root: The id of the recording that all began with.
            chains: What is left of each of its recorders, the first one's first.
            is_asked_for: Whether the spec is somebody's here, and not made of what the store has.
        """
        self.root = root
        self.is_adopted = not is_asked_for
        self.earlier = tuple(each for chain in chains for each in chain.earlier)
        self.is_waiting, self.is_begun = False, True
        members = {chain.number: Member(self, chain.number) for chain in chains}
        self.members = tuple(members.values())
        if is_asked_for:
            self._complete(members)
        for chain in chains:
            if chain.open:
                recordings = [self.roster.cloud.take_up(stored) for stored in chain.open]
                is_last = chain.open[-1] is chain.last
                members[chain.number].adopt(recordings, may_replace=is_asked_for and is_last)
        self._begin_missing(members)
        self.settle()

    def _complete(self, members: Mapping[int, Member]) -> None:
        """Have a member for each recorder of the spec."""
        numbers = range(len(self.spec.recorders))
        self.members = tuple(members.get(number) or Member(self, number) for number in numbers)

    def _begin_missing(self, members: Mapping[int, Member]) -> None:
        """Begin the twins that whoever began the others didn't come to, if these still record."""
        recordings = [member.recording for member in self.members]
        if any(each is not None and each.state.may_record for each in recordings):
            for member in self.members:
                if member.number not in members:
                    member.begin_late()

    def ask_for(self, spec: Spec, policy: Replacement | None) -> None:
        """Somebody asks for what was adopted: he brings the secrets, and says until when.

        Raises:
            InvalidRequest: It is another recording than the spec says.
        """
        if not self.is_adopted:
            return
        members = {member.number: member for member in self.members}
        for number, recorder in enumerate(spec.recorders):
            recording = members[number].recording if number in members else None
            if recording is not None:
                self.roster.cloud.attach(
                    recording.checkpoint(),
                    mode=spec.mode,
                    token=recorder.token,
                    alternate=recorder.alternate,
                )
        self.is_adopted = False
        self.spec = spec
        self.policy = policy
        self._complete(members)
        if spec.until is not None:
            self.until = spec.until if isinstance(spec.until, datetime) else None
        for member in self.members:
            for charge in member.charges:
                self.begun_at(charge, member.other_uid_of(charge), is_open=True)
                self.roster.supervisor.touch(charge)
            member.go_on()
        self._begin_missing(members)

    async def take_places(self, *, is_bounded: bool) -> None:
        """Wait for the places that it needs.

        Raises:
            QueueFull: As many wait as may.
            FleetClosed: Nobody begins any more.
            InvalidRequest: Its time was over before.
        """
        count = len(self.spec.recorders)
        try:
            with self.while_wanted() as self.queueing:
                await self.admission.take(count, is_bounded=is_bounded)
            if self.queueing.cancelled_caught:
                raise FleetClosed if self.is_stopped else self._too_late()  # noqa: TRY301
            if self.is_begun:  # it was given up just now
                self.admission.give_back(count)
                raise FleetClosed  # noqa: TRY301
        except BaseException as error:
            self.error = error if isinstance(error, Exception) else FleetClosed()
            self._end_beginning()
            raise
        self.members = tuple(Member(self, number) for number in range(count))
        for member in self.members:
            member.has_place = True

    async def begin(self) -> None:
        """Start it, when it has its places; from then on it is looked after.

        Whatever fails is told by the result, and never raised.
        """
        self.is_waiting = False
        try:
            await self._start_all()
        except FleetClosed as closed:
            self.error = closed
        except Exception as error:  # noqa: BLE001 - whatever stores and providers raise
            self.refused(error, self.members[0].recording)
            self.error = error
        except BaseException:  # the fleet is left: nobody wants it any more
            self.error = FleetClosed()
            raise
        finally:
            self._end_beginning()

    def _too_late(self) -> InvalidRequest:
        rule = "later than the moment at which there is a place for it"
        return InvalidRequest((Violation("until", str(self.until), rule),))

    async def _start_all(self) -> None:
        """Start the recorders one after another: each needs the resource IDs of those before."""
        for member in self.members:
            if self.is_stopped:
                raise FleetClosed
            try:
                await member.begin(self.exclude_beside(member))
            except FleetClosed:
                raise
            except Exception as error:
                if not member.number:
                    raise
                self.refused(error, member.recording)  # the others record all the same
            self._wake()

    def refused(self, error: Exception, recording: Recording | None) -> None:
        """One of its recorders could not be started."""
        if not isinstance(error, AgoraRecError):
            log.error("starting %s failed", shown(self.spec.cname, 80), exc_info=error)
        if not isinstance(error, StartUnconfirmed):  # what becomes of that is to be seen
            self._note(IncidentKind.NOT_STARTED, told(error), recording)

    def _end_beginning(self) -> None:
        self.is_waiting, self.is_begun = False, True
        for member in self.members:
            member.settle()
        self._wake()
        self.settle()

    def exclude_beside(self, member: Member) -> tuple[str, ...]:
        """The resource IDs of those that record the channel beside a member: it goes to another area."""
        others = (each.recording for each in self.members if each is not member)
        running = (each.resource_id for each in others if each is not None and each.state.may_record)
        return (*self.spec.exclude, *(each for each in running if each is not None))

    def begun_at(self, charge: Charge, other_uid: int | None, *, is_open: bool = False) -> None:
        """One of its recordings has begun: now its end is known, and is written down with it.

        Args:
            charge: Which.
            other_uid: Under which uid another one may take its place.
            is_open: Whether its start may still be under way, so that its time hasn't begun.
        """
        ledger = charge.driver.ledger
        plan = ledger.description.plan or Plan()
        is_to_come = is_open and ledger.state is State.STARTING
        if isinstance(self.spec.until, timedelta) and self.until is None and not is_to_come:
            self.until = (ledger.sid_known_since or self.roster.clock.now()) + self.spec.until
        if self.until is None:
            self.until = plan.until  # so whoever began it has said
        charge.until = self.until
        plan = evolve(plan, until=self.until, other_uid=other_uid)
        if plan != ledger.description.plan:
            ledger.description = evolve(ledger.description, plan=plan)
            ledger.keeper.spawn(Job(), ledger.save_after)

    def while_wanted(self) -> AbstractContextManager[anyio.CancelScope]:
        """Do something as long as its time isn't over."""
        left = None if self.until is None else (self.until - self.roster.clock.now()).total_seconds()
        return self.roster.clock.move_on_after(left)

    def is_over_by(self, moment: datetime) -> bool:
        """Whether its time is over then."""
        return self.until is not None and moment >= self.until

    async def until_begun(self) -> None:
        """Wait until its first recording has begun, or it is known that none will."""
        while not self.is_begun and (self.first_id is None or self.members[0].is_beginning):
            if self.woken is None:
                self.woken = anyio.Event()
            await self.woken.wait()

    def stop(self) -> None:
        """Have all of it stopped, now and for as long as any of it may run."""
        self.is_stopped = True
        if self.queueing is not None:
            self.queueing.cancel()
        for member in self.members:
            member.stop()

    def stop_behind(self) -> None:
        """Have the client stop what may run of it, whoever looks after it."""
        self.is_stopped = True
        for recording in self.recordings:
            if recording.driver.may_need_stop:
                recording.stop_behind()

    def give_up(self) -> None:
        """Wait no longer for what is missing."""
        if not self.is_begun and self.error is None:
            self.error = FleetClosed()
        self.is_waiting, self.is_begun = False, True
        for member in self.members:
            member.give_up()
        self._wake()
        self.settle()

    async def release(self) -> None:
        """Let it go on, and let others look after it."""
        self.is_released = True
        for recording in self.recordings:
            recording.hand_over()
        charges = [charge for member in self.members for charge in member.charges]
        self.give_up()
        for charge in charges:
            await self.roster.supervisor.let_go(charge)

    def forget_recordings(self) -> None:
        """Keep the result alone: nothing more can come."""
        for member in self.members:
            for charge in member.charges:
                charge.watch(None)
        self.members = ()

    def _wake(self) -> None:
        woken, self.woken = self.woken, None
        if woken is not None:
            woken.set()

    def happened(self, kind: IncidentKind, text: str, recording: Recording | None) -> None:
        """Something has happened to one of its recordings."""
        self._note(kind, text, recording)
        if self.result is not None:
            self.settle()

    def _note(self, kind: IncidentKind, text: str, recording: Recording | None) -> None:
        incident = Incident(
            at=self.roster.clock.now(),
            kind=kind,
            text=text,
            recording_id=None if recording is None else recording.id,
        )
        self.failures = (*self.failures, incident)[-FAILURES_KEPT:]
        self.roster.tell(self.spec, incident, recording)

    def settle(self) -> None:
        """See whether it is over, and what has become of it."""
        is_over = self.is_begun and all(member.is_over for member in self.members)
        if not is_over:
            return
        was_over, self.result = self.result is not None, self.so_far()
        if not was_over:
            self.roster.closed(self)
            callbacks, self.on_close = self.on_close, ()
            for each in callbacks:
                each(self)

    def reopen(self) -> None:
        """It was over, and is not: one of its recordings records on."""
        if self.result is not None:
            self.result = None
            self.roster.reopened(self)

    def so_far(self) -> Result:
        """What has become of it by now."""
        return account_of(self)
