"""One recorder of a spec: its recordings one after another, from the first start to the last files."""

import logging
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Final

import anyio

from agora_rec.errors import AgoraRecError, FleetClosed, StartUnconfirmed
from agora_rec.fleet.beginning import persist, reach_start
from agora_rec.fleet.chains import chain_of
from agora_rec.fleet.replacing import is_lost, would_fail_again
from agora_rec.fleet.result import Gap
from agora_rec.model import Alternate
from agora_rec.recording import Description, Recording
from agora_rec.recording.jobs import Job
from agora_rec.recording.lookout import Lookout
from agora_rec.store import Plan, Stored
from agora_rec.supervision import Charge, IncidentKind
from agora_rec.supervision.incidents import told
from agora_rec.vocabulary import State

if TYPE_CHECKING:
    from agora_rec.fleet.entry import Entry

log: Final = logging.getLogger("agora_rec")


class Member:
    """One of those that record a spec's channel: the spec's own recorder, or a twin."""

    __slots__ = ("charges", "entry", "has_place", "is_beginning", "number", "replaced", "scope")

    def __init__(self, entry: "Entry", number: int) -> None:
        self.entry: Entry = entry
        self.number: int = number
        self.charges: list[Charge] = []
        self.has_place: bool = False
        """Whether it takes one of the places that the account has."""
        self.is_beginning: bool = False
        """Whether it is being started, or started anew."""
        self.scope: anyio.CancelScope | None = None
        """Of whoever starts it now: cancelled, he leaves, and what is under way goes on."""
        self.replaced: int = 0
        """How often another recording has taken the place of one that was lost."""

    @property
    def recording(self) -> Recording | None:
        """The one that records now, or did last."""
        return self.charges[-1].recording if self.charges else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return not self.is_beginning and all(charge.is_closed for charge in self.charges)

    @property
    def may_run(self) -> bool:
        """Whether something of it may record."""
        if self.is_beginning:
            return True
        return any(not each.is_closed and each.driver.may_need_stop for each in self.charges)

    async def begin(self, exclude: tuple[str, ...]) -> None:
        """Start the first recording, or join the one that its key has already; then it is looked after.

        Args:
            exclude: Resource IDs of the others that record the channel.

        Raises:
            FleetClosed: Nobody wants it any more, and nothing was started.
            AgoraRecError: It was refused for good.
            Exception: Whatever the store, or the provider of secrets, raises.
        """
        entry = self.entry
        other = entry.spec.recorders[self.number].alternate
        plan = Plan(
            until=entry.until,
            lasts=entry.lasts,
            other_uid=None if other is None else int(other.uid),
            beside=entry.first_id if self.number else None,
            number=self.number,
        )
        self.is_beginning = True
        try:
            now = entry.roster.clock.now()
            await self._start(entry.spec.describe(self.number, now=now, exclude=exclude, plan=plan))
        finally:
            self._has_begun()

    def begin_late(self) -> None:
        """Begin beside those that somebody else began, who didn't come to this one."""
        self.is_beginning = True
        self._seize()
        self.entry.roster.spawn(self._begin_late)

    async def _begin_late(self) -> None:
        entry = self.entry
        try:
            await self.begin(entry.exclude_beside(self))
        except FleetClosed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever stores and providers raise
            entry.refused(error, self.recording)

    async def _learn_what_was_before(self, recording: Recording) -> None:
        """Take over what this recording took the place of, if that was so: somebody else has begun it."""
        stored = Stored(recording.checkpoint(), recording.driver.ledger.version)
        chain = await chain_of(self.entry.roster.cloud, stored, lambda _: False)
        self.entry.earlier = (*self.entry.earlier, *chain.earlier[:-1])
        if not self.number:
            self.entry.root = chain.root

    def adopt(self, recordings: Sequence[Recording], *, may_replace: bool) -> None:
        """Look after recordings that somebody else began, and go on with a start that is still open.

        Args:
            recordings: Each of which took the place of the one before.
            may_replace: Whether the last one is to be replaced if the service has lost it already: not where
                another one may have taken its place, and have ended.
        """
        charges = [Charge(recording, self) for recording in recordings]
        self.charges += charges
        for charge in charges:
            charge.is_gone = charge.records_no_more and not (may_replace and charge is charges[-1])
        self.replaced = len(recordings) - 1
        if not charges[-1].records_no_more:
            self._seize()
        for charge in charges:
            self._look_after(charge, is_open=True)
        self.go_on()

    def go_on(self) -> None:
        """Go on with a start that is still open, unless that is being done."""
        charge = self.charges[-1] if self.charges else None
        if charge is None or charge.is_closed or self.is_beginning:
            return
        if charge.recording.state is State.STARTING:
            self.is_beginning = charge.is_beginning = True
            self.entry.roster.spawn(self._go_on, charge)

    async def _go_on(self, charge: Charge) -> None:
        """Go on with a start that somebody else has sent, or was about to send."""
        try:
            with anyio.CancelScope() as self.scope:
                await reach_start(self.entry, charge)
        except Exception as error:  # noqa: BLE001 - whatever it is, a notification may still tell
            self.happened(charge, IncidentKind.UNCONFIRMED, told(error))
        finally:
            self.scope, charge.is_beginning = None, False
            self.entry.begun_at(charge, self.other_uid_of(charge))
            self.entry.roster.supervisor.touch(charge)
            self._has_begun()

    async def _start(self, description: Description) -> None:
        """Have a recording begin, and look after what comes of it."""
        charge: Charge | None = None
        try:
            with anyio.CancelScope() as self.scope:
                recording = await persist(self.entry, lambda: self.entry.roster.made(description))
                if recording.id != description.id:
                    await self._learn_what_was_before(recording)
                charge = Charge(recording, self)
                if self.entry.roster.cloud.is_store_shared:
                    charge.lookout = Lookout(recording.driver.ledger)
                self.charges.append(charge)
                await reach_start(self.entry, charge)
        finally:
            self.scope = None
            if charge is not None and charge.recording.state.is_unfinished:
                self._look_after(charge)
            elif charge is not None:
                charge.is_closed = True
                if charge.lookout is not None:
                    self.entry.roster.cloud.spawn(Job(), charge.lookout.give_back)
        if self.entry.is_stopped and (charge is None or charge.recording.state.is_before_start):
            raise FleetClosed

    def _look_after(self, charge: Charge, *, is_open: bool = False) -> None:
        self.entry.begun_at(charge, self.other_uid_of(charge), is_open=is_open)
        if self.entry.is_stopped:
            charge.stop_at = -inf
        self.entry.roster.supervisor.look_after(charge)

    def other_uid_of(self, charge: Charge) -> int | None:
        """Under which uid another one may take its place."""
        other = self._other_uid(charge.recording.uid)
        return None if other is None else int(other.uid)

    def _has_begun(self, instead_of: Charge | None = None) -> None:
        """Nobody starts it any more: see what has become of it meanwhile.

        Args:
            instead_of: Whose place it was to take; None: nobody's.
        """
        self.is_beginning = False
        last = self.charges[-1] if self.charges else None
        if last is not None and last is not instead_of and last.is_gone and not last.is_closed:
            self.left(last)
        else:
            self.settle()

    def _seize(self) -> None:
        if not self.has_place:
            self.has_place = True
            self.entry.admission.seize()

    def stop(self) -> None:
        """Have all of it stopped, now and for as long as any of it may run."""
        if self.scope is not None:
            self.scope.cancel()
        for charge in self.charges:
            self.entry.roster.supervisor.stop(charge)

    def give_up(self) -> None:
        """Wait no longer for what is missing."""
        for charge in self.charges:
            self.entry.roster.supervisor.dismiss(charge)
        self.is_beginning = False
        self.settle()

    @property
    def _is_wanted(self) -> bool:
        return not self.entry.is_stopped and not self.entry.roster.is_left

    def left(self, charge: Charge) -> None:
        """It records no more: another one takes its place, or its place is free."""
        if charge is not self.charges[-1] or self.is_beginning:
            return
        if self._is_wanted and self.entry.policy is not None and is_lost(charge.recording):
            self.is_beginning = True
            self.entry.roster.spawn(self._replace, charge)
        else:
            self.settle()

    def returned(self, charge: Charge) -> None:
        """It records on, on another server."""
        self.entry.reopen()
        if charge is self.charges[-1]:
            self._seize()
        if self.entry.is_stopped or charge is not self.charges[-1] or self.is_beginning:
            self.entry.roster.supervisor.stop(charge)  # nobody wants it any more

    def ended(self, charge: Charge) -> None:  # noqa: ARG002 - which of them doesn't matter
        """One of its recordings is over, or more has become known of it."""
        self.settle()

    def happened(self, charge: Charge, kind: IncidentKind, text: str) -> None:
        """Something has happened to one of its recordings."""
        self.entry.happened(kind, text, charge.recording)
        policy = self.entry.policy
        if (
            kind is IncidentKind.LIFETIME
            and policy is not None
            and policy.lifetime
            and self._is_wanted
            and not self.is_beginning
        ):
            self.is_beginning = True
            self.entry.roster.spawn(self._relieve, charge)

    async def _relieve(self, charge: Charge) -> None:
        """Stop one whose calls will soon work no more, and have another one take its place."""
        self.entry.roster.supervisor.stop(charge)
        while not charge.records_no_more:
            await charge.driver.ledger.news()
        await self._replace(charge)

    async def _replace(self, lost: Charge) -> None:
        """Have another recording take the place of one that records no more."""
        label = lost.driver.ledger.description.label
        why_not = self._why_not(lost)
        try:
            if why_not is None:
                await self._take_its_place(lost)
        except (FleetClosed, StartUnconfirmed):
            pass  # nobody wants it any more; or what becomes of it is to be seen
        except Exception as error:  # whatever stores and providers raise
            if not isinstance(error, AgoraRecError):
                log.exception("the replacement of recording %s failed", label)
            why_not = told(error)
        finally:
            if why_not is not None:
                self.happened(lost, IncidentKind.NOT_REPLACED, why_not)
            self._has_begun(lost)

    async def _take_its_place(self, lost: Charge) -> None:
        entry, ledger = self.entry, lost.driver.ledger
        other = self._other_uid(lost.recording.uid)
        if other is None or not self._is_wanted:
            raise FleetClosed  # while it was being stopped, perhaps
        description = ledger.description.in_its_place(
            under=other, exclude=entry.exclude_beside(self), plan=self._plan_after(lost)
        )
        self.replaced += 1
        self._seize()
        await persist(entry, ledger.save)  # that it has left, or the key would still be its own
        await self._start(description)
        entry.gaps = (*entry.gaps, self._gap(lost))
        text = f"by one under uid {self.charges[-1].recording.uid}"
        self.happened(self.charges[-1], IncidentKind.REPLACED, text)

    def _why_not(self, lost: Charge) -> str | None:
        policy = self.entry.policy
        if policy is None or self.replaced >= policy.most:
            return f"it was replaced {self.replaced} times already"
        if self._other_uid(lost.recording.uid) is None:
            return "nobody knows another uid for it"
        provider = self.entry.roster.cloud.secrets
        if provider is None and not lost.driver.ledger.description.has_secrets:
            return "nobody has brought its mode with the storage keys, and its token"
        again = would_fail_again(lost.recording)
        return None if again is None else f"another one would meet the same: {again}"

    def _other_uid(self, uid: int) -> Alternate | None:
        """The uid that a recording doesn't have, of the two that there are; None: there is one only."""
        recorder = self.entry.spec.recorders[self.entry.members.index(self)]
        first = Alternate(uid=recorder.uid, token=recorder.token)
        return next((each for each in (recorder.alternate, first) if each and int(each.uid) != uid), None)

    def _plan_after(self, lost: Charge) -> Plan:
        return Plan(
            until=self.entry.until,
            other_uid=lost.recording.uid,
            follows=lost.recording.id,
            beside=self.entry.first_id if self.number else None,
            number=self.number,
        )

    def _gap(self, lost: Charge) -> Gap:
        now = self.entry.roster.clock.now()
        standing = self.charges[-1].driver.ledger.standing
        return Gap(since=lost.last_seen or standing.start_sent_at or now, until=standing.start_sent_at or now)

    def settle(self) -> None:
        """Give the place back, if nothing of it records any more."""
        last = self.charges[-1] if self.charges else None
        is_idle = last is None or last.is_closed or last.records_no_more
        if self.has_place and not self.is_beginning and is_idle:
            self.has_place = False
            if any(charge.recording.sid for charge in self.charges):
                self.entry.admission.leave()
            else:
                self.entry.admission.give_back()
        self.entry.settle()
