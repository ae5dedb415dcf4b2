"""The alternate uid: taken when a start was surely refused, and never while anything may run."""

import json
import logging
from typing import Any

import anyio
import httpx
import pytest
from attrs import define, field

from agora_rec import Alternate, Recording, RetryPolicy, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import Cut, Delay, LoseAnswer, Refuse, Unreachable
from agora_rec.errors import (
    AgoraRecError,
    ApiError,
    AuthenticationFailed,
    ConcurrencyLimitReached,
    IllegalTransition,
    InvalidRequest,
    ServiceUnavailable,
    StartUnconfirmed,
    TaskConflict,
    TransportError,
)
from agora_rec.lifecycle import FactKey
from agora_rec.model import BestFit, Subscription
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    UPDATE,
    UPDATE_LAYOUT,
    Stage,
    a_client,
    all_back,
    an_emulator,
    calling,
    mix,
    stage,
    until,
)
from tests.support.secrets import NEEDLE

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

OTHER = UID + 1
TOKEN_OF_OTHER = f"{NEEDLE}other"
FAILED = Refuse(500, code=15, extra={"sid": ""})
NO_WORKER = Refuse(500, code=502, reason="Failed to allocate worker")
ALWAYS = None
AT_ONCE = RetryPolicy(start_server=())
"""The alternate is next after a refusal."""


def offered(on: Stage, **more: Any) -> Recording:
    """A recording with an alternate uid."""
    return on.recording(alternate=Alternate(uid=OTHER), **more)


def uids(on: Stage, operation: Any = START) -> list[int]:
    """The uids for which the calls of one kind came, in order."""
    bodies: list[Any] = [call.body for call in on.calls(operation)]
    return [int(body["uid"]) for body in bodies]


def facts_of(recording: Recording) -> list[FactKey]:
    return [change.fact for change in recording.history]


async def test_a_start_that_failed_each_time_goes_on_under_the_alternate_uid() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=4)
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, START, START, START, START, ACQUIRE, START]
        assert uids(on) == [UID] * 4 + [OTHER]
        assert uids(on, ACQUIRE) == [UID, OTHER]
        assert on.times_of(START, since=on.times_of(START)[0]) == pytest.approx([0, 3, 9, 18, 18], abs=0.1)
        assert len({call.resource_id for call in on.calls(START)}) == 2
        assert (recording.uid, recording.state) == (OTHER, State.RECORDING)
        assert on.running == [recording.sid]


async def test_from_then_on_the_recording_has_the_alternate_uid() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=4)
        async with recording:
            await recording.wait_started()
            await recording.update(subscription=Subscription(subscribe_audio_uids=("11",)))
            await recording.update_layout(BestFit())
            assert recording.instance_uid == OTHER
            assert f"uid={OTHER}" in repr(recording)
        outcome = await recording.wait_finished()
        assert outcome.state is State.UPLOADED
        (take,) = outcome.takes
        assert (take.uid, take.resource_id, take.sid) == (OTHER, recording.resource_id, recording.sid)
        assert take.started_at.timestamp() == pytest.approx(on.calls(START)[-1].at.timestamp(), abs=0.1)
        for operation in (UPDATE, UPDATE_LAYOUT, STOP):
            assert uids(on, operation) == [OTHER]
        assert {call.sid for operation in (QUERY, STOP) for call in on.calls(operation)} == {recording.sid}
        assert on.running == []


async def test_the_switch_is_a_part_of_the_history_and_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "agora_rec")
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=4)
        changes = recording.changes()
        await recording.ensure_started()
        seen = [await anext(changes) for _ in recording.history]
        assert facts_of(recording) == [
            FactKey.ACQUIRED,
            FactKey.START_SENT,
            FactKey.START_REFUSED,
            FactKey.ALTERNATE_TAKEN,
            FactKey.ACQUIRED,
            FactKey.START_SENT,
            FactKey.STARTED,
        ]
        assert tuple(seen) == recording.history
        assert (seen[3].before, seen[3].after) == (State.ACQUIRED, State.IDLE)
        assert any("500 15" in reason for reason in recording.reasons)
    said = f"recording {CNAME}/{OTHER}: acquired -> idle (alternate uid taken)"
    assert [each.levelname for each in caplog.records if said in each.getMessage()] == ["WARNING"]


async def test_both_documented_ways_follow_on_a_want_of_workers() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(NO_WORKER, operation=START, times=4)
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, START] * 5
        assert uids(on) == [UID] * 4 + [OTHER]
        assert on.times_of(START, since=on.times_of(START)[0]) == pytest.approx([0, 3, 9, 18, 18], abs=0.2)
        assert len({call.resource_id for call in on.calls(START)}) == 5


async def test_a_new_acquire_that_helps_leaves_the_alternate_untouched() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(NO_WORKER, operation=START)
        await recording.ensure_started()
        assert uids(on) == [UID, UID]
        assert (recording.uid, recording.checkpoint().alternate_uid) == (UID, OTHER)


