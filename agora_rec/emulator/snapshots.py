"""Which screenshots are taken when: of each user whose video is received, at each interval. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import frozen

from agora_rec.emulator.plan import VIDEO
from agora_rec.emulator.recorded import snapshot_name
from agora_rec.emulator.session import FAR, Session


@frozen
class Snapshot:
    """One screenshot of one user."""

    at: datetime
    uid: str
    name: str


def snapshots(session: Session, seconds: float, since: datetime) -> Iterator[Snapshot]:
    """All from a moment on, in order, as if nobody did anything more; endless while it records."""
    for worker in session.workers:
        streams = session.streams(worker, session.limit(worker, FAR))
        spells = {uid: found for (uid, medium), found in streams.items() if medium == VIDEO}
        over = max((found[-1].until for found in spells.values()), default=worker.ready_at)
        for at in grid(worker.ready_at, seconds, since, over):
            for uid, found in spells.items():
                if any(spell.since <= at < spell.until for spell in found):
                    yield Snapshot(at, uid, snapshot_name(session, uid, at, worker.failover))


def grid(begin: datetime, seconds: float, since: datetime, limit: datetime) -> Iterator[datetime]:
    """Every so many seconds after the beginning, from a moment on and before another."""
    step = timedelta(seconds=seconds)
    at = begin + max(1, -((begin - since) // step)) * step
    while at < limit:
        yield at
        at += step
