"""The store in an SQLite file: the contract, arguments, the file itself, its schema, bounds and clock."""

import logging
import re
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

from agora_rec import InvalidRequest, State, StoreTooNew, StoreUnavailable, SystemClock
from agora_rec.errors import LeaseLost
from agora_rec.store import SharedStore, Store
from agora_rec.store.sqlite import SQLiteStore, Synchronous, rows, schema
from agora_rec.store.sqlite.schema import Schema
from agora_rec.testing.store_contract import StoreContract, a_checkpoint, in_state, names

pytestmark = pytest.mark.anyio


class TestSQLiteStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with SQLiteStore(tmp_path / "store.db") as store:
            yield store

    @pytest.fixture
    async def other(self, store: Store, tmp_path: Path) -> AsyncIterator[Store]:
        async with SQLiteStore(tmp_path / "store.db") as other:
            yield other


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore(path) as store:
        yield store


@contextmanager
def file(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as any other program may open it; each statement is a transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def do(path: Path, statement: str, *values: Any) -> list[Any]:
    with file(path) as connection:
        return connection.execute(statement, values).fetchall()


def connection_of(store: SQLiteStore) -> sqlite3.Connection:
    connection = store._database._connection
    assert connection is not None
    return connection


def is_open(store: SQLiteStore) -> bool:
    """Asked by a function: for type checkers a property keeps its value."""
    return store.is_open


class SetClock(SystemClock):
    """A machine's clock that is put forward and back."""

    offset = timedelta()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + self.offset

    def put(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "path",
    ["", ":memory:", "file:store.db", "file::memory:?cache=shared", "a\0b", b"store.db", None, 7],
    ids=repr,
)
def test_what_is_no_file_is_refused(path: Any):
    with pytest.raises(InvalidRequest, match="MemoryStore") as caught:
        SQLiteStore(path)
    assert [violation.path for violation in caught.value.violations] == ["path"]


def test_a_path_of_bytes_in_disguise_is_refused():
    class Odd:
        def __fspath__(self) -> bytes:
            return b"store.db"

    with pytest.raises(InvalidRequest):
        SQLiteStore(Odd())  # type: ignore[arg-type] # what this is about


def test_all_wrong_arguments_are_named():
    wrong: dict[str, Any] = {"timeout": 0, "synchronous": "full", "kept": 0, "prefix": "a-b"}
    with pytest.raises(InvalidRequest) as caught:
        SQLiteStore(":memory:", **wrong)
    assert [violation.path for violation in caught.value.violations] == ["path", *wrong]
    for name, value in (
        ("timeout", float("inf")),
        ("timeout", "5"),
        ("kept", True),
        ("kept", 1.5),
        ("prefix", ""),
        ("prefix", "sqlite_x"),
        ("prefix", "1a"),
        ("prefix", "A"),
        ("prefix", "a" * 61),
        ("prefix", None),
    ):
        more: dict[str, Any] = {name: value}
        with pytest.raises(InvalidRequest) as caught:
            SQLiteStore("store.db", **more)
        assert [violation.path for violation in caught.value.violations] == [name]


def test_a_relative_path_means_the_directory_of_that_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("store.db")
    assert store.path == tmp_path / "store.db"
    assert repr(store) == f"SQLiteStore('{tmp_path}/store.db', synchronous=NORMAL, is_open=False)"


async def test_only_an_open_store_is_of_use(path: Path):
    store = SQLiteStore(path)
    assert isinstance(store, SharedStore)
    with pytest.raises(RuntimeError, match="not open"):
        await store.load("1")
    with pytest.raises(RuntimeError, match="not open"):
        store.changes()
    await store.__aexit__(None, None, None)
    assert not path.exists()
    async with store:
        assert is_open(store)
        with pytest.raises(RuntimeError, match="open already"):
            await store.__aenter__()
        await store.save(a_checkpoint("1"), version=0)
    assert not is_open(store)
    with pytest.raises(RuntimeError, match="not open"):
        await store.load("1")
    async with store:
        assert await names(store) == ["1"]


def test_one_store_may_serve_one_event_loop_after_the_other(path: Path):
    store = SQLiteStore(path)

    async def save(name: str) -> list[str]:
        async with store:
            await store.save(a_checkpoint(name), version=0)
            return await names(store)

    assert anyio.run(save, "1", backend="asyncio") == ["1"]
    assert anyio.run(save, "2", backend="trio") == ["1", "2"]


async def test_what_fails_inside_of_it_is_raised_as_it_is(path: Path):
    async def fail() -> None:
        async with SQLiteStore(path):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_the_file_and_those_beside_it_are_their_owners_only(path: Path):
    async with SQLiteStore(path) as store:
        await store.save(a_checkpoint("1"), version=0)
        files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        assert files == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)
    assert [each.name for each in path.parent.iterdir()] == ["store.db"]


