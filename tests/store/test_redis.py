"""`RedisStore` on a real Valkey server: the contract, what stands there and for how long."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

import agora_rec
from agora_rec.emulator import Emulator
from agora_rec.errors import InvalidRequest, StoreTooNew, StoreUnavailable
from agora_rec.store import SharedStore, redis
from agora_rec.store.redis import RedisStore
from agora_rec.testing.store_contract import NOW, StoreContract, a_checkpoint, in_state, names
from agora_rec.vocabulary import OperationName, State
from tests.support.cloud import mix
from tests.support.secrets import CUSTOMER_SECRET, TOKEN, shown_in
from tests.support.valkey import Valkey, served_valkey

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Valkey]:
    with served_valkey() as valkey:
        yield valkey


@pytest.fixture
def server(shared_server: Valkey) -> Valkey:
    shared_server.says("FLUSHALL")
    return shared_server


@pytest.fixture
async def store(server: Valkey) -> AsyncIterator[RedisStore]:
    async with RedisStore(server.url) as store:
        yield store


class TestRedisStore(StoreContract):
    @pytest.fixture
    async def other(self, server: Valkey) -> AsyncIterator[RedisStore]:
        async with RedisStore(server.url) as other:
            yield other


def seconds_left(server: Valkey, key: str) -> int | None:
    """For how long the server keeps a key; None: for ever."""
    left = int(server.says("TTL", f"{{agora_rec}}:{key}").removeprefix(":"))
    assert left != -2, f"there is no {key}"
    return None if left == -1 else left


async def test_what_is_unfinished_is_kept_for_ever_and_what_has_ended_for_a_week(
    server: Valkey, store: RedisStore
) -> None:
    checkpoint = a_checkpoint("1", key="lesson")
    await store.save(checkpoint, version=0)
    keys = ("recording:1", "key:lesson", "sid:sid-1")
    assert [seconds_left(server, key) for key in keys] == [None] * 3
    await store.save(in_state(checkpoint, State.UPLOADED), version=1)
    for key in keys:
        left = seconds_left(server, key)
        assert left is not None
        assert 7 * 86_400 - 10 < left <= 7 * 86_400
    await store.save(in_state(checkpoint, State.RECORDING), version=2)
    assert [seconds_left(server, key) for key in keys] == [None] * 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_has_expired_is_found_in_no_way_and_may_be_written_again(server: Valkey) -> None:
    async with RedisStore(server.url, kept=1) as store:
        checkpoint = a_checkpoint("1", State.UPLOADED, key="lesson")
        await store.save(checkpoint, version=0)
        await store.save(a_checkpoint("2"), version=0)
        await anyio.sleep(1.1)
        found = (await store.load("1"), await store.load_by_key("lesson"), await store.load_by_sid("sid-1"))
        assert found == (None, None, None)
        assert await names(store) == ["2"]
        assert await store.save(checkpoint, version=7) == 8


async def test_nothing_is_left_of_what_has_ended_but_what_expires(server: Valkey, store: RedisStore) -> None:
    begun = a_checkpoint("1", State.STARTING, key="lesson")
    await store.save(begun, version=0)
    lease = await store.lease("1", "worker", seconds=60)
    assert lease is not None
    await store.save(a_checkpoint("1", key="lesson"), version=1, lease=lease)
    await store.mark(["notice"], seconds=60)
    moved = evolve(a_checkpoint("1").standing, state=State.FAILED, sid="another")
    await store.save(a_checkpoint("1", key="lesson", standing=moved), version=2)
    stored = await store.load_by_sid("sid-1")
    assert stored is not None
    keys = ("recording:1", "key:lesson", "sid:sid-1", "sid:another", "lease:1", "mark:notice")
    assert all(seconds_left(server, key) for key in keys)
    assert seconds_left(server, "schema") is None
    assert seconds_left(server, "tokens") is None
    assert server.says("DBSIZE") == f":{len(keys) + 2}"


async def test_a_sid_that_another_recording_has_taken_stays_with_that(
    server: Valkey, store: RedisStore
) -> None:
    for name in "12":
        standing = evolve(a_checkpoint(name).standing, sid="sid")
        await store.save(a_checkpoint(name, standing=standing), version=0)
    await store.save(a_checkpoint("1", State.UPLOADED), version=1)
    assert seconds_left(server, "sid:sid") is None


async def test_a_key_whose_recording_was_forgotten_goes_to_the_next_that_is_written(
    server: Valkey, store: RedisStore
) -> None:
    await store.save(a_checkpoint("1", key="lesson"), version=0)
    server.says("DEL {agora_rec}:recording:1")
    await store.save(a_checkpoint("2", key="lesson"), version=0)
    stored = await store.load_by_key("lesson")
    assert stored is not None
    assert stored.checkpoint.id == "2"


async def test_what_was_lost_beside_its_indexes_is_passed_over(server: Valkey, store: RedisStore) -> None:
    for name in "12":
        await store.save(a_checkpoint(name, State.STARTING, cname="class"), version=0)
    server.says("DEL {agora_rec}:recording:1")
    assert await names(store) == ["2"]
    assert [each.checkpoint.id for each in await store.load_starting("class", 4294967295)] == ["2"]


async def test_pages_are_read_one_after_the_other_whatever_is_written_in_between(
    server: Valkey, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "PAGE", 3)
    for number in range(8):
        await store.save(a_checkpoint(str(number)), version=0)
    seen: list[str] = []
    async for stored in store.unfinished():
        seen.append(stored.checkpoint.id)
        if stored.checkpoint.id == "1":
            await store.save(in_state(a_checkpoint("0"), State.UPLOADED), version=1)
            await store.save(in_state(a_checkpoint("2"), State.STOPPING), version=1)  # read already
            await store.save(in_state(a_checkpoint("4"), State.FAILED), version=1)
            await store.save(in_state(a_checkpoint("5"), State.STOPPING), version=1)
            await store.save(a_checkpoint("9"), version=0)
        if stored.checkpoint.id == "5":
            assert (stored.version, stored.checkpoint.standing.state) == (2, State.STOPPING)
    assert seen == ["0", "1", "2", "3", "5", "6", "7"]


async def test_one_that_never_was_seen_to_start_comes_by_when_it_was_acquired_or_saved(
    store: RedisStore,
) -> None:
    later = a_checkpoint("later")
    attached = evolve(a_checkpoint("attached").standing, start_sent_at=None, acquired_at=None)
    acquired = evolve(attached, acquired_at=NOW.replace(year=2025))
    early = NOW.replace(year=2024)
    await store.save(later, version=0)
    await store.save(a_checkpoint("acquired", standing=acquired), version=0)
    await store.save(a_checkpoint("attached", standing=attached, saved_at=early), version=0)
    assert await names(store) == ["attached", "acquired", "later"]


async def test_stores_with_other_prefixes_know_nothing_of_each_other(
    server: Valkey, store: RedisStore
) -> None:
    async with RedisStore(server.url, prefix="another") as other, store.changes() as changes:
        await other.claim(a_checkpoint("1", key="lesson"))
        await store.claim(a_checkpoint("2", key="lesson"))
        with anyio.fail_after(5):
            assert (await anext(changes)).recording_id == "2"
        assert await names(other) == ["1"]
        assert await names(store) == ["2"]
    assert server.says("KEYS agora_rec*") == "*0"


WORKER = """
import sys, anyio
from attrs import evolve
from agora_rec.errors import StoreConflict
from agora_rec.store.redis import RedisStore
from agora_rec.testing.store_contract import a_checkpoint
from agora_rec.vocabulary import State

