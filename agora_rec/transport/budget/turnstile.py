"""Callers wait here until it is their turn: the async shell of the line, whatever the slots come from."""

import math
from typing import Protocol

import anyio
from attrs import define, field

from agora_rec.clock import Clock
from agora_rec.transport.budget.line import Line, Wish
from agora_rec.vocabulary import Priority


class Slots(Protocol):
    """Where slots come from; `Pace` is one. Never waits, time is passed in."""

    def interval(self, now: float) -> float:
        """Seconds between two slots, as things stand at `now`."""
        ...

    def due(self, since: float, now: float) -> float:
        """The moment, `since` or later, at which the next slot came or comes; infinity: not known yet."""
        ...

    def take(self, at: float, due: float) -> None:
        """Have the slot that was due at `due`, at the moment `at`."""
        ...


@define(eq=False)
class _Waiter:
    priority: Priority
    asked_at: float
    turn: anyio.Event = field(factory=anyio.Event)


class Turnstile:
    """Lets callers through one slot at a time, in the order of the line.

    Nobody sleeps for another: whoever is next in line sleeps until the moment of the slot, looks again who is
    next, and takes it or wakes that one. So a slot is taken by the task that uses it, with nothing to wait
    for in between, and cancelling any of them loses none.

    Args:
        slots: Where slots come from; can be changed at any time, followed by `look_again`.
        clock: Where time comes from.
    """

    def __init__(self, slots: Slots, clock: Clock) -> None:
        self.slots = slots
        self.used: int = 0
        self._clock = clock
        self._line: Line[_Waiter] = Line()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._line.waiting

    def wish(self) -> Wish | None:
        """How urgently those who wait want slots, and how many; None: nobody may go now."""
        now = self._clock.monotonic()
        return self._line.wish(now, self.slots.interval(now))

    def slot_nowait(self, priority: Priority) -> bool:
        """Take a slot if one is there at once, as it mostly is; whether it was."""
        if self._line.waiting:
            return False
        now = self._clock.monotonic()
        if self.slots.due(now, now) > now:
            return False
        if not self._line.pass_by(priority, now, self.slots.interval(now)):
            return False
        self.slots.take(now, now)
        self.used += 1
        return True

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot and take it. Cancelled: the place is given back."""
        if self.slot_nowait(priority):
            return
        waiter = _Waiter(priority, self._clock.monotonic())
        self._line.join(priority, waiter)
        try:
            await self._wait_for_turn(waiter)
        finally:
            self._line.leave(priority, waiter)
            self.look_again()

    def look_again(self) -> None:
        """Wake whoever is next now: the line or the slots have changed."""
        if self._line.waiting:
            now = self._clock.monotonic()
            self._next(now, self.slots.due(now, now))[0].turn.set()

    async def _wait_for_turn(self, waiter: _Waiter) -> None:
        """Return when `waiter` is next and its moment has come; the slot is then taken."""
        is_new = True
        while True:
            waiter.turn = anyio.Event()
            now = self._clock.monotonic()
            due = self.slots.due(waiter.asked_at, now)
            who, at = self._next(now, due)
            if who is waiter and at <= now:
                interval = self.slots.interval(now)
                self.slots.take(now, due)
                self._line.serve(waiter.priority, waiter, now, interval)
                self.used += 1
                return
            if who is not waiter and not is_new:
                who.turn.set()  # the order has changed with the time: that one sleeps on
            is_new = False
            with self._clock.move_on_after(at - now if who is waiter and at < math.inf else None):
                await waiter.turn.wait()

    def _next(self, now: float, due: float) -> tuple[_Waiter, float]:
        """Who is next, and when; infinity while nobody knows when a slot comes."""
        interval = self.slots.interval(now)
        if due == math.inf:
            return self._line.next(now, now, interval)[0], due
        return self._line.next(now, max(now, due), interval)
