"""Clocks: the machine's, and the one whose wall time follows the event loop."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from agora_rec.clock import Clock, LoopClock, SystemClock, nth_pause

pytestmark = pytest.mark.anyio

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class TestSystemClock:
    async def test_now_is_the_machines_wall_clock_in_utc(self) -> None:
        before = time.time()
        now = SystemClock().now()
        assert before <= now.timestamp() <= time.time()
        assert now.tzinfo is UTC

    async def test_monotonic_is_the_event_loops_clock(self) -> None:
        before = anyio.current_time()
        assert before <= SystemClock().monotonic() <= anyio.current_time()

    @pytest.mark.parametrize("seconds", [0.0, -1.0, 0.002])
    async def test_it_sleeps_at_least_that_long_and_never_refuses(self, seconds: float) -> None:
        clock = SystemClock()
        before = clock.monotonic()
        await clock.sleep(seconds)
        assert clock.monotonic() - before >= seconds

    async def test_sleeping_for_nothing_lets_others_run_and_can_be_cancelled(self) -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await SystemClock().sleep(0)
        assert scope.cancelled_caught

    async def test_a_scope_ends_its_block_in_time(self) -> None:
        with SystemClock().move_on_after(0.002) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught

    async def test_a_scope_without_seconds_never_ends(self) -> None:
        with SystemClock().move_on_after(None) as scope:
            await anyio.sleep(0.001)
        assert not scope.cancelled_caught


class TestLoopClock:
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, Any]]:
        return "trio", {"clock": MockClock(autojump_threshold=0)}

    async def test_it_begins_at_its_epoch_whenever_that_is(self) -> None:
        await anyio.sleep(100)
        clock: Clock = LoopClock()
        assert clock.now() == EPOCH
        await clock.sleep(3600)
        assert clock.now() == EPOCH + timedelta(hours=1)
        assert clock.monotonic() == anyio.current_time()

    async def test_the_epoch_can_be_chosen(self) -> None:
        clock = LoopClock(datetime(1999, 12, 31, tzinfo=UTC))
        clock.now()
        await anyio.sleep(86400)
        assert clock.now() == datetime(2000, 1, 1, tzinfo=UTC)

    async def test_a_scope_takes_no_time_of_ours(self) -> None:
        clock = LoopClock()
        clock.now()
        with clock.move_on_after(86400) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert clock.now() == EPOCH + timedelta(days=1)


def test_the_last_pause_of_many_repetitions_repeats():
    assert [nth_pause((5.0, 10.0, 15.0), number) for number in range(5)] == [5, 10, 15, 15, 15]
