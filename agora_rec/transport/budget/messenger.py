"""How a worker speaks with whoever counts for all of them, and what it does while that one is gone.

Knows neither Redis nor sockets: a `Counter` is asked. Runs as one task in the block of the budget. Callers
never speak with the counter themselves, so cancelling them interrupts no conversation.
"""

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import anyio

from agora_rec.clock import Clock
from agora_rec.transport.budget.grants import Answer, Ask, Grants
from agora_rec.transport.budget.pace import Pace
from agora_rec.transport.budget.turnstile import Turnstile
from agora_rec.vocabulary import Priority

PATIENCE: Final = 1.0
"""Seconds within which the counter has to answer."""

MOST: Final = 64
"""Slots that are asked for at once at most."""

_LATE_IN_A_ROW: Final = 10  # more than a busy event loop of this process explains
_LOOK_AGAIN: Final = 0.1  # seconds, while all that wait are acquires without room for their starts
_AT_LEAST: Final = 0.001  # seconds between two asks, whatever the counter says


class CounterGoneError(Exception):
    """The counter can't be asked, or its answers are of no use. Says why in a few words, without a secret."""


class _SilentError(CounterGoneError):
    """The counter took the question and did not answer: asking it anew at once is of no use."""


class Counter(Protocol):
    """Whoever counts for all workers."""

    async def ask(self, ask: Ask) -> Answer:
        """Ask once.

        Raises:
            CounterGoneError: There is no answer to be had.
        """
        ...


class Messenger:
    """Keeps a turnstile in slots: from the counter, or from this worker's share while that is gone.

    Args:
        turnstile: Where callers wait; its slots are set from here.
        grants: Where granted slots go.
        alone: The pace of this worker's own share.
        window: Seconds of which all workers together may use no more than the rate allows.
        connect: Opens a conversation with the counter.
        clock: Where time comes from.
        tell: Is told of a change: the counter has gone (why), or is back (None).
    """

    def __init__(
        self,
        turnstile: Turnstile,
        *,
        grants: Grants,
        alone: Pace,
        window: float,
        connect: Callable[[], AbstractAsyncContextManager[Counter]],
        clock: Clock,
        tell: Callable[[str | None], None],
    ) -> None:
        self.is_shared: bool = True
        self._turnstile = turnstile
        self._window = window
        self._grants = grants
        self._alone = alone
        self._connect = connect
        self._clock = clock
        self._tell = tell
        self._news = anyio.Event()
        self._rank: int | None = None  # of the ticket that the counter has
        self._met_429 = False
        self._heard = False  # whether the present conversation is worth beginning again
        self._phase = random.random()  # noqa: S311 - workers that lose the counter together must not fall in step

    def wanted(self, priority: Priority) -> None:
        """Somebody begins to wait: that is news if nobody else does, or nobody as urgent."""
        if self._rank is None or 1 + priority < self._rank:
            self._news.set()

    def slow_down(self) -> None:
        """Let all workers know of a 429."""
        self._alone.slow_down(self._clock.monotonic())
        self._met_429 = True
        self._news.set()

    async def run(self) -> None:
        """Speak with the counter until cancelled."""
        while True:
            self._heard = False
            reason = await self._converse()
            if self.is_shared and not self._heard:  # else a new one may do: servers close what was idle
                self.is_shared = False
                self.go_alone()
                self._tell(reason)
            if not self.is_shared:
                await self._clock.sleep(self._window)

    async def _converse(self) -> str:
        """Speak with the counter until it is gone; return why."""
        try:
            async with self._connect() as counter:
                return await self._until_it_is_gone(counter)
        except Exception as error:  # noqa: BLE001 - whatever breaks down there, the callers go on
            return type(error).__name__

    def go_alone(self) -> None:
        """Let callers have this worker's own share, when the calls made before are out of the window."""
        now = self._clock.monotonic()
        spread = self._phase * (self._alone.window - self._window)
        self._alone.hold(now + self._window + spread)
        self._grants.drop()
        self._rank = None
        self._turnstile.slots = self._alone
        self._turnstile.look_again()

    async def _until_it_is_gone(self, counter: Counter) -> str:
        """Ask whenever there is something to ask; return why that is over."""
        late = 0
        while True:
            self._news = anyio.Event()
            ask = self._ask()
            wait: float | None = None
            if ask is not None:
                try:
                    answer, in_time = await self._put(counter, ask)
                except CounterGoneError as error:
                    self._heard = self._heard and not isinstance(error, _SilentError)
                    return str(error)
                late = 0 if in_time else late + 1
                if late == _LATE_IN_A_ROW:
                    self._heard = False
                    return f"answers take longer than the jitter of {self._grants.jitter:g} s"
                if ask.slots > answer.slots or not in_time:
                    wait = max(_AT_LEAST, answer.wait)
            if wait is None and self._turnstile.waiting > len(self._grants):
                wait = _LOOK_AGAIN
            with self._clock.move_on_after(wait):
                await self._news.wait()

    def _ask(self) -> Ask | None:
        """What there is to ask now, if anything."""
        wish = self._turnstile.wish() if self._turnstile.waiting else None
        slots = 0 if wish is None else min(MOST, wish.slots - len(self._grants))
        if slots <= 0 and self._rank is None and self.is_shared and not self._met_429:
            return None
        rank = wish.rank if wish is not None and slots > 0 else None
        return Ask(rank or 0, max(0, slots), was_away=not self.is_shared, met_429=self._met_429)

    async def _put(self, counter: Counter, ask: Ask) -> tuple[Answer, bool]:
        """Ask, and take what is granted; whether that can be used.

        Raises:
            CounterGoneError: There is no answer.
        """
        asked = self._clock.monotonic()
        answer = await self._answer(counter, ask)
        self._heard = True
        if ask.met_429:
            self._met_429 = False
        self._rank = ask.rank if ask.slots > answer.slots else None
        if not self.is_shared:
            self.is_shared = True
            self._turnstile.slots = self._grants
            self._tell(None)
        in_time = self._grants.add(answer, asked=asked, answered=self._clock.monotonic())
        self._turnstile.look_again()
        return answer, in_time

    async def _answer(self, counter: Counter, ask: Ask) -> Answer:
        """What the counter answers in time.

        Raises:
            CounterGoneError: Nothing.
        """
        with self._clock.move_on_after(PATIENCE):
            return await counter.ask(ask)
        raise _SilentError(f"no answer within {PATIENCE:g} s")
