"""Waiting in virtual time: for processes that write, without blocking the loop, and for what they write."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from agora_rec import State, StoreUnavailable
from agora_rec.store import Written
from agora_rec.store.protocol import MISSED
from agora_rec.store.sqlite import SQLiteStore
from agora_rec.store.sqlite.database import Database
from agora_rec.store.sqlite.following import EVERY
from agora_rec.testing.store_contract import a_checkpoint, in_state
from tests.support.backends import virtual_time

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore(path, timeout=5.0) as store:
        yield store


class Holder:
    """Another process that begins to write and takes its time."""

    def __init__(self, path: Path, begin: str = "BEGIN IMMEDIATE") -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(begin)

    def end(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.close()


async def heard_from(changes: AsyncIterator[Written]) -> Written:
    """What is told next; an hour is for ever."""
    with anyio.fail_after(3600):
        return await anext(changes)


async def test_whoever_has_to_wait_lets_others_work_and_goes_on_soon(store: SQLiteStore, path: Path):
    holder = Holder(path)
    began = anyio.current_time()
    ticks = 0
    done: list[float] = []

    async def save() -> None:
        await store.save(a_checkpoint("1"), version=0)
        done.append(anyio.current_time() - began)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        for _ in range(20):
            await anyio.sleep(0.1)
            ticks += 1
            assert not done
            assert await store.load("1") is None, "who reads waits for nobody"
        holder.end()
    assert ticks == 20
    assert 2.0 <= done[0] <= 2.03


async def test_nobody_waits_longer_than_the_timeout(store: SQLiteStore, path: Path):
    holder = Holder(path)
    began = anyio.current_time()
    with pytest.raises(StoreUnavailable, match="others have held it for 5 s") as caught:
        await store.save(a_checkpoint("1"), version=0)
    assert anyio.current_time() - began == pytest.approx(5.0)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    holder.end()
    assert await store.save(a_checkpoint("1"), version=0) == 1


async def test_of_many_who_wait_none_waits_longer_and_all_go_on_in_their_order(
    store: SQLiteStore, path: Path
):
    began = anyio.current_time()
    failed: list[float] = []
    done: list[int] = []

    async def save(number: int) -> None:
        try:
            await store.save(a_checkpoint(str(number)), version=0)
        except StoreUnavailable:
            failed.append(anyio.current_time() - began)
        else:
            done.append(number)

    holder = Holder(path)
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(save, number)
    assert failed == [pytest.approx(5.0)] * 50
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(save, number)
            await anyio.sleep(0.01)
        assert not done
        holder.end()
    assert done == list(range(50))


async def test_whoever_waits_may_be_cancelled_and_has_written_nothing(store: SQLiteStore, path: Path):
    holder = Holder(path)
    with anyio.move_on_after(1) as scope:
        await store.save(a_checkpoint("1"), version=0)
    assert scope.cancelled_caught
    holder.end()
    assert await store.load("1") is None


async def test_a_store_is_not_opened_while_others_hold_the_file(path: Path):
    holder = Holder(path, "BEGIN EXCLUSIVE")
    store = SQLiteStore(path, timeout=1.0)
    with pytest.raises(StoreUnavailable, match="others have held it for 1 s"):
        await store.__aenter__()
    assert not store.is_open
    holder.end()
    async with store:
        assert await store.load("1") is None


async def test_whoever_waits_when_it_is_closed_waits_no_longer(path: Path):
    raised: list[StoreUnavailable] = []

    async def save(store: SQLiteStore) -> None:
        try:
            await store.save(a_checkpoint("1"), version=0)
        except StoreUnavailable as error:
            raised.append(error)

    async with anyio.create_task_group() as tasks:
        async with SQLiteStore(path) as store:
            holder = Holder(path)
            tasks.start_soon(save, store)
            await anyio.sleep(0.5)
        holder.end()
    assert "closed meanwhile" in str(raised[0])


async def test_a_store_that_is_closed_lets_those_go_who_follow(path: Path):
    heard: list[Written] = []

    async def follow(store: SQLiteStore) -> None:
        async with store.changes() as changes:
            heard.extend([written async for written in changes])

    with anyio.fail_after(3600):
        async with anyio.create_task_group() as tasks, SQLiteStore(path) as store:
            tasks.start_soon(follow, store)
            await anyio.sleep(1)
            await store.save(a_checkpoint("1"), version=0)
    assert heard == [Written("1", 1)]


async def test_what_others_write_is_heard_of_within_a_quarter_of_a_second(store: SQLiteStore, path: Path):
    async with SQLiteStore(path) as other, store.changes() as changes:
        for number in range(5):
            await anyio.sleep(10.07)
            written_at = anyio.current_time()
            await other.save(a_checkpoint(str(number)), version=0)
            assert await heard_from(changes) == Written(str(number), 1)
            assert anyio.current_time() - written_at <= 0.25


async def test_what_one_writes_oneself_is_heard_of_at_once_and_only_once(store: SQLiteStore, path: Path):
    async with SQLiteStore(path) as other, store.changes() as changes:
        began = anyio.current_time()
        await store.save(a_checkpoint("1"), version=0)
        await store.claim(a_checkpoint("2", State.IDLE, key="lesson"))
        await store.claim(a_checkpoint("3", State.IDLE, key="lesson"))
        assert [await heard_from(changes), await heard_from(changes)] == [Written("1", 1), Written("2", 1)]
        assert anyio.current_time() == began
        await other.save(a_checkpoint("4"), version=0)
        assert await heard_from(changes) == Written("4", 1)


async def test_between_writes_of_others_nothing_is_missed_and_the_newest_is_told(
    store: SQLiteStore, path: Path
):
    async with SQLiteStore(path) as other, store.changes() as changes:
        await other.save(a_checkpoint("1"), version=0)
        await store.save(a_checkpoint("2"), version=0)
        await other.save(in_state(a_checkpoint("1"), State.STOPPING), version=1)
        assert await heard_from(changes) == Written("2", 1)
        await anyio.sleep(1)
        assert {await heard_from(changes), await heard_from(changes)} == {Written("1", 2), Written("2", 1)}
        with anyio.move_on_after(1):
            pytest.fail(f"told again: {await anext(changes)}")


async def test_a_second_who_follows_makes_the_first_miss_nothing(store: SQLiteStore, path: Path):
    async with SQLiteStore(path) as other, store.changes() as changes:
        await other.save(a_checkpoint("1"), version=0)
        async with store.changes():
            assert await heard_from(changes) == Written("1", 1)


async def test_nobody_looks_while_nobody_follows(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch):
    looks = 0
    following = store._following
    assert following is not None
    look = following._look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    monkeypatch.setattr(type(following), "_look", lambda _self: counted())
    await anyio.sleep(60)
    assert looks == 0
    async with store.changes(), store.changes():
        await anyio.sleep(10 * EVERY + 0.05)
    assert looks == 10
    await anyio.sleep(60)
    assert looks == 11, "the last of them had begun"


async def test_whoever_follows_learns_that_the_file_was_away(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
):
    away = path.with_name("away.db")
    with caplog.at_level(logging.WARNING, "agora_rec"):
        async with store.changes() as changes:
            path.rename(away)
            await anyio.sleep(10)
            away.rename(path)
            assert await heard_from(changes) == MISSED
            async with SQLiteStore(path) as other:
                await other.save(a_checkpoint("2"), version=0)
                assert await heard_from(changes) == Written("2", 1)
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "what others write can't be followed",
        "what others write is followed again",
    ]


async def test_a_file_that_is_held_for_long_is_followed_again_with_nothing_missed(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with SQLiteStore(path) as other, store.changes() as changes:
        monkeypatch.setattr(store._database, "timeout", 0.0)
        with monkeypatch.context() as held:
            held.setattr(Database, "_attempt", _busy)
            await anyio.sleep(10)
        await other.save(a_checkpoint("1"), version=0)
        assert await heard_from(changes) == Written("1", 1)


def _busy(*_: object) -> None:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    raise error
