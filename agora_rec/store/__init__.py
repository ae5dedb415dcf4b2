"""Checkpoints and where they are kept: the protocol for stores, and those that come with the library.

Those of several processes are loaded when somebody asks for them: each needs a driver.
"""

from typing import TYPE_CHECKING

from agora_rec.deferred import deferred
from agora_rec.store.checkpoint import Checkpoint, Plan, Tried
from agora_rec.store.memory import MemoryStore
from agora_rec.store.protocol import MISSED, Lease, SharedStore, Store, Stored, Written
from agora_rec.store.urls import store_from_url

if TYPE_CHECKING:
    from agora_rec.store.postgres import PostgresStore
    from agora_rec.store.redis import RedisStore
    from agora_rec.store.sqlite import SQLiteStore, Synchronous
else:
    __getattr__, __dir__ = deferred(
        __name__,
        {
            "agora_rec.store.postgres": ("PostgresStore",),
            "agora_rec.store.redis": ("RedisStore",),
            "agora_rec.store.sqlite": ("SQLiteStore", "Synchronous"),
        },
    )

__all__ = [
    "MISSED",
    "Checkpoint",
    "Lease",
    "MemoryStore",
    "Plan",
    "PostgresStore",
    "RedisStore",
    "SQLiteStore",
    "SharedStore",
    "Store",
    "Stored",
    "Synchronous",
    "Tried",
    "Written",
    "store_from_url",
]
