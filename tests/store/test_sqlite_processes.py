"""One file and several processes: they agree, and none of them takes anything with it when it is killed."""

import sqlite3
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

import anyio
import pytest

from agora_rec.store.sqlite import SQLiteStore
from agora_rec.testing.store_contract import a_checkpoint
from tests.support.sqlite_workers import COUNTS, KEYS, Workers

WORKERS = 4


def test_of_several_processes_one_makes_what_all_claim_and_none_writes_over_another(tmp_path: Path):
    path = tmp_path / "store.db"

    async def prepare() -> None:
        async with SQLiteStore(path) as store:
            await store.save(a_checkpoint("counter", progress=0), version=0)

    async def counted() -> tuple[int | None, int]:
        async with SQLiteStore(path) as store:
            stored = await store.load("counter")
            assert stored is not None
            return stored.checkpoint.progress, stored.version

    anyio.run(prepare)
    claimed: defaultdict[str, set[str]] = defaultdict(set)
    holders: defaultdict[str, set[str]] = defaultdict(set)
    reports: Counter[str] = Counter()
    for what, *words in Workers("contend", path, WORKERS).reports():
        reports[what] += 1
        if what == "claimed":
            claimed[words[0]].add(words[1])
        elif what == "held":
            holders[words[0]].add(words[1])
    assert reports["claimed"] == WORKERS * KEYS
    assert len(claimed) == KEYS
    assert all(len(recordings) == 1 for recordings in claimed.values())
    assert anyio.run(counted) == (WORKERS * COUNTS, WORKERS * COUNTS + 1)
    assert reports["held"] > 0
    assert all(len(names) == 1 for names in holders.values()), "a token is one holder's"


async def found(path: Path, written: dict[str, int]) -> dict[str, int]:
    """What a new process finds of what was written."""
    async with SQLiteStore(path, timeout=1.0) as store:
        versions: dict[str, int] = {}
        for name in written:
            stored = await store.load(name)
            assert stored is not None
            assert await store.load_by_key(name) == stored
            versions[name] = stored.version
        await store.save(a_checkpoint("after"), version=0)
        assert "after" in [each.checkpoint.id async for each in store.unfinished()]
        await store.save(a_checkpoint("after"), version=1)
        return versions


def test_what_was_written_before_kill_9_is_there_and_the_file_is_whole(tmp_path: Path):
    path = tmp_path / "store.db"
    workers = Workers("write", path, 3)
    reports = workers.reports()
    written: dict[str, int] = {}
    for name, version in islice(reports, 300):
        written[name] = int(version)
    workers.kill()
    for name, version in reports:
        written[name] = int(version)
    versions = anyio.run(found, path, written)
    assert all(versions[name] in (version, version + 1) for name, version in written.items())
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with pytest.raises(StopIteration):
        next(reports)
