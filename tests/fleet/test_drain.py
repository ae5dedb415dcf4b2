"""Real signals, sent to this process, end a fleet; test_drain_in_servers.py has web servers between."""

import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType
from typing import Any

import anyio
import anyio.to_thread
import pytest
from trio.testing import MockClock

from agora_rec import Fleet, FleetClosed, MemoryStore, ResultState, Spec, drain_on
from tests.support.cloud import Stage, calling, mix, stage

pytestmark = pytest.mark.anyio

ONE, OTHER = signal.SIGUSR1, signal.SIGUSR2


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    options: dict[str, Any] = {"clock": MockClock(autojump_threshold=0)} if request.param == "trio" else {}
    return request.param, options


@pytest.fixture(autouse=True)
def nobody_listens() -> Iterator[None]:
    """Each test begins with the default, and gives it back."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (ONE, OTHER, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        assert signal.getsignal(number) in {signal.SIG_DFL, hear}
        signal.signal(number, handler)


heard: list[int] = []


def hear(number: int, _: FrameType | None) -> None:
    """Listen, as servers do."""
    heard.append(number)


@pytest.fixture
def somebody_listens() -> None:
    heard.clear()
    signal.signal(ONE, hear)


@asynccontextmanager
async def a_fleet(on_exit: Any, **client: Any) -> AsyncGenerator[tuple[Stage, Fleet]]:
    """A fleet that records two channels; when it has been left, nothing of it may be in doubt."""
    async with (
        stage(client=client, latency=0.001, exit_seconds=0.01, sync_stop_seconds=0.01) as on,
        Fleet(on.cloud, on_exit=on_exit, exit_timeout=0.2) as fleet,
    ):
        for number in (1, 2):
            await fleet.start(Spec(f"class-{number}", number, mix()))
        yield on, fleet


@pytest.mark.parametrize("on_exit", ["stop", "wait"])
async def test_a_signal_that_nobody_else_hears_ends_the_block_and_stops_all(on_exit: str):
    async with a_fleet(on_exit) as (on, fleet):
        async with drain_on(fleet):
            signal.raise_signal(signal.SIGTERM)
            await anyio.sleep_forever()
        with pytest.raises(FleetClosed):
            await fleet.start(Spec("class-3", 3, mix()))
    assert on.running == []
    assert on.sent.count("stop") == len(on.emulator.sessions) == 2


async def test_a_signal_that_nobody_else_hears_ends_the_block_and_releases_all():
    async with a_fleet("release", store=MemoryStore()) as (on, fleet), drain_on(fleet):
        signal.raise_signal(signal.SIGTERM)
        await anyio.sleep_forever()
    assert len(on.running) == 2
    assert "stop" not in on.sent
    assert fleet.report().states == {ResultState.RELEASED: 2}


@pytest.mark.usefixtures("somebody_listens")
async def test_beside_somebody_else_the_stops_go_out_while_the_block_goes_on():
    async with a_fleet("stop") as (on, fleet), drain_on(fleet, ONE):
        signal.raise_signal(ONE)
        with anyio.fail_after(5):
            while on.running:  # noqa: ASYNC110 - the emulator is asked, and nobody else
                await anyio.sleep(0.01)
        with pytest.raises(FleetClosed):
            await fleet.start(Spec("class-3", 3, mix()))
        signal.raise_signal(ONE)
        await anyio.sleep(0.01)
    assert heard == [ONE, ONE]
    assert on.sent.count("stop") == 2


@pytest.mark.usefixtures("somebody_listens")
async def test_requests_that_wait_for_a_place_are_sent_away_so_that_the_server_can_end():
    async with (
        stage(latency=0.001) as on,
        Fleet(on.cloud, on_exit="stop", limit=1) as fleet,
        drain_on(fleet, ONE),
        anyio.create_task_group() as tasks,
    ):
        await fleet.start(Spec("class-1", 1, mix()))
        waiting = await calling(tasks, partial(fleet.start, Spec("class-2", 2, mix())))
        signal.raise_signal(ONE)
        await waiting.finished()
        assert isinstance(waiting.error, FleetClosed)
    assert on.sent.count("start") == 1


@pytest.mark.usefixtures("somebody_listens")
@pytest.mark.parametrize("on_exit", ["wait", "release"])
async def test_beside_somebody_else_recordings_go_on_that_are_not_to_be_stopped(on_exit: str):
    async with a_fleet(on_exit, store=MemoryStore()) as (on, fleet):
        async with drain_on(fleet, ONE):
            signal.raise_signal(ONE)
            await anyio.sleep(0.05)
            assert len(on.running) == 2
            with pytest.raises(FleetClosed):
                await fleet.start(Spec("class-3", 3, mix()))
        assert fleet.on_exit == on_exit
        await fleet.stop_all()


@pytest.mark.usefixtures("somebody_listens")
async def test_after_a_signal_that_a_server_hears_another_one_may_end_the_block():
    async with a_fleet("stop") as (on, fleet), drain_on(fleet, ONE, OTHER):
        signal.raise_signal(ONE)
        await anyio.sleep(0.01)
        signal.raise_signal(OTHER)
        await anyio.sleep_forever()
    assert on.running == []
    assert heard == [ONE]


async def test_around_the_fleets_block_a_signal_ends_that_too_and_the_client_stops_all():
    async with stage(latency=0.001) as on:
        fleet = Fleet(on.cloud, on_exit="stop")
        async with drain_on(fleet, ONE), fleet:
            await fleet.start(Spec("class-1", 1, mix()))
            signal.raise_signal(ONE)
            await anyio.sleep_forever()
    assert on.running == []
    assert on.sent.count("stop") == 1


async def test_around_the_fleets_block_a_signal_cuts_short_the_wait_for_news_of_files():
    async def signal_soon() -> None:
        while on.running:  # noqa: ASYNC110 - the emulator is asked, and nobody else
            await anyio.sleep(0.01)
        await anyio.sleep(0.01)
        signal.raise_signal(ONE)

    quick: dict[str, Any] = {"start_seconds": 0.01, "sync_stop_seconds": 0.01, "exit_seconds": 0.01}
    async with stage(latency=0.001, upload_seconds=1000, **quick) as on:
        fleet = Fleet(on.cloud, on_exit="stop", exit_timeout=500)
        began = on.clock.monotonic()
        async with anyio.create_task_group() as tasks, drain_on(fleet, ONE), fleet:
            await fleet.start(Spec("class-1", 1, mix()))
            await anyio.sleep(0.05)  # something to record
            tasks.start_soon(signal_soon)
        assert on.clock.monotonic() - began < 5
    assert on.sent.count("stop") == 1
    assert fleet.report().states == {ResultState.UPLOAD_UNKNOWN: 1}


async def test_two_fleets_hear_one_signal():
    async with a_fleet("stop") as (on, one), Fleet(on.cloud, on_exit="stop") as other:
        async with drain_on(one, ONE), drain_on(other, ONE):
            await other.start(Spec("class-3", 3, mix()))
            signal.raise_signal(ONE)
            await anyio.sleep_forever()
        assert one.is_draining
        assert other.is_draining
    assert on.running == []
    assert on.sent.count("stop") == 3


@pytest.mark.usefixtures("somebody_listens")
@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
async def test_handlers_are_given_back_and_errors_of_the_block_come_as_they_are(error: type[BaseException]):
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet:
        with pytest.raises(error, match="mine"):
            async with drain_on(fleet, ONE, OTHER, ONE):
                raise error("mine")
        assert not fleet.is_draining
    assert signal.getsignal(ONE) is hear
    assert signal.getsignal(OTHER) == signal.SIG_DFL


async def test_a_handler_that_somebody_has_put_in_its_place_stays():
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet, drain_on(fleet, ONE):
        signal.signal(ONE, hear)
    assert signal.getsignal(ONE) is hear


async def test_where_there_is_no_such_signal_nothing_is_changed():
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet:
        with pytest.raises(ValueError, match="signal"):
            await listening(fleet, ONE, 4711)
    assert signal.getsignal(ONE) == signal.SIG_DFL


async def test_in_another_thread_no_signal_is_heard_and_a_warning_says_so(
    anyio_backend: tuple[str, dict[str, Any]], caplog: pytest.LogCaptureFixture
):
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet:

        def elsewhere() -> None:
            anyio.run(listening, fleet, ONE, backend=anyio_backend[0])

        await anyio.to_thread.run_sync(elsewhere)
    assert "main thread" in caplog.text
    assert signal.getsignal(ONE) == signal.SIG_DFL


async def listening(fleet: Fleet, *signals: int) -> None:
    """Listen, and go."""
    async with drain_on(fleet, *signals):
        pass
