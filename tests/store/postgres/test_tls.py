"""TLS, as `sslmode` says. The server for tests has none, so a small one in front of it speaks TLS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream

from agora_rec import State, StoreUnavailable
from agora_rec.store import Written
from agora_rec.store.postgres import PostgresStore
from agora_rec.testing.store_contract import a_checkpoint
from tests.support.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.anyio

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


async def _pump(source: ByteStream, sink: ByteStream) -> None:
    """Hand on what comes, to its end."""
    try:
        async for data in source:
            await sink.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    finally:
        await anyio.aclose_forcefully(sink)


@asynccontextmanager
async def _in_front_of(served: Postgres, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port at which the server is reached by TLS."""

    async def serve(client: SocketStream) -> None:
        async with client:
            assert await client.receive(8) == SSL_REQUEST
            await client.send(b"S")
            try:
                safe = await TLSStream.wrap(
                    client, server_side=True, ssl_context=context, standard_compatible=False
                )
            except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                return  # who connects doesn't trust it
            async with (
                await anyio.connect_tcp("127.0.0.1", served.port) as server,
                anyio.create_task_group() as pumps,
            ):
                pumps.start_soon(_pump, safe, server)
                pumps.start_soon(_pump, server, safe)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        tasks.cancel_scope.cancel()


async def test_a_server_is_believed_by_its_certificate(served: Postgres, schema: str, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    for name, each in (("authority", authority), ("stranger", stranger)):
        each.cert_pem.write_to_path(str(tmp_path / name))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with _in_front_of(served, context) as port:

        def trusting(name: str, host: str = "localhost") -> PostgresStore:
            return PostgresStore(
                f"postgresql://postgres:{PASSWORD}@{host}:{port}/postgres"
                f"?sslmode=verify-full&sslrootcert={tmp_path / name}&hostaddr=127.0.0.1",
                schema=schema,
            )

        async with trusting("authority") as store, store.changes() as changes:
            large = a_checkpoint("1", exclude=("x" * 300_000,))  # many records of TLS, either way
            await store.save(large, version=0)
            stored = await store.load("1")
            assert stored is not None
            assert stored.checkpoint == large
            with anyio.fail_after(5):
                assert await anext(changes) == Written("1", 1)
            await store.save(a_checkpoint("1", State.STOPPING), version=1)
        for store in (trusting("stranger"), trusting("authority", "example.com")):
            with pytest.raises(StoreUnavailable, match="certificate"):
                await store.__aenter__()