async def test_an_empty_file_keeps_the_permissions_that_somebody_gave_it(path: Path):
    path.touch()
    path.chmod(0o660)
    async with SQLiteStore(path) as store:
        await store.save(a_checkpoint("1"), version=0)
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o660}


async def test_odd_characters_in_a_path_are_only_characters(tmp_path: Path):
    path = tmp_path / "a?mode=memory&b#c %41;é"
    async with SQLiteStore(path) as store:
        await store.save(a_checkpoint("1"), version=0)
    assert path.exists()


@pytest.mark.parametrize("synchronous", Synchronous)
async def test_sqlite_is_told_what_to_wait_for(path: Path, synchronous: Synchronous):
    async with SQLiteStore(path, synchronous=synchronous) as store:
        (level,) = connection_of(store).execute("PRAGMA synchronous").fetchone()
    assert level == {Synchronous.NORMAL: 1, Synchronous.FULL: 2}[synchronous]
    assert do(path, "PRAGMA journal_mode") == [("wal",)]


async def test_a_directory_that_is_missing_is_named(tmp_path: Path):
    store = SQLiteStore(tmp_path / "missing" / "store.db")
    with pytest.raises(StoreUnavailable, match=r"missing/store\.db.*No such file or directory"):
        await store.__aenter__()
    assert not store.is_open


async def test_a_directory_is_no_file(tmp_path: Path):
    with pytest.raises(StoreUnavailable, match="can't be opened") as caught:
        await SQLiteStore(tmp_path).__aenter__()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


async def test_what_is_no_database_is_left_as_it_is(path: Path):
    path.write_text("my notes\n" * 100)
    with pytest.raises(StoreUnavailable, match="no SQLite database"):
        await SQLiteStore(path).__aenter__()
    assert path.read_text() == "my notes\n" * 100


async def test_a_file_that_may_not_be_written_to_is_still_read(store: SQLiteStore):
    await store.save(a_checkpoint("1"), version=0)
    connection_of(store).execute("PRAGMA query_only = 1")
    assert await store.load("1") is not None
    with pytest.raises(StoreUnavailable, match="may not be written to"):
        await store.lease("1", "a", seconds=60)
    assert await store.lease("1", "a", seconds=60) is not None, "the next call looks at the file anew"


async def test_a_disk_that_is_full_loses_the_write_and_nothing_else(store: SQLiteStore):
    await store.save(a_checkpoint("1"), version=0)
    (pages,) = connection_of(store).execute("PRAGMA page_count").fetchone()
    connection_of(store).execute(f"PRAGMA max_page_count = {pages}")
    large = a_checkpoint("2", exclude=("x" * 10_000,))
    with pytest.raises(StoreUnavailable, match="no room left"):
        await store.save(large, version=0)
    assert await names(store) == ["1"]
    assert await store.save(large, version=0) == 1


async def test_a_file_that_can_not_be_shared_is_refused():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(StoreUnavailable, match="WAL"):
        Schema("agora_rec", Synchronous.NORMAL).prepare(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


async def test_a_file_that_was_taken_away_is_not_made_anew_and_used_again_when_it_is_back(
    store: SQLiteStore, path: Path
):
    await store.save(a_checkpoint("1"), version=0)
    away = path.with_name("away.db")
    path.rename(away)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="it is gone"):
            await store.save(a_checkpoint("2"), version=0)
    assert not path.exists()
    away.rename(path)
    assert await store.save(a_checkpoint("2"), version=0) == 1
    assert await names(store) == ["1", "2"]


async def test_a_file_in_the_place_of_the_other_is_the_store(store: SQLiteStore, path: Path):
    await store.save(a_checkpoint("1"), version=0)
    restored = path.with_name("restored.db")
    async with SQLiteStore(restored) as other:
        await other.save(a_checkpoint("restored"), version=0)
    for each in path.parent.glob("store.db*"):
        each.unlink()
    restored.rename(path)
    assert await names(store) == ["restored"]


