"""What became of a recording: the values that `wait_finished` and `ensure_stopped` give, made of a ledger."""

from datetime import datetime
from typing import Final

from attrs import frozen

from agora_rec.model import RecordedFile
from agora_rec.recording.ledger import Ledger
from agora_rec.vocabulary import State

_IN_BUCKET: Final = {State.UPLOADED: True, State.BACKUPED: False}


@frozen(kw_only=True)
class Take:
    """One stay of a recorder in the channel: one resource ID, one sid.

    Attributes:
        uid: The recorder's uid, as acquired.
        resource_id: The resource ID that was started.
        sid: The service's name for it; None while a start's answer is missing.
        started_at: When the first start was sent.
        ended_at: When we learnt that it left or ended; None while it may run.
        files: What it recorded, as far as the service said.
    """

    uid: int
    resource_id: str
    sid: str | None
    started_at: datetime
    ended_at: datetime | None
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class Outcome:
    """How a recording stands at the end, as far as is known.

    Attributes:
        state: UPLOADED, BACKUPED or FAILED when it has ended; STOPPING when it was stopped and nobody knows
            yet where its files are; IDLE or ACQUIRED when nothing was ever started.
        files: The playlists, MP4 files and screenshots that the service named, at whatever time. After a
            failover an MP4 file may be among them that the lost server was still writing: it never comes.
        in_bucket: True: all files are in your bucket. False: at least one is in Agora's backup, which
            passes it on by itself. None: not known, or there are no files.
        no_data: It ended in order, but nobody sent a stream, so there are no files.
        takes: The stays that belong to it.
    """

    state: State
    files: tuple[RecordedFile, ...] = ()
    in_bucket: bool | None = None
    no_data: bool = False
    takes: tuple[Take, ...] = ()


def outcome_of(ledger: Ledger) -> Outcome:
    """What is known now of how a recording ended."""
    standing = ledger.standing
    return Outcome(
        state=standing.state,
        files=standing.files,
        in_bucket=_IN_BUCKET.get(standing.state) if standing.files else None,
        no_data=standing.no_data and not standing.files,
        takes=_takes(ledger),
    )


def _takes(ledger: Ledger) -> tuple[Take, ...]:
    standing = ledger.standing
    begun = standing.sid is not None or standing.state is State.STARTING
    if standing.resource_id is None or standing.start_sent_at is None or not begun:
        return ()
    take = Take(
        uid=ledger.description.uid,
        resource_id=standing.resource_id,
        sid=standing.sid,
        started_at=standing.start_sent_at,
        ended_at=standing.left_at or _ended_at(ledger),
        files=standing.files,
    )
    return (take,)


def _ended_at(ledger: Ledger) -> datetime | None:
    """When it came to its end; an end that a failover took back was none."""
    if not ledger.state.is_end:
        return None
    last_first = reversed(ledger.history.items)
    ends = (each.at for each in last_first if each.after.is_end and not each.before.is_end)
    return next(ends, None)
