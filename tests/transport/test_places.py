"""The limit of calls under way, in virtual time."""

from typing import Any

import anyio
import pytest

from agora_rec.defaults import MAX_CONNECTIONS
from agora_rec.errors import InvalidRequest, TransportError
from agora_rec.transport import (
    Interrupt,
    Interrupted,
    LocalBudget,
    RetryPolicy,
    Transport,
    open_transport,
)
from agora_rec.transport.places import Places
from agora_rec.transport.wire import WireAnswer
from agora_rec.vocabulary import Priority
from tests.operations import samples
from tests.support.backends import virtual_time
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET
from tests.transport.scripts import LOST, ScriptedWire, said, transport_over
from tests.transport.test_sender import ACQUIRED, QUERIED, STARTED, STOPPED

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

ANSWERS = {"acquire": ACQUIRED, "start": STARTED, "query": QUERIED, "stop": STOPPED}


class SlowWire(ScriptedWire):
    """Takes a second for each call, and counts those that it has at once."""

    def __init__(self) -> None:
        super().__init__([])
        self.now = 0
        self.peak = 0
        self.order: list[str] = []

    async def exchange(self, method: str, host: str, path: str, *_: Any, **__: Any) -> WireAnswer:
        self.now += 1
        self.peak = max(self.peak, self.now)
        name = path.rpartition("/")[2]
        self.order.append(name)
        try:
            await anyio.sleep(1)
        finally:
            self.now -= 1
        return ANSWERS[name]


async def all_at_once(transport: Transport, operations: list[Any]) -> None:
    async with anyio.create_task_group() as tasks:
        for operation in operations:
            tasks.start_soon(transport.send, operation)
            await anyio.wait_all_tasks_blocked()


async def test_no_more_calls_than_allowed_are_under_way_and_all_are_made():
    wire = SlowWire()
    began = anyio.current_time()
    transport = transport_over(wire, max_connections=3)
    await all_at_once(transport, [samples.QUERY] * 10)
    assert (wire.peak, len(wire.order)) == (3, 10)
    assert anyio.current_time() - began == pytest.approx(4, abs=0.01)
    assert repr(transport.places) == "Places(limit=3, taken=0, waiting=0)"


async def test_without_a_limit_all_go_at_once():
    wire = SlowWire()
    await all_at_once(transport_over(wire, max_connections=None), [samples.QUERY] * 600)
    assert wire.peak == 600


async def test_those_who_wait_go_by_priority_and_a_stop_does_not_wait_at_all():
    wire = SlowWire()
    waiting = [samples.QUERY, samples.ACQUIRE, samples.QUERY, samples.START, samples.STOP]
    await all_at_once(transport_over(wire, max_connections=1), [samples.ACQUIRE, *waiting])
    assert wire.order == ["acquire", "stop", "start", "query", "query", "acquire"]
    assert wire.peak == 2


async def test_a_stop_over_the_limit_lets_nobody_in_when_it_leaves():
    places = Places(1)
    await places.enter(Priority.CONFIRM)
    await places.enter(Priority.STOP)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(places.enter, Priority.START)
        await anyio.wait_all_tasks_blocked()
        places.leave()
        assert (places.taken, places.waiting) == (1, 1)
        places.leave()
        assert (places.taken, places.waiting) == (1, 0)


async def test_a_place_is_had_before_the_slot_so_that_a_slot_is_used_at_once():
    budget = LocalBudget(1000)
    wire = SlowWire()
    async with anyio.create_task_group() as tasks:
        transport = transport_over(wire, budget=budget, max_connections=2)
        for _ in range(4):
            tasks.start_soon(transport.send, samples.QUERY)
        await anyio.sleep(0.5)
        assert (budget.used, budget.waiting, transport.places.waiting) == (2, 0, 2)
    assert budget.used == 4


async def test_a_pause_before_a_repetition_holds_no_place():
    wire = ScriptedWire([LOST, QUERIED])
    transport = transport_over(wire, max_connections=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(transport.send, samples.QUERY)
        await anyio.wait_all_tasks_blocked()
        assert transport.places.taken == 0
        await transport.send(samples.QUERY)
        assert wire.moments == [0, 0]
    assert wire.moments == [0, 0, 1]


@pytest.mark.parametrize("how", ["cancelled", "deadline", "interrupt"])
async def test_whoever_leaves_while_waiting_for_a_place_leaves_it_to_the_others(how: str):
    wire = SlowWire()
    transport = transport_over(wire, max_connections=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(transport.send, samples.QUERY)
        await anyio.wait_all_tasks_blocked()
        interrupt = Interrupt()
        if how == "cancelled":
            with anyio.move_on_after(0.5) as scope:
                await transport.send(samples.QUERY)
            assert scope.cancelled_caught
        elif how == "deadline":
            with pytest.raises(TransportError) as caught:
                await transport.send(samples.QUERY, deadline=anyio.current_time() + 0.5)
            assert (caught.value.attempts, caught.value.deadline_came) == ((), True)
        else:
            tasks.start_soon(trigger_after, 0.5, interrupt)
            with pytest.raises(Interrupted):
                await transport.send(samples.QUERY, interrupt=interrupt)
        assert (transport.places.taken, transport.places.waiting) == (1, 0)
        await transport.send(samples.QUERY)
    assert len(wire.order) == 2
    assert transport.places.taken == 0


async def trigger_after(seconds: float, interrupt: Interrupt) -> None:
    await anyio.sleep(seconds)
    interrupt.trigger()


async def test_one_who_is_cancelled_in_the_moment_that_lets_him_in_gives_the_place_on():
    places = Places(1)
    await places.enter(Priority.START)
    async with anyio.create_task_group() as tasks:
        first = anyio.CancelScope()

        async def enter() -> None:
            with first:
                await places.enter(Priority.START)

        tasks.start_soon(enter)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(places.enter, Priority.CONFIRM)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        places.leave()
        await anyio.wait_all_tasks_blocked()
        assert (places.taken, places.waiting) == (1, 0)


async def test_whoever_is_let_in_has_the_place_from_that_moment_on():
    places = Places(1)
    await places.enter(Priority.CONFIRM)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(places.enter, Priority.WATCH)
        await anyio.wait_all_tasks_blocked()
        places.leave()
        with anyio.move_on_after(0) as scope:  # no jumping the queue
            await places.enter(Priority.START)
        assert scope.cancelled_caught
    assert (places.taken, places.waiting) == (1, 0)


async def test_an_error_gives_the_place_back():
    transport = transport_over(ScriptedWire([said(401)]), max_connections=1, retry=RetryPolicy.never())
    for _ in range(3):
        with pytest.raises(Exception, match="401"):
            await transport.send(samples.QUERY)
    assert transport.places.taken == 0


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1", True, float("inf")])
async def test_a_limit_that_means_nothing_is_refused(limit: Any):
    with pytest.raises(InvalidRequest) as caught:
        transport_over(ScriptedWire([]), max_connections=limit)
    assert [each.path for each in caught.value.violations] == ["max_connections"]


async def test_there_is_a_limit_unless_told_otherwise():
    keys: dict[str, Any] = {"customer_id": CUSTOMER_ID, "customer_secret": CUSTOMER_SECRET}
    assert open_transport(**keys).places.limit == MAX_CONNECTIONS == 500
    assert open_transport(**keys, max_connections=None).places.limit is None
