"""One PostgreSQL server for all tests here, and a store in a schema of its own for each."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from agora_rec.store.postgres import PostgresStore
from tests.support.postgres import Postgres, served_postgres

_numbers = itertools.count()


@pytest.fixture(scope="session")
def served() -> Iterator[Postgres]:
    with served_postgres() as server:
        yield server


@pytest.fixture
def schema() -> str:
    """A name that no other test uses."""
    return f"test_{next(_numbers)}"


@pytest.fixture
async def store(served: Postgres, schema: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(served.url(), schema=schema) as store:
        yield store
