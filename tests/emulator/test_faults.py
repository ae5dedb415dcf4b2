"""Trouble on demand, one call after another; what overlaps is in test_overlaps."""

import math

import httpx
import pytest

from agora_rec.emulator import (
    Cut,
    Delay,
    Fate,
    Garble,
    LoseAnswer,
    Refuse,
    Settings,
    SlowAnswer,
    Unreachable,
    Upload,
)
from agora_rec.vocabulary import OperationName
from tests.emulator.stage import example, said, set_stage

pytestmark = pytest.mark.anyio

STILL = Settings(latency=0.0)


@pytest.mark.parametrize("kind", [Delay, SlowAnswer, LoseAnswer, Cut, Upload])
@pytest.mark.parametrize("seconds", [-1.0, math.inf, math.nan, 1e12])
def test_a_time_that_is_none_is_refused_where_the_fault_is_made(
    kind: type[Delay | SlowAnswer | LoseAnswer | Cut | Upload], seconds: float
):
    with pytest.raises(ValueError, match=rf"{kind.__name__}\.seconds"):
        kind(seconds)


async def test_a_delayed_start_begins_late():
    async with set_stage(STILL) as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(Delay(3), operation=OperationName.START)
        before = stage.clock.moment
        await stage.start(resource_id, example("start_mix_hls"))
        assert (stage.clock.moment - before).total_seconds() == 3
        assert stage.emulator.sessions[0].started_at == stage.clock.moment


async def test_a_delay_comes_before_the_latency():
    async with set_stage(Settings(latency=0.5)) as stage:
        stage.emulator.inject(Delay(3))
        before = stage.clock.moment
        assert (await stage.acquire()).status_code == 200
        assert (stage.clock.moment - before).total_seconds() == 3.5


async def test_a_slow_answer_to_a_start_that_began_at_once():
    async with set_stage(STILL) as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(SlowAnswer(3), operation=OperationName.START)
        before = stage.clock.moment
        await stage.start(resource_id, example("start_mix_hls"))
        assert (stage.clock.moment - before).total_seconds() == 3
        assert stage.emulator.sessions[0].started_at == before


async def test_a_lost_answer_leaves_a_recording():
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(LoseAnswer())
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.start(resource_id, example("start_mix_hls"))
        call = stage.emulator.calls[-1]
        assert (call.fate, call.status) == (Fate.LOST, 200)
        assert call.sid == stage.emulator.running()[0].sid
        assert said(await stage.start(resource_id, example("start_mix_hls"))) == (201, 7, "already started")


async def test_a_cut_leaves_nothing_but_a_line_in_the_log():
    async with set_stage(STILL) as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(Cut(2.5))
        before = stage.clock.moment
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.start(resource_id, example("start_mix_hls"))
        assert (stage.clock.moment - before).total_seconds() == 2.5
        assert not stage.emulator.sessions
        call = stage.emulator.calls[-1]
        assert (call.operation, call.fate, call.status, call.code) == (
            OperationName.START,
            Fate.CUT,
            None,
            None,
        )


async def test_the_unreachable_is_never_reached():
    async with set_stage() as stage:
        stage.emulator.inject(Unreachable())
        with pytest.raises(httpx.ConnectError):
            await stage.acquire()
        assert stage.emulator.calls == ()
        assert stage.emulator.peak_calls_per_second == 0


async def test_garbled_answers_hide_what_was_done():
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(Garble(b"<html>\xff", status=502, content_type="text/html"))
        answer = await stage.start(resource_id, example("start_mix_hls"))
        assert (answer.status_code, answer.content) == (502, b"<html>\xff")
        assert answer.headers["content-type"] == "text/html"
        assert len(stage.emulator.running()) == 1
        stage.emulator.inject(Garble(b"[1]"))
        assert (await stage.acquire()).json() == [1]


async def test_an_upload_can_be_slow_or_end_in_the_backup():
    async with set_stage(STILL) as stage:
        slow, backuped = await stage.record(), await stage.record(uid="7")
        stage.clock.pass_by(5)
        stage.emulator.inject(Upload(seconds=9), uid=880011)
        stage.emulator.inject(Upload(backuped=True), uid="7")
        before = stage.clock.moment
        assert (await stage.stop(slow)).json()["serverResponse"]["uploadingStatus"] == "uploaded"
        assert (stage.clock.moment - before).total_seconds() == 9
        assert (await stage.stop(backuped)).json()["serverResponse"]["uploadingStatus"] == "backuped"


async def test_faults_wait_for_the_calls_that_they_name():
    async with set_stage() as stage:
        recording = await stage.record()
        other = await stage.record(cname="other", uid="7")
        stage.emulator.inject(Refuse(504, 62), operation=OperationName.QUERY, cname="other", uid=7, times=2)
        assert (await stage.query(recording)).status_code == 200
        assert (await stage.stop(other, async_stop=True)).status_code == 206
        assert [(await stage.query(other)).status_code for _ in range(3)] == [504, 504, 200]


async def test_faults_wait_for_the_host_that_they_name():
    async with set_stage() as stage:
        stage.emulator.inject(Unreachable(), host="api.agora.io", times=None)
        assert (await stage.acquire()).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await stage.http.post("https://api.agora.io" + stage.base + "/acquire")
        assert (await stage.http.get("https://api.sd-rtn.com/v1/ncs/ip")).status_code == 200


async def test_faults_come_in_the_order_of_their_injection_and_can_be_for_ever():
    async with set_stage() as stage:
        stage.emulator.inject(Refuse(500))
        stage.emulator.inject(Refuse(503), times=None)
        assert [(await stage.acquire()).status_code for _ in range(4)] == [500, 503, 503, 503]
        stage.emulator.clear_faults()
        assert (await stage.acquire()).status_code == 200


async def test_a_fault_waits_for_a_call_that_gets_through():
    async with set_stage() as stage:
        stage.emulator.inject(LoseAnswer())
        assert (await stage.http.get("/v1/nothing")).status_code == 404
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.acquire()


async def test_a_fault_that_would_never_happen_is_refused():
    async with set_stage() as stage:
        with pytest.raises(ValueError, match="at least once"):
            stage.emulator.inject(Cut(), times=0)
