"""What is done in the tables, each function in one transaction; none of them waits or reads a clock."""

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from agora_rec.errors import LeaseLost, StoreConflict
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Lease, Written
from agora_rec.store.reading import Kept
from agora_rec.store.sqlite.database import Session, text_of

MARKS_KEPT: Final = 100_000
"""How many marks a file keeps; the oldest are forgotten first."""

# Spoilt files may hold anything in any column.
_ROW: Final = "id, version, CAST(checkpoint AS TEXT), began FROM {p}_recordings"
BY_ID: Final = f"SELECT {_ROW} WHERE id = :id"
BY_KEY: Final = f"SELECT {_ROW} WHERE key = :key"
BY_SID: Final = f"SELECT {_ROW} WHERE sid = :sid ORDER BY change DESC LIMIT 1"
STARTING: Final = f"SELECT {_ROW} WHERE cname = :cname AND uid = :uid AND state = 'starting' ORDER BY began"
UNFINISHED: Final = f"SELECT {_ROW} WHERE began > :after AND began <= :last ORDER BY began LIMIT 1"
LAST_BEGUN: Final = "SELECT coalesce(max(began), 0) FROM {p}_recordings WHERE began IS NOT NULL"
LAST_CHANGE: Final = "SELECT coalesce(max(change), 0) FROM {p}_recordings"
CHANGED: Final = "SELECT id, version, change FROM {p}_recordings WHERE change > :after ORDER BY change"

_FOUND: Final = "SELECT version, began FROM {p}_recordings WHERE id = :id"
_HOLDS_KEY: Final = "SELECT id, is_live FROM {p}_recordings WHERE key = :key"
_GIVES_KEY_UP: Final = "UPDATE {p}_recordings SET key = NULL WHERE key = :key"
_WRITE: Final = """
    INSERT INTO {p}_recordings
    VALUES (:id, :version, :change, :began, :key, :is_live, :state, :cname, :uid, :sid, :checkpoint)
    ON CONFLICT (id) DO UPDATE SET
        version = :version, change = :change, began = :began, key = :key, is_live = :is_live,
        state = :state, cname = :cname, uid = :uid, sid = :sid, checkpoint = :checkpoint
"""
_FORGET: Final = """
    DELETE FROM {p}_recordings WHERE began IS NULL AND change <= (
        SELECT change FROM {p}_recordings WHERE began IS NULL ORDER BY change DESC LIMIT 1 OFFSET :kept
    )
"""
_LEASE: Final = "SELECT holder, token, seconds, until FROM {p}_leases WHERE recording_id = :id"
_TAKE: Final = "INSERT OR REPLACE INTO {p}_leases VALUES (:id, :holder, :token, :seconds, :until)"
_MARK: Final = "INSERT OR REPLACE INTO {p}_marks (key, until) VALUES (:key, :until)"
_MARKED: Final = "SELECT 1 FROM {p}_marks WHERE key = :key AND until > :now"
_UNMARK: Final = """
    DELETE FROM {p}_marks WHERE until <= :now OR number <= (SELECT max(number) FROM {p}_marks) - :kept
"""


@frozen
class Row(Kept):
    """A recording as it is in the file, not read yet, and its place among those that have begun."""

    began: int


@frozen
class Change:
    """One write: its number among those of all processes, and what it made."""

    number: int
    written: Written


def find(session: Session, statement: str, **values: str | float) -> list[Row]:
    """Give what a query finds."""
    rows = session.run(statement, **values)
    return [Row(text_of(name), version, text, began or 0) for name, version, text, began in rows]


def save(session: Session, checkpoint: Checkpoint, version: int, lease: Lease | None, now: float) -> Change:
    """Write a checkpoint over the version that was read.

    Raises:
        LeaseLost: The lease is somebody else's, or over.
        StoreConflict: There is another version.
    """
    if lease is not None and not _is_held(session, lease, now):
        raise LeaseLost(key=checkpoint.id)
    found = session.first(_FOUND, id=checkpoint.id)
    if found is not None and found[0] != version:
        raise StoreConflict(key=checkpoint.id, expected=version, found=found[0])
    return _write(session, checkpoint, version + 1, None if found is None else found[1])


