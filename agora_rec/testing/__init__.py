"""Tests for what users write themselves: the contract of a `Store`.

Needs pytest, which the library itself doesn't. Importing `agora_rec` loads none of it.
"""

from agora_rec.testing.store_contract import StoreContract

__all__ = ["StoreContract"]
