"""Those who follow a store: each recording once, and an end when the store is closed."""

import anyio
import pytest

from agora_rec.store.listening import Listeners
from agora_rec.store.protocol import MISSED, Written

pytestmark = pytest.mark.anyio


async def test_what_nobody_has_taken_up_yet_is_told_once():
    listeners = Listeners()
    assert not listeners
    async with listeners.follow() as listening:
        assert listeners
        for version, recording_id in enumerate("121", start=1):
            listeners.tell(recording_id, version)
        listeners.tell_of_a_gap()
        assert [await anext(listening) for _ in range(3)] == [Written("1", 3), Written("2", 2), MISSED]
    assert not listeners


async def test_it_ends_for_those_who_wait_and_after_what_was_told():
    listeners = Listeners()
    heard: list[Written] = []

    async def follow() -> None:
        async with listeners.follow() as listening:
            heard.extend([written async for written in listening])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        tasks.start_soon(follow)
        await anyio.wait_all_tasks_blocked()
        listeners.tell("1", 1)
        listeners.end()
    assert heard == [Written("1", 1)] * 2
