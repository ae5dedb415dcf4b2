"""Who may begin: in the order of coming, never more than there are places, and none of them lost."""

from collections.abc import Callable
from functools import partial

import anyio
import pytest
import trio
from anyio.abc import TaskGroup
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from agora_rec import FleetClosed, QueueFull
from agora_rec.clock import LoopClock
from agora_rec.fleet.admission import EXIT_SECONDS, LIMIT_AGAIN, Admission
from tests.support.backends import virtual_time
from tests.support.cloud import Caller, calling

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

SOON = 0.001


def an_admission(limit: int = 2, queue: int = 10) -> Admission:
    return Admission(limit, queue, LoopClock())


async def queueing(tasks: TaskGroup, admission: Admission, *places: int) -> list[Caller[None]]:
    return [await calling(tasks, partial(admission.take, each)) for each in places]


def admitted(callers: list[Caller[None]]) -> list[bool]:
    return [caller.is_back and caller.error is None for caller in callers]


async def test_nobody_overtakes_those_who_need_several_places_at_once() -> None:
    admission = an_admission(2)
    async with anyio.create_task_group() as tasks:
        callers = await queueing(tasks, admission, 1, 2, 1)
        assert admitted(callers) == [True, False, False]
        assert admission.waiting == 2
        admission.give_back()
        await anyio.wait_all_tasks_blocked()
        assert admitted(callers) == [True, True, False]
        admission.give_back(2)
        await anyio.wait_all_tasks_blocked()
        assert admitted(callers) == [True, True, True]
        assert admission.used == 1


async def test_who_leaves_the_queue_lets_the_next_in_and_keeps_no_place() -> None:
    admission = an_admission(2)
    async with anyio.create_task_group() as tasks:
        callers = await queueing(tasks, admission, 1, 2, 1)
        callers[1].scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert admitted(callers) == [True, False, True]
        assert admission.used == 2


async def test_who_is_cancelled_just_when_his_turn_has_come_gives_his_place_to_the_next() -> None:
    admission = an_admission(1)
    async with anyio.create_task_group() as tasks:
        callers = await queueing(tasks, admission, 1, 1, 1)
        admission.give_back()
        callers[1].scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert sum(admitted(callers[1:])) == 1
        assert admission.used == 1
        tasks.cancel_scope.cancel()


async def test_a_full_queue_is_said_at_once_and_only_to_those_who_would_wait() -> None:
    admission = an_admission(1, queue=1)
    async with anyio.create_task_group() as tasks:
        await queueing(tasks, admission, 1, 1)
        with pytest.raises(QueueFull) as raised:
            await admission.take()
        assert (raised.value.limit, raised.value.queued) == (1, 1)
        unbounded = await calling(tasks, lambda: admission.take(is_bounded=False))
        assert admission.waiting == 2
        unbounded.scope.cancel()
        tasks.cancel_scope.cancel()
    without = an_admission(1, queue=0)
    await without.take()
    with pytest.raises(QueueFull):
        await without.take()


async def test_closing_sends_all_away_who_wait_and_who_come_later() -> None:
    admission = an_admission(1)
    async with anyio.create_task_group() as tasks:
        callers = await queueing(tasks, admission, 1, 1, 1)
        admission.close()
        await anyio.wait_all_tasks_blocked()
        assert [type(caller.error) for caller in callers] == [type(None), FleetClosed, FleetClosed]
    with pytest.raises(FleetClosed):
        await admission.take()
    assert (admission.used, admission.waiting) == (1, 0)


async def test_what_runs_already_takes_its_places_even_over_the_limit() -> None:
    admission = an_admission(1)
    admission.seize(3)
    async with anyio.create_task_group() as tasks:
        callers = await queueing(tasks, admission, 1)
        for still_over in (True, True, False):
            admission.give_back()
            await anyio.wait_all_tasks_blocked()
            assert admitted(callers) == [not still_over]


async def test_a_place_in_which_something_ran_is_free_when_its_worker_is_gone() -> None:
    admission = an_admission(1)
    async with anyio.create_task_group() as tasks:
        first, second = await queueing(tasks, admission, 1, 1)
        admission.leave()
        await anyio.sleep(EXIT_SECONDS - SOON)
        assert admitted([first, second]) == [True, False]
        await anyio.sleep(2 * SOON)
        assert admitted([first, second]) == [True, True]
    admission.leave()
    await anyio.sleep(EXIT_SECONDS)
    await admission.take()
    assert admission.used == 1


