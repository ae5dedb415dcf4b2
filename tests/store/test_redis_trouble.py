"""`RedisStore` on a real Valkey server that goes away, forgets, is full, or is the wrong one."""

import logging
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest
from coredis import exceptions as e

from agora_rec.errors import StoreConflict, StoreUnavailable
from agora_rec.redis.faults import Fault, fault_of, root
from agora_rec.redis.opening import opened
from agora_rec.secret import Secret
from agora_rec.store import MISSED, Written, over_redis
from agora_rec.store.redis import RedisStore
from agora_rec.testing.store_contract import a_checkpoint, names
from agora_rec.vocabulary import State
from tests.support.secrets import CUSTOMER_SECRET
from tests.support.valkey import Valkey, served_valkey

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).resolve().parents[2] / "docs" / "stores.md"
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


async def cause_of_failing_to_save(store: RedisStore, version: int = 0) -> str:
    with pytest.raises(StoreUnavailable) as caught, anyio.fail_after(5):
        await store.save(a_checkpoint("1"), version=version)
    return caught.value.cause


async def test_whoever_asks_while_the_server_starts_again_waits_for_it_and_nothing_is_lost() -> None:
    with Valkey(None, "--appendonly", "yes", "--appendfsync", "always") as server:
        async with RedisStore(server.url) as store:
            await store.save(a_checkpoint("1"), version=0)
            server.stop()
            versions: list[int] = []

            async def write(name: str, version: int) -> None:
                versions.append(await store.save(a_checkpoint(name), version=version))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write, "1", 1)
                tasks.start_soon(write, "2", 0)
                await anyio.sleep(0.2)
                assert versions == []
                server.start()
            assert sorted(versions) == [1, 2]
            assert await names(store) == ["1", "2"]


async def test_without_a_server_each_call_ends_in_time_and_all_goes_on_when_it_is_back() -> None:
    with served_valkey() as server:
        async with RedisStore(server.url, timeout=0.2) as store:
            server.stop()
            began = anyio.current_time()
            cause = await cause_of_failing_to_save(store)
            assert 0.1 < anyio.current_time() - began < 2.0
            assert cause == (
                f"no answer from {server.url} within 0.2 s: no connection to the server (FileNotFoundError)"
            ) or cause.endswith("(ConnectionRefusedError)")
            with pytest.raises(StoreUnavailable):
                await names(store)
            server.start()
            assert await store.save(a_checkpoint("1"), version=0) == 1


@pytest.mark.parametrize("url", [NOWHERE, "unix:///nowhere/at/all.sock", "rediss://127.0.0.1:1"])
async def test_it_opens_with_a_server_or_not_at_all(url: str) -> None:
    store = RedisStore(url, timeout=0.2)
    with pytest.raises(StoreUnavailable, match="no connection to the server"), anyio.fail_after(5):
        await store.__aenter__()
    assert not store.is_open


async def test_options_for_tls_are_heard() -> None:
    store = RedisStore("rediss://127.0.0.1:1?ssl_ca_certs=/nowhere/at/all.pem", timeout=0.2)
    with pytest.raises(StoreUnavailable, match="FileNotFoundError"):
        await store.__aenter__()


async def test_a_server_that_stands_still_costs_each_call_its_time_and_all_goes_on_with_it() -> None:
    with served_valkey() as server:
        async with RedisStore(server.url, timeout=0.2) as store:
            server.halt()
            began = anyio.current_time()
            for _ in range(2):
                cause = await cause_of_failing_to_save(store)
                assert cause.startswith(f"no answer from {server.url} within 0.2 s")
            assert 0.3 < anyio.current_time() - began < 2.0
            server.go_on()
            assert await names(store) in ([], ["1"])  # whether it was written is not known, as the error says
            await store.save(a_checkpoint("2"), version=0)


async def test_whoever_is_cancelled_while_it_connects_takes_nothing_along() -> None:
    with served_valkey() as server:
        async with RedisStore(server.url) as store:
            server.halt()
            for _ in range(3):
                connection_of(store).drop()
                with anyio.move_on_after(0.05):
                    await store.load("1")
            server.go_on()
            with anyio.fail_after(2):
                assert await store.load("1") is None


def connection_of(store: RedisStore) -> over_redis._Connection:
    """The connection that a store has."""
    assert store._server is not None
    connection = store._server._connection
    assert connection is not None
    return connection


async def test_a_connection_that_the_server_has_closed_costs_nobody_an_error(
    server: Valkey, store: RedisStore
) -> None:
    for version in range(3):
        server.says("CLIENT KILL TYPE normal SKIPME yes")
        assert await store.save(a_checkpoint("1"), version=version) == version + 1


