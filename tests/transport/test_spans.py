"""Numbers of seconds and of calls, wherever one is given: what is none is refused, with its range."""

import math
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import pytest
from attrs import fields

from agora_rec import (
    CloudRecording,
    Fleet,
    InvalidRequest,
    LocalBudget,
    MemoryStore,
    PostgresStore,
    Recording,
    RedisBudget,
    RedisStore,
    RetryPolicy,
    SQLiteStore,
    WaitTimedOut,
)
from agora_rec.emulator import AcceleratedClock, Delay, Emulator, Settings, SteppedClock, Upload
from agora_rec.testing import PatientClock
from agora_rec.transport.spans import LONGEST, RATE_MOST
from tests.support.backends import virtual_time
from tests.support.cloud import calling, stage

anyio_backend = virtual_time

NO_NUMBERS: list[Any] = [math.nan, True, Decimal(5), "5", b"5", 10**400, 5j]
NO_SPANS = [*NO_NUMBERS, math.inf, -math.inf, -1, LONGEST * 1.001]


def a_client(**options: Any) -> CloudRecording:
    return CloudRecording("a" * 32, customer_id="b", customer_secret="c", **options)


def a_fleet(**options: Any) -> Fleet:
    return Fleet(a_client(), on_exit="stop", **options)


def a_policy(name: str) -> Callable[[Any], RetryPolicy]:
    default = next(each.default for each in fields(RetryPolicy) if each.name == name)

    def make(given: Any) -> RetryPolicy:
        options: dict[str, Any] = {name: (given,) if isinstance(default, tuple) else given}
        return RetryPolicy(**options)

    return make


SPANS: dict[str, Callable[[Any], object]] = {
    "timeout": lambda given: a_client(timeout=given),
    "open_within": lambda given: a_client(open_within=given),
    "jitter": lambda given: LocalBudget(5, given),
    "jitter with others": lambda given: RedisBudget("redis://localhost", 5, workers=2, jitter=given),
    "timeout of SQLite": lambda given: SQLiteStore("recordings.db", timeout=given),
    "timeout of Redis": lambda given: RedisStore("redis://localhost", timeout=given),
    "kept by Redis": lambda given: RedisStore("redis://localhost", kept=given),
    "timeout of PostgreSQL": lambda given: PostgresStore("postgresql://localhost/x", timeout=given),
    "kept by PostgreSQL": lambda given: PostgresStore("postgresql://localhost/x", kept=given),
    "start_within": lambda given: a_fleet(start_within=given),
    "upload_timeout": lambda given: a_fleet(upload_timeout=given),
    "exit_timeout": lambda given: a_fleet(exit_timeout=given),
    **{f"retry.{each.name}": a_policy(each.name) for each in fields(RetryPolicy)},
}
RATES: dict[str, Callable[[Any], object]] = {
    "qps": lambda given: a_client(qps=given),
    "qps of a budget": LocalBudget,
    "qps with others": lambda given: RedisBudget("redis://localhost", given, workers=2),
}
OF_THE_EMULATOR: dict[str, Callable[[Any], object]] = {
    "Settings.latency": lambda given: Settings(latency=given),
    "Settings.register_seconds": lambda given: Settings(register_seconds=given),
    "Delay": Delay,
    "Upload": Upload,
    "qps": lambda given: Emulator(qps=given),
    "speed": lambda given: SteppedClock(speed=given),
    "pause": lambda given: SteppedClock(pause=given),
    "patience": lambda given: PatientClock(patience=given),
    "advance": lambda given: SteppedClock().advance(given),
    "AcceleratedClock": AcceleratedClock,
}


@pytest.mark.parametrize("where", SPANS)
def test_what_is_no_number_of_seconds_is_refused_with_its_range(where: str):
    for given in NO_SPANS:
        with pytest.raises(InvalidRequest, match="seconds") as caught:
            SPANS[where](given)
        assert len(str(caught.value)) < 500
    assert SPANS[where](LONGEST) is not None


@pytest.mark.parametrize("where", RATES)
def test_what_is_no_rate_is_refused_with_its_range(where: str):
    for given in (*NO_NUMBERS, math.inf, -1, 0, 1e-10, 2 * RATE_MOST):
        with pytest.raises(InvalidRequest, match="calls per second above 0, 1000000 at most"):
            RATES[where](given)
    assert None not in (RATES[where](0.001), RATES[where](RATE_MOST))


@pytest.mark.parametrize("where", OF_THE_EMULATOR)
def test_the_emulator_refuses_what_is_no_number(where: str):
    for given in NO_SPANS:
        with pytest.raises(ValueError, match="should be a number"):
            OF_THE_EMULATOR[where](given)


def test_a_store_in_memory_keeps_a_number_of_recordings():
    for given in (-1, True, 2.0, "5", None):
        wrong: Any = given
        with pytest.raises(InvalidRequest, match="kept"):
            MemoryStore(kept=wrong)


WAITS: dict[str, Callable[[Recording, Any], Any]] = {
    "ensure_started": Recording.ensure_started,
    "ensure_stopped": Recording.ensure_stopped,
    "wait_started": Recording.wait_started,
    "wait_finished": Recording.wait_finished,
}


@pytest.mark.anyio
@pytest.mark.parametrize("wait", WAITS)
async def test_nothing_is_sent_for_who_waits_for_no_number_of_seconds(wait: str):
    async with stage() as on:
        recording = on.recording() if wait == "ensure_started" else await on.started()
        sent = on.sent
        for given in NO_NUMBERS:
            with pytest.raises(InvalidRequest, match="seconds"):
                await WAITS[wait](recording, given)
        await anyio.sleep(1)
        assert on.sent == sent


@pytest.mark.anyio
@pytest.mark.parametrize("wait", WAITS)
async def test_who_waits_for_ever_says_infinity_or_none(wait: str):
    async with stage() as on:
        for given in (math.inf, None):
            recording = on.recording(f"class-{given}")
            if wait != "ensure_started":
                await recording.ensure_started()
                await anyio.sleep(20)
            async with anyio.create_task_group() as tasks:
                waiter = await calling(tasks, partial(WAITS[wait], recording, given))
                if wait == "wait_finished":
                    assert not waiter.is_back
                    await recording.stop()
                await waiter.finished()
                assert waiter.error is None


@pytest.mark.anyio
async def test_a_wait_that_is_over_before_it_begins_times_out():
    async with stage() as on:
        recording = await on.started()
        for given in (0, -1, -math.inf):
            with pytest.raises(WaitTimedOut):
                await recording.wait_finished(given)
