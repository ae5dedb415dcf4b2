"""The whole of it on both event loops and real clocks: in process, many at once, with trouble on the way."""

from typing import Any

import anyio
import pytest

from agora_rec import BestFit, CloudRecording, State, Subscription
from agora_rec.emulator import Delay, SlowAnswer
from agora_rec.errors import Superseded
from agora_rec.model import (
    AcquireRequest,
    Mode,
    QueryAnswer,
    StartRequest,
    StopRequest,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
)
from agora_rec.vocabulary import ModeName
from tests.support.cloud import (
    CNAME,
    START,
    STOP,
    UID,
    UPDATE,
    Caller,
    a_client,
    an_emulator,
    individual,
    mix,
    sent,
    web,
)

pytestmark = pytest.mark.anyio

INSTANT: dict[str, Any] = dict.fromkeys(
    ("latency", "start_seconds", "web_start_seconds", "upload_seconds", "exit_seconds"), 0.0
)


async def test_forty_recordings_in_all_modes_go_their_way_at_once() -> None:
    emulator = an_emulator(**INSTANT)
    modes: list[Mode] = [mix(), individual(), web()]

    async def use(cloud: CloudRecording, number: int) -> None:
        recording = cloud.recording(f"class-{number}", UID, modes[number % 3])
        async with recording:
            await recording.query()
        assert recording.outcome.state is State.UPLOADED

    async with a_client(emulator) as cloud, anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(use, cloud, number)
    assert emulator.running() == ()
    assert len(emulator.calls) == 160


async def test_a_stop_preempts_and_nothing_overlaps() -> None:
    emulator = an_emulator(**INSTANT)
    async with a_client(emulator) as cloud, anyio.create_task_group() as tasks:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        emulator.inject(SlowAnswer(0.1), operation=UPDATE)
        query: Caller[QueryAnswer] = Caller()
        tasks.start_soon(lambda: recording.update(subscription=Subscription()))
        await anyio.sleep(0.02)
        tasks.start_soon(query.run, recording.query)
        await anyio.sleep(0.02)
        await recording.ensure_stopped()
        await query.finished()
        assert isinstance(query.error, Superseded)
    assert sent(emulator.calls) == ["acquire", "start", "update", "stop"]
    assert not any(call.overlapped for call in emulator.calls)


async def test_a_caller_who_leaves_ends_only_the_waiting() -> None:
    emulator = an_emulator(**INSTANT)
    async with a_client(emulator) as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        emulator.inject(Delay(0.05), operation=STOP)
        with anyio.move_on_after(0.01) as scope:
            await recording.stop()
        assert scope.cancelled_caught
    assert recording.state is State.UPLOADED


async def test_a_closing_client_stops_what_was_abandoned_in_mid_start() -> None:
    emulator = an_emulator(**INSTANT)
    async with a_client(emulator) as cloud:
        emulator.inject(SlowAnswer(0.05), operation=START)
        with anyio.move_on_after(0.02) as scope:
            await cloud.recording(CNAME, UID, mix()).ensure_started()
        assert scope.cancelled_caught
    assert emulator.running() == ()
    assert sent(emulator.calls) == ["acquire", "start", "stop"]


async def test_the_seven_calls_can_be_made_without_a_lifecycle() -> None:
    emulator = an_emulator(**INSTANT)
    async with a_client(emulator) as cloud:
        api = cloud.api
        acquired = await api.acquire(AcquireRequest(cname=CNAME, uid=UID))
        resource_id = acquired.resource_id
        started = await api.start(resource_id, StartRequest(cname=CNAME, uid=UID, mode=mix()))
        sid = started.sid
        asked = await api.query(ModeName.MIX, resource_id, sid)
        assert asked.sid == sid
        change = UpdateRequest(cname=CNAME, uid=UID, change=Update(subscription=Subscription()))
        assert (await api.update(ModeName.MIX, resource_id, sid, change)).sid == sid
        layout = UpdateLayoutRequest(cname=CNAME, uid=UID, layout=BestFit())
        assert (await api.update_layout(resource_id, sid, layout)).sid == sid
        stopped = await api.stop(ModeName.MIX, resource_id, sid, StopRequest(cname=CNAME, uid=UID))
        assert stopped.files
        assert (await api.ncs_ip()).addresses
        assert list(cloud.recordings) == []
    assert len(emulator.calls) == 7
