"""The one task that looks after all: it sleeps until somebody needs something, and does it.

An idle recording has no task of its own. What takes time (a look, a renewal) is done in a task that ends with
it; what `duties.py` says decides what that is.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from math import inf
from typing import Final

import anyio
from anyio.abc import TaskGroup

from agora_rec.client import CloudRecording
from agora_rec.errors import RecordingGone, SecretsRequired
from agora_rec.model import Storage
from agora_rec.recording import watching
from agora_rec.recording.lookout import LEASE_SECONDS, Lookout
from agora_rec.recording.watching import FIRST_LOOK, OTHERS_WATCH, Looks
from agora_rec.supervision.agenda import Agenda
from agora_rec.supervision.charge import Charge
from agora_rec.supervision.duties import Duty, Now, next_duty
from agora_rec.supervision.incidents import IncidentKind, told
from agora_rec.supervision.renewal import AGAIN_AFTER, renewal_at
from agora_rec.supervision.rota import Rota
from agora_rec.vocabulary import Priority, State

log: Final = logging.getLogger("agora_rec")

STOP_AGAIN: Final = (15.0, 30.0, 60.0)
"""Seconds from a stop to the next one, where it is known to have failed; the last one repeats."""
RENEW_LEASE: Final = 0.8
"""After which part of its time a lease is renewed."""


class Supervisor:
    """Looks after recordings that have begun.

    Args:
        cloud: Their client.
        tasks: Where what takes time is done; cancelled, it loses nothing.
        qps: Calls per second that the client's budget allows; infinity: it paces nothing.
        upload_timeout: How long the files of a recording may take, where notifications are to tell of them.
    """

    def __init__(
        self, cloud: CloudRecording, tasks: TaskGroup, *, qps: float, upload_timeout: timedelta
    ) -> None:
        self.rota: Rota = Rota(qps)
        self._cloud = cloud
        self._clock = cloud.clock
        self._tasks = tasks
        self._upload_timeout = upload_timeout
        self._agenda: Agenda[Charge] = Agenda()
        self._woken = anyio.Event()

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            now = self._now()
            for charge in self._agenda.take_due(now.monotonic):
                self._attend(charge, now)
            left = self._agenda.next_due - self._clock.monotonic()
            self._woken = anyio.Event()
            with self._clock.move_on_after(None if left == inf else max(0.0, left)):
                await self._woken.wait()

    def look_after(self, charge: Charge) -> None:
        """Look after a recording from now on: one that has begun, and is not looked after by this yet."""
        self.rota.count += 1
        ledger = charge.driver.ledger
        ledger.on_wake = partial(self._heard, charge)
        charge.heard, charge.suspicions = ledger.heard.revision, charge.driver.suspicions
        if self._cloud.is_store_shared:
            charge.lookout = charge.lookout or Lookout(ledger)
            charge.lease_at = self._clock.monotonic()
        if ledger.standing.acquired_at is not None:
            charge.renew_at = renewal_at(ledger.description.mode, ledger.standing.acquired_at)
        self._begin_looks(charge)
        self._tell_owner(charge)
        self.touch(charge)

    def touch(self, charge: Charge) -> None:
        """See what comes next for one of whom something may have changed."""
        if charge.is_busy:
            return  # it is seen to when that is done
        due, _ = self._next(charge, self._now())
        if self._agenda.note(charge, due):
            self._woken.set()

    def stop(self, charge: Charge) -> None:
        """Have it stopped now, and again for as long as it may run."""
        charge.stop_at = min(charge.stop_at, self._clock.monotonic())
        self.touch(charge)

    async def let_go(self, charge: Charge) -> None:
        """Look after it no more, and let others do so."""
        self.dismiss(charge)
        if charge.lookout is not None:
            await charge.lookout.give_back()

    def _begin_looks(self, charge: Charge) -> None:
        driver, now = charge.driver, self._clock.monotonic()
        if watching.is_unconfirmed(driver):
            since = driver.ledger.sid_known_since
            age = 0.0 if since is None else (self._clock.now() - since).total_seconds()
            charge.looks = watching.looks_for_start(driver)
            charge.look_at = now + max(0.0, FIRST_LOOK - max(0.0, age))
        else:
            charge.looks, charge.look_at = None, self.rota.first(now)
            charge.answered_at = now

    def _heard(self, charge: Charge) -> None:
        """Something has become known of it."""
        driver = charge.driver
        self._tell_owner(charge)
        if charge.is_closed:
            return
        if driver.ledger.heard.revision != charge.heard:
            charge.heard, charge.heard_at = driver.ledger.heard.revision, self._clock.monotonic()
        looks = charge.looks
        if looks is not None and not looks.denied and not watching.is_unconfirmed(driver):
            self._begin_looks(charge)  # it was confirmed in another way
        if driver.suspicions != charge.suspicions:
            charge.suspicions = driver.suspicions
            charge.looks = charge.looks or Looks(self._clock)
            charge.look_at = self._clock.monotonic()
        self.touch(charge)

    def _tell_owner(self, charge: Charge) -> None:
        """Tell whoever owns it whether it records, when that has changed."""
        is_gone = charge.records_no_more
        if is_gone == charge.is_gone:
            return
        charge.is_gone = is_gone
        if is_gone:
            charge.owner.left(charge)
        else:
            charge.owner.returned(charge)

    def _heard_late(self, charge: Charge) -> None:
        """Something has become known of one that was given up."""
        state = charge.driver.ledger.state
        if state.is_end:
            charge.driver.ledger.on_wake = None
            charge.owner.ended(charge)
        elif state is State.RECORDING:  # nobody waits for it any more, and it must not be left running
            charge.is_closed = False
            charge.stop_at = self._clock.monotonic()
            self.look_after(charge)

    def _now(self) -> Now:
        return Now(self._clock.monotonic(), self._clock.now())

    def _next(self, charge: Charge, now: Now) -> tuple[float, Duty]:
        return next_duty(charge, now, self.rota, self._upload_timeout)

    def _attend(self, charge: Charge, now: Now) -> None:
        """Do what is due for one, or begin to."""
        due, duty = self._next(charge, now)
        if due > now.monotonic:
            self._agenda.note(charge, due)
        elif duty in _TAKES_TIME:
            self._begin(charge, duty, now)
        else:
            if duty is Duty.STOP:
                self._stop(charge, now)
            elif duty is Duty.WARN:
                self._warn(charge)
            elif duty is Duty.CLOSE:
                self._close(charge)
            self._agenda.note(charge, self._next(charge, now)[0])

    def _begin(self, charge: Charge, duty: Duty, now: Now) -> None:
        if duty is Duty.LOOK and charge.looks is None and charge.is_ours:
            at = self.rota.place(now.monotonic)
            if at > now.monotonic:
                charge.look_at = at
                self._agenda.note(charge, at)
                return
        charge.is_busy = True
        work = {Duty.LOOK: self._look, Duty.LEASE: self._keep_lease, Duty.RENEW: self._renew}[duty]
        self._tasks.start_soon(self._do, charge, work)

    async def _do(self, charge: Charge, work: Callable[[Charge], Awaitable[None]]) -> None:
        """Do something for one; whatever fails there is no business of the others."""
        try:
            await work(charge)
        except Exception:
            ledger = charge.driver.ledger
            log.exception(
                "recording %s: supervision failed", ledger.description.label, extra=ledger.log_fields
            )
            charge.look_at = charge.lease_at = self._clock.monotonic() + self.rota.interval
        finally:
            charge.is_busy = False
        self.touch(charge)

    async def _look(self, charge: Charge) -> None:
        """Look once, and see when to look again."""
        await self._keep_lease(charge)
        if not charge.is_ours:
            return
        driver, began = charge.driver, self._clock.monotonic()
        priority = Priority.WATCH if charge.looks is None else Priority.CONFIRM
        looks = charge.looks or Looks(self._clock)
        try:
            watching.conclude(driver, looks)  # the verdict may have become due without another look
            if watching.runs(driver):
                await watching.look(driver, looks, priority, charge.lookout)
                watching.conclude(driver, looks)
        except RecordingGone as gone:
            charge.owner.happened(charge, IncidentKind.LOST, gone.cause)
            return
        now = self._clock.monotonic()
        if looks.denied or watching.is_unconfirmed(driver):
            charge.looks, charge.look_at = looks, now + looks.pause()
            return
        charge.looks = None
        if driver.seen_at is not None and driver.seen_at >= began:
            charge.answered_at = now
        charge.look_at = now + self.rota.interval

    async def _keep_lease(self, charge: Charge) -> None:
        """Take or renew the right to look, where there are others; without it, see what they know."""
        if charge.lookout is None:
            return
        seconds = max(LEASE_SECONDS, 1.5 * self.rota.interval)
        was_ours, charge.is_ours = charge.is_ours, await charge.lookout.take(seconds)
        now = self._clock.monotonic()
        charge.lease_at = now + RENEW_LEASE * seconds
        if charge.is_ours:
            if not was_ours:  # what he learnt who had it is in the store
                self._begin_looks(charge)
            return
        charge.look_at = charge.lease_at = now + OTHERS_WATCH
        await charge.driver.ledger.look_up()

    async def _renew(self, charge: Charge) -> None:
        """Send new keys for its storage (`update`); a failure is reported, and tried again."""
        ledger, now = charge.driver.ledger, self._clock.now()
        try:
            secrets = await self._ask_for_keys(charge)
            description = ledger.description.with_keys_of(secrets)
            await charge.recording.update(storage=secrets)
        except Exception as error:  # noqa: BLE001 - whatever the provider raises
            if ledger.state is not State.RECORDING:
                return  # it ends, and needs none
            again = AGAIN_AFTER[min(charge.renewals_failed, len(AGAIN_AFTER) - 1)]
            charge.renewals_failed += 1
            charge.renew_at = None if self._cloud.secrets is None else now + timedelta(seconds=again)
            charge.owner.happened(charge, IncidentKind.RENEWAL_FAILED, told(error))
            return
        ledger.description = description
        charge.renewals_failed = 0
        charge.renew_at = renewal_at(description.mode, self._clock.now())

    async def _ask_for_keys(self, charge: Charge) -> Storage:
        provider = self._cloud.secrets
        if provider is None:
            raise SecretsRequired("the client's `secrets`, to renew the temporary keys of the storage")
        secrets = await provider(charge.recording.checkpoint())
        if secrets.storage is None:
            raise SecretsRequired("the storage in what `secrets` gives, to renew its temporary keys")
        return secrets.storage

    def _stop(self, charge: Charge, now: Now) -> None:
        if charge.stops_sent:
            text = "its stop has failed, and is sent again"
            charge.owner.happened(charge, IncidentKind.STOP_FAILED, text)
        pause = STOP_AGAIN[min(charge.stops_sent, len(STOP_AGAIN) - 1)]
        charge.stops_sent += 1
        charge.stop_not_before = now.monotonic + pause
        charge.recording.stop_behind()

    def _warn(self, charge: Charge) -> None:
        charge.is_warned = True
        ends = charge.lifetime_ends or self._clock.now()
        text = f"after {charge.lifetime_hours} hours, at {ends:%Y-%m-%d %H:%M} UTC, it takes no more calls"
        charge.owner.happened(charge, IncidentKind.LIFETIME, text)

    def _close(self, charge: Charge) -> None:
        ledger = charge.driver.ledger
        self.dismiss(charge)
        if not ledger.state.is_end:
            kind, text = _GIVEN_UP[ledger.state]
            ledger.on_wake = partial(self._heard_late, charge)
            charge.owner.happened(charge, kind, text)
        if charge.lookout is not None:
            self._tasks.start_soon(charge.lookout.give_back)
        charge.owner.ended(charge)

    def dismiss(self, charge: Charge) -> None:
        """Look after it no more."""
        if not charge.is_closed:
            charge.is_closed = True
            charge.driver.ledger.on_wake = None
            self._agenda.drop(charge)
            self.rota.count -= 1


_GIVEN_UP: Final = {
    State.STOPPING: (IncidentKind.UPLOAD_UNKNOWN, "it ended, and nobody has said where its files are"),
    State.STARTING: (IncidentKind.UNCONFIRMED, "its start was sent, and nobody knows whether it ran"),
}
_TAKES_TIME: Final = frozenset({Duty.LOOK, Duty.LEASE, Duty.RENEW})
