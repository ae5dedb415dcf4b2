"""Calls that overlap, callers that leave, and time limits: in virtual time, on the event loop's clock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from agora_rec.clock import LoopClock
from agora_rec.emulator import Cut, Delay, Emulator, Fate, LoseAnswer, Settings, SlowAnswer
from agora_rec.vocabulary import OperationName
from tests.emulator.stage import Stage, Started, example, said
from tests.support.backends import virtual_time

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@asynccontextmanager
async def set_stage(settings: Settings | None = None, **options: float | None) -> AsyncGenerator[Stage]:
    emulator = Emulator(clock=LoopClock(), settings=settings, **{"qps": None, **options})  # type: ignore[arg-type]
    auth = (emulator.customer_id, emulator.customer_secret)
    async with httpx.AsyncClient(
        base_url=emulator.base_url, transport=emulator.transport(), auth=auth, timeout=1000
    ) as http:
        yield Stage(emulator, http)


@asynccontextmanager
async def recording(settings: Settings | None = None) -> AsyncGenerator[tuple[Stage, Started]]:
    async with set_stage(settings) as stage:
        started = await stage.record()
        await anyio.sleep(10)
        yield stage, started


async def test_a_stop_that_meets_a_query_has_no_file_list():
    async with recording() as (stage, started):
        stage.emulator.inject(SlowAnswer(0.3), operation=OperationName.QUERY)
        answers: dict[str, httpx.Response] = {}

        async def query() -> None:
            answers["query"] = await stage.query(started)

        async with anyio.create_task_group() as group:
            group.start_soon(query)
            await anyio.sleep(0.1)
            answers["stop"] = await stage.stop(started)
        assert answers["query"].status_code == 200
        assert answers["stop"].status_code == 206
        assert answers["stop"].json()["serverResponse"] == {"uploadingStatus": "unknown"}
        assert [call.overlapped for call in stage.emulator.calls] == [False, False, True, True]


async def test_a_query_that_meets_a_stop_takes_its_file_list_too():
    async with recording() as (stage, started):
        answers: list[httpx.Response] = []

        async def stop() -> None:
            answers.append(await stage.stop(started))

        async with anyio.create_task_group() as group:
            group.start_soon(stop)
            await anyio.sleep(0.1)
            answers.append(await stage.query(started))
        queried, stopped = answers
        assert queried.json()["serverResponse"]["status"] == 6
        assert (stopped.status_code, "fileList" in stopped.text) == (206, False)


async def test_two_calls_of_the_same_moment_overlap():
    async with recording(Settings(latency=0.0, upload_seconds=0.0)) as (stage, started):
        answers: list[httpx.Response] = []

        async def call(verb: str) -> None:
            answers.append(await (stage.query(started) if verb == "query" else stage.stop(started)))

        async with anyio.create_task_group() as group:
            group.start_soon(call, "query")
            group.start_soon(call, "stop")
        assert sorted(answer.status_code for answer in answers) == [200, 206]


async def test_a_query_that_was_answered_harms_no_stop():
    async with recording() as (stage, started):
        await stage.query(started)
        assert (await stage.stop(started)).status_code == 200
        assert not any(call.overlapped for call in stage.emulator.calls)


async def test_nothing_is_kept_of_calls_that_are_over():
    async with recording() as (stage, started):
        for _ in range(2):
            await stage.query(started)
        await stage.stop(started)
        assert stage.emulator._service._open == {}


async def test_two_queries_or_a_query_of_another_recording_harm_no_stop():
    async with recording() as (stage, started):
        other = await stage.record(uid="7")
        stage.emulator.inject(SlowAnswer(3), operation=OperationName.QUERY)
        async with anyio.create_task_group() as group:
            group.start_soon(stage.query, other)
            await anyio.sleep(0.1)
            assert (await stage.query(other)).status_code == 200
            assert (await stage.stop(started)).status_code == 200


async def test_a_second_stop_during_the_first_is_49():
    async with recording(Settings(upload_seconds=5.0)) as (stage, started):
        answers: list[httpx.Response] = []

        async def stop() -> None:
            answers.append(await stage.stop(started))

        async with anyio.create_task_group() as group:
            group.start_soon(stop)
            await anyio.sleep(3)
            assert said(await stage.stop(started)) == (400, 49, "invalid operation")
        assert answers[0].status_code == 200
        assert said(await stage.stop(started))[:2] == (404, 404)


@pytest.mark.parametrize("fault", [Delay(3), SlowAnswer(3)], ids=["delay", "slow"])
async def test_a_start_goes_on_without_its_caller(fault: Delay | SlowAnswer):
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(fault)
        with anyio.move_on_after(1) as scope:
            await stage.start(resource_id, example("start_mix_hls"))
        assert scope.cancelled_caught
        assert stage.emulator.calls[-1].fate is Fate.PENDING
        assert len(stage.emulator.sessions) == (0 if isinstance(fault, Delay) else 1)
        await anyio.sleep(5)
        assert len(stage.emulator.running()) == 1
        call = stage.emulator.calls[-1]
        assert (call.fate, call.status) == (Fate.ANSWERED, 200)
        assert call.answered_at is not None
        assert (call.answered_at - call.at).total_seconds() == pytest.approx(3.01)
        assert said(await stage.start(resource_id, example("start_mix_hls")))[:2] == (201, 7)


async def test_a_stop_goes_on_without_its_caller():
    async with recording(Settings(upload_seconds=5.0)) as (stage, started):
        with anyio.move_on_after(1):
            await stage.stop(started)
        assert stage.emulator.running() == ()
        await anyio.sleep(1)
        assert said(await stage.stop(started))[:2] == (400, 49)


async def test_a_query_without_its_caller_still_meets_the_stop_until_it_is_done():
    async with recording() as (stage, started):
        other = await stage.record(uid="7")
        await anyio.sleep(5)
        for each, pause, status in ((started, 1, 206), (other, 5, 200)):
            stage.emulator.inject(SlowAnswer(3), operation=OperationName.QUERY)
            with anyio.move_on_after(1):
                await stage.query(each)
            await anyio.sleep(pause)
            assert (await stage.stop(each)).status_code == status


async def test_a_read_timeout_is_the_callers_own():
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(SlowAnswer(3))
        before = anyio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await stage.start(resource_id, example("start_mix_hls"), timeout=httpx.Timeout(2.0))
        assert anyio.current_time() - before == pytest.approx(2)
        assert len(stage.emulator.running()) == 1


@pytest.mark.parametrize("fault", [LoseAnswer(2), Cut(2)], ids=["lost", "cut"])
async def test_a_connection_may_break_late(fault: LoseAnswer | Cut):
    async with set_stage() as stage:
        stage.emulator.inject(fault)
        before = anyio.current_time()
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.acquire()
        assert anyio.current_time() - before == pytest.approx(2, abs=0.02)


async def test_what_was_overdue_finds_the_world_as_it_was():
    """A delayed start whose caller has left begins at its own moment, before the channel empties."""
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(Delay(1))
        with anyio.move_on_after(0.5):
            await stage.start(resource_id, example("start_mix_hls"))
        await anyio.sleep(10)
        stage.emulator.channel("class-42").empty()
        [session] = stage.emulator.running()
        assert (stage.emulator.calls[-1].at - session.started_at).total_seconds() == pytest.approx(-1)


async def test_notices_of_a_start_whose_caller_left_are_waited_for():
    async with set_stage(Settings(notice_seconds=0.5)) as stage:
        service, clock = stage.emulator._service, stage.emulator._clock
        resource_id = await stage.acquired()
        stage.emulator.inject(Delay(30))
        asked = anyio.current_time()
        with anyio.move_on_after(1):
            await stage.start(resource_id, example("start_mix_hls"))
        seen = 0
        while seen == 0:
            due = service.next_notice_at(clock.now())
            assert due is not None
            await clock.sleep((due - clock.now()).total_seconds())
            seen = len(stage.emulator.notices)
        assert anyio.current_time() - asked == pytest.approx(30 + 0.5 + 0.5, abs=0.01)


async def test_a_delayed_call_and_its_answer_may_share_a_moment_with_others():
    async with set_stage(Settings(latency=0.0)) as stage:
        for uid in ("1", "2", "3"):
            stage.emulator.inject(Delay(1), uid=uid)
        answers: list[int] = []

        async def acquire(uid: str) -> None:
            answers.append((await stage.acquire(uid=uid)).status_code)

        async with anyio.create_task_group() as group:
            for uid in ("1", "2", "3"):
                group.start_soon(acquire, uid)
            with anyio.move_on_after(0.5):
                await stage.acquire(uid="1")
        await anyio.sleep(1)
        assert (await stage.acquire()).status_code == 200
        assert answers == [200, 200, 200]
        assert {call.fate for call in stage.emulator.calls} == {Fate.ANSWERED}


async def test_the_rate_is_counted_in_any_second():
    async with set_stage(qps=10) as stage:

        async def burst(count: int) -> list[int]:
            return [(await stage.http.get("/v1/ncs/ip")).status_code for _ in range(count)]

        assert await burst(11) == [200] * 10 + [429]
        await anyio.sleep(1)
        assert await burst(5) == [200] * 5
        await anyio.sleep(0.5)
        assert await burst(6) == [200] * 5 + [429]
        await anyio.sleep(0.5)
        assert await burst(3) == [200] * 3
        assert stage.emulator.peak_calls_per_second == 11


async def test_refused_calls_do_not_use_up_the_rate():
    async with set_stage(qps=2) as stage:
        first = anyio.current_time()
        statuses = []
        while anyio.current_time() < first + 1.5:
            statuses.append((await stage.http.get("/v1/ncs/ip")).status_code)
            await anyio.sleep(0.1)
        assert statuses.count(200) == 4
