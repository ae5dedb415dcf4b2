"""The one task that looks after all: it sleeps until somebody needs something, and does it.

An idle recording has no task of its own, and a look has none but that of its query, which tells of its end.
What else takes time (a lease, a renewal) is done in a task that ends with it. What `duties.py` says decides
what that is.
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
from agora_rec.clock import nth_pause
from agora_rec.errors import RecordingGone, SecretsRequired
from agora_rec.lifecycle import FactKey
from agora_rec.model import Storage
from agora_rec.recording import Ledger, watching
from agora_rec.recording.driver import Driver
from agora_rec.recording.lookout import LEASE_SECONDS, Lookout
from agora_rec.recording.watching import OTHERS_WATCH, Looks
from agora_rec.supervision.agenda import Agenda
from agora_rec.supervision.charge import Charge, Look
from agora_rec.supervision.duties import Duty, Now, next_duty
from agora_rec.supervision.incidents import IncidentKind, told
from agora_rec.supervision.renewal import AGAIN_AFTER, renewal_at
from agora_rec.supervision.rota import Rota
from agora_rec.vocabulary import Priority, State

log: Final = logging.getLogger("agora_rec")

STOP_AGAIN: Final = (15.0, 30.0, 60.0)
"""Seconds from a stop to the next one, where it is known to have failed; the last one repeats."""
KEYS_WITHIN: Final = 60.0
"""Seconds within which the provider of secrets must give new keys; later it is asked again."""
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
        self._on_news, self._on_late_news = self._heard, self._heard_late  # bound once
        self._is_over = False

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        try:
            while True:
                now = self._now()
                for charge in self._agenda.take_due(now.monotonic):
                    try:
                        self._attend(charge, now)
                    except Exception as error:  # noqa: BLE001 - whatever it is, it is no business of the others
                        self._failed(charge, error)
                        self._agenda.note(charge, now.monotonic + self.rota.interval)
                left = self._agenda.next_due - self._clock.monotonic()
                if self._woken.is_set():
                    self._woken = anyio.Event()
                with self._clock.move_on_after(None if left == inf else max(0.0, left)):
                    await self._woken.wait()
        finally:
            self._is_over = True

    def look_after(self, charge: Charge) -> None:
        """Look after a recording from now on: one that has begun, and is not looked after by this yet.

        One that was closed or dismissed before that stays so.
        """
        if charge.is_closed:
            return
        charge.is_held = True
        self.rota.count += 1
        ledger = charge.driver.ledger
        charge.watch(self._on_news)
        charge.heard, charge.suspicions = ledger.heard.kept.total, charge.driver.suspicions
        if self._cloud.is_store_shared:
            charge.lookout = charge.lookout or Lookout(ledger)
            charge.lease_at = self._clock.monotonic()
        if ledger.standing.acquired_at is not None:
            charge.renew_at = renewal_at(ledger.description.mode, ledger.standing.acquired_at)
        self._begin_looks(charge)
        self._tell_owner(charge)
        self.touch(charge)

    def touch(self, charge: Charge, now: Now | None = None) -> None:
        """See what comes next for one of whom something may have changed."""
        if not charge.is_held:
            return
        due, _ = self._next(charge, now or self._now())
        if self._agenda.note(charge, due):
            self._woken.set()

    def stop(self, charge: Charge) -> None:
        """Have it stopped now, and again for as long as it may run."""
        charge.stop_at = min(charge.stop_at, self._clock.monotonic())
        self.touch(charge)

    def dismiss(self, charge: Charge) -> None:
        """Look after it no more."""
        charge.is_closed = True
        if charge.is_held:
            charge.is_held = False
            charge.watch(None)
            if charge.look is not None:
                charge.look.job.unfollow()
                charge.look, charge.is_busy = None, False
            self._agenda.drop(charge)
            self.rota.count -= 1

    async def let_go(self, charge: Charge) -> None:
        """Look after it no more, and let others do so."""
        self.dismiss(charge)
        if charge.lookout is not None:
            await charge.lookout.give_back()

    def _begin_looks(self, charge: Charge) -> None:
        driver, now = charge.driver, self._clock.monotonic()
        if _is_unsettled(driver):
            # Another recording may follow on the verdict, so it waits for a whole failover after the first
            # denial: one may begin between the sid and the first look.
            charge.looks = Looks(self._clock, longest=watching.longest_pause(driver))
            charge.look_at = now + watching.first_look_in(driver)
        else:
            charge.looks, charge.look_at = None, self.rota.first(now)
            charge.answered_at = now

    def _heard(self, charge: Charge) -> None:
        """Something has become known of it; whatever fails here is no business of whoever has learnt that."""
        try:
            self._learn(charge)
        except Exception as error:  # noqa: BLE001 - whatever its owner raises
            self._failed(charge, error)

    def _learn(self, charge: Charge) -> None:
        driver, now = charge.driver, self._clock.monotonic()
        self._tell_owner(charge)
        if not charge.is_held:
            return
        if (heard := driver.ledger.heard.kept.total) != charge.heard:
            charge.heard, charge.heard_at = heard, now
        looks, is_unsettled = charge.looks, _is_unsettled(driver)
        if looks is None and is_unsettled:  # its sid has come
            self._begin_looks(charge)
        is_settled = not (is_unsettled or looks is None or looks.denied)
        if is_settled and not charge.is_busy and charge.look_at > now:  # it was confirmed in another way
            self._begin_looks(charge)
        if driver.suspicions != charge.suspicions:
            charge.suspicions = driver.suspicions
            self._look_at_once(charge)
        self.touch(charge)

    def _look_at_once(self, charge: Charge) -> None:
        charge.looks = charge.looks or Looks(self._clock)
        charge.look_at = self._clock.monotonic()

    def _tell_owner(self, charge: Charge) -> None:
        """Tell whoever owns it whether it records, when that has changed."""
        is_gone = charge.records_no_more
        if is_gone == charge.is_gone:
            return
        charge.is_gone = is_gone
        if is_gone:
            charge.owner.left(charge)
            return
        # What was found out about the instance before says nothing about this one.
        charge.looks, charge.waiting = None, None
        charge.stops_sent, charge.stop_not_before = 0, -inf
        self._look_at_once(charge)
        charge.owner.returned(charge)

    def _heard_late(self, charge: Charge) -> None:
        """Something has become known of one that was closed."""
        state = charge.driver.ledger.state
        try:
            if state.is_end:
                charge.owner.ended(charge)
            elif state is State.RECORDING:  # nobody waits for it any more, and it must not be left running
                self._take_back(charge)
        except Exception as error:  # noqa: BLE001 - whatever its owner raises
            self._failed(charge, error)

    def _take_back(self, charge: Charge) -> None:
        if self._is_over:
            charge.watch(None)
            charge.recording.stop_behind()
            return
        charge.is_closed = False
        charge.is_gone = True  # so its owner was told
        charge.stop_at = self._clock.monotonic()
        self.look_after(charge)

    def _now(self) -> Now:
        return Now(self._clock.monotonic(), self._clock.now())

    def _next(self, charge: Charge, now: Now) -> tuple[float, Duty]:
        return next_duty(charge, now, self.rota, self._upload_timeout)

    def _attend(self, charge: Charge, now: Now) -> None:
        """Do what is due for one, or begin to."""
        due, duty = self._next(charge, now)
        if due <= now.monotonic:
            if duty is Duty.STOP:
                self._stop(charge, now)
            elif duty is Duty.WARN:
                self._warn(charge)
            elif duty is Duty.CLOSE:
                self._close(charge)
            else:
                self._begin(charge, duty, now)
            due, _ = self._next(charge, now)
        self._agenda.note(charge, due)

    def _begin(self, charge: Charge, duty: Duty, now: Now) -> None:
        if duty is Duty.LOOK and charge.looks is None and charge.is_ours and not charge.is_placed:
            at = self.rota.place(now.monotonic)
            if at > now.monotonic:
                charge.look_at, charge.is_placed = at, True
                return
        charge.is_placed = False
        if duty is Duty.LOOK and charge.lookout is None:
            self._look(charge, now.monotonic)
            return
        charge.is_busy = True
        work = {Duty.LOOK: self._look_if_ours, Duty.LEASE: self._keep_lease, Duty.RENEW: self._renew}[duty]
        self._tasks.start_soon(self._do, charge, work)

    async def _do(self, charge: Charge, work: Callable[[Charge], Awaitable[None]]) -> None:
        """Do something for one; whatever fails there is no business of the others."""
        try:
            await work(charge)
        except Exception as error:  # noqa: BLE001 - as it says
            self._failed(charge, error)
        finally:
            charge.is_busy = charge.look is not None
        self.touch(charge)

    def _failed(self, charge: Charge, error: Exception) -> None:
        """Report what should not have happened, and have it tried again later."""
        ledger = charge.driver.ledger
        label, fields = ledger.description.label, ledger.log_fields
        log.error("recording %s: supervision failed", label, exc_info=error, extra=fields)
        charge.look_at = self._clock.monotonic() + self.rota.interval
        if charge.lookout is not None:
            charge.lease_at = charge.look_at

    async def _look_if_ours(self, charge: Charge) -> None:
        await self._keep_lease(charge)
        if charge.is_ours and not charge.is_closed and watching.runs(charge.driver):
            self._look(charge, self._clock.monotonic())

    def _look(self, charge: Charge, now: float) -> None:
        """Begin to look once; `_looked` hears when that is over."""
        driver, looks = charge.driver, charge.looks or Looks(self._clock)
        priority = Priority.WATCH if charge.looks is None else Priority.CONFIRM
        charge.look = Look(
            driver.query(priority, charge.lookout),
            looks,
            began=now,
            suspicions=charge.suspicions,
            was_unsettled=_is_unsettled(driver),
        )
        charge.look.job.follow(partial(self._looked, charge, charge.look))
        charge.is_busy = True

    def _looked(self, charge: Charge, look: Look) -> None:
        """See what a look has brought, and when to look again."""
        charge.look, charge.is_busy = None, False
        now = self._now()
        try:
            watching.learn(charge.driver, look.looks, look.job)
            self._conclude(charge, look, now.monotonic)
        except Exception as error:  # noqa: BLE001 - whatever its owner raises
            self._failed(charge, error)
        self.touch(charge, now)

    def _conclude(self, charge: Charge, look: Look, now: float) -> None:
        try:
            watching.conclude(charge.driver, look.looks)
        except RecordingGone as gone:
            charge.owner.happened(charge, IncidentKind.LOST, gone.cause)
        else:
            self._look_again(charge, look, now)

    def _look_again(self, charge: Charge, look: Look, now: float) -> None:
        driver = charge.driver
        if look.looks.denied or watching.is_open(driver, look.looks):
            charge.looks, charge.look_at = look.looks, now + look.looks.pause()
            return
        charge.looks = None
        if charge.suspicions != look.suspicions:  # the answer may be older
            self._look_at_once(charge)
            return
        if driver.seen_at is not None and driver.seen_at >= look.began:
            charge.answered_at = now
        if look.was_unsettled:
            charge.look_at = self.rota.first(now)
        else:  # from its beginning on: what answers take must not shift the looks against each other
            charge.look_at = max(now, look.began + self.rota.interval)

    async def _keep_lease(self, charge: Charge) -> None:
        """Take or renew the right to look, where there are others; without it, see what they know."""
        seconds, lookout = max(LEASE_SECONDS, 1.5 * self.rota.interval), charge.lookout
        was_ours, charge.is_ours = charge.is_ours, lookout is None or await lookout.take(seconds)
        if charge.is_closed:
            await self.let_go(charge)
            return
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
            again = nth_pause(AGAIN_AFTER, charge.renewals_failed)
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
        with self._clock.move_on_after(KEYS_WITHIN) as scope:
            secrets = await provider(charge.recording.checkpoint())
        if scope.cancelled_caught:
            raise SecretsRequired(f"an answer of `secrets` within {KEYS_WITHIN:g} s, to renew temporary keys")
        if secrets.storage is None:
            raise SecretsRequired("the storage in what `secrets` gives, to renew its temporary keys")
        return secrets.storage

    def _stop(self, charge: Charge, now: Now) -> None:
        if charge.stops_sent:
            text = "its stop has failed, and is sent again"
            charge.owner.happened(charge, IncidentKind.STOP_FAILED, text)
        pause = nth_pause(STOP_AGAIN, charge.stops_sent)
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
        if not ledger.state.is_before_start:
            charge.watch(self._on_late_news)
        if charge.lookout is not None:
            self._tasks.start_soon(charge.lookout.give_back)
        told = _told_of(ledger)
        if told is not None:
            charge.owner.happened(charge, *told)
        charge.owner.ended(charge)


def _is_unsettled(driver: Driver) -> bool:
    return watching.runs(driver) and not watching.is_settled(driver)


_GIVEN_UP: Final = {
    State.STOPPING: (IncidentKind.UPLOAD_UNKNOWN, "it ended, and nobody has said where its files are"),
    State.STARTING: (IncidentKind.UNCONFIRMED, "its start was sent, and nobody knows whether it ran"),
}
_ENDED_BADLY: Final = {
    FactKey.OUT_OF_CONTROL: (IncidentKind.OUT_OF_CONTROL, "the service takes no more calls for it"),
    FactKey.ENDED_WITHOUT_FILES: (IncidentKind.LOST, "it ended abnormally"),
}


def _told_of(ledger: Ledger) -> tuple[IncidentKind, str] | None:
    """What its owner should know of a recording that is closed."""
    if ledger.state is not State.FAILED:
        return _GIVEN_UP.get(ledger.state)
    facts = (change.fact for change in reversed(ledger.history.items) if change.after is State.FAILED)
    kind, text = _ENDED_BADLY.get(next(facts, FactKey.ALIVE), (None, ""))
    return None if kind is None else (kind, "; ".join((text, *sorted(ledger.standing.reasons))))
