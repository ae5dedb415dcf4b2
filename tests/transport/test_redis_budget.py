"""`RedisBudget` on a real Valkey server: its life, and many processes that share one limit."""

import logging
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import anyio
import pytest

from agora_rec import CloudRecording
from agora_rec.emulator import Emulator
from agora_rec.errors import InvalidRequest
from agora_rec.transport.budget import LocalBudget, RedisBudget, SharedBudget, Unpaced
from agora_rec.vocabulary import Priority
from tests.support.secrets import CUSTOMER_SECRET
from tests.support.shared_limit import Job, Workers, moments
from tests.support.valkey import Valkey, served_valkey
from tests.support.windows import most_in_any_window

pytestmark = pytest.mark.anyio

NOWHERE = "redis://127.0.0.1:1"
STOP, WATCH = Priority.STOP, Priority.WATCH


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Valkey]:
    with served_valkey() as valkey:
        yield valkey


def asked_before(server: Valkey) -> None:
    """Let a server know of others, so that it does not wait for a window as one that may have forgotten."""
    server.says("HSET {agora_rec}:pace last", str(time.time_ns() // 1000))


@pytest.fixture
def server(shared_server: Valkey) -> Valkey:
    shared_server.says("FLUSHALL")
    asked_before(shared_server)
    return shared_server


def is_shared(budget: RedisBudget) -> bool:
    """Asked by a function: for type checkers a property keeps its value."""
    return budget.is_shared


def client_of(emulator: Emulator, budget: RedisBudget) -> CloudRecording:
    return CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        budget=budget,
    )


@pytest.mark.untraced
def test_ten_processes_stay_inside_the_limit_together_use_it_and_share_it_fairly(server: Valkey):
    served = Workers(Job(server.url, qps=200, workers=10, seconds=3.5)).served()
    everything = moments(served)
    assert most_in_any_window(everything, 1.0) <= 200
    busy = [moment for moment in everything if everything[-1] - 2.5 <= moment <= everything[-1] - 0.5]
    assert len(busy) >= 0.95 * 2.0 * 200 / 1.05
    assert min(map(len, served)) >= 0.4 * max(map(len, served))


@pytest.mark.untraced
def test_one_that_is_killed_costs_the_others_next_to_nothing(server: Valkey):
    workers = Workers(Job(server.url, qps=100, workers=3, seconds=3.0))
    time.sleep(1.0)
    workers.kill(0)
    dead, *others = workers.served()
    everything = moments(others)
    assert dead == []
    assert max(later - earlier for earlier, later in pairwise(everything)) < 0.5
    assert most_in_any_window(everything, 1.0) <= 100
    late = [moment for moment in everything if moment > everything[-1] - 1.0]
    assert len(late) >= 0.9 * 100 / 1.05


@pytest.mark.untraced
def test_watching_queries_have_their_share_beside_the_stops_of_all_processes(server: Valkey):
    served = Workers(
        Job(server.url, qps=100, workers=2, seconds=3.0, callers=6, classes="STOP,WATCH")
    ).served()
    count = {name: sum(each == name for one in served for _, each in one) for name in ("STOP", "WATCH")}
    assert 0.05 <= count["WATCH"] / sum(count.values()) <= 0.2


async def test_a_stop_in_one_worker_goes_before_the_queries_of_the_others(server: Valkey):
    async with RedisBudget(server.url, 20, workers=2) as one, RedisBudget(server.url, 20, workers=2) as other:
        await one.slot(WATCH)
        before = 0
        served: list[str] = []

        async def ask(budget: RedisBudget, priority: Priority) -> None:
            await budget.slot(priority)
            served.append(priority.name)

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask, one, WATCH)
            await anyio.sleep(0.2)
            before = len(served)
            tasks.start_soon(ask, other, STOP)
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
    assert "STOP" in served[before : before + 3]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_server_that_is_stopped_and_started_again_is_done_without_and_come_back_to(
    caplog: pytest.LogCaptureFixture,
):
    with served_valkey() as server, caplog.at_level(logging.WARNING, "agora_rec"):
        asked_before(server)
        async with RedisBudget(server.url, 100, workers=4) as budget:
            served: list[float] = []
            away = back = 0.0

            async def call() -> None:
                while True:
                    await budget.slot(WATCH)
                    served.append(anyio.current_time())

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await anyio.sleep(0.4)
                assert is_shared(budget)
                server.stop()
                away = anyio.current_time()
                await anyio.sleep(1.6)
                assert not is_shared(budget)
                server.start()
                await anyio.sleep(1.2)
                assert is_shared(budget)
                back = anyio.current_time()
                await anyio.sleep(2.3)
                tasks.cancel_scope.cancel()
    alone = [moment for moment in served if away + 0.1 < moment < back]
    assert alone[0] - away >= 1.0
    assert most_in_any_window(alone, 1.0) <= 25
    assert len([moment for moment in served if moment > back + 1.6]) >= 20
    assert most_in_any_window(served, 1.0) <= 100
    messages = [record.getMessage() for record in caplog.records if record.name == "agora_rec"]
    assert len(messages) == 2
    assert "is gone" in messages[0]
    assert "25 calls per second" in messages[0]
    assert messages[1].endswith("is back")


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_server_that_stands_still_is_done_without(server: Valkey):
    with served_valkey() as halted:
        asked_before(halted)
        async with RedisBudget(halted.url, 1000, workers=2) as budget:
            await budget.slot(WATCH)
            halted.halt()
            began = anyio.current_time()
            await budget.slot(STOP)
            assert 1.5 < anyio.current_time() - began < 3.0
            assert not is_shared(budget)
            halted.go_on()
            await anyio.sleep(1.3)
            assert is_shared(budget)


