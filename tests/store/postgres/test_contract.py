"""PostgresStore keeps the contract of all stores; `other` is another store, with connections of its own."""

from collections.abc import AsyncIterator

import pytest

from agora_rec.store.postgres import PostgresStore
from agora_rec.testing.store_contract import StoreContract
from tests.support.postgres import Postgres


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def other(
        self, served: Postgres, schema: str, store: PostgresStore
    ) -> AsyncIterator[PostgresStore]:
        async with PostgresStore(served.url(), schema=schema) as other:
            yield other
