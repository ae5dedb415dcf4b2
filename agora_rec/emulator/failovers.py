"""A recording's server is lost: whether and how another one takes it over (timing.yaml failover_*).

What follows from it (404 for a while, a new uid, new playlists, events) is worked out by `session` and
`happenings` from what is noted here.
"""

from datetime import datetime
from typing import Final

from agora_rec.emulator.resources import Ids
from agora_rec.emulator.session import Session, seconds_after
from agora_rec.emulator.terms import Failover

FAILOVERS_MAX: Final = 3
SECONDS_MAX: Final = 90
_UID_MAX: Final = (1 << 32) - 1


def lose_server(
    session: Session,
    now: datetime,
    *,
    seconds: float,
    new_uid: str | None,
    old_reports: bool,
    ids: Ids,
) -> str | None:
    """Lose a recording's server now. The new recorder's uid; None if nothing takes the recording over.

    Raises:
        ValueError: it can't be moved now, or not so.
    """
    if not 0 < seconds <= SECONDS_MAX:
        raise ValueError(f"seconds is {seconds!r}, and a move takes more than 0 and at most {SECONDS_MAX}")
    if not session.is_running(now):
        raise ValueError(f"the recording {session.sid} has ended: there is no server to lose")
    if now < session.ready_at:
        raise ValueError(f"the recording {session.sid} is not ready yet: there is nothing to move")
    if session.is_moving(now):
        raise ValueError(f"the recording {session.sid} is being moved already")
    used = {worker.uid for worker in session.workers}
    if new_uid is not None and not (new_uid.isdecimal() and 1 <= int(new_uid) <= _UID_MAX):
        raise ValueError(f"new_uid is {new_uid}, and a uid is 1 to {_UID_MAX}")
    if new_uid in used:
        raise ValueError(f"the recorder had the uid {new_uid} before, and a new one is random")
    if len(session.failovers) == FAILOVERS_MAX:
        session.lost_at = now
        return None
    if new_uid is None:
        taken = used.union(session.channel.users())
        new_uid = next(uid for uid in iter(ids.uid, None) if uid not in taken)
    session.failovers.append(
        Failover(at=now, until=seconds_after(now, seconds), uid=new_uid, old_reports=old_reports)
    )
    return new_uid
