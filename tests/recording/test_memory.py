"""What a recording that runs and is left alone takes of the process's memory: a fleet holds thousands."""

import gc
import json
import logging
import tracemalloc
from collections.abc import Generator
from typing import Final

import anyio
import httpx
import pytest

from agora_rec import CloudRecording
from agora_rec.client import crew
from agora_rec.recording.modes import TEXTS_KEPT, ModeTexts
from tests.support.cloud import mix

pytestmark = pytest.mark.anyio

RECORDINGS: Final = 200
BOUND: Final = 3800
"""Bytes for each, its checkpoint in a `MemoryStore` included; it was 3,200 when this was written."""


class Answering(httpx.AsyncBaseTransport):
    """Accepts every acquire and start, under names as long as the service's own."""

    def __init__(self) -> None:
        self.answered = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.answered += 1
        asked = json.loads(request.content)
        answer = {
            "cname": asked["cname"],
            "uid": asked["uid"],
            "resourceId": f"{self.answered:0100}",
            "sid": f"{self.answered:032}",
        }
        return httpx.Response(200, json=answer)


@pytest.fixture
def _traced(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    with caplog.at_level(logging.CRITICAL, "agora_rec"):  # what is logged, pytest keeps
        tracemalloc.start()
        yield
        tracemalloc.stop()


async def start_many(cloud: CloudRecording, first: int) -> None:
    mode = mix()
    async with anyio.create_task_group() as tasks:
        for uid in range(first, first + RECORDINGS):
            recording = cloud.recording(f"class-{uid}", uid, mode, token=f"{uid:0100}")
            tasks.start_soon(recording.ensure_started)
    await anyio.sleep(3 * crew.THINNED_EVERY)


@pytest.mark.usefixtures("_traced")
async def test_a_recording_that_runs_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "THINNED_EVERY", 0.02)
    transport = Answering()
    async with CloudRecording(
        "a" * 32, customer_id="id", customer_secret="secret", transport=transport, qps=None
    ) as cloud:
        await start_many(cloud, 1)  # what is made once, and what the event loop keeps of its largest crowd
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        await start_many(cloud, 1 + RECORDINGS)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        assert len(cloud.recordings) == 2 * RECORDINGS
    assert (after - before) / RECORDINGS < BOUND


def test_equal_modes_have_one_text_as_long_as_there_are_not_too_many() -> None:
    modes = ModeTexts()
    first = modes.text_of(mix())
    assert modes.text_of(mix()) is first
    for number in range(TEXTS_KEPT):
        modes.text_of(mix(max_idle_time=30 + number))
    assert modes.text_of(mix()) is not first
    assert modes.text_of(mix()) == first