async def test_two_prefixes_are_two_stores_beside_other_tables(path: Path):
    do(path, "CREATE TABLE recordings (id)")
    async with SQLiteStore(path) as one, SQLiteStore(path, prefix="other") as other:
        await one.save(a_checkpoint("1", key="lesson"), version=0)
        assert await other.load_by_key("lesson") is None
        await other.save(a_checkpoint("2", key="lesson"), version=0)
        assert (await names(one), await names(other)) == (["1"], ["2"])
    assert do(path, "SELECT count(*) FROM recordings") == [(0,)]


async def test_a_newer_schema_is_refused_and_nothing_changed(path: Path):
    do(path, "CREATE TABLE agora_rec_schema (version INTEGER)")
    do(path, "INSERT INTO agora_rec_schema VALUES (7)")
    before = path.read_bytes()
    store = SQLiteStore(path)
    with pytest.raises(StoreTooNew) as caught:
        await store.__aenter__()
    assert (caught.value.found, caught.value.known) == (7, schema.KNOWN)
    assert not store.is_open
    assert path.read_bytes() == before


async def test_a_newer_process_that_comes_later_is_noticed_before_anything_is_written(
    store: SQLiteStore, path: Path
):
    await store.save(a_checkpoint("1"), version=0)
    do(path, "UPDATE agora_rec_schema SET version = version + 1")
    with pytest.raises(StoreTooNew):
        await store.save(a_checkpoint("2"), version=0)
    with pytest.raises(StoreTooNew):
        await store.load("1")
    assert do(path, "SELECT id FROM agora_rec_recordings") == [("1",)]


async def test_an_older_schema_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch):
    async with SQLiteStore(path) as store:
        await store.save(a_checkpoint("1"), version=0)
    step = ("CREATE TABLE {p}_added (id)", "INSERT INTO {p}_added SELECT id FROM {p}_recordings")
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, step))
    monkeypatch.setattr(schema, "KNOWN", schema.KNOWN + 1)
    for _ in range(2):
        async with SQLiteStore(path) as store:
            assert await names(store) == ["1"]
    assert do(path, "SELECT version FROM agora_rec_schema") == [(schema.KNOWN,)]
    assert do(path, "SELECT id FROM agora_rec_added") == [("1",)]


async def test_a_table_that_is_missing_is_an_error_of_the_store(store: SQLiteStore, path: Path):
    do(path, "DROP TABLE agora_rec_marks")
    with pytest.raises(StoreUnavailable, match="no such table"):
        await store.mark(["a"], seconds=1)
    assert await store.load("1") is None


async def test_a_file_that_is_damaged_is_an_error_of_the_store(path: Path):
    async with SQLiteStore(path) as store:
        for number in range(200):
            await store.save(a_checkpoint(str(number)), version=0)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreUnavailable, match="damaged"):
        await SQLiteStore(path).__aenter__()
    path.write_bytes(whole)
    async with SQLiteStore(path) as store:
        assert len(await names(store)) == 200


LOOK_UPS = {name: text for name, text in vars(rows).items() if isinstance(text, str) and "SELECT" in text}


async def test_nothing_is_looked_for_row_by_row_or_sorted(store: SQLiteStore):
    slow: dict[str, list[str]] = {}
    for name, look_up in LOOK_UPS.items():
        statement = store._database.schema.named(f"EXPLAIN QUERY PLAN {look_up}")
        values = dict.fromkeys(re.findall(r":(\w+)", look_up), 1)
        plan = [step for *_, step in connection_of(store).execute(statement, values)]
        assert plan
        if [step for step in plan if "B-TREE" in step or ("SCAN" in step and "at_rest" not in step)]:
            slow[name] = plan
    assert slow == {}


SPOILT = ["", "{", '{"id": 7}', b"\xff\xfe", 7, evolve(a_checkpoint("2"), format=1000).to_json()]


