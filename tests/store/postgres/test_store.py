"""What PostgresStore promises beyond the contract: how long it keeps what, who hears of it, what it takes."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from attrs import evolve

from agora_rec import AmazonS3, AmazonS3Region, InvalidRequest, Mix, State, StoreUnavailable
from agora_rec.codec import dump_mode
from agora_rec.store import MISSED, Written
from agora_rec.store.postgres import PostgresStore, listener, names
from agora_rec.store.postgres import store as module
from agora_rec.store.postgres.link import News
from agora_rec.store.postgres.over_libpq import LibpqLink
from agora_rec.store.postgres.schema import VERSION
from agora_rec.testing.store_contract import NOW, a_checkpoint, in_state
from agora_rec.testing.store_contract import names as unfinished
from agora_rec.transport.spans import LONGEST
from tests.store.postgres.workers import WRITES
from tests.support.postgres import PASSWORD, Postgres
from tests.support.secrets import ACCESS_KEY, NEEDLE, SECRET_KEY

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[3]


async def _a_moment() -> None:
    """Wait for what happens on the server; the test's own time limit ends it."""
    await anyio.sleep(0.02)


@pytest.mark.untraced
def test_processes_that_open_it_at_once_make_it_once_and_lose_no_write(served: Postgres, schema: str) -> None:
    command = [sys.executable, "-m", "tests.store.postgres.workers", served.url(), schema]
    backends = ("asyncio", "trio", "asyncio")
    workers = [
        subprocess.Popen([*command, f"worker-{number}", backend], stdout=subprocess.PIPE, cwd=ROOT)
        for number, backend in enumerate(backends)
    ]
    claimed = {worker.communicate(timeout=60)[0].decode() for worker in workers}
    assert [worker.returncode for worker in workers] == [0] * len(backends)
    assert len(claimed) == 1
    assert served.run(f'SELECT id, version FROM "{schema}".recordings') == [
        (claimed.pop(), 1 + WRITES * len(backends))
    ]


