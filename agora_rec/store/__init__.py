"""Checkpoints and where they are kept: the protocol for stores, and the one in memory."""

from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.memory import MemoryStore
from agora_rec.store.protocol import MISSED, Lease, SharedStore, Store, Stored, Written

__all__ = ["MISSED", "Checkpoint", "Lease", "MemoryStore", "SharedStore", "Store", "Stored", "Written"]
