"""Processes that share one store, for tests: each opens it, claims a key, and counts under its lease.

Run as a program it is one of them: `python -m tests.store.postgres.workers URL SCHEMA NAME BACKEND`.
"""

import sys

import anyio

from agora_rec import State, StoreConflict
from agora_rec.store.postgres import PostgresStore
from agora_rec.testing.store_contract import a_checkpoint, in_state

WRITES = 10


async def _work(url: str, schema: str, name: str) -> str:
    """Claim the key, then write ten times over what the others have written; give whose recording it is."""
    async with PostgresStore(url, schema=schema) as store:
        claimed = await store.claim(a_checkpoint(name, State.IDLE, key="lesson"))
        recording = claimed.checkpoint.id
        for _ in range(WRITES):
            while True:
                stored = await store.load(recording)
                assert stored is not None
                later = in_state(stored.checkpoint, State.RECORDING)
                try:
                    await store.save(later, version=stored.version)
                except StoreConflict:
                    continue
                break
        return recording


if __name__ == "__main__":
    url, schema, name, backend = sys.argv[1:]
    sys.stdout.write(anyio.run(_work, url, schema, name, backend=backend))
