"""Recordings by key: claimed once whoever asks, found by anybody, started with secrets that are asked for."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import pytest
from attrs import define, evolve, field

from agora_rec import (
    AmazonS3,
    AzureBlob,
    Checkpoint,
    CloudRecording,
    InvalidRequest,
    LocalBudget,
    MemoryStore,
    Mix,
    Secrets,
    SecretsRequired,
    State,
    Web,
)
from agora_rec.clock import LoopClock
from agora_rec.emulator import LoseAnswer, Refuse, SlowAnswer
from agora_rec.lifecycle import facts
from agora_rec.recording import Recording
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    Stage,
    a_client,
    all_back,
    an_emulator,
    bucket,
    calling,
    mix,
    web,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

KEY = "lesson 42"


@define
class Office:
    """Two workers with one store."""

    on: Stage
    workers: tuple[CloudRecording, ...]

    async def claim(self, worker: int = 0, **more: Any) -> Recording:
        given: dict[str, Any] = {"cname": CNAME, "uid": UID, "mode": mix(), "token": secrets.TOKEN}
        return await self.workers[worker].claim(KEY, **(given | more))

    async def find(self, worker: int = 0) -> Recording:
        found = await self.workers[worker].find(KEY)
        assert found is not None
        return found


@define
class Provider:
    """Gives a fresh token each time, and remembers for whom."""

    asked: list[Checkpoint] = field(factory=list)
    storage: Any = None
    seconds: float = 0.0

    async def __call__(self, checkpoint: Checkpoint) -> Secrets:
        self.asked.append(checkpoint)
        await anyio.sleep(self.seconds)
        return Secrets(token=f"{secrets.TOKEN} {len(self.asked)}", storage=self.storage)


@pytest.fixture
def provider() -> Provider | None:
    return None


@pytest.fixture
async def office(provider: Provider | None) -> AsyncGenerator[Office]:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    async with (
        a_client(emulator, clock, store=store, secrets=provider) as one,
        a_client(emulator, clock, store=store, secrets=provider) as two,
    ):
        yield Office(Stage(emulator, one, clock), (one, two))


async def test_nothing_is_sent_for_a_claim_and_the_same_worker_gets_the_same_object(office: Office) -> None:
    recording = await office.claim()
    assert await office.claim() is recording
    assert (recording.key, recording.state) == (KEY, State.IDLE)
    assert office.on.sent == []
    assert await office.workers[1].find("another lesson") is None


@pytest.mark.parametrize("tokens", [(secrets.TOKEN, secrets.TOKEN), (secrets.TOKEN, "a fresh one")])
@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.5])
async def test_two_requests_at_two_workers_give_one_recording_and_equal_answers(
    office: Office, tokens: tuple[str, str], seconds: float
) -> None:
    office.on.emulator.inject(SlowAnswer(0.2), operation=START, times=2)

    async def request(worker: int) -> str | None:
        await anyio.sleep(worker * seconds)
        recording = await office.claim(worker, token=tokens[worker])
        await recording.ensure_started()
        return recording.sid

    async with anyio.create_task_group() as tasks:
        answers = [await calling(tasks, partial(request, worker)) for worker in (0, 1)]
        await all_back(*answers)
        assert [answer.error for answer in answers] == [None, None]
        assert [answer.value for answer in answers] == office.on.running * 2
    assert len(office.on.emulator.sessions) == 1


async def test_whoever_waits_for_his_turn_is_content_with_the_start_of_another_worker() -> None:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    async with (
        a_client(emulator, clock, store=store) as quick,
        a_client(emulator, clock, store=store, budget=LocalBudget(qps=1, clock=clock)) as slow,
    ):
        office = Office(Stage(emulator, quick, clock), (quick, slow))
        await slow.notification_ips()
        here, there = await office.claim(0), await office.claim(1)
        async with anyio.create_task_group() as tasks:
            waits = await calling(tasks, there.ensure_started)
            await here.ensure_started()
            await waits.finished()
            assert waits.error is None
        assert there.sid == here.sid
        assert office.on.sent.count(START) == 1


async def test_a_class_is_started_here_stopped_there_and_claimed_anew(office: Office) -> None:
    recording = await office.claim()
    await recording.ensure_started()
    await anyio.sleep(20)
    there = await office.find(1)
    assert (there.state, there.sid) == (State.RECORDING, recording.sid)
    assert (await there.ensure_stopped()).state is State.UPLOADED
    assert (await office.find(0)).state is State.UPLOADED
    again = await office.claim(1)
    assert again.id != recording.id
    await anyio.sleep(5)
    await again.ensure_started()
    assert len(office.on.running) == 1
    assert (await office.find(0)).id == again.id


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"cname": "another"}, "cname"),
        ({"uid": 5}, "uid"),
        ({"mode": web()}, "mode"),
        ({"mode": Mix(storage=AzureBlob(bucket="b", access_key="a", secret_key="s"))}, "mode"),
    ],
    ids=["cname", "uid", "mode", "storage"],
)
async def test_a_key_stands_for_one_recording(office: Office, other: dict[str, Any], field: str) -> None:
    await office.claim()
    with pytest.raises(InvalidRequest) as caught:
        await office.claim(1, **other)
    assert [violation.path for violation in caught.value.violations] == [field]


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", "a\0b", 7, None])
async def test_a_wrong_key_is_named_with_all_else_that_is_wrong(office: Office, key: Any) -> None:
    if key is None:
        return
    with pytest.raises(InvalidRequest) as caught:
        await office.workers[0].claim(key, cname="", uid=UID, mode=mix())
    assert [violation.path for violation in caught.value.violations] == ["key", "cname"]


async def test_a_start_that_died_with_its_worker_is_finished_by_the_next_claim(office: Office) -> None:
    recording = await office.claim()
    office.on.emulator.inject(LoseAnswer(), operation=START, times=4)
    with pytest.raises(Exception, match="its answer is lost"):
        await recording.ensure_started()
    await anyio.sleep(30)
    office.on.emulator.inject(Refuse(201, code=7, extra={"sid": office.on.running[0]}), operation=START)
    there = await office.claim(1)
    await there.ensure_started()
    assert office.on.running == [there.sid]


async def test_what_others_may_want_is_not_stopped_for_want_of_a_caller(office: Office) -> None:
    clock, store, emulator = office.on.clock, MemoryStore(), office.on.emulator
    emulator.inject(SlowAnswer(2.0), operation=START)
    async with a_client(emulator, clock, store=store) as cloud:
        recording = await cloud.claim(KEY, cname=CNAME, uid=UID, mode=mix())
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, recording.ensure_started)
            await anyio.sleep(1)
            caller.scope.cancel()
        abandoned = recording.is_abandoned
    assert (abandoned, office.on.running) == (False, [recording.sid])
    async with a_client(emulator, clock, store=store) as cloud:
        found = await cloud.find(KEY)
        assert found is not None
        await anyio.sleep(20)
        await found.ensure_stopped()
    assert office.on.running == []


async def test_refresh_reads_the_store_and_asks_the_service(office: Office) -> None:
    recording = await office.claim()
    await recording.refresh()
    assert office.on.sent == []
    await recording.ensure_started()
    there = await office.find(1)
    await anyio.sleep(20)
    await there.refresh()
    assert office.on.sent == [ACQUIRE, START, QUERY]
    await anyio.sleep(0.1)
    assert recording.checkpoint().standing.confirmed_at is not None
    office.on.emulator.inject(Refuse(404, code=404), operation=None)
    await there.refresh()
    assert there.state is State.RECORDING
    await anyio.sleep(20)
    await there.stop()
    await recording.refresh()
    assert recording.state is State.UPLOADED
    assert office.on.sent[-1] == STOP


class TestSecrets:
    """The provider is asked once for each resource ID, and what it gives is used."""

    @pytest.fixture
    def provider(self) -> Provider:
        return Provider(storage=bucket())

    async def test_a_recording_that_was_found_is_started_with_what_the_provider_gives(
        self, office: Office, provider: Provider
    ) -> None:
        await office.claim()
        there = await office.find(1)
        await there.ensure_started()
        assert [checkpoint.key for checkpoint in provider.asked] == [KEY]
        assert len(office.on.running) == 1

    async def test_a_repeated_start_is_the_same_and_a_new_resource_id_gets_a_fresh_token(
        self, office: Office, provider: Provider
    ) -> None:
        recording = await office.claim()
        office.on.emulator.inject(Refuse(400, code=433), operation=START)
        office.on.emulator.inject(LoseAnswer(), operation=START)
        office.on.emulator.inject(Refuse(201, code=7, extra={"sid": "sid"}), operation=START)
        await recording.ensure_started()
        assert office.on.sent == [ACQUIRE, START, ACQUIRE, START, START]
        assert len(provider.asked) == 2

    async def test_commands_ask_too_and_an_announced_start_is_what_was_announced(
        self, office: Office, provider: Provider
    ) -> None:
        recording = await office.claim(announce_start=True)
        await recording.acquire()
        await recording.start()
        assert len(provider.asked) == 1
        assert len(office.on.running) == 1

    async def test_two_who_start_at_once_ask_once_each_and_start_once(
        self, office: Office, provider: Provider
    ) -> None:
        provider.seconds = 1.0
        recording = await office.claim()
        async with anyio.create_task_group() as tasks:
            callers = [await calling(tasks, recording.ensure_started) for _ in range(2)]
            await all_back(*callers)
            assert [caller.error for caller in callers] == [None, None]
        assert office.on.sent == [ACQUIRE, START]

    async def test_what_came_too_late_is_asked_for_again(self, office: Office, provider: Provider) -> None:
        provider.seconds = 1.0
        recording = await office.claim()
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, recording.ensure_started)
            await anyio.sleep(0.5)
            newer = await office.on.cloud.api.acquire(recording._ledger.description.acquire_request())
            recording._ledger.absorb(facts.Acquired(resource_id=newer.resource_id))
            await caller.finished()
            assert caller.error is None
            assert [each.standing.resource_id for each in provider.asked][1:] == [newer.resource_id]
            assert recording.resource_id == newer.resource_id

    async def test_wrong_secrets_start_nothing(self, office: Office, provider: Provider) -> None:
        await office.claim()
        there = await office.find(1)
        provider.storage = evolve(bucket(), bucket="another")
        with pytest.raises(InvalidRequest, match=r"secrets\.storage"):
            await there.ensure_started()
        provider.storage = None
        with pytest.raises(SecretsRequired, match=r"storage\.access_key"):
            await there.ensure_started()
        assert START not in office.on.sent

    async def test_temporary_keys_may_last_longer_than_the_first_ones(
        self, office: Office, provider: Provider
    ) -> None:
        now = office.on.clock.now()
        first = bucket(sts_token=secrets.TOKEN, sts_expiration=now + timedelta(hours=5))
        recording = await office.claim(mode=Mix(storage=first))
        provider.storage = evolve(first, sts_expiration=now + timedelta(hours=9))
        await recording.ensure_started()
        mode = recording.mode
        assert not isinstance(mode, Web)
        assert isinstance(mode.storage, AmazonS3)
        assert mode.storage.sts_expiration == provider.storage.sts_expiration


async def test_without_a_provider_a_start_needs_what_was_brought(office: Office) -> None:
    await office.claim()
    with pytest.raises(SecretsRequired):
        await (await office.find(1)).ensure_started()
