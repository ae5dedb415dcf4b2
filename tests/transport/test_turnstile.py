"""The turnstile where nobody knows yet when the next slot comes, as with slots from another process."""

import math

import anyio
import pytest
from attrs import define

from agora_rec.clock import SystemClock
from agora_rec.transport.budget.turnstile import Turnstile
from agora_rec.vocabulary import Priority
from tests.support.backends import virtual_time

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


@define
class Delivered:
    """Slots that somebody delivers."""

    moment: float = math.inf

    def interval(self, now: float) -> float:
        return 0.1

    def due(self, since: float, now: float) -> float:
        return max(since, self.moment)

    def take(self, at: float, due: float) -> None:
        assert due <= at
        self.moment = math.inf


async def test_whoever_is_next_waits_until_a_slot_is_known_and_then_for_its_moment():
    slots = Delivered()
    turnstile = Turnstile(slots, SystemClock())
    served: list[Priority] = []

    async def ask(priority: Priority) -> None:
        await turnstile.slot(priority)
        served.append(priority)

    async with anyio.create_task_group() as tasks:
        assert not turnstile.slot_nowait(Priority.STOP)
        tasks.start_soon(ask, Priority.WATCH)
        await anyio.sleep(1000)
        tasks.start_soon(ask, Priority.STOP)
        await anyio.sleep(1000)
        assert (turnstile.waiting, served) == (2, [])
        slots.moment = anyio.current_time() + 5
        turnstile.look_again()
        await anyio.sleep(4)
        assert served == []
        await anyio.sleep(2)
        assert served == [Priority.STOP]
        slots.moment = 0.0
        turnstile.look_again()
    assert served == [Priority.STOP, Priority.WATCH]
    assert (turnstile.waiting, turnstile.used) == (0, 2)
    turnstile.look_again()
