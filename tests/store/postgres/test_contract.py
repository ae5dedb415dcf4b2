"""PostgresStore keeps the contract of all stores; `other` is another store, with connections of its own."""

from collections.abc import AsyncIterator

import pytest

from agora_rec.store.postgres import PostgresStore
from agora_rec.testing.store_contract import StoreContract
from tests.support.postgres import Postgres

SCHEMA = "contract"  # one for all: emptying it is much quicker than making another
EMPTY = (
    "WITH keys AS (DELETE FROM @keys@), sids AS (DELETE FROM @sids@), leases AS (DELETE FROM @leases@), "
    "marks AS (DELETE FROM @marks@) DELETE FROM @recordings@"
)


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, served: Postgres) -> AsyncIterator[PostgresStore]:
        async with PostgresStore(served.url(), schema=SCHEMA) as store:
            await store._ask(EMPTY)
            yield store

    @pytest.fixture
    async def other(self, served: Postgres, store: PostgresStore) -> AsyncIterator[PostgresStore]:
        async with PostgresStore(served.url(), schema=SCHEMA) as other:
            yield other
