"""Going on from a checkpoint, in another process as it were: another client, and the same service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from attrs import define, evolve

from agora_rec import Checkpoint, CloudRecording, MemoryStore, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, LoseAnswer, Refuse
from agora_rec.errors import (
    IllegalTransition,
    InvalidRequest,
    SecretsRequired,
    StartUnconfirmed,
)
from agora_rec.lifecycle import facts
from agora_rec.model import StopRequest
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    a_client,
    an_emulator,
    bucket,
    individual,
    mix,
    sent,
    state_of,
    until,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@define
class World:
    """A service, and processes that come and go."""

    emulator: Emulator
    clock: LoopClock

    @asynccontextmanager
    async def process(self, **options: Any) -> AsyncGenerator[CloudRecording]:
        async with a_client(self.emulator, self.clock, **options) as cloud:
            yield cloud

    async def dies(self, state: State, **more: Any) -> Checkpoint:
        """What a process has left behind that died in that state."""
        async with self.process() as cloud:
            recording = cloud.recording(CNAME, UID, mix(), **more)
            if state is not State.IDLE:
                await recording.acquire()
            if state is State.STARTING:
                self.emulator.inject(LoseAnswer(), operation=START, times=4)
                with pytest.raises(StartUnconfirmed):
                    await recording.start()
            elif state not in (State.IDLE, State.ACQUIRED):
                await recording.start()
                await anyio.sleep(20)
            if state is State.STOPPING:
                await recording.stop(async_stop=True)
            elif state.is_end:
                await recording.stop()
            assert recording.state is state
            return Checkpoint.from_json(recording.checkpoint().to_json())

    @property
    def running(self) -> list[str]:
        return [session.sid for session in self.emulator.running()]


@pytest.fixture
async def world() -> World:
    clock = LoopClock()
    return World(an_emulator(clock=clock, repeated_start_with_sid=True), clock)


@pytest.mark.parametrize("state", [state for state in State if state not in (State.BACKUPED, State.FAILED)])
async def test_everything_but_the_secrets_is_as_it_was(world: World, state: State) -> None:
    checkpoint = await world.dies(state, token=secrets.TOKEN, exclude=("other",), resource_expired_hour=9)
    before = sent(world.emulator.calls)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        assert recording.state is state
        assert (recording.id, recording.cname, recording.uid) == (checkpoint.id, CNAME, UID)
        assert recording.resource_id == checkpoint.standing.resource_id
        assert recording.sid == checkpoint.standing.sid
        assert recording.history == checkpoint.history
        assert recording.files == checkpoint.standing.files
        assert (recording in cloud.recordings) == checkpoint.is_unfinished
        assert evolve(recording.checkpoint(), saved_at=checkpoint.saved_at) == checkpoint
        assert "***" in repr(recording.mode)
    assert sent(world.emulator.calls) == before, "attaching sends nothing"


async def test_a_recording_that_runs_is_driven_on_without_secrets(world: World) -> None:
    checkpoint = await world.dies(State.RECORDING, token=secrets.TOKEN)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        await recording.query()
        await recording.wait_started()
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.UPLOADED
        assert outcome.takes[0].started_at == checkpoint.standing.start_sent_at
        assert list(cloud.recordings) == []
    assert world.running == []


async def test_an_idle_or_acquired_recording_can_be_started_with_its_secrets(world: World) -> None:
    for state in (State.IDLE, State.ACQUIRED):
        checkpoint = await world.dies(state, token=secrets.TOKEN)
        async with world.process() as cloud:
            recording = cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN)
            await recording.ensure_started()
            await anyio.sleep(5)
            await recording.ensure_stopped()
            await anyio.sleep(5)


@pytest.mark.parametrize(
    "secret", [{}, {"mode": mix()}, {"token": secrets.TOKEN}], ids=["none", "mode", "token"]
)
async def test_a_start_needs_all_secrets_and_sends_nothing_without(
    world: World, secret: dict[str, Any]
) -> None:
    checkpoint = await world.dies(State.ACQUIRED, token=secrets.TOKEN)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, **secret)
        for start in (recording.start, recording.ensure_started):
            with pytest.raises(SecretsRequired):
                await start()
            assert recording.state is State.ACQUIRED
    assert sent(world.emulator.calls) == [ACQUIRE]


async def test_an_acquire_that_announces_the_start_needs_the_secrets_too(world: World) -> None:
    checkpoint = await world.dies(State.IDLE, announce_start=True)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        with pytest.raises(SecretsRequired):
            await recording.acquire()
        assert sent(world.emulator.calls) == []
        await cloud.attach(checkpoint, mode=mix()).ensure_started()


async def test_a_start_that_nobody_heard_of_is_repeated_and_brings_its_sid(world: World) -> None:
    checkpoint = await world.dies(State.STARTING)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, mode=mix())
        with pytest.raises(IllegalTransition):
            await recording.start()
        await recording.ensure_started()
        assert world.running == [recording.sid]
        assert world.emulator.calls[-1].status == 201


async def test_what_was_written_down_and_never_sent_is_started_by_the_repetition(world: World) -> None:
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.acquire()
        starting = recording._driver._starting
        starting.begun(starting.prepare())  # the process dies between the write and the call
        checkpoint = recording.checkpoint()
    assert world.running == []
    async with world.process() as cloud:
        again = cloud.attach(checkpoint, mode=mix())
        await again.ensure_started()
        assert world.running == [again.sid]
        assert world.emulator.calls[-1].status == 200


async def test_a_refusal_of_the_repetition_proves_nothing_about_the_first(world: World) -> None:
    checkpoint = await world.dies(State.STARTING)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, mode=mix())
        world.emulator.inject(Refuse(400, code=53), operation=START)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        assert recording.state is State.STARTING


async def test_a_start_in_doubt_without_secrets_waits_for_the_sid(world: World) -> None:
    checkpoint = await world.dies(State.STARTING)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        with pytest.raises(SecretsRequired):
            await recording.ensure_started()
        with pytest.raises(StartUnconfirmed, match="remembered"):
            await recording.stop()
        with pytest.raises(SecretsRequired):
            await recording.ensure_stopped()
        assert state_of(recording) is State.STARTING
        await anyio.sleep(5)
        (sid,) = world.running
        recording._ledger.absorb(facts.Started(sid=sid))
        outcome = await recording.ensure_stopped()
        assert outcome.takes[0].sid == sid
    assert world.running == []


async def test_a_stop_that_was_remembered_goes_out_with_the_sid_in_the_next_process(world: World) -> None:
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        world.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        with pytest.raises(StartUnconfirmed):
            await recording.stop()
        checkpoint = recording.checkpoint()
    await anyio.sleep(5)
    async with world.process() as cloud:
        again = cloud.attach(checkpoint, mode=mix())
        with pytest.raises(IllegalTransition):
            await again.ensure_started()
        assert state_of(again) is State.STOPPING
        await until(again, State.UPLOADED)
    assert world.running == []
    assert sent(world.emulator.calls)[-1] == STOP


async def dies_before_the_stop(world: World, *, was_sent: bool) -> Checkpoint:
    """A process wrote down that it stops, and died: before the call, or before its answer."""
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(20)
        recording._ledger.absorb(facts.StopSent())
        if was_sent:
            assert recording.resource_id is not None
            assert recording.sid is not None
            request = StopRequest(cname=CNAME, uid=UID)
            await cloud.api.stop(recording.mode.name, recording.resource_id, recording.sid, request)
        return recording.checkpoint()


@pytest.mark.parametrize("goal", ["ensure_stopped", "wait_finished"])
async def test_a_stop_that_was_only_written_down_is_sent(world: World, goal: str) -> None:
    checkpoint = await dies_before_the_stop(world, was_sent=False)
    assert len(world.running) == 1
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        for command in (recording.stop, recording.query):
            with pytest.raises(IllegalTransition):
                await command()
        outcome = await getattr(recording, goal)()
        assert outcome.state is State.UPLOADED
    assert world.running == []
    assert sent(world.emulator.calls) == [ACQUIRE, START, STOP]


async def test_a_stop_whose_answer_nobody_heard_is_sent_once_more_and_was_an_end(world: World) -> None:
    checkpoint = await dies_before_the_stop(world, was_sent=True)
    async with world.process() as cloud:
        outcome = await cloud.attach(checkpoint).ensure_stopped(wait_upload=False)
        assert outcome.state is State.STOPPING
    assert sent(world.emulator.calls) == [ACQUIRE, START, STOP, STOP]
    assert world.emulator.calls[-1].code == 49


async def test_a_repeated_stop_that_fails_is_raised_and_it_counts_as_running(world: World) -> None:
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        recording._ledger.absorb(facts.StopSent())
        checkpoint = recording.checkpoint()
    async with world.process() as cloud:
        again = cloud.attach(checkpoint)
        world.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP)
        with pytest.raises(Exception, match="401"):
            await again.ensure_stopped()
        assert again.state is State.RECORDING


async def test_other_secrets_than_those_of_the_start_are_refused(world: World) -> None:
    checkpoint = await world.dies(State.STARTING, token=secrets.TOKEN)
    other_keys = evolve(mix(), storage=bucket(secret_key=f"{secrets.SECRET_KEY}2"))
    async with world.process() as cloud:
        for mode, token in (
            (mix(), f"{secrets.TOKEN}2"),
            (other_keys, secrets.TOKEN),
            (mix(max_idle_time=99), secrets.TOKEN),
            (individual(), secrets.TOKEN),
            ("mix", secrets.TOKEN),
        ):
            with pytest.raises(InvalidRequest) as caught:
                cloud.attach(checkpoint, mode=mode, token=token)  # type: ignore[arg-type] # one of them is a text
            assert "mode" in caught.value.violations[0].path
        assert list(cloud.recordings) == []
        assert cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN).state is State.STARTING


async def test_a_token_where_there_was_none_is_refused(world: World) -> None:
    checkpoint = await world.dies(State.RECORDING)
    async with world.process() as cloud:
        with pytest.raises(InvalidRequest):
            cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN)


async def test_a_token_that_is_brought_before_the_start_is_asked_for_from_then_on(world: World) -> None:
    checkpoint = await world.dies(State.ACQUIRED)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN)
        assert recording.checkpoint().has_token
        world.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        checkpoint = recording.checkpoint()
    async with world.process() as cloud:
        with pytest.raises(SecretsRequired):
            await cloud.attach(checkpoint, mode=mix()).ensure_started()


async def test_another_customer_secret_recognises_no_body(world: World) -> None:
    checkpoint = await world.dies(State.STARTING)
    async with world.process(customer_secret=f"{secrets.CUSTOMER_SECRET}2") as cloud:
        with pytest.raises(InvalidRequest):
            cloud.attach(checkpoint, mode=mix())


async def test_what_a_client_has_already_is_given_and_learns_the_secrets(world: World) -> None:
    checkpoint = await world.dies(State.STARTING, token=secrets.TOKEN)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        assert cloud.attach(checkpoint) is recording
        with pytest.raises(SecretsRequired):
            await recording.ensure_started()
        with pytest.raises(InvalidRequest):
            cloud.attach(checkpoint, mode=mix(), token=f"{secrets.TOKEN}2")
        assert cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN) is recording
        await recording.ensure_started()
        assert world.running == [recording.sid]


async def test_what_is_unfinished_is_found_in_the_store(world: World) -> None:
    store = MemoryStore()
    async with world.process(store=store) as cloud:
        names = ["class-1", "class-2", "class-3"]
        recordings = [cloud.recording(name, UID, mix()) for name in names]
        for recording in reversed(recordings):
            await recording.ensure_started()
        await cloud.recording("class-4", UID, mix()).acquire()
        await anyio.sleep(20)
        await recordings[1].stop()
    async with world.process(store=store) as cloud:
        found = [recording async for recording in cloud.unfinished()]
        assert [recording.cname for recording in found] == ["class-3", "class-1"]
        assert list(cloud.recordings) == found
        assert [recording async for recording in cloud.unfinished()] == found
        for recording in found:
            await recording.ensure_stopped()
        assert [recording async for recording in cloud.unfinished()] == []
    assert world.running == []


async def test_two_who_go_on_from_the_same_checkpoint_get_in_nobodys_way(world: World) -> None:
    store = MemoryStore()
    async with world.process(store=store) as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(20)
        async with world.process(store=store) as other:
            (same,) = [each async for each in other.unfinished()]
            await recording.query()
            await same.stop()
            assert same.state is State.UPLOADED
            assert same.checkpoint().standing.confirmed_at is not None, "what the other one knows is kept"
            assert (await recording.ensure_stopped()).state is State.UPLOADED
    assert sent(world.emulator.calls) == [ACQUIRE, START, QUERY, STOP], "the second stop was not needed"


async def test_a_checkpoint_goes_on_without_any_store_that_knows_it(world: World) -> None:
    checkpoint = await world.dies(State.RECORDING)
    async with world.process(store=MemoryStore()) as cloud:
        recording = cloud.attach(checkpoint)
        await recording.ensure_stopped()
        stored = await cloud.store.load(recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.state is State.UPLOADED


async def test_waiting_for_the_start_of_something_that_was_confirmed_is_over_at_once(world: World) -> None:
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await recording.wait_started()
        checkpoint = recording.checkpoint()
    before = world.clock.monotonic()
    async with world.process() as cloud:
        await cloud.attach(checkpoint).wait_started()
    assert world.clock.monotonic() == before
    assert sent(world.emulator.calls) == [ACQUIRE, START, QUERY]


async def test_a_checkpoint_without_its_history_can_be_waited_for(world: World) -> None:
    checkpoint = evolve(await world.dies(State.RECORDING), history=())
    async with world.process() as cloud:
        await cloud.attach(checkpoint).wait_started()
