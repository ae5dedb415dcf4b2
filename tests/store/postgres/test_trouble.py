"""What goes wrong with a server: it is away, it refuses, it is slow, it goes in the middle of something."""

import socket
import time
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio import to_thread

from agora_rec import AgoraRecError, State, StoreTooNew, StoreUnavailable
from agora_rec.secret import Secret
from agora_rec.store import MISSED, Written
from agora_rec.store.postgres import PostgresStore, server
from agora_rec.store.postgres.link import LostError, Row, Value
from agora_rec.store.postgres.over_libpq import LibpqLink, LibpqPlace
from agora_rec.store.postgres.pool import Pool
from agora_rec.store.postgres.schema import VERSION
from agora_rec.store.postgres.server import Server
from agora_rec.testing.store_contract import a_checkpoint, in_state
from tests.support.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.anyio


async def _refused(store: PostgresStore) -> str:
    """Try to open it, and give the reason why that can't be."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await store.__aenter__()
    assert time.monotonic() - began < 3
    assert not store.is_open
    assert PASSWORD not in f"{caught.value} {store!r}"
    return caught.value.cause


async def test_a_server_that_refuses_says_why(served: Postgres) -> None:
    wrong = served.url(password=PASSWORD + "?")
    assert "password authentication failed" in await _refused(PostgresStore(wrong))
    assert '"nothing" does not exist' in await _refused(PostgresStore(served.url("nothing")))
    assert '"nobody"' in await _refused(PostgresStore(served.url(user="nobody")))
    demanding = PostgresStore(served.url() + "?sslmode=require")
    assert "server does not support SSL" in await _refused(demanding)


async def test_a_server_that_is_not_there_is_not_waited_for(served: Postgres) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = f"postgresql://u:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/db"
        assert "refused" in await _refused(PostgresStore(nobody))
        silent.listen()
        cause = await _refused(PostgresStore(nobody, timeout=0.2))
        assert "no answer" in cause
        # The next server of several is asked in time.
        both = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]},localhost:{served.port}/postgres"
        async with PostgresStore(both, timeout=1.5) as store:
            assert await store.load("1") is None
    assert "no address" in await _refused(PostgresStore("postgresql://no-such-host.invalid/db", timeout=2))


async def test_the_server_goes_and_comes_back(served: Postgres, store: PostgresStore) -> None:
    checkpoint = a_checkpoint("1")
    await store.save(checkpoint, version=0)
    async with store.changes() as changes:
        served.stop()
        began = time.monotonic()
        try:
            with pytest.raises(StoreUnavailable):
                await store.save(in_state(checkpoint, State.STOPPING), version=1)
            with pytest.raises(StoreUnavailable):
                await store.load("1")
            assert time.monotonic() - began < 2
        finally:
            served.start()
        assert await store.save(in_state(checkpoint, State.STOPPING), version=1) == 2
        with anyio.fail_after(10):
            assert await anext(changes) == MISSED
            await store.save(in_state(checkpoint, State.UPLOADED), version=2)
            while await anext(changes) != Written("1", 3):
                pass


async def test_who_connects_while_the_server_is_away_is_told_that_he_may_have_missed_something(
    served: Postgres, schema: str
) -> None:
    async with PostgresStore(served.url(), schema=schema) as store:
        store._now_open().server.timeout = 0.2
        served.stop()
        try:
            async with store.changes() as changes:
                served.start()
                with anyio.fail_after(10):
                    assert await anext(changes) == MISSED
        finally:
            served.start()


class Blocker:
    """Somebody who has locked the rows of a table, and does nothing more."""

    def __init__(self, served: Postgres, schema: str, table: str) -> None:
        self._pool = Pool(lambda: LibpqPlace(Secret(served.url())).connect(5), 1)
        self._statement = f'SELECT FROM "{schema}"."{table}" FOR UPDATE'
        self._link = self._pool.link()

    async def __aenter__(self) -> None:
        link = await self._link.__aenter__()
        await link.run("BEGIN")
        await link.run(self._statement)

    async def __aexit__(self, *_: object) -> None:
        await self._link.__aexit__(None, None, None)
        self._pool.close()


async def _terminate_who_waits(served: Postgres) -> None:
    """End the connection that waits for a lock, as an administrator would."""
    ended: list[tuple[object, ...]] = []
    while not ended:
        ended = await to_thread.run_sync(
            served.run,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        )
        await anyio.sleep(0.02)


async def test_what_a_killed_connection_was_to_do_is_done_on_another(
    served: Postgres, store: PostgresStore, schema: str
) -> None:
    claimed = await store.claim(a_checkpoint("1", State.IDLE, key="lesson"))
    got: list[object] = []

    async def claim() -> None:
        got.append(await store.claim(a_checkpoint("2", State.IDLE, key="lesson")))

    async with anyio.create_task_group() as tasks, Blocker(served, schema, "keys"):
        tasks.start_soon(claim)
        await _terminate_who_waits(served)
    assert got == [claimed]

    async def save() -> None:
        got.append(await store.save(in_state(claimed.checkpoint, State.STARTING), version=1))

    async with anyio.create_task_group() as tasks, Blocker(served, schema, "recordings"):
        tasks.start_soon(save)
        await _terminate_who_waits(served)
    assert got == [claimed, 2]


async def test_a_write_whose_answer_was_lost_is_no_conflict_and_is_done_once(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lost = LibpqLink.run, 1

    async def lose(self: LibpqLink, statement: str, *values: Value) -> list[Row]:
        nonlocal lost
        rows = await run(self, statement, *values)
        if lost and "1" in values:  # what the store does beside, for its followers, isn't meant
            lost -= 1
            raise LostError("cut")
        return rows

    await store.save(a_checkpoint("1"), version=0)
    monkeypatch.setattr(LibpqLink, "run", lose)
    assert await store.save(a_checkpoint("1", State.STOPPING), version=1) == 2
    stored = await store.load("1")
    assert stored is not None
    assert stored.version == 2
    lost = server.LOSSES
    with pytest.raises(StoreUnavailable, match="cut"):
        await store.load("1")


async def test_who_waits_for_anothers_lock_too_long_has_written_nothing(
    served: Postgres, schema: str, store: PostgresStore
) -> None:
    checkpoint = a_checkpoint("1")
    await store.save(checkpoint, version=0)
    assert store._patience == "4500ms", "less than its timeout"
    store._patience = "100ms"
    async with Blocker(served, schema, "recordings"):
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            await store.save(in_state(checkpoint, State.STOPPING), version=1)
    stored = await store.load("1")
    assert stored is not None
    assert stored.version == 1


async def test_who_is_cancelled_in_the_middle_harms_nobody(
    served: Postgres, schema: str, store: PostgresStore
) -> None:
    await store.save(a_checkpoint("1"), version=0)
    async with Blocker(served, schema, "recordings"):
        for _ in range(7):
            with anyio.move_on_after(0.02):
                await store.save(a_checkpoint("1", State.STOPPING), version=1)
        assert await store.load("1") is not None


async def test_few_connections_are_enough_for_many_callers(served: Postgres, schema: str) -> None:
    before = served.run("SELECT count(*) FROM pg_stat_activity")[0][0]
    async with (
        PostgresStore(served.url(), schema=schema, connections=2) as store,
        anyio.create_task_group() as tasks,
    ):
        for number in range(40):
            tasks.start_soon(store.load, str(number))
        await anyio.sleep(0.01)
        assert served.run("SELECT count(*) FROM pg_stat_activity")[0][0] <= before + 2


async def test_a_connection_that_nobody_wanted_for_long_is_not_used_again(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PostgresStore(served.url(), schema=schema, connections=1) as store:
        await store.load("1")
        of_store = "SELECT pid FROM pg_stat_activity WHERE application_name = 'agora_rec'"
        first = served.run(of_store)
        await store.load("1")
        assert served.run(of_store) == first
        monkeypatch.setattr("agora_rec.store.postgres.pool.IDLE_FOR", 0.0)
        await store.load("1")
        assert served.run(of_store) != first


async def test_a_database_that_is_read_only_can_be_read(
    served: Postgres, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_sweep(self: PostgresStore, server: Server) -> None:
        """Be refused by nobody before the test is."""

    monkeypatch.setattr(PostgresStore, "_sweep", no_sweep)
    served.run(f"CREATE DATABASE {schema}")
    limit = f"ALTER DATABASE {schema} SET default_transaction_read_only"
    served.run(f"{limit} = on")
    assert "read-only" in await _refused(PostgresStore(served.url(schema)))
    served.run(f"{limit} = off")
    async with PostgresStore(served.url(schema)) as store:
        await store.save(a_checkpoint("1"), version=0)
    served.run(f"{limit} = on")
    async with PostgresStore(served.url(schema)) as store:
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.save(a_checkpoint("1", State.STOPPING), version=1)
        stored = await store.load("1")
        assert stored is not None
        assert stored.version == 1
        served.run(f"{limit} = off")
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.save(a_checkpoint("1", State.STOPPING), version=1)
        assert await store.save(a_checkpoint("1", State.STOPPING), version=1) == 2, "on a new connection"


async def test_newer_tables_are_refused_and_left_alone(
    served: Postgres, schema: str, store: PostgresStore
) -> None:
    await store.save(a_checkpoint("1"), version=0)
    served.run(f'UPDATE "{schema}".schema SET version = {VERSION + 1}')
    before = served.run(f'SELECT * FROM "{schema}".recordings')
    with pytest.raises(StoreTooNew) as caught:
        await PostgresStore(served.url(), schema=schema).__aenter__()
    assert (caught.value.found, caught.value.known) == (VERSION + 1, VERSION)
    assert served.run(f'SELECT * FROM "{schema}".recordings') == before


async def test_claims_and_writes_hold_where_transactions_are_serializable(
    served: Postgres, schema: str
) -> None:
    served.run(f"CREATE DATABASE {schema}")
    served.run(f"ALTER DATABASE {schema} SET default_transaction_isolation = 'serializable'")
    got: list[str] = []
    async with PostgresStore(served.url(schema)) as store, PostgresStore(served.url(schema)) as other:

        async def claim(number: int) -> None:
            each = (store, other)[number % 2]
            got.append((await each.claim(a_checkpoint(str(number), State.IDLE, key="k"))).checkpoint.id)

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(claim, number)
    assert len(got) == 20
    assert len(set(got)) == 1


@pytest.fixture
async def pool(served: Postgres) -> AsyncIterator[Pool]:
    pool = Pool(lambda: LibpqPlace(Secret(served.url())).connect(5), 2)
    yield pool
    pool.close()


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_collisions_are_tried_again_within_bounds(
    served: Postgres, schema: str, pool: Pool, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PAUSE", 0.0001)
    served.run(
        f"CREATE SEQUENCE {schema}; "
        f"CREATE FUNCTION {schema}(until bigint) RETURNS bigint LANGUAGE plpgsql AS $$ "
        f"DECLARE tried bigint := nextval('{schema}'); BEGIN "
        f"IF tried < until THEN RAISE 'a collision' USING ERRCODE = '{code}'; END IF; RETURN tried; END $$"
    )
    asking = Server(pool, 5.0)
    assert await asking.ask(f"SELECT {schema}($1)", 4) == [("4",)]
    with pytest.raises(StoreUnavailable, match=code):
        await asking.ask(f"SELECT {schema}($1)", 1000)
    assert served.run(f"SELECT last_value FROM {schema}") == [(4 + server.TRIES,)]


async def test_last_words_of_a_connection_are_taken_as_its_end(pool: Pool) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await Server(pool, 5.0).ask("DO $$ BEGIN RAISE 'going down' USING ERRCODE = '57P01'; END $$")
    assert isinstance(caught.value.__cause__, LostError)


async def test_what_is_too_large_to_be_sent_at_once_is_sent_bit_by_bit(pool: Pool) -> None:
    assert await Server(pool, 20.0).ask("SELECT length($1)", "x" * 20_000_000) == [("20000000",)]


async def test_what_the_server_refuses_is_said_in_its_words_and_not_tried_again(
    pool: Pool,
) -> None:
    with pytest.raises(
        StoreUnavailable, match=r'column "nothing" does not exist \(SQLSTATE 42703\)'
    ) as caught:
        await Server(pool, 5.0).ask("SELECT nothing")
    assert isinstance(caught.value, AgoraRecError)
    assert caught.value.__cause__ is not None
