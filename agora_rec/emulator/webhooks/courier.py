"""The shell around the schedule: waits for what is due, sends it, and notes what the receiver says.

All of it happens inside the block of `delivering`; no task outlives that. What waits when the block ends is
kept, and goes on in the next one.
"""

import random
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol

import anyio
from attrs import define, field

from agora_rec.clock import Clock
from agora_rec.emulator.recorded import milliseconds
from agora_rec.emulator.webhooks.envelope import (
    Notice,
    encode,
    health_event,
    new_id,
    sign,
)
from agora_rec.emulator.webhooks.logs import log_dropped
from agora_rec.emulator.webhooks.receivers import Receipt, Receiver
from agora_rec.emulator.webhooks.records import DeliveryAttempt, DeliveryState, HealthCheck, Reception
from agora_rec.emulator.webhooks.schedule import Letter, Schedule
from agora_rec.secret import Secret


class NoticeSource(Protocol):
    """What has happened at the service, as far as it is to be told."""

    def notices(self, now: datetime, *, after: int = 0) -> Sequence[Notice]:
        """What has happened by `now`, in order, from the number that follows `after` on."""
        ...

    def next_notice_at(self, now: datetime) -> datetime | None:
        """When something will happen next, as things stand at `now`; None: not as things stand."""
        ...


@define(eq=False)
class Courier:
    """Delivers what its source tells, to one receiver at a time."""

    source: NoticeSource
    schedule: Schedule
    clock: Clock
    secret: Secret
    _bell: anyio.Event | None = field(default=None, init=False)
    """There while something is delivered; rung when there may be something new to do."""
    _waiting: set[anyio.Event] = field(factory=set[anyio.Event], init=False)
    """Those who wait for an end of deliveries; each looks again whenever something has come to one."""

    @property
    def is_delivering(self) -> bool:
        """Whether a block of `delivering` runs."""
        return self._bell is not None

    def ring(self) -> None:
        """Look again: what will happen at the service may have changed."""
        if self._bell is not None:
            self._bell.set()

    @asynccontextmanager
    async def delivering(self, opened: AbstractAsyncContextManager[Receiver]) -> AsyncGenerator[None]:
        """Deliver to that receiver while the block runs.

        Raises:
            RuntimeError: this is done already.
        """
        if self._bell is not None:
            raise RuntimeError("notifications are being delivered already")
        self._bell = anyio.Event()
        failure: Exception | None = None
        try:
            async with opened as receiver, anyio.create_task_group() as group:
                group.start_soon(self._work, receiver)
                try:
                    yield
                except Exception as caught:  # noqa: BLE001 - raised again outside, so that no group wraps it
                    failure = caught
                finally:
                    group.cancel_scope.cancel()
        finally:
            self._bell = None
            self._tell_the_waiting()
        if failure is not None:
            raise failure

    async def settled(self) -> None:
        """Wait until nothing more will be sent of all that has happened by now.

        Raises:
            RuntimeError: nothing is being delivered, or no longer.
        """
        self._check_delivering()
        ahead = self.source.notices(self.clock.now(), after=self.schedule.taken)
        last = ahead[-1].number if ahead else self.schedule.taken
        self.ring()
        while not (self.schedule.taken >= last and self.schedule.is_over(last)):
            self._check_delivering()
            changed = anyio.Event()
            self._waiting.add(changed)
            try:
                await changed.wait()
            finally:
                self._waiting.discard(changed)

    async def check_health(self, receiver: Receiver, event_types: Iterable[int]) -> tuple[HealthCheck, ...]:
        """Send a test event of each of these types, and say what came of each, in their order."""
        found: dict[int, HealthCheck] = {}
        slots = anyio.Semaphore(self.schedule.switches.at_once)

        async def check(event_type: int) -> None:
            async with slots:
                now, began = self.clock.now(), self.clock.monotonic()
                notify_ms = milliseconds(now)
                notice_id = new_id(random.Random(f"{self.schedule.seed} {event_type} {notify_ms}"))
                receipt = await self._post(receiver, encode(health_event(notice_id, event_type, notify_ms)))
                attempt = self._attempt(now, began, notify_ms, receipt)
                found[event_type] = HealthCheck(event_type=event_type, attempt=attempt)

        wanted = tuple(event_types)
        async with anyio.create_task_group() as group:
            for event_type in wanted:
                group.start_soon(check, event_type)
        return tuple(found[event_type] for event_type in wanted)

    async def _work(self, receiver: Receiver) -> None:
        slots = anyio.Semaphore(self.schedule.switches.at_once)
        async with anyio.create_task_group() as attempts:
            while True:
                # A slot first: what is picked goes out at once, and what waits stays in the schedule. Taking
                # it lets other tasks run, so that attempts begin in the order in which they were due.
                await slots.acquire()
                self._bell = anyio.Event()
                now = self.clock.now()
                self.schedule.take(self.source.notices(now, after=self.schedule.taken))
                letter = self.schedule.pick(now)
                if letter is None:
                    slots.release()
                    self._tell_the_waiting()
                    await self._rest(now, self._bell)
                else:
                    attempts.start_soon(self._deliver, letter, receiver, slots)

    async def _rest(self, now: datetime, bell: anyio.Event) -> None:
        """Wait for the next moment at which there is something to do, or for the bell."""
        ahead = self.source.next_notice_at(now) if self.schedule.has_room else None
        moments = [moment for moment in (self.schedule.next_due(), ahead) if moment is not None]
        seconds = max(0.0, (min(moments) - now).total_seconds()) if moments else None
        with self.clock.move_on_after(seconds):
            await bell.wait()

    async def _deliver(self, letter: Letter, receiver: Receiver, slots: anyio.Semaphore) -> None:
        now, began = self.clock.now(), self.clock.monotonic()
        body = letter.write(now, with_sid=self.schedule.switches.sid_in_envelope)
        receipt = Receipt(Reception.ABANDONED)
        try:
            receipt = await self._post(receiver, body)
        finally:
            slots.release()
            self.schedule.note(letter, self._attempt(now, began, letter.notify_ms, receipt))
            if letter.state is DeliveryState.DROPPED:
                log_dropped(letter.record())
            self.ring()
            self._tell_the_waiting()

    async def _post(self, receiver: Receiver, body: bytes) -> Receipt:
        receipts = [Receipt(Reception.TIMED_OUT)]
        with self.clock.move_on_after(self.schedule.switches.answer_seconds):
            receipts.append(await receiver.post(sign(self.secret, body), body))
        return receipts[-1]

    def _attempt(self, at: datetime, began: float, notify_ms: int, receipt: Receipt) -> DeliveryAttempt:
        return DeliveryAttempt(
            at=at,
            notify_ms=notify_ms,
            seconds=self.clock.monotonic() - began,
            reception=receipt.reception,
            status=receipt.status,
            detail=receipt.detail,
        )

    def _check_delivering(self) -> None:
        if self._bell is None:
            raise RuntimeError("nothing is delivered outside of `async with emulator.delivering():`")

    def _tell_the_waiting(self) -> None:
        for event in self._waiting:
            event.set()