@pytest.mark.parametrize("spoilt", SPOILT, ids=range(len(SPOILT)))
async def test_a_checkpoint_that_is_spoilt_hides_none_of_the_others(
    store: SQLiteStore, path: Path, spoilt: object, caplog: pytest.LogCaptureFixture
):
    for name in "123":
        checkpoint = a_checkpoint(name, State.STARTING, key=f"lesson-{name}", cname="class")
        await store.save(checkpoint, version=0)
    do(path, "UPDATE agora_rec_recordings SET checkpoint = ? WHERE id = '2'", spoilt)
    with caplog.at_level(logging.ERROR, "agora_rec"):
        assert await names(store) == ["1", "3"]
        starting = await store.load_starting("class", a_checkpoint("1").uid)
    assert [stored.checkpoint.id for stored in starting] == ["1", "3"]
    assert [vars(record)["recording_id"] for record in caplog.records] == ["2", "2"]
    assert "recording '2' can't be read" in caplog.records[0].message
    with pytest.raises(StoreUnavailable, match="recording '2' can't be read"):
        await store.load("2")
    with pytest.raises(StoreUnavailable, match="recording '2' can't be read"):
        await store.claim(a_checkpoint("4", State.IDLE, key="lesson-2"))
    assert await store.load("4") is None, "something may be running under that key"
    do(path, "UPDATE agora_rec_recordings SET is_live = 0 WHERE id = '2'")
    assert (await store.claim(a_checkpoint("4", State.IDLE, key="lesson-2"))).checkpoint.id == "4"
    assert await store.save(a_checkpoint("2", State.FAILED), version=1) == 2
    assert await store.load("2") is not None


@pytest.mark.parametrize("state", [State.IDLE, State.ACQUIRED, State.UPLOADED, State.BACKUPED, State.FAILED])
async def test_of_what_does_not_run_the_last_ones_are_kept_with_their_leases(path: Path, state: State):
    async with SQLiteStore(path, kept=3) as store:
        await store.save(a_checkpoint("running"), version=0)
        for number in range(10):
            await store.save(a_checkpoint(str(number), state, key=str(number)), version=0)
            await store.lease(str(number), "a", seconds=60)
        assert [number for number in range(10) if await store.load(str(number)) is not None] == [7, 8, 9]
        assert [number for number in range(10) if await store.load_by_key(str(number))] == [7, 8, 9]
        assert await names(store) == ["running"]
        await store.save(a_checkpoint("7", state), version=1)
        await store.claim(a_checkpoint("10", State.IDLE, key="10"))
        assert await store.load("8") is None
        assert await store.load("7") is not None, "what is written again counts as new"
        assert await store.save(in_state(a_checkpoint("0"), State.STARTING), version=4) == 5
    assert do(path, "SELECT recording_id FROM agora_rec_leases ORDER BY 1") == [("7",), ("9",)]


async def test_a_hundredth_more_is_kept_so_that_forgetting_costs_little(path: Path):
    async with SQLiteStore(path, kept=200) as store:
        counts: list[int] = []
        for number in range(210):
            await store.save(a_checkpoint(str(number), State.FAILED), version=0)
            counts += connection_of(store).execute("SELECT count(*) FROM agora_rec_recordings").fetchone()
        assert max(counts) <= 202
        assert counts[-1] >= 200


async def test_marks_are_kept_by_number_too_and_go_when_their_time_is_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rows, "MARKS_KEPT", 3)
    clock = SetClock()
    async with SQLiteStore(path, clock=clock) as store:
        await store.mark("abc", seconds=10)
        await store.mark("a", seconds=60)
        await store.mark("d", seconds=60)
        assert [await store.is_marked(key) for key in "abcd"] == [True, False, True, True]
        clock.put(10)
        assert [await store.is_marked(key) for key in "acd"] == [True, False, True]
        await store.mark([], seconds=60)
        assert do(path, "SELECT key FROM agora_rec_marks ORDER BY 1") == [("a",), ("d",)]


async def test_a_clock_that_is_put_forward_ends_a_lease_and_its_holder_notices(path: Path):
    clock = SetClock()
    async with SQLiteStore(path, clock=clock) as store:
        await store.save(a_checkpoint("1"), version=0)
        lease = await store.lease("1", "a", seconds=60)
        assert lease is not None
        clock.put(3600)
        with pytest.raises(LeaseLost):
            await store.save(a_checkpoint("1"), version=1, lease=lease)
        assert await store.lease("1", "a", seconds=60) == lease, "nobody has taken it"
        assert await store.save(a_checkpoint("1"), version=1, lease=lease) == 2


async def test_a_clock_that_is_put_back_keeps_a_lease_for_twice_its_time_at_most(path: Path):
    clock = SetClock()
    async with SQLiteStore(path, clock=clock) as store:
        await store.lease("1", "a", seconds=60)
        clock.put(-59)
        assert await store.lease("1", "b", seconds=60) is None
        clock.put(-2)
        taken = await store.lease("1", "b", seconds=60)
        assert taken is not None
        assert taken.token == 2
