"""The alternate uid and checkpoints: written ahead, found again at every point, and never with a token."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from attrs import define, evolve, field

from agora_rec import Alternate, Checkpoint, CloudRecording, MemoryStore, Recording, RetryPolicy, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, LoseAnswer, Refuse
from agora_rec.errors import InvalidRequest, SecretsRequired, ServiceUnavailable, StartUnconfirmed
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, CNAME, START, UID, a_client, an_emulator, mix, until

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

OTHER = UID + 1
ALTERNATE = Alternate(uid=OTHER, token=secrets.TOKEN_OF_ALTERNATE)
NO_WORKER = Refuse(500, code=502, reason="Failed to allocate worker")
AGAIN: dict[str, Any] = {"mode": mix(), "token": secrets.TOKEN, "alternate": ALTERNATE}
"""What the recording was made with, brought again as it was."""


@define
class World:
    """A service, and processes that come and go."""

    emulator: Emulator
    clock: LoopClock
    store: MemoryStore = field(factory=MemoryStore)

    @asynccontextmanager
    async def process(self, **options: Any) -> AsyncGenerator[CloudRecording]:
        at_once = RetryPolicy(start_server=())  # the alternate is next after a refusal
        async with a_client(self.emulator, self.clock, retry=at_once, **options) as cloud:
            yield cloud

    @property
    def uids(self) -> list[int]:
        """The uids of all starts, in order."""
        bodies: list[Any] = [call.body for call in self.emulator.calls if call.operation is START]
        return [int(body["uid"]) for body in bodies]

    @property
    def running(self) -> list[str]:
        return [session.sid for session in self.emulator.running()]

    def refuse(self, times: int | None) -> None:
        self.emulator.inject(NO_WORKER, operation=START, times=times)


@pytest.fixture
async def world() -> World:
    clock = LoopClock()
    return World(an_emulator(clock=clock, repeated_start_with_sid=True), clock)


def offered(cloud: CloudRecording) -> Recording:
    return cloud.recording(CNAME, UID, mix(), token=secrets.TOKEN, alternate=ALTERNATE)


Life = Callable[[World, CloudRecording], Awaitable[Recording]]


async def idle(_: World, cloud: CloudRecording) -> Recording:
    return offered(cloud)


async def acquired(_: World, cloud: CloudRecording) -> Recording:
    recording = offered(cloud)
    await recording.acquire()
    return recording


async def starting(world: World, cloud: CloudRecording) -> Recording:
    recording = await acquired(world, cloud)
    world.emulator.inject(LoseAnswer(), operation=START, times=4)
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    return recording


async def refused(world: World, cloud: CloudRecording) -> Recording:
    recording = await acquired(world, cloud)
    world.refuse(1)
    with pytest.raises(ServiceUnavailable):
        await recording.start()
    return recording


async def alternate_acquired(world: World, cloud: CloudRecording) -> Recording:
    recording = offered(cloud)
    world.refuse(2)
    with pytest.raises(ServiceUnavailable):
        await recording.ensure_started()
    assert recording.uid == OTHER
    return recording


async def alternate_starting(world: World, cloud: CloudRecording) -> Recording:
    recording = offered(cloud)
    world.refuse(1)
    world.emulator.inject(LoseAnswer(), operation=START, times=4)
    with pytest.raises(StartUnconfirmed):
        await recording.ensure_started()
    assert recording.uid == OTHER
    return recording


async def alternate_recording(world: World, cloud: CloudRecording) -> Recording:
    recording = offered(cloud)
    world.refuse(1)
    await recording.ensure_started()
    assert recording.uid == OTHER
    return recording


UNDER_THE_FIRST: tuple[Life, ...] = (idle, acquired, starting, refused)
UNDER_THE_OTHER: tuple[Life, ...] = (alternate_acquired, alternate_starting, alternate_recording)


async def left_behind(world: World, life: Life) -> Checkpoint:
    """What a process has left behind, as text that was read again."""
    async with world.process() as cloud:
        recording = await life(world, cloud)
        text = recording.checkpoint().to_json()
    assert not secrets.shown_in(text)
    world.emulator.clear_faults()
    return Checkpoint.from_json(text)


@pytest.mark.parametrize("life", [*UNDER_THE_FIRST, *UNDER_THE_OTHER], ids=lambda life: life.__name__)
async def test_another_process_goes_on_from_every_point_with_what_the_first_one_had(
    world: World, life: Life
) -> None:
    checkpoint = await left_behind(world, life)
    under_the_other = life in UNDER_THE_OTHER
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, **AGAIN)
        assert recording.uid == (OTHER if under_the_other else UID)
        assert recording.history == checkpoint.history
        assert evolve(recording.checkpoint(), saved_at=checkpoint.saved_at) == checkpoint
        await recording.ensure_started()
        assert world.running == [recording.sid]
        assert world.uids[-1] == recording.uid == (OTHER if under_the_other else UID)
        await anyio.sleep(20)
        await recording.ensure_stopped()
    assert world.running == []


@pytest.mark.parametrize("life", [idle, acquired, refused], ids=lambda life: life.__name__)
async def test_another_process_can_take_the_alternate_itself(world: World, life: Life) -> None:
    checkpoint = await left_behind(world, life)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, **AGAIN)
        world.refuse(1)
        await recording.ensure_started()
        assert world.uids[-2:] == [UID, OTHER]
        assert world.running == [recording.sid]


@pytest.mark.parametrize("life", UNDER_THE_OTHER, ids=lambda life: life.__name__)
async def test_the_token_of_the_uid_that_the_checkpoint_names_will_do_too(world: World, life: Life) -> None:
    checkpoint = await left_behind(world, life)
    assert (checkpoint.uid, checkpoint.alternate_uid, checkpoint.has_token) == (OTHER, None, True)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN_OF_ALTERNATE)
        await recording.ensure_started()
        assert world.running == [recording.sid]


async def test_the_first_token_is_no_token_for_a_start_under_the_alternate(world: World) -> None:
    checkpoint = await left_behind(world, alternate_starting)
    async with world.process() as cloud:
        with pytest.raises(InvalidRequest):
            cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN)
        with pytest.raises(SecretsRequired):
            await cloud.attach(checkpoint, mode=mix(), alternate=Alternate(uid=OTHER)).ensure_started()


async def test_a_recording_under_its_alternate_is_driven_on_without_secrets(world: World) -> None:
    checkpoint = await left_behind(world, alternate_recording)
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint)
        await recording.query()
        await anyio.sleep(10)
        outcome = await recording.ensure_stopped()
        assert outcome.takes[0].uid == OTHER
    assert world.running == []


async def test_an_alternate_whose_token_was_not_brought_is_not_tried(world: World) -> None:
    checkpoint = await left_behind(world, acquired)
    assert (checkpoint.alternate_uid, checkpoint.alternate_has_token) == (OTHER, True)
    for brought in ({}, {"alternate": Alternate(uid=OTHER)}):
        async with world.process() as cloud:
            recording = cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN, **brought)
            world.refuse(1)
            with pytest.raises(ServiceUnavailable) as caught:
                await recording.ensure_started()
            assert any("alternate uid was not tried" in note for note in caught.value.__notes__)
            assert recording.uid == UID
            assert recording.checkpoint().alternate_has_token
    assert set(world.uids) == {UID}


async def test_an_alternate_without_a_token_need_not_be_brought_again(world: World) -> None:
    async with world.process() as cloud:
        checkpoint = cloud.recording(CNAME, UID, mix(), alternate=Alternate(uid=OTHER)).checkpoint()
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, mode=mix())
        world.refuse(1)
        await recording.ensure_started()
        assert recording.uid == OTHER


async def test_another_alternate_can_be_offered_later(world: World) -> None:
    for life, alternate in ((acquired, ALTERNATE), (alternate_acquired, None)):
        checkpoint = await left_behind(world, life)
        third = Alternate(uid=OTHER + 1, token=secrets.TOKEN_OF_ALTERNATE)
        token = secrets.TOKEN if alternate else secrets.TOKEN_OF_ALTERNATE
        async with world.process() as cloud:
            recording = cloud.attach(checkpoint, mode=mix(), token=token, alternate=third)
            world.refuse(1)
            await recording.ensure_started()
            assert (recording.uid, recording.checkpoint().alternate_uid) == (OTHER + 1, None)
            await anyio.sleep(10)
            await recording.ensure_stopped()
            await anyio.sleep(10)


@pytest.mark.parametrize("alternate", [OTHER, "alternate", Alternate(uid=0), Alternate(uid=2**32, token="")])
async def test_what_is_no_alternate_is_refused_when_it_is_brought(world: World, alternate: Any) -> None:
    checkpoint = await left_behind(world, idle)
    async with world.process() as cloud:
        with pytest.raises(InvalidRequest) as caught:
            cloud.attach(checkpoint, alternate=alternate)
        assert caught.value.violations[0].path.startswith("alternate")


async def test_an_old_checkpoint_brought_to_a_client_that_has_the_recording_takes_nothing_back(
    world: World,
) -> None:
    async with world.process() as cloud:
        recording = await acquired(world, cloud)
        old = recording.checkpoint()
        world.refuse(1)
        world.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        assert cloud.attach(old, **AGAIN) is recording
        assert recording.uid == OTHER
        await recording.ensure_started()
        assert world.running == [recording.sid]


async def test_a_checkpoint_of_before_there_were_alternates_is_read(world: World) -> None:
    async with world.process() as cloud:
        recording = cloud.recording(CNAME, UID, mix(), token=secrets.TOKEN)
        tree = json.loads(recording.checkpoint().to_json())
    del tree["alternate_uid"], tree["alternate_has_token"]
    checkpoint = Checkpoint.from_json(json.dumps(tree))
    async with world.process() as cloud:
        recording = cloud.attach(checkpoint, **AGAIN)
        world.refuse(1)
        await recording.ensure_started()
        assert recording.uid == OTHER


async def test_a_token_that_is_known_already_is_not_lost_when_others_are_brought(world: World) -> None:
    async with world.process() as cloud:
        recording = await starting(world, cloud)
        assert cloud.attach(recording.checkpoint(), mode=mix(), token=secrets.TOKEN) is recording
        assert recording._ledger.description.under_alternate() is not None
        third = Alternate(uid=OTHER + 1, token=secrets.TOKEN_OF_ALTERNATE)
        cloud.attach(recording.checkpoint(), mode=mix(), token=secrets.TOKEN, alternate=third)
        assert recording.checkpoint().alternate_uid == OTHER + 1


async def test_a_new_alternate_needs_a_token_where_the_first_uid_has_one(world: World) -> None:
    checkpoint = await left_behind(world, acquired)
    async with world.process() as cloud:
        with pytest.raises(InvalidRequest) as caught:
            cloud.attach(checkpoint, mode=mix(), token=secrets.TOKEN, alternate=Alternate(uid=OTHER + 1))
        assert [each.path for each in caught.value.violations] == ["alternate.token"]


@define
class Witness(httpx.AsyncBaseTransport):
    """Looks into the store at the moment in which a call goes to the service."""

    inner: httpx.AsyncBaseTransport
    store: MemoryStore
    seen: list[tuple[str, State | None, int | None]] = field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        known = [*self.store._unfinished.values(), *self.store._others.values()]
        checkpoint = known[0].checkpoint if known else None
        self.seen.append(
            (
                request.url.path.rpartition("/")[2],
                None if checkpoint is None else checkpoint.standing.state,
                None if checkpoint is None else checkpoint.uid,
            )
        )
        return await self.inner.handle_async_request(request)


async def test_the_store_knows_under_which_uid_something_may_run_before_it_is_sent(world: World) -> None:
    witness = Witness(world.emulator.transport(), world.store)
    async with world.process(transport=witness, store=world.store) as cloud:
        recording = offered(cloud)
        world.refuse(1)
        await recording.ensure_started()
        await anyio.sleep(10)
        await recording.stop()
    assert witness.seen == [
        ("acquire", None, None),
        ("start", State.STARTING, UID),
        ("acquire", State.ACQUIRED, UID),
        ("start", State.STARTING, OTHER),
        ("stop", State.STOPPING, OTHER),
    ]


async def test_the_digest_of_the_first_start_says_nothing_of_the_second(world: World) -> None:
    async with world.process() as cloud:
        recording = offered(cloud)
        world.refuse(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recording.ensure_started)
            await until(recording, State.STARTING)
            first = recording.checkpoint().start_digest
            await until(recording, State.RECORDING)
            assert recording.checkpoint().start_digest != first
    assert [call.operation for call in world.emulator.calls] == [ACQUIRE, START] * 2