async def main():
    async with RedisStore(sys.argv[1]) as store:
        claimed = []
        for key in "abcdefghijklmnopqrst":
            stored = await store.claim(a_checkpoint(sys.argv[2] + key, State.IDLE, key=key))
            claimed.append(stored.checkpoint.id)
        written = 0
        while written < 15:
            stored = await store.load("counter")
            try:
                await store.save(stored.checkpoint, version=stored.version)
                written += 1
            except StoreConflict:
                pass
    print(*claimed)

anyio.run(main, backend=sys.argv[3])
"""


@pytest.mark.untraced
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_several_processes_at_once_lose_no_write_and_claim_each_key_once(
    server: Valkey, store: RedisStore
) -> None:
    await store.save(a_checkpoint("counter"), version=0)
    workers = [
        subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on here
            [sys.executable, "-c", WORKER, server.url, str(number), ("asyncio", "trio")[number % 2]],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    claimed = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [len(each) for each in claimed] == [20] * 2
    assert claimed[0] == claimed[1]
    stored = await store.load("counter")
    assert stored is not None
    assert stored.version == 1 + 2 * 15


def client_of(emulator: Emulator, store: RedisStore) -> agora_rec.CloudRecording:
    return agora_rec.CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        store=store,
        qps=None,
    )


async def test_what_one_worker_starts_another_stops_and_the_first_hears_of_it_at_once(server: Valkey) -> None:
    emulator = Emulator(qps=None)
    async with (
        client_of(emulator, RedisStore(server.url)) as one,
        client_of(emulator, RedisStore(server.tcp_url)) as other,
    ):
        started: list[str | None] = []

        async def start(cloud: agora_rec.CloudRecording) -> None:
            recording = await cloud.claim("lesson", cname="class", uid=12, mode=mix(), token=TOKEN)
            await recording.ensure_started()
            started.append(recording.sid)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start, one)
            tasks.start_soon(start, other)
        assert started[0] == started[1]
        here, there = await one.find("lesson"), await other.find("lesson")
        assert here is not None
        assert there is not None
        with anyio.fail_after(1):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(there.ensure_stopped)
                assert (await here.wait_finished()).state is State.UPLOADED


async def test_without_the_server_nothing_is_started_and_with_it_all_goes_on() -> None:
    emulator = Emulator(qps=None)
    with Valkey(None, "--appendonly", "yes") as server:
        async with client_of(emulator, RedisStore(server.url, timeout=0.2)) as cloud:
            recording = await cloud.claim("lesson", cname="class", uid=12, mode=mix(), token=TOKEN)
            server.stop()
            with pytest.raises(StoreUnavailable):
                await recording.ensure_started()
            with pytest.raises(StoreUnavailable):
                await cloud.claim("another", cname="class", uid=13, mode=mix(), token=TOKEN)
            assert not [call for call in emulator.calls if call.operation is OperationName.START]
            server.start()
            await recording.ensure_started()
            outcome = await recording.ensure_stopped()
            assert outcome.state is State.UPLOADED


async def test_no_secret_is_ever_sent_there() -> None:
    with Valkey(None, "--appendonly", "yes", "--appendfsync", "always") as server:
        emulator = Emulator(qps=None)
        async with RedisStore(server.url) as store, client_of(emulator, store) as cloud:
            recording = cloud.recording("class", uid=12, mode=mix(), token=TOKEN)
            await recording.ensure_started()
            await recording.ensure_stopped()
            stored = await store.load(recording.id)
            assert stored is not None
            assert stored.checkpoint.standing.state is State.UPLOADED
        written = b"".join(
            path.read_bytes() for path in sorted(server.directory.rglob("*")) if path.is_file()
        ).decode(errors="replace")
    assert recording.id in written
    assert not shown_in(written)
    assert emulator.customer_secret not in written


async def test_a_newer_schema_is_refused_when_it_opens_and_at_any_time_later(
    server: Valkey, store: RedisStore
) -> None:
    server.says("SET {agora_rec}:schema 2")
    before = server.says("DBSIZE")
    with pytest.raises(StoreTooNew) as caught:
        await store.save(a_checkpoint("1"), version=0)
    assert (caught.value.found, caught.value.known) == (2, 1)
    late = RedisStore(server.url)
    with pytest.raises(StoreTooNew):
        await late.__aenter__()
    assert not late.is_open
    assert server.says("DBSIZE") == before


@pytest.mark.parametrize("damage", ["checkpoint nonsense", "version nonsense", r'checkpoint "\xff"'])
async def test_what_is_damaged_says_so_and_hides_no_other(
    server: Valkey, store: RedisStore, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    for name in "12":
        await store.save(a_checkpoint(name, State.STARTING, key=name, cname="class"), version=0)
    server.says("HSET {agora_rec}:recording:1", damage)
    with pytest.raises(StoreUnavailable, match="of recording '1' can't be read"):
        await store.load("1")
    with pytest.raises(StoreUnavailable, match="can't be read"):
        await store.claim(a_checkpoint("3", key="1"))
    assert await names(store) == ["2"]
    assert [each.checkpoint.id for each in await store.load_starting("class", 4294967295)] == ["2"]
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(messages) == 2
    assert messages[0].startswith("a recording is passed over: the checkpoint of recording '1'")


async def test_it_has_to_be_opened_and_is_opened_once_at_a_time(server: Valkey) -> None:
    store = RedisStore(server.url)
    assert isinstance(store, SharedStore)
    assert repr(store).endswith("is_open=False)")
    with pytest.raises(RuntimeError, match="is not open"):
        await store.load("1")
    async with store:
        assert store.is_open
        with pytest.raises(RuntimeError, match="open already"):
            await store.__aenter__()
        await store.save(a_checkpoint("1"), version=0)
    await store.__aexit__(None, None, None)
    with pytest.raises(RuntimeError, match="is not open"):
        async with store.changes():
            pytest.fail("it is closed")
    async with store:
        assert await names(store) == ["1"]


async def test_what_an_address_asks_of_the_connections_is_not_heard(server: Valkey) -> None:
    odd = f"{server.url}?max_connections=9&timeout=1&noreply=yes&stream_timeout=0.000001&db=3"
    async with RedisStore(odd) as store:
        await store.save(a_checkpoint("1"), version=0)
    async with RedisStore(server.tcp_url + "/3") as store:
        assert await names(store) == ["1"]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"url": "http://example.com"}, ["url"]),
        ({"url": None}, ["url"]),
        ({"prefix": ""}, ["prefix"]),
        ({"prefix": "a{b}"}, ["prefix"]),
        ({"prefix": "a\nb"}, ["prefix"]),
        ({"prefix": 7}, ["prefix"]),
        ({"kept": 0.5}, ["kept"]),
        ({"kept": 1e10}, ["kept"]),
        ({"timeout": 0}, ["timeout"]),
        ({"timeout": float("inf")}, ["timeout"]),
        (
            {"url": "", "prefix": None, "kept": None, "timeout": "long"},
            ["url", "prefix", "kept", "timeout"],
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        RedisStore(**{"url": NOWHERE, **given})
    assert [each.path for each in caught.value.violations] == paths


def test_an_address_is_shown_without_its_secrets() -> None:
    full = f"rediss://user:{CUSTOMER_SECRET}@[::1]:6380/1?client_name={CUSTOMER_SECRET}"
    assert repr(RedisStore(full)) == (
        "RedisStore('rediss://[::1]:6380/1', prefix='agora_rec', kept=604800.0, timeout=5.0, is_open=False)"
    )


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agora_rec.store.over_redis", None)
    with pytest.raises(ImportError, match=r"agora-rec\[redis\]"):
        RedisStore(NOWHERE)
