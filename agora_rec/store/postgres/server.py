"""One call to the server: how long it may take, what is tried again, and which error it becomes."""

import random
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import anyio
from attrs import define

from agora_rec.errors import StoreUnavailable
from agora_rec.store.postgres.link import LostError, RefusedError, Row, UnreachableError, Value
from agora_rec.store.postgres.pool import Pool

COLLISIONS: Final = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: the server did nothing, and the same may work at once."""

READ_ONLY: Final = "25006"
"""read_only_sql_transaction: a replica, or a primary that was demoted under this connection."""

TRIES: Final = 8
"""How often a statement is sent that collides with others'."""

LOSSES: Final = 2
"""With how many connections that broke in the middle it is given up."""

PAUSE: Final = 0.01
"""Seconds before the second try, twice as many before each later one; of them a random part."""


@define(eq=False)
class Server:
    """A server, as the store asks it.

    Args:
        pool: Its connections.
        timeout: Seconds for one call in all: for its turn, the connection, and the answer.
    """

    pool: Pool
    timeout: float

    async def ask(self, statement: str, *values: Value) -> list[Row]:
        """Run one statement, and give its rows. Done twice it must do no harm.

        Raises:
            StoreUnavailable: It was refused, or there was no answer in time.
        """
        rows: list[Row] = []
        with within(self.timeout):
            rows = await self._repeat(statement, values)
        return rows  # noqa: RET504 - for all that type checkers know, the block might swallow an error

    async def _repeat(self, statement: str, values: tuple[Value, ...]) -> list[Row]:
        """Send it until it is done, or fails for good."""
        collisions = losses = 0
        while True:
            try:
                async with self.pool.link() as link:
                    return await link.run(statement, *values)
            except LostError as error:
                self.pool.drop()
                losses += 1
                if losses == LOSSES or isinstance(error, UnreachableError):
                    raise
            except RefusedError as error:
                if error.code == READ_ONLY:
                    self.pool.drop()
                collisions += 1
                if error.code not in COLLISIONS or collisions == TRIES:
                    raise
                await anyio.sleep(random.uniform(0, PAUSE * 2**collisions))  # noqa: S311 - no cryptography


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Bound what happens in this block; what goes wrong with the server there is `StoreUnavailable`."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise StoreUnavailable(f"PostgreSQL gave no answer within {seconds:g} s") from None
    except (LostError, RefusedError) as error:
        raise StoreUnavailable(f"PostgreSQL: {error}") from error