async def test_while_one_asks_the_service_nobody_else_begins_and_others_wait_their_turn() -> None:
    admission = an_admission(5)
    order: list[int] = []

    async def probe(number: int) -> None:
        async with admission.probing():
            order.append(number)
            await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            await calling(tasks, partial(probe, number))
        caller = await calling(tasks, admission.take)
        await anyio.sleep(2.5)
        assert order == [0, 1, 2]
        assert not caller.is_back
        await anyio.sleep(1)
        assert caller.is_back


async def test_whoever_asks_again_waits_longer_each_time_unless_a_place_gets_free() -> None:
    admission = an_admission(2)
    began = anyio.current_time()
    waits = list[float]()
    for times in range(5):
        assert not await admission.room(times)
        waits.append(anyio.current_time() - began)
        began = anyio.current_time()
    assert waits == pytest.approx([*LIMIT_AGAIN, LIMIT_AGAIN[-1]])
    await admission.take()
    async with anyio.create_task_group() as tasks:
        gives_back = await calling(tasks, lambda: admission.room(3))
        admission.give_back()
        await anyio.wait_all_tasks_blocked()
        assert gives_back.value is True
        await admission.take()
        leaves = await calling(tasks, lambda: admission.room(3))
        admission.leave()
        await anyio.sleep(EXIT_SECONDS + SOON)
        assert leaves.value is True


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("end"), st.integers(0, 20)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
        st.tuples(st.just("seize"), st.integers(1, 2)),
        st.tuples(st.just("sleep"), st.integers(1, 2)),
    ),
    max_size=25,
)


class Naive:
    """The same rules, written down as simply as can be: lists that are gone through."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.line: list[tuple[int, int]] = []
        self.inside: dict[int, int] = {}
        self.leaving: list[tuple[float, int]] = []

    @property
    def used(self) -> int:
        return sum(self.inside.values()) + sum(places for _, places in self.leaving)

    def settle(self, now: float) -> None:
        self.leaving = [each for each in self.leaving if each[0] > now]
        while self.line and self.used + self.line[0][1] <= self.limit:
            number, places = self.line.pop(0)
            self.inside[number] = places


@given(limit=st.integers(3, 5), actions=ACTIONS)
def test_any_course_of_things_goes_as_in_a_naive_model(limit: int, actions: list[tuple[str, int]]) -> None:
    async def play() -> None:
        admission, naive = Admission(limit, 1000, LoopClock()), Naive(limit)
        callers: dict[int, Caller[None]] = {}
        ends: dict[str, Callable[[int], None]] = {"end": admission.give_back, "leave": admission.leave}
        async with anyio.create_task_group() as tasks:
            for number, (action, value) in enumerate(actions):
                inside, waiting = sorted(naive.inside), [each for each, _ in naive.line]
                if action == "take":
                    naive.line.append((number, value))
                    callers[number] = await calling(tasks, partial(admission.take, value))
                elif action == "cancel" and waiting:
                    chosen = waiting[value % len(waiting)]
                    naive.line = [each for each in naive.line if each[0] != chosen]
                    callers[chosen].scope.cancel()
                elif action in ends and inside:
                    places = naive.inside.pop(inside[value % len(inside)])
                    if action == "leave":
                        naive.leaving.append((anyio.current_time() + EXIT_SECONDS, places))
                    ends[action](places)
                elif action == "seize":
                    naive.inside[number] = value
                    admission.seize(value)
                elif action == "sleep":
                    await anyio.sleep(value + SOON)
                await anyio.wait_all_tasks_blocked()
                naive.settle(anyio.current_time())
                inside_now = {each for each, caller in callers.items() if caller.is_back}
                assert set(naive.inside) <= inside_now | {n for n, a in enumerate(actions) if a[0] == "seize"}
                assert not inside_now & {each for each, _ in naive.line}
                assert admission.waiting == len(naive.line)
            tasks.cancel_scope.cancel()

    trio.run(play, clock=MockClock(autojump_threshold=0))
