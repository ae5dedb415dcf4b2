"""Whose child a span is: commands run in tasks of the client, and belong to whoever asked for them."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agora_rec.emulator import SlowAnswer
from agora_rec.vocabulary import OperationName
from tests.support.cloud import START, a_client, an_emulator, mix
from tests.telemetry.seen import Seen

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"latency": 0.0, "start_seconds": 0.0, "upload_seconds": 0.0, "exit_seconds": 0.0}
UID = 880011


@pytest.fixture
def seen() -> Seen:
    return Seen()


async def test_what_somebody_asks_for_is_below_his_span(seen: Seen):
    async with a_client(an_emulator(**QUICK), telemetry=seen.telemetry) as cloud:
        with seen.tracer.start_as_current_span("begin"):
            recording = cloud.recording("class-42", UID, mix())
            await recording.acquire()
            await recording.start()
        with seen.tracer.start_as_current_span("look"):
            await recording.query()
            await cloud.notification_ips()
        await recording.ensure_stopped()
    assert seen.tree() == [
        "begin",
        "  agora_rec acquire",
        "    POST",
        "  agora_rec start",
        "    POST",
        "look",
        "  agora_rec query",
        "    GET",
        "  agora_rec ncs_ip",
        "    GET",
        "agora_rec stop",
        "  POST",
    ]


async def test_many_callers_at_once_are_not_mixed_up(seen: Seen):
    async def record(number: int) -> None:
        with seen.tracer.start_as_current_span(f"caller-{number}"):
            async with cloud.recording(f"class-{number}", UID + number, mix()):
                await anyio.lowlevel.checkpoint()

    async with (
        a_client(an_emulator(**QUICK), telemetry=seen.telemetry) as cloud,
        anyio.create_task_group() as tasks,
    ):
        for number in range(20):
            tasks.start_soon(record, number)
    names = {span.context.span_id: span.name for span in seen.spans if span.context is not None}
    found = {
        (dict(span.attributes or {})["agora_rec.cname"], names[span.parent.span_id])
        for span in seen.calls
        if span.parent is not None
    }
    assert found == {(f"class-{number}", f"caller-{number}") for number in range(20)}
    assert len(seen.calls) == 60


async def test_a_start_that_outlives_its_caller_is_still_below_his_span_and_ends_once(seen: Seen):
    emulator = an_emulator(**QUICK)
    async with a_client(emulator, telemetry=seen.telemetry) as cloud:
        emulator.inject(SlowAnswer(0.2), operation=START)
        with seen.tracer.start_as_current_span("impatient"):
            recording = cloud.recording("class-42", UID, mix())
            await recording.acquire()
            with anyio.move_on_after(0.05) as scope:
                await recording.start()
        assert scope.cancelled_caught
        assert [span.name for span in seen.spans][-1] == "impatient"
        await recording.ensure_stopped()
    assert seen.tree() == [
        "impatient",
        "  agora_rec acquire",
        "    POST",
        "  agora_rec start",
        "    POST",
        "agora_rec stop",
        "  POST",
    ]


async def test_a_stop_that_is_remembered_belongs_to_who_asked_for_it(seen: Seen):
    emulator = an_emulator(**QUICK)
    async with a_client(emulator, telemetry=seen.telemetry) as cloud:
        recording = cloud.recording("class-42", UID, mix())
        await recording.acquire()
        emulator.inject(SlowAnswer(0.1), operation=START)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recording.start)
            await anyio.wait_all_tasks_blocked()
            with seen.tracer.start_as_current_span("ender"):
                await recording.stop()
    assert seen.tree()[-3:] == ["ender", "  agora_rec stop", "    POST"]


async def test_a_call_that_is_cancelled_with_its_caller_ends_its_spans_as_cancelled(seen: Seen):
    emulator = an_emulator(**QUICK)
    emulator.inject(SlowAnswer(5.0), operation=OperationName.NCS_IP)
    async with a_client(emulator, telemetry=seen.telemetry) as cloud:
        with seen.tracer.start_as_current_span("caller"), anyio.move_on_after(0.05) as scope:
            await cloud.notification_ips()
    assert scope.cancelled_caught
    assert seen.tree() == ["caller", "  agora_rec ncs_ip", "    GET"]
    kinds = [dict(span.attributes or {}).get("error.type") for span in seen.spans]
    assert kinds == ["cancelled", "cancelled", None]
