"""The tables, their version, and how a file comes to have them. What is done with them stands in `rows`."""

import sqlite3
from enum import StrEnum
from typing import Final

from attrs import frozen

from agora_rec.errors import StoreTooNew, StoreUnavailable

STEPS: Final = (
    (
        "CREATE TABLE {p}_schema (version INTEGER NOT NULL)",
        # `change` numbers the writes of all processes, `began` is the change with which a recording became
        # unfinished; `key` has only the recording that was claimed last under it.
        """
        CREATE TABLE {p}_recordings (
            id TEXT NOT NULL PRIMARY KEY,
            version INTEGER NOT NULL,
            change INTEGER NOT NULL UNIQUE,
            began INTEGER,
            key TEXT,
            is_live INTEGER NOT NULL,
            state TEXT NOT NULL,
            cname TEXT NOT NULL,
            uid INTEGER NOT NULL,
            sid TEXT,
            checkpoint TEXT NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX {p}_by_key ON {p}_recordings (key) WHERE key IS NOT NULL",
        "CREATE INDEX {p}_by_sid ON {p}_recordings (sid, change) WHERE sid IS NOT NULL",
        "CREATE INDEX {p}_starting ON {p}_recordings (cname, uid, began) WHERE state = 'starting'",
        "CREATE UNIQUE INDEX {p}_unfinished ON {p}_recordings (began) WHERE began IS NOT NULL",
        "CREATE INDEX {p}_at_rest ON {p}_recordings (change) WHERE began IS NULL",
        """
        CREATE TABLE {p}_leases (
            recording_id TEXT NOT NULL PRIMARY KEY,
            holder TEXT NOT NULL,
            token INTEGER NOT NULL,
            seconds REAL NOT NULL,
            until REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TRIGGER {p}_forgotten AFTER DELETE ON {p}_recordings
        BEGIN DELETE FROM {p}_leases WHERE recording_id = old.id; END
        """,
        "CREATE TABLE {p}_marks (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, until REAL NOT NULL)",
        "CREATE INDEX {p}_marks_until ON {p}_marks (until)",
    ),
)
"""What makes each version of the schema of the one before, beginning with nothing; `{p}` is the prefix."""

KNOWN: Final = len(STEPS)
"""The newest version that this library can use."""

_IS_THERE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
_VERSION: Final = "SELECT CAST(max(version) AS INTEGER) FROM {p}_schema"


class Synchronous(StrEnum):
    """What SQLite waits for when it writes (its `PRAGMA synchronous`).

    Either way nothing is lost when a process is killed, and the file stays whole when the power fails.
    """

    NORMAL = "normal"
    """Nothing, as a rule. When the machine itself dies, the writes of the last seconds may be lost."""
    FULL = "full"
    """The disk, with every write: nothing is lost. The event loop stands still for that long."""


@frozen
class Schema:
    """The tables whose names begin with a prefix.

    Args:
        prefix: What the names begin with.
        synchronous: What is waited for.
    """

    prefix: str
    synchronous: Synchronous

    def named(self, statement: str) -> str:
        """Give a statement with the names that the tables have here."""
        return statement.replace("{p}", self.prefix)

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Make a new connection ready, and the tables where they are missing or older.

        Raises:
            StoreTooNew: They are newer. Nothing was changed.
            StoreUnavailable: The file can't be shared.
        """
        found = self._version(connection)
        connection.execute(f"PRAGMA synchronous = {self.synchronous.value}")
        (journal,) = connection.execute("PRAGMA journal_mode = wal").fetchone()
        if journal != "wal":
            raise StoreUnavailable("SQLite's WAL mode, which needs shared memory, doesn't work there")
        if found < KNOWN:
            connection.execute("BEGIN IMMEDIATE")
            for step in STEPS[self._version(connection) :]:  # another process may have been quicker
                for statement in step:
                    connection.execute(self.named(statement))
            connection.execute(self.named("DELETE FROM {p}_schema"))
            connection.execute(self.named("INSERT INTO {p}_schema VALUES (?)"), [KNOWN])
            connection.execute("COMMIT")

    def check(self, connection: sqlite3.Connection) -> int:
        """Give the version of the tables; asked for in each transaction, since a newer process may come.

        Raises:
            StoreTooNew: It is newer than what is known here.
        """
        (found,) = connection.execute(self.named(_VERSION)).fetchone()
        version = int(found or 0)
        if version > KNOWN:
            raise StoreTooNew(found=version, known=KNOWN)
        return version

    def _version(self, connection: sqlite3.Connection) -> int:
        """Which version is there; 0 where there is none."""
        there = connection.execute(_IS_THERE, [f"{self.prefix}_schema"]).fetchone()
        return 0 if there is None else self.check(connection)
