"""How a worker gets its slots from a counter, and gets on without one: in virtual time."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import anyio
import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from agora_rec.clock import SystemClock
from agora_rec.transport.budget.grants import Answer, Ask, Grants
from agora_rec.transport.budget.messenger import PATIENCE, Counter, CounterGoneError, Messenger
from agora_rec.transport.budget.pace import RECOVERY, Pace
from agora_rec.transport.budget.turnstile import Turnstile
from agora_rec.vocabulary import Priority
from tests.support.backends import virtual_time
from tests.support.windows import most_in_any_window

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

JITTER = 0.05
START, STOP, WATCH, ACQUIRE = Priority.START, Priority.STOP, Priority.WATCH, Priority.ACQUIRE


@define
class PlainCounter:
    """Hands out slots 30 ms beforehand, one after another; as far away as it is told to be."""

    qps: float = 10.0
    answers_after: float = 0.0
    fault: str = ""
    heals: bool = False
    interval: float = field(init=False)
    asked: list[tuple[float, Ask]] = field(factory=list[tuple[float, Ask]])
    connected: int = 0
    due: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.interval = 1.05 / self.qps

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Counter]:
        self.connected += 1
        if self.heals:
            self.fault = ""
        yield self

    async def ask(self, ask: Ask) -> Answer:
        now = anyio.current_time()
        self.asked.append((now, ask))
        await anyio.sleep(self.answers_after / 2)
        if self.fault:
            raise CounterGoneError(self.fault)
        now = anyio.current_time()
        first = max(now, self.due)
        granted = min(ask.slots, 1 + int((now + 0.03 - first) / self.interval)) if first <= now + 0.03 else 0
        self.due = first + granted * self.interval
        await anyio.sleep(self.answers_after / 2)
        return Answer(granted, first - now, self.interval, min(0.4, max(0.0, self.due - 0.015 - now)))


@define
class Worker:
    """A turnstile that a messenger keeps in slots, and what came of it."""

    counter: PlainCounter
    workers: int = 4
    told: list[str | None] = field(factory=list[str | None])
    served: list[tuple[float, Priority]] = field(factory=list[tuple[float, Priority]])
    turnstile: Turnstile = field(init=False)
    messenger: Messenger = field(init=False)

    def __attrs_post_init__(self) -> None:
        clock = SystemClock()
        grants = Grants(JITTER, self.workers, self.counter.interval)
        self.turnstile = Turnstile(grants, clock)
        self.messenger = Messenger(
            self.turnstile,
            grants=grants,
            alone=Pace(self.counter.qps / self.workers, JITTER),
            window=Pace(self.counter.qps, JITTER).window,
            connect=self.counter.connect,
            clock=clock,
            tell=self.told.append,
        )

    async def slot(self, priority: Priority) -> None:
        self.messenger.wanted(priority)
        await self.turnstile.slot(priority)
        self.served.append((anyio.current_time(), priority))

    def is_shared(self) -> bool:
        return self.messenger.is_shared

    @property
    def moments(self) -> list[float]:
        return [moment for moment, _ in self.served]


@asynccontextmanager
async def at_work(counter: PlainCounter, workers: int = 4) -> AsyncGenerator[Worker]:
    """A worker whose messenger runs in this block."""
    worker = Worker(counter, workers)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.messenger.run)
        yield worker
        tasks.cancel_scope.cancel()


async def calls(worker: Worker, *priorities: Priority) -> None:
    """So many callers at once; returns when all were served."""
    async with anyio.create_task_group() as tasks:
        for priority in priorities:
            tasks.start_soon(worker.slot, priority)


async def test_slots_come_evenly_and_no_faster_than_they_are_granted():
    counter = PlainCounter()
    async with at_work(counter) as worker:
        await calls(worker, *[WATCH] * 30)
        assert counter.connected == 1
    gaps = [later - earlier for earlier, later in pairwise(worker.moments)]
    assert gaps == pytest.approx([0.105] * 29)
    assert len(counter.asked) <= 40
    assert worker.told == []


async def test_at_high_rates_one_question_brings_several_slots():
    counter = PlainCounter(qps=1000)
    async with at_work(counter) as worker:
        await calls(worker, *[WATCH] * 1000)
    assert worker.moments[-1] - worker.moments[0] == pytest.approx(999 * 1.05 / 1000, rel=0.01)
    assert len(counter.asked) <= 150


async def test_where_nobody_waits_nothing_is_asked():
    counter = PlainCounter()
    async with at_work(counter) as worker:
        await anyio.sleep(100)
        assert counter.asked == []
        await worker.slot(STOP)
        await anyio.sleep(100)
    assert [ask for _, ask in counter.asked] == [Ask(1, 1)]


async def test_a_worker_says_what_is_most_urgent_and_how_much_it_wants():
    counter = PlainCounter(due=anyio.current_time() + 1.0)
    async with at_work(counter) as worker, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(worker.slot, WATCH)
        await anyio.sleep(0.1)
        before = len(counter.asked)
        tasks.start_soon(worker.slot, STOP)
        await anyio.sleep(0.001)
        assert [ask for _, ask in counter.asked[before:]] == [Ask(1, 4)], "at once"
        tasks.start_soon(worker.slot, WATCH)
        await anyio.sleep(0.001)
        assert len(counter.asked) == before + 1, "nobody more urgent: said with the next question"
        await anyio.sleep(3)
    assert [priority for _, priority in worker.served] == [STOP, *[WATCH] * 4]


async def test_a_start_that_can_wait_no_longer_goes_before_the_stops_of_all_workers():
    counter = PlainCounter()
    async with at_work(counter) as worker, anyio.create_task_group() as tasks:
        await worker.slot(ACQUIRE)
        counter.due = anyio.current_time() + 1.5
        tasks.start_soon(worker.slot, START)
        await anyio.sleep(1.0)
        assert {ask.rank for _, ask in counter.asked[1:]} == {1 + START}
        await anyio.sleep(0.7)
    assert counter.asked[-1][1].rank == 0


async def test_acquires_without_room_for_their_starts_ask_for_nothing():
    counter = PlainCounter()
    async with at_work(counter, workers=100) as worker, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(worker.slot, ACQUIRE)
        await anyio.sleep(1.5)
        assert len(worker.served) == 1
        asked = len(counter.asked)
        assert counter.asked[-1][1].slots == 1, "as many as may go"
        await anyio.sleep(0.3)
        assert len(counter.asked) == asked
        await anyio.sleep(5)
    assert [later - earlier for earlier, later in pairwise(worker.moments)] == (
        pytest.approx([2.1, 2.1], abs=0.15)
    )


async def test_who_leaves_takes_the_question_back():
    counter = PlainCounter(due=anyio.current_time() + 10.0)
    async with at_work(counter) as worker:
        with anyio.move_on_after(1):
            await worker.slot(STOP)
        await anyio.sleep(20)
        assert counter.asked[-1][1].slots == 0
        assert worker.turnstile.waiting == 0
        asked = len(counter.asked)
        await anyio.sleep(100)
        assert len(counter.asked) == asked


async def test_a_slot_that_nobody_used_goes_to_the_next_caller_while_it_is_fresh_and_to_nobody_later():
    counter = PlainCounter()
    async with at_work(counter) as worker, anyio.create_task_group() as tasks:
        counter.due = anyio.current_time() + 0.02
        with anyio.move_on_after(0.01):
            await worker.slot(STOP)
        await anyio.sleep(0.02)
        assert worker.turnstile.slot_nowait(STOP)
        counter.due = anyio.current_time() + 0.02
        with anyio.move_on_after(0.01):
            await worker.slot(STOP)
        await anyio.sleep(0.02 + JITTER)
        assert not worker.turnstile.slot_nowait(STOP)
        tasks.start_soon(worker.slot, STOP)
    assert [ask.slots for _, ask in counter.asked[:2] + counter.asked[-1:]] == [1, 1, 1]
    assert worker.turnstile.used == 2


async def test_without_the_counter_a_worker_waits_one_window_and_goes_on_with_its_share():
    counter = PlainCounter(qps=40, fault="ConnectionError")
    async with at_work(counter) as worker:
        began = anyio.current_time()
        await calls(worker, *[WATCH] * 30)
        assert worker.moments[0] - began == pytest.approx(1.05, rel=1e-5)
        assert worker.moments[-1] - worker.moments[0] == pytest.approx(29 * 1.05 / 10, rel=1e-5)
        assert worker.told == ["ConnectionError"]
        assert not worker.is_shared()
        tries = [moment - began for moment, _ in counter.asked]
        assert tries == pytest.approx([index * 1.05 for index in range(len(tries))], rel=1e-5)
        assert len(tries) >= 4
        assert counter.connected == len(tries), "each over new connections"
        assert [ask.was_away for _, ask in counter.asked] == [False, *[True] * (len(tries) - 1)]


async def test_when_the_counter_is_back_slots_come_from_it_again():
    counter = PlainCounter(fault="ConnectionError")
    async with at_work(counter) as worker, anyio.create_task_group() as tasks:
        tasks.start_soon(calls, worker, *[WATCH] * 40)
        await anyio.sleep(5)
        counter.fault = ""
        counter.due = anyio.current_time() + 3.0  # as a counter does that knows of others
        await anyio.sleep(2)
        assert worker.is_shared()
        assert worker.told == ["ConnectionError", None]
        served = len(worker.served)
        await anyio.sleep(0.95)
        assert len(worker.served) == served, "its own share has ended with that"
    assert len(worker.served) == 40
    late = worker.moments[-15:]
    assert late[-1] - late[0] == pytest.approx(14 * 0.105)
    assert not counter.asked[-1][1].was_away


async def test_an_idle_worker_finds_out_that_the_counter_is_back():
    counter = PlainCounter(fault="ConnectionError")
    async with at_work(counter) as worker:
        with anyio.move_on_after(0.5):
            await worker.slot(STOP)
        assert not worker.is_shared()
        await anyio.sleep(10)
        counter.fault = ""
        await anyio.sleep(1.1)
        assert worker.is_shared()
    assert counter.asked[-1][1] == Ask(0, 0, was_away=True)


async def test_a_counter_that_does_not_answer_is_given_up():
    counter = PlainCounter(answers_after=1000.0)
    async with at_work(counter) as worker:
        began = anyio.current_time()
        await worker.slot(STOP)
        assert anyio.current_time() - began == pytest.approx(PATIENCE + 1.05, rel=1e-5)
        assert worker.told == ["no answer within 1 s"]


async def test_answers_that_take_longer_than_the_jitter_are_not_used_and_given_up_after_ten():
    counter = PlainCounter(answers_after=JITTER * 1.1)
    async with at_work(counter) as worker:
        began = anyio.current_time()
        await worker.slot(STOP)
        assert worker.told == ["answers take longer than the jitter of 0.05 s"]
        assert len([ask for _, ask in counter.asked if not ask.was_away]) == 10
        assert anyio.current_time() - began < 10


async def test_slow_answers_below_the_jitter_are_used_and_no_slot_is_taken_before_its_moment_or_too_late():
    counter = PlainCounter(answers_after=JITTER * 0.6)
    granted: list[float] = []

    async def note(ask: Ask) -> Answer:
        answer = await PlainCounter.ask(counter, ask)
        answered = anyio.current_time() - counter.answers_after / 2
        granted.extend(answered + answer.first + number * answer.interval for number in range(answer.slots))
        return answer

    @asynccontextmanager
    async def connect() -> AsyncGenerator[Any]:
        yield type("Noting", (), {"ask": staticmethod(note)})

    worker = Worker(counter)
    worker.messenger._connect = connect
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.messenger.run)
        await calls(worker, *[WATCH] * 50)
        tasks.cancel_scope.cancel()
    assert len(granted) == 50
    assert all(0 <= used - moment <= JITTER for used, moment in zip(worker.moments, granted, strict=True))


async def test_a_conversation_that_breaks_off_is_begun_again_at_once_and_costs_nobody_a_window():
    counter = PlainCounter()
    async with at_work(counter) as worker:
        await worker.slot(STOP)
        counter.fault = "ConnectionError"
        counter.heals = True
        await worker.slot(STOP)
        assert worker.moments[1] - worker.moments[0] == pytest.approx(0.105)
        assert (worker.told, counter.connected) == ([], 2)


async def test_whatever_breaks_down_there_callers_go_on():
    @asynccontextmanager
    async def broken() -> AsyncGenerator[Counter]:
        nothing: dict[str, Counter] = {}
        yield nothing["a fault of somebody else"]

    worker = Worker(PlainCounter())
    worker.messenger._connect = broken
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.messenger.run)
        await worker.slot(STOP)
        tasks.cancel_scope.cancel()
    assert worker.told == ["KeyError"]


async def test_a_429_is_told_to_the_counter_at_once_and_until_it_was_heard():
    counter = PlainCounter(fault="ConnectionError")
    async with at_work(counter) as worker:
        worker.messenger.slow_down()
        await anyio.sleep(2)
        counter.fault = ""
        await anyio.sleep(2)
        assert [ask.met_429 for _, ask in counter.asked] == [True, True, True]
        await worker.slot(STOP)
        assert not counter.asked[-1][1].met_429


async def test_a_429_slows_down_a_worker_that_is_alone():
    async with at_work(PlainCounter(qps=40, fault="ConnectionError")) as worker:
        await worker.slot(STOP)
        worker.messenger.slow_down()
        await calls(worker, *[STOP] * 5)
        assert worker.moments[-1] - worker.moments[1] == pytest.approx(4 * 2 * 1.05 / 10, rel=1e-5)
        await anyio.sleep(RECOVERY)


async def test_workers_whose_share_is_less_than_one_call_a_window_do_not_fall_in_step():
    firsts: list[float] = []
    for seed in range(8):
        random.seed(seed)
        async with at_work(PlainCounter(fault="ConnectionError"), workers=40) as worker:
            began = anyio.current_time()
            await worker.slot(STOP)
            firsts.append(anyio.current_time() - began)
    assert min(firsts) >= 1.05
    assert max(firsts) <= 4.21
    assert len({round(first, 1) for first in firsts}) >= 6


@given(st.integers(0, 2**32))
def test_no_caller_is_lost_whoever_comes_and_goes_and_whatever_the_counter_does(seed: int):
    chance = random.Random(seed)
    counter = PlainCounter(qps=chance.choice([2.0, 10.0, 200.0]))
    stayed = served = 0

    async def caller(worker: Worker, patience: float) -> None:
        nonlocal served
        with anyio.move_on_after(patience):
            await worker.slot(chance.choice([STOP, WATCH, Priority.UPDATE]))
            served += 1

    async def main() -> None:
        nonlocal stayed
        async with at_work(counter, workers=2) as worker:
            async with anyio.create_task_group() as tasks:
                for _ in range(40):
                    stays = chance.random() < 0.7
                    stayed += stays
                    tasks.start_soon(caller, worker, float("inf") if stays else chance.random() * 3)
                    counter.fault = chance.choice(["", "", "", "gone"])
                    counter.answers_after = chance.choice([0.0, 0.0, 0.01, 0.06])
                    await anyio.sleep(chance.choice([0.0, 0.0, 0.05, 1.0]))
                counter.fault = ""
                counter.answers_after = 0.0
            assert worker.turnstile.waiting == 0
            assert worker.turnstile.used == served
        if None not in worker.told:  # coming back is the counter's to pace, and this one does not
            assert most_in_any_window(worker.moments, 1.0) <= counter.qps

    trio.run(main, clock=MockClock(autojump_threshold=0))  # anyio.run forgets the clock before 4.14
    assert served >= stayed
