"""What the script on the server decides, on a real Valkey: who is first, and when; what the others hear."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from agora_rec.secret import Secret
from agora_rec.transport.budget.bookings import WATCH_SHARE
from agora_rec.transport.budget.grants import Answer, Ask
from agora_rec.transport.budget.messenger import Counter, CounterGoneError
from agora_rec.transport.budget.over_redis import RedisConnector
from agora_rec.transport.budget.pace import SLOWEST, Pace
from agora_rec.vocabulary import Priority
from tests.support.valkey import Valkey, served_valkey

pytestmark = pytest.mark.anyio

URGENT, STOP, QUERY, WATCH = 0, 1 + Priority.STOP, 1 + Priority.CONFIRM, 1 + Priority.WATCH


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with served_valkey() as valkey:
        yield valkey


@pytest.fixture(autouse=True)
def forgetful(server: Valkey) -> None:
    server.says("FLUSHALL")


@asynccontextmanager
async def workers(
    server: Valkey, count: int, qps: float, *, known: bool = True
) -> AsyncGenerator[list[Counter]]:
    """So many workers of one rate, on a server that has seen others before or knows nothing."""
    pace = Pace(qps, 0.05)
    if known:
        server.says("HSET {agora_rec}:pace last", str(time.time_ns() // 1000))
    async with anyio.create_task_group() as tasks:
        counters: list[Counter] = []

        async def connect(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with RedisConnector(Secret(server.url), "agora_rec", pace).connect() as counter:
                counters.append(counter)
                task_status.started()
                await anyio.sleep_forever()

        for _ in range(count):
            await tasks.start(connect)
        yield counters
        tasks.cancel_scope.cancel()


def due_now(server: Valkey) -> None:
    """Let the next slot come this moment, whatever was granted before."""
    server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000))


async def order(server: Valkey, counters: list[Counter], asks: list[Ask], rounds: int) -> list[int]:
    """Who gets the slots when each has said what it wants and all go on asking; a slot comes soon."""
    server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 900_000))
    for counter, ask in zip(counters, asks, strict=True):
        assert (await counter.ask(ask)).slots == 0
    served: list[int] = []
    for _ in range(rounds):
        # Ahead, as far as slots are granted: a late one goes to whoever asks, and the machine may be busy.
        server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 25_000))
        for number in reversed(range(len(counters))):
            if (await counters[number].ask(asks[number])).slots:
                served.append(number)
                break
    return served


async def test_a_server_that_knows_nothing_may_have_forgotten_and_waits_one_window(server: Valkey):
    async with workers(server, 1, 10, known=False) as (one,):
        answer = await one.ask(Ask(STOP, 1))
        assert answer.slots == 0
        assert answer.wait == 0.4, "long waits are cut up, so that tickets stay alive"
        assert 1.0 < float(server.says("PTTL {agora_rec}:tickets")[1:]) / 1000 <= 86_400


async def test_slots_are_an_interval_apart_and_granted_shortly_beforehand(server: Valkey):
    async with workers(server, 1, 10) as (one,):
        first = await one.ask(Ask(STOP, 3))
        assert (first.slots, first.first, first.interval) == (1, 0.0, 0.105)
        again = await one.ask(Ask(STOP, 2))
        assert again.slots == 0
        assert 0.07 < again.wait <= 0.09
        await anyio.sleep(again.wait)
        second = await one.ask(Ask(STOP, 2))
        assert second.slots == 1
        assert 0.0 <= second.first <= 0.015


async def test_at_high_rates_several_slots_are_granted_at_once_but_no_more_than_are_wanted(server: Valkey):
    async with workers(server, 1, 1000) as (one,):
        assert (await one.ask(Ask(STOP, 64))).slots == 29
        due_now(server)
        assert (await one.ask(Ask(STOP, 3))).slots == 3


async def test_the_more_urgent_goes_first_whoever_asked_first(server: Valkey):
    async with workers(server, 4, 10) as counters:
        asks = [Ask(WATCH, 1), Ask(QUERY, 1), Ask(STOP, 1), Ask(URGENT, 1)]
        assert await order(server, counters, asks, 1) == [3]
        await counters[3].ask(Ask(0, 0))
        assert await order(server, counters[:3], asks[:3], 1) == [2]


async def test_workers_take_turns_within_a_class(server: Valkey):
    async with workers(server, 3, 10) as counters:
        assert await order(server, counters, [Ask(QUERY, 99)] * 3, 9) == [0, 1, 2] * 3


async def test_watching_queries_of_one_worker_have_their_share_beside_the_stops_of_others(server: Valkey):
    async with workers(server, 3, 10) as counters:
        served = await order(
            server, counters, [Ask(STOP, 99), Ask(WATCH, 99), Ask(STOP, 99)], 2 * WATCH_SHARE
        )
    assert [number for number, who in enumerate(served) if who == 1] == [WATCH_SHARE - 1, 2 * WATCH_SHARE - 1]


async def test_slots_granted_at_once_do_not_pass_over_the_share_of_watching_queries(server: Valkey):
    async with workers(server, 2, 1000) as (busy, watching):
        server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 500_000))
        await watching.ask(Ask(WATCH, 99))
        due_now(server)
        assert (await busy.ask(Ask(STOP, 64))).slots == WATCH_SHARE - 1
        due_now(server)
        assert (await busy.ask(Ask(STOP, 64))).slots == 0
        assert (await watching.ask(Ask(WATCH, 99))).slots == 1


async def test_who_takes_back_what_it_wanted_lets_the_others_go_at_once(server: Valkey):
    async with workers(server, 2, 10) as (one, other):
        server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 500_000))
        await one.ask(Ask(STOP, 1))
        await other.ask(Ask(WATCH, 1))
        await one.ask(Ask(0, 0))
        due_now(server)
        assert (await other.ask(Ask(WATCH, 1))).slots == 1


async def test_a_worker_that_is_gone_costs_the_others_a_moment_for_each_slot_and_then_nothing(server: Valkey):
    async with workers(server, 2, 10) as (gone, other):
        server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 500_000))
        await gone.ask(Ask(STOP, 9))
        await other.ask(Ask(WATCH, 9))
        due_now(server)
        held = await other.ask(Ask(WATCH, 9))
        assert held.slots == 0
        assert held.wait <= 0.03
        await anyio.sleep(0.011)
        assert (await other.ask(Ask(WATCH, 9))).slots == 1
        for _ in range(4):
            await anyio.sleep(0.27)
            await other.ask(Ask(WATCH, 9))
        assert server.says("ZCARD {agora_rec}:tickets") == ":1"


async def heard_by_the_third(
    server: Valkey, counters: list[Counter], asks: list[Ask], *, after_the_slot: float
) -> bool:
    """Whether the last one is told to ask again so many seconds after the next slot comes; to 0.1 ms."""
    at = time.time() + 0.2
    server.says("HSET {agora_rec}:pace due", str(round(at * 1e6)))
    for counter, ask in zip(counters[:-1], asks[:-1], strict=True):
        await counter.ask(ask)
    before = time.time()
    wait = (await counters[-1].ask(asks[-1])).wait
    after = time.time()
    expected = at + after_the_slot
    return expected - after - 1e-4 <= wait <= expected - before + 1e-4


async def test_who_is_behind_looks_after_the_slot_before_lest_it_be_lost(server: Valkey):
    async with workers(server, 3, 10) as counters:
        assert await heard_by_the_third(server, counters, [Ask(STOP, 5)] * 3, after_the_slot=0.01)


async def test_who_is_behind_hears_when_its_turn_comes(server: Valkey):
    two_of_the_first_a_handful_of_the_second = 2 + 15
    async with workers(server, 3, 1000) as counters:
        asks = [Ask(STOP, 2), Ask(STOP, 50), Ask(STOP, 5)]
        turn = two_of_the_first_a_handful_of_the_second * 0.00105
        assert await heard_by_the_third(server, counters, asks, after_the_slot=turn - 0.015)


async def test_a_429_of_one_worker_halves_the_rate_of_all_once_in_a_window(server: Valkey):
    async with workers(server, 2, 10) as (one, other):
        await one.ask(Ask(0, 0, met_429=True))
        await other.ask(Ask(0, 0, met_429=True))
        answer = await other.ask(Ask(STOP, 1))
        assert answer.interval == 0.21
        assert answer.slots == 0, "the next one moves away"
        server.says("HSET {agora_rec}:pace slowed", str(time.time_ns() // 1000 - 10_100_000))
        assert (await one.ask(Ask(STOP, 1))).interval == 0.105
        for _ in range(2 * SLOWEST):
            await one.ask(Ask(STOP, 1, met_429=True))
            server.says("HSET {agora_rec}:pace slowed", str(time.time_ns() // 1000 - 2_000_000))
        assert (await one.ask(Ask(STOP, 1))).interval == pytest.approx(0.105 * 2**SLOWEST, rel=1e-5)


def seconds_until_due(server: Valkey) -> float:
    """When the next slot comes."""
    due = server.says("EVAL \"return tonumber(redis.call('HGET', '{agora_rec}:pace', 'due'))\" 0")
    return (int(due.removeprefix(":")) - time.time_ns() / 1000) / 1e6


async def test_who_was_away_holds_everybody_for_two_windows_but_many_of_them_no_longer(server: Valkey):
    async with workers(server, 2, 10) as (one, other):
        assert (await one.ask(Ask(STOP, 1, was_away=True))).slots == 0
        assert 2.0 < seconds_until_due(server) <= 2.1
        await anyio.sleep(0.1)
        assert (await other.ask(Ask(STOP, 1, was_away=True))).slots == 0
        assert 1.8 < seconds_until_due(server) <= 2.0


async def test_a_server_that_stood_still_holds_everybody_too(server: Valkey):
    async with workers(server, 1, 10) as (one,):
        await one.ask(Ask(STOP, 9))
        server.says("HSET {agora_rec}:pace last", str(time.time_ns() // 1000 - 1_000_000))
        assert (await one.ask(Ask(STOP, 9))).slots == 0
        assert 2.0 < seconds_until_due(server) <= 2.1


async def test_a_server_that_nobody_asked_for_long_has_slots_at_once(server: Valkey):
    async with workers(server, 1, 10) as (one,):
        await one.ask(Ask(STOP, 1))
        server.says("HSET {agora_rec}:pace last", str(time.time_ns() // 1000 - 60_000_000))
        due_now(server)
        assert (await one.ask(Ask(STOP, 1))).slots == 1


async def test_a_clock_that_goes_back_stops_nobody_for_long(server: Valkey):
    async with workers(server, 1, 10) as (one,):
        server.says("HSET {agora_rec}:pace due", str(time.time_ns() // 1000 + 3_600_000_000))
        assert (await one.ask(Ask(STOP, 1))).slots == 0
        assert seconds_until_due(server) <= 2.1


async def test_a_script_that_the_server_has_forgotten_is_sent_again(server: Valkey):
    async with workers(server, 1, 1000) as (one,):
        assert isinstance(await one.ask(Ask(STOP, 1)), Answer)
        server.says("SCRIPT FLUSH SYNC")
        assert (await one.ask(Ask(STOP, 1))).slots >= 0


async def test_an_answer_that_is_an_error_means_that_the_counter_is_gone(server: Valkey):
    async with workers(server, 1, 10) as (one,):
        server.says("SET {agora_rec}:tickets nonsense")
        with pytest.raises(CounterGoneError, match="Error"):
            await one.ask(Ask(STOP, 1))
