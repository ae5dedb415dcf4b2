"""`SQLiteStore`: the store of several processes on one machine, in one file, with nothing to install.

`store` is what users hold; `database` has the file, its transactions and its errors; `schema` the tables and
their version; `rows` the statements on them; `following` tells of what other processes write.
"""

from agora_rec.store.sqlite.schema import Synchronous
from agora_rec.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore", "Synchronous"]
