"""The one place where a client of coredis is made. Imported only where the `redis` extra is installed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from coredis import Redis
from coredis.exceptions import ConnectionError as NotConnected
from coredis.retry import NoRetryPolicy

from agora_rec.secret import Secret

_OPTIONS: Final = frozenset({"client_name", "db", "noevict", "notouch", "password", "username"})
"""What an address may ask for, beside TLS; the rest is for those who open it to say."""


@asynccontextmanager
async def opened(
    url: Secret, *, patience: float, answers_within: float | None = None
) -> AsyncGenerator["Redis[bytes]"]:
    """Speak with a server in this block, over one connection; nothing is connected before the first command.

    When that connection is gone, so is the client: another one has to be opened. coredis would connect again
    in the middle of somebody's command, and whoever was cancelled there would take the connection's place in
    its pool along.

    Args:
        url: Where the server is.
        patience: Seconds for connecting.
        answers_within: Seconds for each answer; None: whoever asks sees to that.
    """
    client: Redis[bytes] = Redis.from_url(
        _without_options(url).reveal(),
        decode_components=True,
        max_connections=1,
        connect_timeout=patience,
        stream_timeout=answers_within,
        retry_policy=NoRetryPolicy(),
    )
    close = _limit_to_one_connection(client)
    try:
        async with client:
            yield client
    finally:
        close()


def _without_options(url: Secret) -> Secret:
    """The address without what would change the way in which the client works: there, it would win."""
    parts = urlsplit(url.reveal())
    kept = [
        (name, value) for name, value in parse_qsl(parts.query) if name in _OPTIONS or name.startswith("ssl_")
    ]
    return Secret(parts._replace(query=urlencode(kept)).geturl())


def _limit_to_one_connection(client: "Redis[bytes]") -> Callable[[], None]:
    """Let a client connect once, and have that connection noted; the result closes what is left of it.

    coredis leaves the buffers of a connection open that could not be made, and Python warns of each.
    """
    pool: Any = client.connection_pool
    connection_class, made = pool.connection_class, list[object]()

    def make(*arguments: Any, **options: Any) -> Any:
        if made:
            raise NotConnected("the connection is gone")
        made.append(connection_class(*arguments, **options))
        return made[0]

    def close() -> None:
        for connection in made:
            for part in vars(connection).values():
                if isinstance(part, MemoryObjectSendStream | MemoryObjectReceiveStream):
                    part.close()

    pool.connection_class = make
    return close
