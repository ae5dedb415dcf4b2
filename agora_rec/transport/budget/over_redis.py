"""The counter that Redis or Valkey is: one script on the server, asked through coredis.

Imported only where the `redis` extra is installed and somebody makes a `RedisBudget`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

from attrs import define, field
from coredis import Redis
from coredis.exceptions import NoScriptError, RedisError

from agora_rec.redis.opening import opened
from agora_rec.secret import Secret
from agora_rec.transport.budget.grants import Answer, Ask
from agora_rec.transport.budget.messenger import PATIENCE, Counter, CounterGoneError
from agora_rec.transport.budget.pace import Pace

_MICRO: Final = 1e6


@define
class RedisCounter:
    """Asks the server for one worker, over one connection.

    Args:
        client: An open client.
        script: The text of the script.
        keys: Its keys, all in one slot of a cluster.
        worker: The worker's own name.
        pace: The rate of all workers together.
    """

    _client: "Redis[bytes]"
    _script: str
    _keys: tuple[str, ...]
    _worker: str
    _pace: Pace
    _sha: str = field(default="", init=False)

    async def ask(self, ask: Ask) -> Answer:
        """Run the script once.

        Raises:
            CounterGoneError: There was no answer, or none of the script.
        """
        arguments = (
            self._worker,
            ask.rank,
            ask.slots,
            round(self._pace.window * _MICRO),
            self._pace.count,
            int(ask.was_away),
            int(ask.met_429),
        )
        try:
            answer: Any = await self._run(arguments)
        except (RedisError, OSError) as error:
            raise CounterGoneError(type(error).__name__) from None
        slots, first, interval, wait = (int(number) for number in answer)
        return Answer(slots, first / _MICRO, interval / _MICRO, wait / _MICRO)

    async def _run(self, arguments: tuple[str | int, ...]) -> Any:
        """Run it by its digest; the text is sent only where the server does not know it, or not any more."""
        if not self._sha:
            self._sha = str(await self._client.script_load(self._script), "ascii")
        try:
            return await self._client.evalsha(self._sha, keys=self._keys, args=arguments)
        except NoScriptError:
            return await self._client.eval(self._script, keys=self._keys, args=arguments)


@define
class RedisConnector:
    """Opens conversations with one server, each over new connections.

    Args:
        url: Where the server is.
        name: What the keys begin with.
        pace: The rate of all workers together.
    """

    _url: Secret
    _name: str
    _pace: Pace
    _worker: str = field(factory=lambda: uuid4().hex, init=False)
    _script: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._script = (files("agora_rec.transport.budget") / "slots.lua").read_text(encoding="utf-8")

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Counter]:
        """Speak with the server in this block; it is connected to when it is asked, not before."""
        keys = tuple(f"{{{self._name}}}:{part}" for part in ("pace", "tickets", "seen", "wants"))
        async with opened(self._url, patience=PATIENCE) as client:
            yield RedisCounter(client, self._script, keys, self._worker, self._pace)
