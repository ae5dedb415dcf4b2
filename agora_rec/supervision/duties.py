"""What a recording needs next, and when: one function over all that is known of it.

Nothing is sent or awaited here; all that it writes down is since when a recording waits for its files.
"""

from datetime import datetime, timedelta
from enum import Enum, unique
from math import inf
from typing import Final

from attrs import frozen

from agora_rec.lifecycle import RESOURCE_ID_LIFETIME
from agora_rec.recording.waiting import UPLOAD_GRACE, hope
from agora_rec.supervision.charge import Charge
from agora_rec.supervision.rota import Rota
from agora_rec.vocabulary import State

LIFETIME_MARGIN: Final = 3600.0
"""Seconds before its calls stop working when that is reported, at most a tenth of its lifetime."""
AWAIT_SID: Final = timedelta(minutes=2)
"""For how long the sid of a start without an answer may still come, when its resource ID is too old to ask: a
failover takes 90 s, and what is notified in that time is sent three times."""
OTHERS_STOP: Final = 30.0
"""Seconds for which a stop that another worker has written down is left to him: as long as it may take."""
LOOK_AGAIN: Final = 5.0
"""Seconds after which is looked whether a stop that is under way has been answered."""


@unique
class Duty(Enum):
    """What is to be done for a recording."""

    WAIT = "nothing is to be done now"
    LOOK = "see by query whether it runs"
    LEASE = "keep the right to look"
    STOP = "stop it, or stop it again"
    RENEW = "renew the keys of its storage"
    WARN = "report that its calls will soon work no more"
    CLOSE = "nothing more is to be done, ever"


@frozen
class Now:
    """One moment by both clocks."""

    monotonic: float
    wall: datetime

    def at(self, moment: datetime) -> float:
        """A moment of the wall's clock by the other one."""
        return self.monotonic + (moment - self.wall).total_seconds()


def next_duty(charge: Charge, now: Now, rota: Rota, upload_timeout: timedelta) -> tuple[float, Duty]:
    """What comes next for a recording, and when; a moment that has passed means now.

    Args:
        charge: The recording.
        now: The moment.
        rota: When running recordings are looked at.
        upload_timeout: How long its files may take, where notifications are to tell of them.
    """
    if charge.is_closed:
        return inf, Duty.WAIT
    state = charge.driver.ledger.state
    if state is State.RECORDING:
        return _while_it_runs(charge, now, rota)
    if state is State.STOPPING:
        return _while_it_stops(charge, now, upload_timeout)
    if state.is_end:
        return _at_the_end(charge, now)
    return _before_the_sid(charge, now)


def _before_the_sid(charge: Charge, now: Now) -> tuple[float, Duty]:
    """Its sid may still come by a notification, for a while, and by the same start where a stop needs it."""
    driver, acquired_at = charge.driver, charge.driver.ledger.standing.acquired_at
    if driver.ledger.state.is_before_start or acquired_at is None:  # nothing runs
        return (inf, Duty.WAIT) if charge.is_beginning else (now.monotonic, Duty.CLOSE)
    if driver.is_stopping:
        return now.monotonic + LOOK_AGAIN, Duty.WAIT
    due, duty = inf, Duty.WAIT
    if not charge.is_beginning:
        due, duty = now.at(acquired_at + RESOURCE_ID_LIFETIME + AWAIT_SID), Duty.CLOSE
    if not driver.is_lapsed and (stop_at := _stop_at(charge, now)) < due:
        return stop_at, Duty.STOP
    return due, duty


def _stop_at(charge: Charge, now: Now) -> float:
    wanted_at = charge.stop_at if charge.until is None else min(charge.stop_at, now.at(charge.until))
    return max(wanted_at, charge.stop_not_before)


def _while_it_runs(charge: Charge, now: Now, rota: Rota) -> tuple[float, Duty]:
    due, duty = _stop_at(charge, now), Duty.STOP
    if due <= now.monotonic:
        return due, duty  # before all else, however long that is due
    if not charge.is_warned and (warn_at := _warn_at(charge, now)) < due:
        due, duty = warn_at, Duty.WARN
    if charge.is_busy:
        return due, duty
    if (look_at := _look_at(charge, rota)) < due:
        due, duty = look_at, Duty.LOOK
    if charge.lease_at < due:
        due, duty = charge.lease_at, Duty.LEASE
    if charge.renew_at is not None and charge.is_ours and (renew_at := now.at(charge.renew_at)) < due:
        due, duty = renew_at, Duty.RENEW
    return due, duty


def _warn_at(charge: Charge, now: Now) -> float:
    # In seconds: this is asked at every look, and values of datetime are dear.
    acquired_at = charge.driver.ledger.standing.acquired_at or now.wall
    lifetime = charge.lifetime_hours * 3600.0
    return now.at(acquired_at) + lifetime - min(LIFETIME_MARGIN, lifetime / 10)


def _look_at(charge: Charge, rota: Rota) -> float:
    if charge.looks is not None or not charge.is_ours or charge.heard_at <= charge.answered_at:
        return charge.look_at
    return max(charge.look_at, rota.after(charge.answered_at, charge.heard_at))


def _while_it_stops(charge: Charge, now: Now, upload_timeout: timedelta) -> tuple[float, Duty]:
    driver = charge.driver
    if driver.is_stopping:
        return now.monotonic + LOOK_AGAIN, Duty.WAIT
    if driver.is_unsure_of_stop:
        return max(now.monotonic, charge.stop_not_before, _others_stop_until(charge, now)), Duty.STOP
    return now.at(hope(driver, _waiting_since(charge, now), normal=upload_timeout)), Duty.CLOSE


def _others_stop_until(charge: Charge, now: Now) -> float:
    """Until when a stop that isn't ours may be on its way, at a worker that lives."""
    changes = charge.driver.ledger.history.items
    if charge.lookout is None or charge.stops_sent or not changes:
        return -inf
    return now.at(changes[-1].at) + OTHERS_STOP


def _at_the_end(charge: Charge, now: Now) -> tuple[float, Duty]:
    driver = charge.driver
    is_sure = driver.ledger.state is not State.FAILED or driver.ledger.standing.sid is None
    if is_sure or not driver.keeper.expects_notifications:
        return now.monotonic, Duty.CLOSE
    # There may be files all the same, and news of them on its way.
    return now.at(_waiting_since(charge, now)) + UPLOAD_GRACE, Duty.CLOSE


def _waiting_since(charge: Charge, now: Now) -> datetime:
    """Since when it waits in this state for news of its files."""
    state = charge.driver.ledger.state
    if charge.waiting is None or charge.waiting[0] is not state:
        charge.waiting = state, now.wall
    return charge.waiting[1]