async def test_a_write_whose_answer_was_lost_is_known_again_and_done_once(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = over_redis._Connection.ask
    lost: list[str] = []

    async def lose(
        self: over_redis._Connection, command: str, arguments: tuple[bytes | int, ...]
    ) -> over_redis.Answer:
        answer = await ask(self, command, arguments)
        if command in ("save", "claim") and command not in lost:
            lost.append(command)
            raise e.ConnectionError("Connection lost while receiving response")
        return answer

    monkeypatch.setattr(over_redis._Connection, "ask", lose)
    assert await store.save(a_checkpoint("1"), version=0) == 1
    claimed = await store.claim(a_checkpoint("2", State.IDLE, key="lesson"))
    assert (claimed.checkpoint.id, claimed.version) == ("2", 1)
    assert lost == ["save", "claim"]
    with pytest.raises(StoreConflict):
        await store.save(a_checkpoint("1"), version=0)


async def test_a_server_that_forgot_the_script_is_told_it_again(server: Valkey, store: RedisStore) -> None:
    for version in range(2):
        server.says("SCRIPT FLUSH")
        assert await store.save(a_checkpoint("1"), version=version) == version + 1
    evals = server.calls("eval")
    await store.load("1")
    assert server.calls("eval") == evals


async def test_a_server_that_forgot_everything_is_begun_with_anew(server: Valkey, store: RedisStore) -> None:
    server.says("FLUSHALL")
    assert await store.save(a_checkpoint("1"), version=3) == 4
    assert server.says("GET {agora_rec}:schema") == "$1"


async def test_whoever_follows_is_told_that_he_missed_something(
    server: Valkey, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "agora_rec"):
        async with store.changes() as changes:
            for name in "12":
                server.says("CLIENT KILL TYPE pubsub")
                with anyio.fail_after(5):
                    assert await anext(changes) == MISSED
                await store.save(a_checkpoint(name), version=0)
                with anyio.fail_after(5):
                    assert await anext(changes) == Written(name, 1)
    messages = [record.getMessage() for record in caplog.records if record.name == "agora_rec"]
    assert len(messages) == 4
    assert messages[0].startswith(f"no news of the store at {server.url} for a while: no connection")
    assert messages[1] == f"news of the store at {server.url} come again"


async def test_news_come_again_with_a_server_that_was_gone(caplog: pytest.LogCaptureFixture) -> None:
    with served_valkey() as server, caplog.at_level(logging.WARNING, "agora_rec"):
        async with RedisStore(server.url, timeout=0.2) as store, store.changes() as changes:
            server.stop()
            await anyio.sleep(0.05)
            with pytest.raises(StoreUnavailable, match=r"o news from the server within 0\.2 s"):
                async with store.changes():
                    pytest.fail("there is nobody to follow")
            server.start()
            with anyio.fail_after(5):
                assert await anext(changes) == MISSED
                async with store.changes() as again:
                    await store.save(a_checkpoint("1"), version=0)
                    assert await anext(again) == await anext(changes) == Written("1", 1)
    messages = [record.getMessage() for record in caplog.records if record.name == "agora_rec"]
    assert len(messages) == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_news_of_a_server_that_went_without_a_word_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(over_redis, "_SILENCE", 0.05)
    with served_valkey() as server:
        async with RedisStore(server.url, timeout=0.3) as store, store.changes() as changes:
            await anyio.sleep(0.2)
            assert server.calls("ping") > 1
            server.halt()
            await anyio.sleep(0.6)
            server.go_on()
            with anyio.fail_after(5):
                assert await anext(changes) == MISSED


async def test_a_connection_that_died_without_a_word_is_found_before_anybody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(over_redis, "_SILENCE", 0.05)
    with served_valkey() as server:
        async with RedisStore(server.url, timeout=0.2) as store:
            first = connection_of(store)
            await anyio.sleep(0.2)
            assert not first.dropped.is_set()
            assert server.calls("ping") > 1
            server.halt()
            with anyio.fail_after(5):
                await first.dropped.wait()
            server.go_on()
            assert await store.load("1") is None
            assert connection_of(store) is not first


async def test_whoever_waits_when_it_closes_is_let_go() -> None:
    with served_valkey() as server:
        store = RedisStore(server.url)
        causes: list[str] = []
        heard: list[Written] = []

        async def ask() -> None:
            with pytest.raises(StoreUnavailable) as caught:
                await store.load("1")
            causes.append(caught.value.cause)

        async def follow() -> None:
            async with store.changes() as changes:
                heard.extend([each async for each in changes])

        with anyio.fail_after(3):
            async with anyio.create_task_group() as tasks, store:
                tasks.start_soon(follow)
                await anyio.sleep(0.1)
                server.halt()
                tasks.start_soon(ask)
                await anyio.sleep(0.05)
                connection_of(store).drop()  # so that it connects when it is closed
                tasks.start_soon(ask)
                await anyio.sleep(0.05)
        assert causes == [over_redis.CLOSED] * 2
        assert heard == []


async def test_a_full_server_takes_nothing_in_half_and_can_be_read(server: Valkey, store: RedisStore) -> None:
    checkpoint = a_checkpoint("1", State.STARTING, key="lesson")
    await store.save(checkpoint, version=0)
    await store.load("nothing")
    server.says("CONFIG SET maxmemory 1")
    try:
        cause = await cause_of_failing_to_save(store, 1)
        assert cause == "the server has no memory left (its maxmemory)"
        with pytest.raises(StoreUnavailable, match="no memory left"):
            await store.claim(a_checkpoint("2", key="another"))
        with pytest.raises(StoreUnavailable, match="no memory left"):
            await store.lease("1", "worker", seconds=60)
        (stored,) = [each async for each in store.unfinished()]
        assert (stored.checkpoint, stored.version) == (checkpoint, 1)
        assert await store.load_starting(checkpoint.cname, checkpoint.uid) == (stored,)
        assert await store.load_by_key("another") is None
    finally:
        server.says("CONFIG SET maxmemory 0")
    assert await store.save(a_checkpoint("1"), version=1) == 2


async def test_a_server_that_would_forget_is_warned_of(
    server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    server.says("CONFIG SET maxmemory 100mb")
    server.says("CONFIG SET maxmemory-policy allkeys-lru")
    try:
        with caplog.at_level(logging.WARNING, "agora_rec"):
            async with RedisStore(server.url):
                pass
    finally:
        server.says("CONFIG SET maxmemory-policy noeviction")
        server.says("CONFIG SET maxmemory 0")
    (message,) = [record.getMessage() for record in caplog.records if record.name == "agora_rec"]
    assert "set its maxmemory-policy to noeviction, not allkeys-lru" in message


async def test_a_replica_is_refused_until_it_may_be_written_to(server: Valkey, store: RedisStore) -> None:
    server.says("REPLICAOF 127.0.0.1 1")
    try:
        assert await cause_of_failing_to_save(store) == "the server is a replica that can't be written to"
    finally:
        server.says("REPLICAOF NO ONE")
    assert await store.save(a_checkpoint("1"), version=0) == 1


async def test_a_cluster_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (
        Valkey(None, "--cluster-enabled", "yes", "--cluster-port", str(port)) as server,
        pytest.raises(StoreUnavailable, match="a node of a cluster"),
    ):
        await RedisStore(server.tcp_url).__aenter__()


@pytest.mark.parametrize(
    "key",
    [
        "recording:1",
        "key:lesson",
        "sid:sid-1",
        "unfinished",
        "starting:4294967295:class-1",
    ],
)
async def test_keys_of_another_program_are_left_alone(server: Valkey, store: RedisStore, key: str) -> None:
    begun = a_checkpoint("1", State.STARTING, key="lesson")
    await store.save(begun, version=0)
    server.says(f"DEL {{agora_rec}}:{key}")
    server.says(f"RPUSH {{agora_rec}}:{key} theirs")
    before = server.says("HGET {agora_rec}:recording:1 version")
    with pytest.raises(StoreUnavailable, match="nother program has keys with the store's prefix"):
        await store.save(a_checkpoint("1", key="lesson"), version=1)
    assert server.says("HGET {agora_rec}:recording:1 version") == before
    assert server.says(f"LLEN {{agora_rec}}:{key}") == ":1"


async def test_a_user_who_may_not_do_all_is_told_so_and_writes_nothing_in_half(server: Valkey) -> None:
    server.says(f"ACL SETUSER worker on >{CUSTOMER_SECRET} ~{{agora_rec}}:* resetchannels +@all -info")
    url = server.tcp_url.replace("//", f"//worker:{CUSTOMER_SECRET}@")
    try:
        async with RedisStore(url, timeout=0.2) as store:
            assert "doesn't allow this user what a store needs" in await cause_of_failing_to_save(store)
            assert await store.load("1") is None
            with pytest.raises(StoreUnavailable, match="o news from the server"):
                async with store.changes():
                    pytest.fail("it may not be followed")
    finally:
        server.says("ACL DELUSER worker")


async def test_the_documented_permissions_are_enough(
    server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    (documented,) = re.findall("^ACL SETUSER worker .*", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    server.says("CONFIG SET maxmemory 100mb")
    server.says("CONFIG SET maxmemory-policy volatile-ttl")
    server.says(documented.replace("password", CUSTOMER_SECRET))
    url = server.tcp_url.replace("//", f"//worker:{CUSTOMER_SECRET}@")
    try:
        async with RedisStore(url) as store, store.changes() as changes:
            claimed = await store.claim(a_checkpoint("1", State.STARTING, key="lesson"))
            await store.save(a_checkpoint("1", key="lesson"), version=1)
            await store.save(a_checkpoint("1", State.UPLOADED, key="lesson"), version=2)
            lease = await store.lease("1", "worker", seconds=60)
            assert lease is not None
            await store.release(lease)
            await store.mark(["a"], seconds=60)
            assert await store.is_marked(["a"])
            assert (await store.load_starting("class-1", 1), await names(store)) == ((), [])
            assert claimed.version == 1
            with anyio.fail_after(5):
                assert (await anext(changes)).recording_id == "1"
    finally:
        server.says("ACL DELUSER worker")
        server.says("CONFIG SET maxmemory 0")
        server.says("CONFIG SET maxmemory-policy noeviction")
    assert "not volatile-ttl" in caplog.text


async def test_a_wrong_password_is_said_at_once_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey(CUSTOMER_SECRET) as server, caplog.at_level(logging.DEBUG):
        async with RedisStore(server.tcp_url) as store:
            await store.save(a_checkpoint("1"), version=0)
            wrong = server.tcp_url.replace("@", "wrong@")
            none = f"redis://127.0.0.1:{server.port}"
            for url in (wrong, none):
                with anyio.fail_after(3), pytest.raises(StoreUnavailable) as caught:
                    await RedisStore(url).__aenter__()
                assert caught.value.cause == "the server refuses the user or the password"


@contextmanager
def old_server() -> Iterator[int]:
    """A server from before HELLO, which repeats what it was sent: a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                sent = connection.recv(1000).split(b"\r\n")[2::2]
                words = b", ".join(b"`%s`" % word for word in sent[1:])
                connection.sendall(b"-ERR unknown command `HELLO`, with args beginning with: %s\r\n" % words)
                connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


async def test_a_server_that_repeats_the_password_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    with old_server() as port, caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as caught:
        await RedisStore(f"redis://user:{CUSTOMER_SECRET}@127.0.0.1:{port}").__aenter__()
    assert caught.value.cause == "the server refuses (UnknownCommandError)"
    assert caught.value.__cause__ is None


async def test_what_breaks_when_a_connection_is_closed_is_nobodys_concern(
    server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:

    @asynccontextmanager
    async def brittle(url: Secret, *, patience: float) -> AsyncIterator[object]:
        async with opened(url, patience=patience) as client:
            yield client
        raise e.ConnectionError("it broke")

    monkeypatch.setattr(over_redis, "opened", brittle)
    async with RedisStore(server.url) as store:
        connection_of(store).drop()
        assert await store.load("1") is None


@pytest.mark.parametrize(
    ("error", "words", "passes", "loses"),
    [
        (e.BusyLoadingError("dataset in memory"), "reading its data from disk", True, True),
        (e.ResponseError("MISCONF Redis is configured to"), "can't write to its disk", False, False),
        (e.ResponseError("NOREPLICAS Not enough good"), "fewer replicas", False, False),
        (e.ResponseError("-READONLY You can't write"), "replica that can't be written to", False, False),
        (e.ReadOnlyError("You can't write"), "replica that can't be written to", False, True),
        (e.MovedError("3999 127.0.0.1:6381"), "a node of a cluster", False, False),
        (e.ResponseError("something else"), "the server refuses (ResponseError)", False, False),
        (e.ResponseError("BUSY Redis is busy"), "runs a script of another program", True, False),
        (e.ConnectionError("max number of clients reached"), "its maxclients", True, True),
        (TimeoutError(), "no connection to the server (TimeoutError)", True, True),
    ],
)
def test_what_failures_mean(error: Exception, words: str, passes: bool, loses: bool) -> None:  # noqa: FBT001
    group = ExceptionGroup("", [ExceptionGroup("", [error])])
    assert root(group) is error
    fault = fault_of(error)
    assert words in fault.words
    assert fault == Fault(fault.words, passes=passes, loses=loses)
