"""Whatever a client receives, in any order: it is taken in or rejected, and its recording stays whole."""

import json
from random import Random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from agora_rec import State
from agora_rec.errors import NotificationRejected
from tests.fuzz import corpus
from tests.fuzz.mutation import twist
from tests.fuzz.receiving import open_desk
from tests.fuzz.target import WAYS, delivery
from tests.support.backends import virtual_time
from tests.support.secrets import ACCESS_KEY, RTMP_URL

anyio_backend = virtual_time

inputs = st.tuples(
    st.integers(0, len(WAYS) - 1), st.sampled_from(corpus.bodies()), st.none() | st.integers(0, 2**64)
)


def made(way: int, body: bytes, seed: int | None) -> bytes:
    """An input of the fuzzer: a body as it is, or twisted."""
    return bytes([way]) + (body if seed is None else twist(body, Random(seed)))


@given(st.lists(inputs, min_size=1, max_size=30))
def test_notifications_of_any_kind_in_any_order_leave_a_recording_whole(
    sent: list[tuple[int, bytes, int | None]],
):
    async def play() -> None:
        async with open_desk() as desk:
            for each in sent:
                await desk.take(delivery(made(*each)))

    trio.run(play, clock=MockClock(autojump_threshold=0))


@pytest.mark.anyio
async def test_the_whole_corpus_is_taken_in_and_kept_in_bounds():
    async with open_desk() as desk:
        for body in corpus.bodies():
            await desk.take(delivery(b"\x00" + body))
            await desk.check()
        assert len(desk.recording.checkpoint().notifications) == 20
        assert {State.UPLOADED, State.BACKUPED} <= {change.after for change in desk.recording.history}


@pytest.mark.anyio
@pytest.mark.parametrize("way", [3, 0])
async def test_no_traceback_of_a_rejection_shows_the_body_or_the_headers(way: int):
    body = json.dumps({"payload": {"details": {"rtmpUrl": RTMP_URL}}}).encode()  # of no type
    given = delivery(bytes([way]) + body)
    headers = [*given.headers, ("Authorization", ACCESS_KEY)]
    async with open_desk() as desk:
        with pytest.raises(NotificationRejected):  # which is searched for secrets, as every error
            await desk.cloud.receive(headers, given.body)
