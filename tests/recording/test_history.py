"""What is kept of a recording's transitions, and those who follow them."""

from datetime import timedelta

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import Refuse
from agora_rec.errors import AuthenticationFailed
from agora_rec.lifecycle import Change, FactKey, facts
from agora_rec.recording.ledger import HISTORY_KEPT
from tests.support.backends import virtual_time
from tests.support.cloud import STOP, Caller, calling, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

WHOLE = [State.ACQUIRED, State.STARTING, State.RECORDING, State.STOPPING, State.UPLOADED]


async def test_history_has_each_transition_with_its_time_and_its_fact() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        await recording.stop()
        assert [change.after for change in recording.history] == WHOLE
        assert [change.before for change in recording.history] == [State.IDLE, *WHOLE[:-1]]
        assert [change.fact for change in recording.history] == [
            FactKey.ACQUIRED,
            FactKey.START_SENT,
            FactKey.STARTED,
            FactKey.STOP_SENT,
            FactKey.UPLOADED,
        ]
        times = [change.at for change in recording.history]
        assert times == sorted(times)
        assert times[3] - times[2] == timedelta(seconds=20)


async def test_history_is_bounded_and_keeps_the_newest() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP, times=None)
        for _ in range(HISTORY_KEPT):
            with pytest.raises(AuthenticationFailed):
                await recording.stop()
        assert len(recording.history) == HISTORY_KEPT
        assert len(recording.checkpoint().history) == HISTORY_KEPT
        assert recording.history[-1].fact is FactKey.STOP_FAILED


async def test_changes_are_followed_from_the_call_on_until_the_end() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        seen: list[Change] = []
        changes = recording.changes()  # nobody iterates yet

        async def follow() -> None:
            seen.extend([change async for change in changes])

        await recording.acquire()
        follower = await calling(tasks, follow)
        await recording.start()
        await anyio.sleep(20)
        await recording.stop()
        await follower.finished()
        assert follower.is_back
        assert seen == list(recording.history)


async def test_changes_that_come_while_the_follower_is_busy_are_not_missed() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        seen: list[State] = []

        async def follow() -> None:
            async for change in recording.changes():
                seen.append(change.after)
                await anyio.sleep(100)

        follower = await calling(tasks, follow)
        await anyio.sleep(20)
        await recording.stop()
        await follower.finished()
        assert seen == [State.STOPPING, State.UPLOADED]


async def test_a_slow_follower_gets_the_newest_that_are_kept() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        on.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP, times=None)
        seen: list[Change] = []

        async def follow() -> None:
            async for change in recording.changes():
                seen.append(change)
                if len(seen) == 1:
                    await anyio.sleep(1000)

        follower = await calling(tasks, follow)
        for _ in range(HISTORY_KEPT):
            with pytest.raises(AuthenticationFailed):
                await recording.stop()
        recording._ledger.absorb(facts.Uploaded())
        await follower.finished()
        assert seen[1:] == list(recording.history)


async def test_of_what_has_ended_there_are_no_changes() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        await recording.stop()
        assert [change async for change in recording.changes()] == []


async def test_many_may_follow() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()

        async def follow() -> list[State]:
            return [change.after async for change in recording.changes()]

        followers: list[Caller[list[State]]] = [await calling(tasks, follow) for _ in range(3)]
        await recording.ensure_started()
        await anyio.sleep(20)
        await recording.stop()
        for follower in followers:
            await follower.finished()
            assert follower.value == WHOLE


async def test_a_fact_that_brings_nothing_new_is_no_change(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on:
        recording = await on.started()
        recording._ledger.absorb(facts.Confirmed())
        before = recording.checkpoint()
        caplog.clear()
        recording._ledger.absorb(facts.Confirmed())
        recording._ledger.absorb(facts.Started(sid="another"))
        assert recording.checkpoint() == before
        assert caplog.records == []


async def test_transitions_are_logged_with_their_parts(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on:
        recording = await on.started()
        (record,) = [each for each in caplog.records if each.message.endswith("(started)")]
        assert record.message == "recording class-42/880011: starting -> recording (started)"
        assert vars(record)["sid"] == recording.sid
        assert vars(record)["state"] == "recording"


async def test_an_instance_that_was_moved_is_told_apart_from_what_was_acquired() -> None:
    async with stage() as on:
        recording = await on.started()
        recording._ledger.absorb(facts.FailedOver(new_uid=99))
        assert (recording.uid, recording.instance_uid) == (880011, 99)


async def test_a_follower_may_leave_at_any_time_and_another_may_go_on() -> None:
    async with stage() as on:
        recording = on.recording()
        changes = recording.changes()
        await recording.ensure_started()
        async for change in changes:
            assert change.after is State.ACQUIRED
            break
        assert (await anext(changes)).after is State.STARTING