async def test_an_alternate_that_is_refused_too_is_the_end_of_the_goal() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=ALWAYS)
        with pytest.raises(ServiceUnavailable) as caught:
            await recording.ensure_started()
        assert caught.value.uid == OTHER
        assert not caught.value.maybe_running
        assert uids(on) == [UID] * 4 + [OTHER] * 4
        on.emulator.clear_faults()
        await recording.ensure_started()
        assert uids(on)[8:] == [OTHER]
        assert recording.uid == OTHER


async def test_without_an_alternate_the_refusal_is_raised() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(FAILED, operation=START, times=ALWAYS)
        with pytest.raises(ServiceUnavailable):
            await recording.ensure_started()
        assert uids(on) == [UID] * 4
        assert recording.state is State.ACQUIRED


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (LoseAnswer(), 4),
        (Cut(), 4),
        (Refuse(500, code=62), 4),
        (Refuse(500, code=999), 4),
        (Refuse(503), 4),
        (Refuse(206, code=65), 3),
        (Refuse(408), 1),
    ],
)
async def test_what_may_run_is_never_doubled_under_the_alternate_uid(fault: Any, times: int) -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(fault, operation=START, times=times)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        assert set(uids(on, ACQUIRE)) == {UID}
        assert (recording.uid, recording.state) == (UID, State.STARTING)


async def test_one_lost_answer_among_refusals_is_enough() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(LoseAnswer(), operation=START)
        on.emulator.inject(FAILED, operation=START, times=ALWAYS)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        assert set(uids(on, ACQUIRE)) == {UID}
        assert recording.uid == UID


async def test_a_recording_that_runs_already_is_not_recorded_twice() -> None:
    async with stage() as on:
        await on.started()
        recording = offered(on)
        with pytest.raises(TaskConflict):
            await recording.ensure_started()
        assert len(on.running) == 1
        assert (recording.uid, recording.state) == (UID, State.IDLE)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refuse(401, message="Unauthorized"), AuthenticationFailed),
        (Refuse(429, message="API rate limit exceeded"), ApiError),
        (Refuse(400, code=2), ApiError),
        (Refuse(400, code=109), ApiError),
        (Refuse(400, code=110), ApiError),
        (Refuse(400, code=432), ApiError),
        (Refuse(400, code=1001), ApiError),
        (Refuse(400, message="appid is invalid"), ApiError),
        (Unreachable(), TransportError),
    ],
)
async def test_what_another_uid_can_not_cure_is_raised(fault: Any, error: type[AgoraRecError]) -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(fault, operation=START, times=ALWAYS)
        with pytest.raises(error) as caught:
            await recording.ensure_started()
        assert not caught.value.maybe_running
        assert set(uids(on, ACQUIRE)) == {UID}
        assert recording.uid == UID


async def test_the_bare_calls_stay_the_services_calls() -> None:
    async with stage() as on:
        recording = offered(on)
        await recording.acquire()
        on.emulator.inject(FAILED, operation=START, times=4)
        with pytest.raises(ServiceUnavailable):
            await recording.start()
        await recording.acquire()
        await recording.start()
        assert set(uids(on)) == {UID}


async def test_a_goal_begins_with_the_uid_that_the_recording_has() -> None:
    async with stage() as on:
        recording = offered(on)
        await recording.acquire()
        on.emulator.inject(FAILED, operation=START, times=4)
        with pytest.raises(ServiceUnavailable):
            await recording.start()
        await recording.ensure_started()
        assert set(uids(on)) == {UID}


async def test_a_refused_acquire_for_the_alternate_leaves_everything_as_it_was() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=4)
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, recording.ensure_started)
            await anyio.sleep(1)
            resource_id = recording.resource_id
            on.emulator.inject(Refuse(400, code=406), operation=ACQUIRE)
            await caller.finished()
            assert isinstance(caller.error, ConcurrencyLimitReached)
            assert recording.resource_id == resource_id
        assert (recording.uid, recording.state) == (UID, State.ACQUIRED)
        await recording.ensure_started()
        assert recording.uid == UID


async def test_several_callers_take_the_alternate_once() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(NO_WORKER, operation=START, times=4)
        async with anyio.create_task_group() as tasks:
            callers = [await calling(tasks, recording.ensure_started) for _ in range(4)]
            await all_back(*callers)
            assert [caller.error for caller in callers] == [None] * 4
        assert uids(on, ACQUIRE) == uids(on) == [UID] * 4 + [OTHER]


async def test_a_resource_id_that_lapses_with_the_last_refusal_makes_no_difference() -> None:
    async with stage(latency=0.3) as on:
        recording = offered(on)
        await recording.acquire()
        await anyio.sleep(280.9)  # so that the last repetition is answered after the five minutes
        on.emulator.inject(FAILED, operation=START, times=4)
        await recording.ensure_started()
        (switch,) = [change for change in recording.history if change.fact is FactKey.ALTERNATE_TAKEN]
        assert (switch.before, switch.after) == (State.IDLE, State.IDLE)
        assert uids(on) == [UID] * 4 + [OTHER]
        assert on.running == [recording.sid]