@pytest.mark.parametrize("url", [NOWHERE, "unix:///nowhere/at/all.sock"])
async def test_opening_does_not_wait_for_the_server(url: str):
    async with RedisBudget(url, 1000, workers=1) as budget:
        assert budget.is_open
        with anyio.fail_after(5):
            await budget.slot(STOP)
        assert not is_shared(budget)


async def test_the_password_is_used_and_never_shown(caplog: pytest.LogCaptureFixture):
    with Valkey(CUSTOMER_SECRET) as server, caplog.at_level(logging.DEBUG):
        async with RedisBudget(server.tcp_url, 1000, workers=1) as budget:
            await budget.slot(STOP)
            assert is_shared(budget)
            assert repr(budget) == (
                f"RedisBudget('redis://127.0.0.1:{server.port}', qps=1000, workers=1, jitter=0.05, "
                "is_shared=True, waiting=0, used=1)"
            )
        wrong = server.tcp_url.replace("@", "wrong@")
        async with RedisBudget(wrong, 1000, workers=1) as budget:
            await budget.slot(STOP)
            assert not is_shared(budget)


async def test_it_has_to_be_opened_and_is_opened_once_at_a_time():
    budget = RedisBudget(NOWHERE, 1000, workers=1)
    assert not budget.slot_nowait(STOP)
    budget.slow_down()
    with pytest.raises(RuntimeError, match="is not open"):
        await budget.slot(STOP)
    assert (budget.is_open, budget.is_shared) == (False, False)
    async with budget:
        with pytest.raises(RuntimeError, match="open already"):
            await budget.__aenter__()
    await budget.__aexit__(None, None, None)
    with pytest.raises(RuntimeError, match="is not open"):
        await budget.slot(STOP)
    async with budget:
        assert budget.is_open


async def test_who_still_waits_when_it_closes_goes_on_with_the_share_of_its_process():
    budget = RedisBudget(NOWHERE, 1000, workers=1)
    began = 0.0
    async with anyio.create_task_group() as tasks:
        async with budget:
            tasks.start_soon(budget.slot, STOP)
            await anyio.sleep(0.05)
            assert budget.waiting == 1
        began = anyio.current_time()
    assert 1.0 < anyio.current_time() - began < 2.0
    assert budget.used == 1


async def test_a_429_halves_the_rate_of_the_other_workers(server: Valkey):
    async with RedisBudget(server.url, 50, workers=2) as one, RedisBudget(server.url, 50, workers=2) as other:
        await other.slot(STOP)
        one.slow_down()
        await anyio.sleep(0.1)
        began = anyio.current_time()
        for _ in range(6):
            await other.slot(STOP)
        assert anyio.current_time() - began >= 4 * 2 * 1.05 / 50


async def test_a_client_opens_and_closes_a_budget_that_is_not_open(server: Valkey):
    emulator = Emulator(qps=None)
    budget = RedisBudget(server.url, 1000, workers=1)
    async with client_of(emulator, budget) as cloud:
        assert budget.is_open
        await cloud.notification_ips()
        assert (budget.used, budget.is_shared) == (1, True)
    assert not budget.is_open


async def test_a_client_leaves_a_budget_open_that_was_open(server: Valkey):
    emulator = Emulator(qps=None)
    async with RedisBudget(server.url, 1000, workers=1) as budget:
        for _ in range(2):
            async with client_of(emulator, budget) as cloud:
                await cloud.notification_ips()
            assert budget.is_open
        assert budget.used == 2


def test_which_budgets_have_to_be_opened():
    assert isinstance(RedisBudget(NOWHERE, workers=1), SharedBudget)
    assert not isinstance(LocalBudget(10), SharedBudget)
    assert not isinstance(Unpaced(), SharedBudget)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "redis://", "unix://", "redis://host:port", "redis://host:99999", "redis://[::1",
        "redis://host/db", "", "host:6379", None, 7,
    ],
)  # fmt: skip
def test_an_address_that_makes_no_sense_is_refused(url: Any):
    with pytest.raises(InvalidRequest) as caught:
        RedisBudget(url, workers=1)
    assert [each.path for each in caught.value.violations] == ["url"]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"qps": 0}, ["qps"]),
        ({"jitter": 0.001}, ["jitter"]),
        ({"workers": 0}, ["workers"]),
        ({"workers": True}, ["workers"]),
        ({"workers": 2.5}, ["workers"]),
        ({"name": ""}, ["name"]),
        ({"name": "a{b}"}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"qps": -1, "jitter": None, "workers": "many", "name": None}, ["qps", "jitter", "workers", "name"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, Any], paths: list[str]):
    with pytest.raises(InvalidRequest) as caught:
        RedisBudget(NOWHERE, **{"workers": 1, **given})
    assert [each.path for each in caught.value.violations] == paths


def test_an_address_is_shown_without_its_secrets():
    wrong = f"redis://user:{CUSTOMER_SECRET}@host:port/1"
    with pytest.raises(InvalidRequest) as caught:
        RedisBudget(wrong, workers=1)
    assert CUSTOMER_SECRET not in str(caught.value)
    full = f"rediss://user:{CUSTOMER_SECRET}@[::1]:6380/1?client_name={CUSTOMER_SECRET}"
    assert repr(RedisBudget(full, workers=1)).startswith("RedisBudget('rediss://[::1]:6380/1', ")


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "agora_rec.transport.budget.over_redis", None)
    with pytest.raises(ImportError, match=r"agora-rec\[redis\]"):
        RedisBudget(NOWHERE, workers=1)