def claim(session: Session, checkpoint: Checkpoint) -> Row | Change:
    """Give the live recording of a key, or write one."""
    key = checkpoint.key or ""
    holds = session.first(_HOLDS_KEY, key=key)
    if holds is not None:
        if holds[1]:
            return find(session, BY_KEY, key=key)[0]
        session.run(_GIVES_KEY_UP, key=key)
    return _write(session, checkpoint, 1, None)


def forget(session: Session, kept: int) -> None:
    """Forget what was written before the last of those of which nothing runs."""
    session.run(_FORGET, kept=kept)


def take(session: Session, recording_id: str, holder: str, seconds: float, now: float) -> Lease | None:
    """Take a lease, or renew one's own."""
    lease, is_over = _lease(session, recording_id, now)
    if lease is None or (lease.holder != holder and is_over):
        lease = Lease(recording_id=recording_id, holder=holder, token=1 if lease is None else lease.token + 1)
    elif lease.holder != holder:
        return None
    _put(session, lease, seconds, now)
    return lease


def give_back(session: Session, lease: Lease, now: float) -> None:
    """End a lease, if it is held."""
    if _is_held(session, lease, now):
        _put(session, lease, 0.0, now)


def mark(session: Session, keys: Iterable[str], until: float, now: float) -> None:
    """Remember texts, and forget those whose time is over or of which there are too many."""
    for key in keys:
        session.run(_MARK, key=key, until=until)
    session.run(_UNMARK, now=now, kept=MARKS_KEPT)


def is_marked(session: Session, keys: Iterable[str], now: float) -> bool:
    """Whether one of them is remembered."""
    return any(session.first(_MARKED, key=key, now=now) for key in keys)


def changed(session: Session, after: int) -> list[Change]:
    """Give what was written after a change, the newest last."""
    rows = session.run(CHANGED, after=after)
    return [Change(number, Written(text_of(name), version)) for name, version, number in rows]


def _write(session: Session, checkpoint: Checkpoint, version: int, began: int | None) -> Change:
    change = session.first(LAST_CHANGE)[0] + 1
    standing = checkpoint.standing
    session.run(
        _WRITE,
        id=checkpoint.id,
        version=version,
        change=change,
        began=(began or change) if checkpoint.is_unfinished else None,
        key=_key(session, checkpoint),
        is_live=checkpoint.is_live,
        state=standing.state.value,
        cname=checkpoint.cname,
        uid=checkpoint.uid,
        sid=standing.sid,
        checkpoint=checkpoint.to_json(),
    )
    return Change(change, Written(checkpoint.id, version))


def _key(session: Session, checkpoint: Checkpoint) -> str | None:
    """Under which key it will be found: none, where another one was claimed under it."""
    if checkpoint.key is None:
        return None
    holds = session.first(_HOLDS_KEY, key=checkpoint.key)
    return checkpoint.key if holds is None or text_of(holds[0]) == checkpoint.id else None


def _lease(session: Session, recording_id: str, now: float) -> tuple[Lease | None, bool]:
    """Give a lease, and whether it is over.

    It is over too if it lies in the future by more than twice its length: then the clock was put back.
    """
    row: Any = session.first(_LEASE, id=recording_id)
    if row is None:
        return None, True
    holder, token, seconds, until = row
    lease = Lease(recording_id=recording_id, holder=text_of(holder), token=token)
    return lease, not now < until <= now + 2 * seconds


def _is_held(session: Session, lease: Lease, now: float) -> bool:
    there, is_over = _lease(session, lease.recording_id, now)
    return there == lease and not is_over


def _put(session: Session, lease: Lease, seconds: float, now: float) -> None:
    session.run(
        _TAKE,
        id=lease.recording_id,
        holder=lease.holder,
        token=lease.token,
        seconds=seconds,
        until=now + seconds,
    )
