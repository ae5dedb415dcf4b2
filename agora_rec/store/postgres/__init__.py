"""`PostgresStore`: checkpoints in PostgreSQL, for workers on many machines, on asyncio and on trio.

**The driver.** Nothing that is well kept speaks PostgreSQL on both event loops. asyncpg and psycopg's
`AsyncConnection` are asyncio's alone: psycopg has tried anyio and left it, and `triopg` drives asyncpg
through `trio-asyncio`, which would have to run around the user's whole program. But psycopg 3 is made of
two halves, and the lower one, `psycopg.pq`, knows no loop: it is libpq itself, function for function, with
wheels for all platforms. libpq has had calls that don't block for twenty-five years (`PQconnectPoll`,
`PQflush`, `PQconsumeInput`, `PQisBusy`), they are documented, and psycopg documents `psycopg.pq` as the way
to them. So `over_libpq.py` calls those and waits for the socket with anyio, in about a hundred lines.

`psycopg.generators` makes the same calls as generators, but is documented nowhere, and psycopg is free to
change what they take and give; a subclass of `AsyncConnection` would hang on its private lock and on
asyncio in its pool. What psycopg adds above libpq (adaptation of types, cursors, its pool) a store that
sends texts and numbers has no use for. So nothing but `psycopg.pq` and `psycopg.Error` is imported, in two
modules, and versions from 3.2.2 to before 4 are allowed. Host names are the one thing at which libpq blocks:
they are looked up through the event loop first.

**The server.** Each call is one statement, and that is one transaction: nothing is ever left open, whoever
is cancelled; one round trip is enough; and a pooler in transaction mode (PgBouncer) does no harm. What
takes several steps is a function on the server (`schema_1.sql`).

    link        what is asked of a driver: a place, a connection, and how they fail
    address     where the server is, without showing the password
    over_libpq  the driver: libpq, waited for with anyio
    pool        a few connections, each lent to one caller
    server      one call: its time, what is tried again, and which error it becomes
    names       the names of tables in their schema, and texts that every table takes
    schema      making and changing the tables
    listener    LISTEN, on a connection of its own
    store       what users hold
"""

from agora_rec.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
