"""Making the tables, and bringing older ones up to date, when a store opens.

Several workers may open at once: the first one does it, in one transaction, and the others wait for it. A
step never takes away what the version before it calls, so that workers of both can run side by side while
a deploy goes on.
"""

from importlib.resources import files
from typing import Final

from agora_rec.errors import StoreTooNew
from agora_rec.store.postgres.link import Link
from agora_rec.store.postgres.names import Names

STEPS: Final = ("schema_1.sql",)
"""What leads from each version to the next one."""

VERSION: Final = len(STEPS)
"""The newest version of the tables that this library knows."""


async def prepare(link: Link, names: Names) -> None:
    """See to it that the tables are there, in this library's version.

    Raises:
        StoreTooNew: They have a newer one; nothing was changed.
    """
    if await _version(link, names) == VERSION:
        return
    await link.run("BEGIN ISOLATION LEVEL READ COMMITTED")
    await link.run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", names.channel)
    found = await _version(link, names)
    if found == 0:
        await _begin(link, names)
    for step in STEPS[found:]:
        await link.script(names.fill(files("agora_rec.store.postgres").joinpath(step).read_text("utf-8")))
    await link.run(names.fill("UPDATE @schema@ SET version = $1"), VERSION)
    await link.run("COMMIT")


async def _version(link: Link, names: Names) -> int:
    """The version of what is there; 0: nothing."""
    # Not to_regclass(): whoever waited for the lock may have it remember that there was no such table.
    ((is_there,),) = await link.run(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2)",
        names.schema,
        f"{names.prefix}schema",
    )
    if is_there == "f":
        return 0
    ((version,),) = await link.run(names.fill("SELECT version FROM @schema@"))
    found = int(version or 0)
    if found > VERSION:
        raise StoreTooNew(found=found, known=VERSION)
    return found


async def _begin(link: Link, names: Names) -> None:
    """Make the place for the tables. A schema that somebody else has made needs no right to make one."""
    ((is_there,),) = await link.run(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", names.schema
    )
    if is_there == "f":
        await link.run(f'CREATE SCHEMA "{names.schema}"')
    await link.run(names.fill("CREATE TABLE @schema@ (version integer NOT NULL)"))
    await link.run(names.fill("INSERT INTO @schema@ (version) VALUES (0)"))