async def test_what_is_damaged_says_so_and_hides_no_other(
    served: Postgres, schema: str, store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "12":
        await store.save(a_checkpoint(name, State.STARTING, key=name, cname="class"), version=0)
    served.run(f"UPDATE \"{schema}\".recordings SET checkpoint = 'nonsense' WHERE id = '1'")
    for read in (store.load("1"), store.load_by_key("1"), store.claim(a_checkpoint("3", key="1"))):
        with pytest.raises(StoreUnavailable, match="of recording '1' can't be read"):
            await read
    assert await unfinished(store) == ["2"]
    assert [each.checkpoint.id for each in await store.load_starting("class", 4294967295)] == ["2"]
    messages = [record.getMessage() for record in caplog.records]
    assert len([each for each in messages if each.startswith("a recording is passed over")]) == 2


async def test_what_has_ended_is_forgotten_in_time_and_what_has_not_is_kept(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEPT_EVERY", 0.02)
    monkeypatch.setattr(module, "_SWEPT_AT_ONCE", 1)
    async with PostgresStore(served.url(), schema=schema, kept=0.2) as store:
        await store.claim(a_checkpoint("1", State.IDLE, key="lesson"))
        await store.save(in_state(a_checkpoint("1", key="lesson"), State.UPLOADED), version=1)
        await store.save(a_checkpoint("2", State.STOPPING), version=0)
        await store.save(a_checkpoint("3"), version=0)
        assert await store.lease("1", "worker", seconds=60) is not None
        assert await store.lease("nobody's", "worker", seconds=0) is not None
        assert await store.load_by_key("lesson") is not None
        while await store.load("1") is not None:
            await _a_moment()
        assert await unfinished(store) == ["2", "3"]
        assert await store.load_by_key("lesson") is None
        while served.run(f'SELECT recording_id FROM "{schema}".leases'):
            await _a_moment()
        assert served.run(f'SELECT key FROM "{schema}".keys') == []
        assert served.run(f'SELECT sid FROM "{schema}".sids ORDER BY sid') == [("sid-2",), ("sid-3",)]
        again = await store.claim(a_checkpoint("4", State.IDLE, key="lesson"))
        assert again.checkpoint.id == "4"


async def test_marks_are_bounded_in_number(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEPT_EVERY", 0.02)
    monkeypatch.setattr(module, "MARKS_KEPT", 3)
    async with PostgresStore(served.url(), schema=schema) as store:
        await store.mark(["over"], seconds=0)
        for number in range(6):
            await store.mark([str(number)], seconds=60)
        while await store.is_marked(["2"]):
            await _a_moment()
        assert await store.is_marked(["3"])
        assert served.run(f'SELECT mark FROM "{schema}".marks ORDER BY mark') == [("3",), ("4",), ("5",)]


async def test_sweeping_waits_for_a_server_that_is_away(
    served: Postgres, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SWEPT_EVERY", 0.02)
    served.stop()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store._sweep, store._now_open().server)
            while "could not be swept away" not in caplog.text:
                await _a_moment()
            tasks.cancel_scope.cancel()
    finally:
        served.start()


async def test_the_longest_patience_is_one_that_the_server_takes(served: Postgres, schema: str) -> None:
    async with PostgresStore(served.url(), schema=schema, timeout=LONGEST) as store:
        assert await store.save(a_checkpoint("patient"), version=0) == 1


async def test_an_earlier_sid_finds_its_recording_still(store: PostgresStore) -> None:
    checkpoint = a_checkpoint("1")
    await store.save(checkpoint, version=0)
    taken = evolve(checkpoint, standing=evolve(checkpoint.standing, sid="another"))
    await store.save(taken, version=1)
    for sid in ("sid-1", "another"):
        stored = await store.load_by_sid(sid)
        assert stored is not None
        assert stored.checkpoint == taken


async def test_many_unfinished_ones_come_in_pages(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    assert await unfinished(store) == []
    for number in range(4):
        await store.save(a_checkpoint(str(number)), version=0)
    assert await unfinished(store) == ["0", "1", "2", "3"]
    await store.save(a_checkpoint("4"), version=0)
    assert await unfinished(store) == ["0", "1", "2", "3", "4"]


async def test_a_claim_that_is_made_again_by_the_same_one_gives_what_has_become_of_it(
    store: PostgresStore,
) -> None:
    claim = a_checkpoint("1", State.IDLE, key="lesson")
    await store.claim(claim)
    gone = evolve(claim, standing=evolve(claim.standing, state=State.FAILED))
    await store.save(gone, version=1)
    stored = await store.claim(claim)
    assert (stored.checkpoint, stored.version) == (gone, 2)


def test_texts_stay_different() -> None:
    texts = ["\0", "\\0", "\\\\0", "\ud800", "\\ud800"]
    assert len({names.storable(text) for text in texts}) == len(texts)


async def test_several_stores_share_a_database_and_hear_only_of_their_own(
    served: Postgres, schema: str, store: PostgresStore
) -> None:
    async with (
        PostgresStore(served.url(), schema=schema, prefix="Second_") as second,
        second.changes() as changes,
    ):
        await store.save(a_checkpoint("1"), version=0)
        assert await second.load("1") is None
        await second.save(a_checkpoint("2"), version=0)
        with anyio.fail_after(5):
            assert await anext(changes) == Written("2", 1)


async def test_an_id_that_is_too_long_to_be_told_is_told_as_a_gap(store: PostgresStore) -> None:
    async with store.changes() as changes, store.changes() as as_well:
        await store.save(a_checkpoint("x" * 8000), version=0)  # compressible, or no index would take it
        with anyio.fail_after(5):
            assert await anext(changes) == await anext(as_well) == MISSED


async def test_a_schema_that_was_made_for_it_needs_no_right_to_make_one(
    served: Postgres, schema: str
) -> None:
    served.run(f"CREATE ROLE {schema} LOGIN PASSWORD '{PASSWORD}'")
    served.run(f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    async with PostgresStore(served.url(user=schema), schema=schema) as store:
        assert await store.save(a_checkpoint("1"), version=0) == 1


async def test_many_that_open_it_at_once_make_it_once(served: Postgres, schema: str) -> None:
    async def use(number: int) -> None:
        async with PostgresStore(served.url(), schema=schema) as store:
            assert await store.save(a_checkpoint(str(number)), version=0) == 1

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(use, number)
    assert served.run(f'SELECT version FROM "{schema}".schema') == [(VERSION,)]


async def test_who_hears_nothing_is_told_that_he_may_have_missed_something(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As behind a pooler in transaction mode."""
    hears = LibpqLink.news
    deaf = True

    async def news(self: LibpqLink) -> list[News]:
        if deaf:
            await anyio.sleep_forever()
        return await hears(self)

    monkeypatch.setattr(LibpqLink, "news", news)
    monkeypatch.setattr(listener, "PROVED_WITHIN", 0.2)
    monkeypatch.setattr(listener, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(listener, "LONGEST_WAIT", 0.02)
    async with PostgresStore(served.url(), schema=schema) as store, store.changes() as changes:
        with anyio.fail_after(5):
            assert [await anext(changes) for _ in range(2)] == [MISSED, MISSED]
        deaf = False
        while "are followed again" not in caplog.text:
            await _a_moment()
        with anyio.fail_after(5):
            await store.save(a_checkpoint("1"), version=0)
            while await anext(changes) != Written("1", 1):
                pass
    assert caplog.text.count("can't be followed for now: no message comes through") == 1


async def test_silence_is_looked_into(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "QUIET_FOR", 0.05)
    async with PostgresStore(served.url(), schema=schema) as store, store.changes() as changes:
        await anyio.sleep(0.15)
        await store.save(a_checkpoint("1"), version=0)
        with anyio.fail_after(5):
            assert await anext(changes) == Written("1", 1)
    assert "can't be followed" not in caplog.text


async def test_a_server_that_does_not_let_listen_is_asked_again(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = served.url(password=PASSWORD + "?")
    async with PostgresStore(served.url(), schema=schema, listen_url=nowhere) as store:
        store._now_open().server.timeout = 0.1
        async with store.changes() as changes:
            with anyio.move_on_after(0.05):
                pytest.fail(f"nobody listens, and yet {await anext(changes)} was heard")


async def test_who_follows_when_it_closes_comes_to_the_end(served: Postgres, schema: str) -> None:
    heard: list[Written] = []
    follows = anyio.Event()

    async def follow(store: PostgresStore) -> None:
        async with store.changes() as changes:
            follows.set()
            heard.extend([each async for each in changes])

    async with anyio.create_task_group() as tasks, PostgresStore(served.url(), schema=schema) as store:
        tasks.start_soon(follow, store)
        await follows.wait()
    assert heard == []


async def test_one_that_is_not_open_says_so(served: Postgres, schema: str) -> None:
    store = PostgresStore(served.url(), schema=schema)
    with pytest.raises(RuntimeError, match="not open"):
        await store.load("1")
    with pytest.raises(RuntimeError, match="not open"):
        store.changes()
    await store.__aexit__(None, None, None)
    async with store:
        assert store.is_open
        with pytest.raises(RuntimeError, match="open already"):
            await store.__aenter__()
    assert "is_open=False" in repr(store)
    async with store:
        assert await store.load("1") is None


async def test_no_secret_gets_into_the_database(served: Postgres, schema: str) -> None:
    served.run(f"CREATE DATABASE {schema}")
    storage = AmazonS3(
        region=AmazonS3Region.US_EAST_1, bucket="bucket", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )
    checkpoint = evolve(a_checkpoint("1", key="lesson"), mode=dump_mode(Mix(storage=storage)))
    async with PostgresStore(served.url(schema)) as store:
        await store.claim(checkpoint)
        await store.save(in_state(checkpoint, State.STOPPING), version=1)
        await store.lease("1", "worker", seconds=60)
        await store.mark(["notice"], seconds=60)
    dump = served.dump(schema)
    assert "class-1" in dump
    assert str(NOW.year) in dump
    assert NEEDLE not in dump


def test_all_faults_of_its_arguments_are_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        PostgresStore(
            f"postgresql://u:{PASSWORD}@h:x/db?nothing={PASSWORD}",
            listen_url=f"http://u:{PASSWORD}@h",
            schema='a"b',
            prefix="p" * 21,
            connections=True,
            timeout=0,
            kept=float("nan"),
        )
    paths = [violation.path for violation in caught.value.violations]
    assert paths == ["url", "listen_url", "schema", "prefix", "connections", "timeout", "kept"]
    with pytest.raises(InvalidRequest) as caught:
        PostgresStore("", connections=0, timeout=-1, schema="")
    assert [violation.path for violation in caught.value.violations] == [
        "url",
        "schema",
        "connections",
        "timeout",
    ]
    with pytest.raises(InvalidRequest):
        PostgresStore(None)  # type: ignore[arg-type] # what some will do


def test_its_repr_says_where_it_is() -> None:
    store = PostgresStore(f"postgresql://user:{PASSWORD}@db.example.com,[::1]:7/app?sslmode=require")
    assert repr(store) == (
        "PostgresStore('postgresql://db.example.com:5432,[::1]:7/app', schema='agora_rec', prefix='', "
        "connections=5, timeout=5.0, kept=604800.0, is_open=False)"
    )


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agora_rec.store.postgres.over_libpq", None)
    with pytest.raises(ImportError, match=r"agora-rec\[postgres\]"):
        PostgresStore("postgresql://host/db")
