"""The client: opened once, closed with what is under way, holding what runs."""

from ipaddress import ip_address
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from agora_rec import CloudRecording, InvalidRequest, LocalBudget, MemoryStore, Mix, State
from agora_rec.emulator import Delay, LoseAnswer, Refuse, SlowAnswer, Upload
from agora_rec.errors import IllegalTransition, UnexpectedAnswer, UploadStatusUnknown, WaitTimedOut
from agora_rec.lifecycle import facts
from agora_rec.model import AcquireRequest
from agora_rec.transport import Unpaced
from agora_rec.vocabulary import OperationName
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    Caller,
    a_client,
    an_emulator,
    calling,
    mix,
    stage,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


class Body(Exception):  # noqa: N818 - what a user's code might raise
    """Raised by a body."""


class TestOpening:
    async def test_a_client_is_opened_once(self) -> None:
        cloud = a_client(an_emulator())
        async with cloud:
            with pytest.raises(RuntimeError, match="opened once"):
                await cloud.__aenter__()
        with pytest.raises(RuntimeError, match="opened once"):
            await cloud.__aenter__()

    async def test_before_it_is_open_and_after_it_is_closed_nothing_can_be_asked(self) -> None:
        emulator = an_emulator()
        cloud = a_client(emulator)
        recording = cloud.recording(CNAME, UID, mix())
        for _ in range(2):
            for call in (
                recording.acquire,
                recording.ensure_started,
                recording.ensure_stopped,
                recording.wait_started,
                recording.wait_finished,
                cloud.notification_ips,
            ):
                with pytest.raises(RuntimeError, match="not open"):
                    await call()
            with pytest.raises(RuntimeError, match="not open"):
                recording.changes()
            if cloud._group is None:
                async with cloud:
                    pass
        assert emulator.calls == ()

    async def test_an_exit_without_an_entry_does_no_harm(self) -> None:
        await a_client(an_emulator()).__aexit__(None, None, None)

    async def test_its_repr_shows_no_credentials(self) -> None:
        cloud = a_client(an_emulator())
        assert "recordings=0" in repr(cloud)
        assert not secrets.shown_in(repr(cloud))

    @pytest.mark.parametrize(
        ("given", "paths"),
        [
            ({"customer_id": "", "customer_secret": " "}, ["customer_id", "customer_secret"]),
            ({"customer_secret": None}, ["customer_secret"]),
            ({"timeout": 0}, ["timeout"]),
            ({"base_url": "http://example.com"}, ["base_url"]),
        ],
    )
    async def test_bad_arguments_are_named_together(self, given: dict[str, Any], paths: list[str]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            a_client(an_emulator(), **given)  # the search for secrets looks at the frames
        assert [violation.path for violation in caught.value.violations] == paths

    async def test_an_app_id_is_demanded(self) -> None:
        with pytest.raises(InvalidRequest) as caught:
            CloudRecording("", customer_id=secrets.CUSTOMER_ID, customer_secret=secrets.CUSTOMER_SECRET)
        assert [violation.path for violation in caught.value.violations] == ["app_id"]

    async def test_it_makes_its_own_budget_unless_one_is_given(self) -> None:
        assert isinstance(a_client(an_emulator()).budget, Unpaced)
        assert isinstance(a_client(an_emulator(), qps=5).budget, LocalBudget)
        shared = LocalBudget(3)
        assert a_client(an_emulator(), budget=shared).budget is shared

    async def test_ten_calls_a_second_are_the_default(self) -> None:
        emulator = an_emulator(qps=10)
        cloud = CloudRecording(
            emulator.app_id,
            customer_id=emulator.customer_id,
            customer_secret=emulator.customer_secret,
            base_url=emulator.base_url,
            transport=emulator.transport(),
        )
        async with cloud, anyio.create_task_group() as tasks:
            for number in range(15):
                tasks.start_soon(cloud.recording(f"class-{number}", UID, mix()).ensure_started)
        assert [call.status for call in emulator.calls] == [200] * 30
        assert emulator.peak_calls_per_second == 10


class TestClosing:
    async def test_it_waits_for_a_start_under_way_and_stops_no_recording(self) -> None:
        async with anyio.create_task_group() as tasks:
            async with stage() as on:
                recording = on.recording()
                await recording.acquire()
                on.emulator.inject(SlowAnswer(5), operation=START)
                start = await calling(tasks, recording.start)
            assert state_of(recording) is State.RECORDING
            await start.finished()
            assert start.value is not None
            assert on.running == [recording.sid]

    async def test_it_waits_for_a_stop_under_way(self) -> None:
        async with stage() as on:
            recording = await on.started()
            await anyio.sleep(20)
            on.emulator.inject(Delay(4), operation=STOP)
            with pytest.raises(WaitTimedOut):
                await recording.ensure_stopped(deadline=1)
        assert recording.state is State.UPLOADED
        assert on.running == []

    async def test_it_stops_a_start_whose_caller_has_left(self) -> None:
        async with stage() as on:
            recording = on.recording()
            on.emulator.inject(SlowAnswer(5), operation=START)
            with anyio.move_on_after(2):
                await recording.ensure_started()
            assert recording.is_abandoned
        assert recording.state in (State.UPLOADED, State.STOPPING)
        assert on.running == []
        assert on.sent == [ACQUIRE, START, STOP]

    async def test_it_stops_a_start_whose_caller_leaves_while_it_closes(self) -> None:
        async with anyio.create_task_group() as tasks, stage() as on:
            recording = on.recording()
            await recording.acquire()
            on.emulator.inject(SlowAnswer(5), operation=START)
            start = await calling(tasks, recording.start)
            tasks.start_soon(leave_after, 2, start)
        assert on.sent == [ACQUIRE, START, STOP]
        assert on.running == []

    async def test_a_caller_who_leaves_when_it_is_all_over_does_no_harm(self) -> None:
        async with stage() as on:
            recording = on.recording()
            await recording.acquire()
            with recording._starter():
                await recording._driver.start().wait()
        on.cloud.left_behind(recording)
        assert on.running == [recording.sid]

    async def test_it_leaves_a_start_that_somebody_has_used_since(self) -> None:
        async with stage() as on:
            recording = on.recording()
            on.emulator.inject(SlowAnswer(5), operation=START)
            with anyio.move_on_after(2):
                await recording.ensure_started()
            await anyio.sleep(5)
            await recording.query()
            assert not recording.is_abandoned
        assert on.running == [recording.sid]

    async def test_it_leaves_a_start_that_one_of_two_callers_wanted(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = on.recording()
            on.emulator.inject(SlowAnswer(5), operation=START)
            one = await calling(tasks, recording.ensure_started)
            two = await calling(tasks, recording.ensure_started)
            one.scope.cancel()
            await two.finished()
            assert two.is_back
            assert not recording.is_abandoned
        assert len(on.running) == 1
        assert on.sent == [ACQUIRE, START]

    async def test_it_leaves_a_start_that_was_used_before_another_caller_came_and_left(self) -> None:
        async with stage() as on:
            on.emulator.inject(SlowAnswer(5), operation=START)
            recording = on.recording()
            async with anyio.create_task_group() as tasks:
                first = await calling(tasks, recording.ensure_started)
                recording.changes()
                second = await calling(tasks, recording.ensure_started)
                await anyio.sleep(1)
                first.scope.cancel()
                second.scope.cancel()
        assert recording.state is State.RECORDING
        assert on.running == [recording.sid]

    async def test_a_start_that_failed_is_nobodys_to_stop(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = on.recording()
            on.emulator.inject(Refuse(400, code=2), operation=START)
            on.emulator.inject(SlowAnswer(3), operation=ACQUIRE)
            start = await calling(tasks, recording.ensure_started)
            start.scope.cancel()
            await anyio.sleep(10)
            assert not recording.is_abandoned
        assert on.sent == [ACQUIRE]

    async def test_what_may_run_and_was_abandoned_is_asked_for_once_more(self) -> None:
        async with stage(repeated_start_with_sid=True) as on:
            recording = on.recording()
            on.emulator.inject(LoseAnswer(), operation=START, times=4)
            with anyio.move_on_after(2):
                await recording.ensure_started()
            await anyio.sleep(30)
            assert recording.state is State.STARTING
        assert on.running == []

    async def test_those_who_wait_for_news_are_woken(self) -> None:
        async with anyio.create_task_group() as tasks:
            seen: list[State] = []
            async with stage() as on:
                recording = await on.started()
                other = await on.started("class-43")

                async def follow() -> None:
                    seen.extend([change.after async for change in recording.changes()])

                following = await calling(tasks, follow)
                waiting: list[Caller[Any]] = [
                    await calling(tasks, recording.wait_started),
                    await calling(tasks, recording.wait_finished),
                    await calling(tasks, other.wait_finished),
                ]
                recording._ledger.absorb(facts.Left(reason="event 41"))
            await following.finished()
            assert following.is_back
            assert seen == [State.STOPPING]
            for caller in waiting:
                await caller.finished()
            assert isinstance(waiting[0].error, Exception)
            assert isinstance(waiting[1].error, RuntimeError)
            assert isinstance(waiting[2].error, RuntimeError)
            assert "closed" in str(waiting[2].error)

    async def test_one_who_watches_is_refused_his_next_look(self) -> None:
        async with anyio.create_task_group() as tasks:
            async with stage() as on:
                recording = await on.started()
                waiting = await calling(tasks, recording.wait_started)
            await waiting.finished()
            assert isinstance(waiting.error, RuntimeError)
            assert QUERY not in on.sent

    async def test_the_bodys_exception_is_the_bodys_own(self) -> None:
        for error in (Body("mine"), KeyboardInterrupt(), ExceptionGroup("mine", [ValueError()])):

            async def use(error: BaseException = error) -> None:
                async with stage() as on:
                    await on.started()
                    raise error

            with pytest.raises(type(error)) as caught:
                await use()
            assert caught.value is error
            assert error.__context__ is None
            assert error.__cause__ is None

    async def test_the_bodys_exception_is_the_bodys_own_while_work_is_under_way(self) -> None:
        error = Body("mine")

        async def use() -> None:
            async with stage() as on:
                recording = on.recording()
                on.emulator.inject(SlowAnswer(5), operation=START)
                with anyio.move_on_after(1):
                    await recording.ensure_started()
                raise error

        with pytest.raises(Body) as caught:
            await use()
        assert caught.value is error

    async def test_its_connections_are_closed_though_it_is_cancelled(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed: list[bool] = []

        async def close() -> None:
            await anyio.lowlevel.checkpoint()
            closed.append(True)

        with anyio.CancelScope() as scope:
            async with stage() as on:
                monkeypatch.setattr(on.cloud._transport, "aclose", close)
                scope.cancel()
        assert closed == [True]

    async def test_a_transport_that_was_given_is_not_closed(self) -> None:
        class Given(httpx.AsyncBaseTransport):
            closed = False

            async def aclose(self) -> None:
                self.closed = True

        given = Given()
        async with a_client(an_emulator(), transport=given):
            pass
        assert not given.closed


async def leave_after(seconds: float, caller: Caller[Any]) -> None:
    await anyio.sleep(seconds)
    caller.scope.cancel()


class TestRecordings:
    async def test_it_holds_what_has_begun_and_not_ended(self) -> None:
        async with stage() as on:
            one, two = on.recording("class-1"), on.recording("class-2")
            await one.acquire()
            assert list(on.cloud.recordings) == []
            await one.start()
            await two.ensure_started()
            assert list(on.cloud.recordings) == [one, two]
            await anyio.sleep(20)
            on.emulator.inject(Upload(seconds=60), operation=STOP)
            with pytest.raises(UploadStatusUnknown):
                await one.stop()
            assert list(on.cloud.recordings) == [one, two]
            await two.stop()
            assert list(on.cloud.recordings) == [one]
            one._ledger.absorb(facts.Uploaded())
            assert list(on.cloud.recordings) == []

    async def test_a_recording_that_nobody_holds_is_held_while_it_runs(self) -> None:
        async with stage() as on:
            await on.started()
            (recording,) = on.cloud.recordings
            assert isinstance(recording.mode, Mix)
            with pytest.raises(IllegalTransition):
                await recording.acquire()


class TestNotificationIps:
    async def test_they_are_what_the_service_says_with_the_time_of_asking(self) -> None:
        async with stage(latency=5.0) as on:
            began = on.clock.now()
            ips = await on.cloud.notification_ips()
            assert ips.addresses == (ip_address("192.0.2.10"), ip_address("192.0.2.11"))
            assert ips.asked_at == began
            assert on.clock.now() > began

    @pytest.mark.parametrize("hosts", [(), ("192.0.2.10", "0.0.0.0"), ("2600::1%x;\nallow all",)])  # noqa: S104
    async def test_what_would_open_or_shut_a_firewall_is_refused_whole(self, hosts: tuple[str, ...]) -> None:
        async with stage(notification_ips=hosts) as on:
            with pytest.raises(UnexpectedAnswer) as caught:
                await on.cloud.notification_ips()
            assert caught.value.operation is OperationName.NCS_IP


async def test_a_store_that_is_empty_and_therefore_false_is_used_all_the_same() -> None:
    class Sized(MemoryStore):
        def __len__(self) -> int:
            return len(self._unfinished)

    store = Sized()
    async with stage(client={"store": store}) as on:
        recording = await on.started()
        assert await store.load(recording.id) is not None
        await recording.ensure_stopped()


class TestWithoutALoop:
    def test_a_client_and_a_recording_can_be_made_outside_of_an_event_loop(self) -> None:
        cloud = CloudRecording(
            "app", customer_id=secrets.CUSTOMER_ID, customer_secret=secrets.CUSTOMER_SECRET
        )
        assert cloud.recording(CNAME, str(UID), mix()).uid == UID


async def test_a_request_for_the_stateless_call_is_judged_first() -> None:
    async with stage() as on:
        with pytest.raises(InvalidRequest):
            await on.cloud.api.acquire(AcquireRequest(cname="", uid=0))
        assert on.sent == []