async def test_a_stop_that_comes_during_the_last_refusal_wins() -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(NO_WORKER, operation=START)
        on.emulator.inject(Delay(1), operation=START)
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, recording.ensure_started)
            await until(recording, State.STARTING)
            await anyio.sleep(0.005)  # it is on the wire
            with pytest.raises(IllegalTransition):
                await recording.stop()
            await caller.finished()
            assert isinstance(caller.error, ServiceUnavailable)
        assert on.sent == [ACQUIRE, START]
        assert on.running == []


@pytest.mark.parametrize("seconds", [0.005, 0.015, 1.0, 9.5, 18.015, 18.025, 18.035, 18.045, 18.055, 18.065])
async def test_a_caller_who_leaves_at_any_moment_loses_nothing(seconds: float) -> None:
    async with stage() as on:
        recording = offered(on)
        on.emulator.inject(FAILED, operation=START, times=4)
        with anyio.move_on_after(seconds):
            await recording.ensure_started()
        await anyio.sleep(60)
        assert on.running == ([recording.sid] if recording.sid else [])
        checkpoint = recording.checkpoint()
        assert (checkpoint.uid, checkpoint.alternate_uid) in {(UID, OTHER), (OTHER, None)}
        if recording.state.is_before_start:
            await recording.ensure_started()
        await anyio.sleep(5)
        await recording.ensure_stopped()
        assert on.running == []


async def test_a_start_that_somebody_repeats_meanwhile_keeps_its_uid() -> None:
    async with stage(latency=1.0, client={"retry": AT_ONCE}) as on:
        recording = offered(on)
        on.emulator.inject(NO_WORKER, operation=START)
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, recording.ensure_started)
            await anyio.sleep(2.5)  # the acquire for the alternate is on the wire
            other = await calling(tasks, recording.start)
            await all_back(caller, other)
            assert (caller.error, other.error) == (None, None)
        assert uids(on, ACQUIRE) == [UID, OTHER]
        assert uids(on) == [UID, UID]
        assert recording.uid == UID
        assert on.running == [recording.sid]


@define
class Ear(httpx.AsyncBaseTransport):
    """Hears which token goes with which uid; what the emulator keeps of calls is masked."""

    inner: httpx.AsyncBaseTransport
    tokens: list[tuple[str, int, str]] = field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        said = body["clientRequest"]
        token = said.get("startParameter", said).get("token", "")
        self.tokens.append((request.url.path.rpartition("/")[2], int(body["uid"]), token[len(NEEDLE) :]))
        return await self.inner.handle_async_request(request)


async def test_each_uid_has_its_own_token_also_where_it_is_announced() -> None:
    clock = LoopClock()
    emulator = an_emulator(clock=clock)
    ear = Ear(emulator.transport())
    async with a_client(emulator, clock, transport=ear, retry=AT_ONCE) as cloud:
        other = Alternate(uid=str(OTHER), token=TOKEN_OF_OTHER)
        recording = cloud.recording(
            CNAME, UID, mix(), token=f"{NEEDLE}first", announce_start=True, alternate=other
        )
        emulator.inject(NO_WORKER, operation=START)
        await recording.ensure_started()
    assert ear.tokens == [
        ("acquire", UID, "first"),
        ("start", UID, "first"),
        ("acquire", OTHER, "other"),
        ("start", OTHER, "other"),
    ]


@pytest.mark.parametrize(
    ("alternate", "paths"),
    [
        (Alternate(uid=UID), ["alternate.uid"]),
        (Alternate(uid=str(UID)), ["alternate.uid"]),
        (Alternate(uid=0), ["alternate.uid"]),
        (Alternate(uid=2**32), ["alternate.uid"]),
        (Alternate(uid="abc", token=""), ["alternate.uid", "alternate.token"]),
        (OTHER, ["alternate"]),
        ({"uid": OTHER}, ["alternate"]),
    ],
)
async def test_an_alternate_that_makes_no_sense_is_refused(alternate: Any, paths: list[str]) -> None:
    async with stage() as on:
        with pytest.raises(InvalidRequest) as caught:
            on.recording(alternate=alternate)
        assert [each.path for each in caught.value.violations] == paths


async def test_where_the_first_uid_needs_a_token_the_other_needs_one_too() -> None:
    async with stage() as on:
        with pytest.raises(InvalidRequest) as caught:
            on.recording(token=secrets.TOKEN, alternate=Alternate(uid=OTHER))
        assert [each.path for each in caught.value.violations] == ["alternate.token"]
        assert "alternate.token" in str(caught.value)
        on.recording(alternate=Alternate(uid=OTHER, token=TOKEN_OF_OTHER))
        on.recording(mode=mix(), token=secrets.TOKEN, alternate=Alternate(uid=OTHER, token=secrets.TOKEN))


def test_an_alternate_shows_no_token() -> None:
    assert secrets.TOKEN not in repr(Alternate(uid=5, token=secrets.TOKEN))
    assert Alternate(uid="5") == Alternate(uid=5)
