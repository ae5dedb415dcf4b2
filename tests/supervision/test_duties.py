"""What a recording needs next: a table, written by hand from the documented times."""

from datetime import UTC, datetime, timedelta
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import Recording, State
from agora_rec.clock import LoopClock
from agora_rec.lifecycle import Change, FactKey, Standing
from agora_rec.recording.watching import Looks
from agora_rec.supervision import Charge, Rota
from agora_rec.supervision.charge import Owner
from agora_rec.supervision.duties import Duty, Now, next_duty

WALL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = Now(1000.0, WALL)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
UPLOAD = timedelta(minutes=20)


def at(seconds: float) -> datetime:
    """So many seconds from now."""
    return WALL + timedelta(seconds=seconds)


def a_charge(state: State, **known: Any) -> Charge:
    """A recording of which this is known; moments are seconds from now."""
    acquired, left, exited = (known.pop(each, None) for each in ("acquired", "left", "exited"))
    standing = Standing(
        state=state,
        sid=None if state in (State.IDLE, State.ACQUIRED, State.STARTING) else known.pop("sid", "s"),
        acquired_at=None if acquired == inf else at(-10) if acquired is None else at(acquired),
        left_at=None if left is None else at(left),
        exited_at=None if exited is None else at(exited),
    )
    if state is State.IDLE:
        standing = evolve(standing, acquired_at=None)
    changed = known.pop("changed", None)
    change = Change(at=at(changed or 0.0), fact=FactKey.STOP_SENT, before=State.RECORDING, after=state)
    history = () if changed is None else (change,)
    ledger = SimpleNamespace(
        state=state,
        standing=standing,
        history=SimpleNamespace(items=history),
        heard=SimpleNamespace(notifications=()),
        description=SimpleNamespace(resource_expired_hour=known.pop("hours", None)),
    )
    driver = SimpleNamespace(
        ledger=ledger,
        keeper=SimpleNamespace(expects_notifications=known.pop("hears", False)),
        is_stopping=known.pop("is_stopping", False),
        is_unsure_of_stop=known.pop("is_unsure", False),
        is_lapsed=known.pop("is_lapsed", False),
    )
    charge = Charge(cast("Recording", SimpleNamespace(driver=driver)), cast("Owner", None))
    charge.is_held = True
    for name, value in known.items():
        if name in ("until", "renew_at"):
            value = at(value)  # noqa: PLW2901 - written as seconds above
        elif name in ("look_at", "lease_at", "stop_at", "stop_not_before", "answered_at", "heard_at"):
            value += NOW.monotonic  # noqa: PLW2901 - the same
        setattr(charge, name, value)
    return charge


LOOKS = Looks(LoopClock())
S = State
TABLE: list[tuple[str, Charge, tuple[float, Duty]]] = [
    ("closed", a_charge(S.RECORDING, look_at=5, is_closed=True), (inf, Duty.WAIT)),
    # Before the sid.
    ("refused", a_charge(S.IDLE), (0, Duty.CLOSE)),
    ("refused, to be acquired anew", a_charge(S.IDLE, is_beginning=True), (inf, Duty.WAIT)),
    ("acquired anew", a_charge(S.ACQUIRED, is_beginning=True), (inf, Duty.WAIT)),
    ("withdrawn", a_charge(S.ACQUIRED, stop_at=-5), (0, Duty.CLOSE)),
    ("no answer", a_charge(S.STARTING, acquired=-10), (7 * MINUTE - 10, Duty.CLOSE)),
    ("no answer, asked again", a_charge(S.STARTING, is_beginning=True), (inf, Duty.WAIT)),
    ("no answer, to be stopped", a_charge(S.STARTING, stop_at=-3), (-3, Duty.STOP)),
    ("no answer, its time over", a_charge(S.STARTING, until=20), (20, Duty.STOP)),
    ("a stop remembered", a_charge(S.STARTING, stop_at=-3, is_stopping=True), (5, Duty.WAIT)),
    (
        "a stop that has not brought the sid",
        a_charge(S.STARTING, stop_at=-3, stop_not_before=12),
        (12, Duty.STOP),
    ),
    (
        "no answer, too late to ask for it",
        a_charge(S.STARTING, acquired=-310, stop_at=-3, is_lapsed=True),
        (110, Duty.CLOSE),
    ),
    ("long over", a_charge(S.STARTING, acquired=-500, is_lapsed=True), (-80, Duty.CLOSE)),
    # While it runs.
    ("idle", a_charge(S.RECORDING, look_at=70), (70, Duty.LOOK)),
    ("to be looked at", a_charge(S.RECORDING, look_at=-1), (-1, Duty.LOOK)),
    ("until before the look", a_charge(S.RECORDING, look_at=70, until=69), (69, Duty.STOP)),
    ("both at once", a_charge(S.RECORDING, look_at=70, until=70), (70, Duty.STOP)),
    ("until after the look", a_charge(S.RECORDING, look_at=70, until=71), (70, Duty.LOOK)),
    ("both overdue", a_charge(S.RECORDING, look_at=-50, lease_at=-60, until=-1), (-1, Duty.STOP)),
    ("wanted stopped", a_charge(S.RECORDING, look_at=70, stop_at=-2, until=500), (-2, Duty.STOP)),
    ("a stop has failed", a_charge(S.RECORDING, look_at=70, stop_at=-2, stop_not_before=9), (9, Duty.STOP)),
    ("looked at meanwhile", a_charge(S.RECORDING, look_at=3, stop_at=-2, stop_not_before=9), (3, Duty.LOOK)),
    ("a lease", a_charge(S.RECORDING, look_at=70, lease_at=69), (69, Duty.LEASE)),
    ("a look keeps the lease", a_charge(S.RECORDING, look_at=70, lease_at=70), (70, Duty.LOOK)),
    ("keys", a_charge(S.RECORDING, look_at=70, renew_at=69), (69, Duty.RENEW)),
    ("keys later", a_charge(S.RECORDING, look_at=70, renew_at=71), (70, Duty.LOOK)),
    (
        "keys, which another worker sends",
        a_charge(S.RECORDING, look_at=70, renew_at=-5, is_ours=False),
        (70, Duty.LOOK),
    ),
    (
        "busy",
        a_charge(S.RECORDING, look_at=-1, renew_at=-2, lease_at=-3, is_busy=True),
        (71 * HOUR - 10, Duty.WARN),
    ),
    ("nobody knows since when", a_charge(S.RECORDING, acquired=inf, look_at=70), (70, Duty.LOOK)),
    ("busy, its time over", a_charge(S.RECORDING, look_at=-1, until=30, is_busy=True), (30, Duty.STOP)),
    (
        "72 hours, an hour left",
        a_charge(S.RECORDING, acquired=-71 * HOUR - 1, look_at=70),
        (-1, Duty.WARN),
    ),
    (
        "72 hours, a little more left",
        a_charge(S.RECORDING, acquired=-71 * HOUR + 50, look_at=70),
        (50, Duty.WARN),
    ),
    ("two hours", a_charge(S.RECORDING, acquired=-108 * MINUTE, hours=2, look_at=70), (0, Duty.WARN)),
    (
        "two hours, earlier",
        a_charge(S.RECORDING, acquired=-107 * MINUTE, hours=2, look_at=70),
        (60, Duty.WARN),
    ),
    ("720 hours", a_charge(S.RECORDING, acquired=-719 * HOUR, hours=720, look_at=70), (0, Duty.WARN)),
    (
        "reported already",
        a_charge(S.RECORDING, acquired=-71.5 * HOUR, look_at=70, is_warned=True),
        (70, Duty.LOOK),
    ),
    (
        "busy, an hour left",
        a_charge(S.RECORDING, acquired=-71.5 * HOUR, is_busy=True),
        (-30 * MINUTE, Duty.WARN),
    ),
    # Notifications prove life.
    ("heard of", a_charge(S.RECORDING, answered_at=-50, look_at=70, heard_at=-10), (110, Duty.LOOK)),
    ("heard of before", a_charge(S.RECORDING, answered_at=-50, look_at=70, heard_at=-60), (70, Duty.LOOK)),
    ("for too long", a_charge(S.RECORDING, answered_at=-580, look_at=-460, heard_at=-1), (20, Duty.LOOK)),
    ("never answered", a_charge(S.RECORDING, answered_at=-inf, look_at=70, heard_at=-1), (70, Duty.LOOK)),
    ("in doubt", a_charge(S.RECORDING, answered_at=-50, look_at=3, heard_at=-1, looks=LOOKS), (3, Duty.LOOK)),
    (
        "another worker looks",
        a_charge(S.RECORDING, answered_at=-50, look_at=30, heard_at=-1, is_ours=False),
        (30, Duty.LOOK),
    ),
    # While it stops.
    ("a stop on its way", a_charge(S.STOPPING, is_stopping=True, is_unsure=False), (5, Duty.WAIT)),
    ("perhaps never sent", a_charge(S.STOPPING, is_unsure=True, changed=-4), (0, Duty.STOP)),
    ("sent and failed", a_charge(S.STOPPING, is_unsure=True, stop_not_before=12), (12, Duty.STOP)),
    (
        "another worker's stop",
        a_charge(S.STOPPING, is_unsure=True, changed=-4, lookout=object()),
        (26, Duty.STOP),
    ),
    (
        "another worker's, who has died",
        a_charge(S.STOPPING, is_unsure=True, changed=-40, lookout=object()),
        (0, Duty.STOP),
    ),
    (
        "our own, of which the store is shared",
        a_charge(S.STOPPING, is_unsure=True, changed=-4, lookout=object(), stops_sent=1),
        (0, Duty.STOP),
    ),
    (
        "nobody knows how long that is ago",
        a_charge(S.STOPPING, is_unsure=True, lookout=object()),
        (0, Duty.STOP),
    ),
    ("has left", a_charge(S.STOPPING, left=-5), (MINUTE, Duty.CLOSE)),
    ("has left, news may come", a_charge(S.STOPPING, left=-5, hears=True), (20 * MINUTE - 5, Duty.CLOSE)),
    ("has exited", a_charge(S.STOPPING, left=-300, exited=-5, hears=True), (MINUTE, Duty.CLOSE)),
    (
        "waited for its files for half a minute",
        a_charge(S.STOPPING, left=-40, waiting=(S.STOPPING, at(-30))),
        (30, Duty.CLOSE),
    ),
    (
        "has left, and is stopped all the same",
        a_charge(S.STOPPING, left=-5, is_stopping=True, stop_at=-8),
        (5, Duty.WAIT),
    ),
    # At the end.
    ("uploaded", a_charge(S.UPLOADED, hears=True), (0, Duty.CLOSE)),
    ("in the backup", a_charge(S.BACKUPED, hears=True), (0, Duty.CLOSE)),
    ("failed", a_charge(S.FAILED), (0, Duty.CLOSE)),
    ("failed, news may come", a_charge(S.FAILED, hears=True), (MINUTE, Duty.CLOSE)),
    ("refused for good", a_charge(S.FAILED, hears=True, sid=None), (0, Duty.CLOSE)),
    (
        "failed after it had stopped for long",
        a_charge(S.FAILED, hears=True, waiting=(S.STOPPING, at(-300))),
        (MINUTE, Duty.CLOSE),
    ),
    (
        "failed half a minute ago",
        a_charge(S.FAILED, hears=True, waiting=(S.FAILED, at(-30))),
        (30, Duty.CLOSE),
    ),
]


@pytest.mark.parametrize(("charge", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_comes_next_is_what_the_documents_say(charge: Charge, expected: tuple[float, Duty]):
    due, duty = next_duty(charge, NOW, Rota(inf), UPLOAD)
    assert duty is expected[1]
    assert due - NOW.monotonic == pytest.approx(expected[0], abs=1e-6)


def test_every_state_and_every_duty_is_in_the_table():
    assert {row[1].driver.ledger.state for row in TABLE} == set(State)
    assert {row[2][1] for row in TABLE} == set(Duty)


def test_the_end_of_its_time_is_a_moment_of_the_wall_s_clock():
    charge = a_charge(S.RECORDING, until=100, look_at=500)
    later = Now(NOW.monotonic + 10, WALL + timedelta(seconds=70))  # somebody has set the clock
    assert next_duty(charge, later, Rota(inf), UPLOAD) == (NOW.monotonic + 40, Duty.STOP)


moments = st.integers(-200, 200) | st.just(inf)
wanted_at = {
    "look_at": moments,
    "lease_at": moments,
    "stop_at": moments,
    "until": moments,
    "renew_at": moments,
}


@given(
    st.fixed_dictionaries(wanted_at),
    st.sampled_from([-inf, 10, -10]),
    st.sampled_from(["ours", "theirs", "busy"]),
)
def test_of_all_that_is_to_be_done_while_it_runs_nothing_is_late_and_a_stop_is_first(
    at_seconds: dict[str, float], again: float, situation: str
):
    known = {name: seconds for name, seconds in at_seconds.items() if seconds < inf}
    is_ours, is_busy = situation != "theirs", situation == "busy"
    charge = a_charge(S.RECORDING, **known, stop_not_before=again, is_ours=is_ours, is_busy=is_busy)

    due, duty = next_duty(charge, NOW, Rota(inf), UPLOAD)

    stop_at = max(again, min(at_seconds["stop_at"], at_seconds["until"]))
    wanted = {Duty.STOP: stop_at, Duty.WARN: 71 * HOUR - 10}
    if not is_busy:
        wanted |= {Duty.LOOK: at_seconds["look_at"], Duty.LEASE: at_seconds["lease_at"]}
        wanted[Duty.RENEW] = at_seconds["renew_at"] if is_ours else inf
    first = min(wanted.values())
    assert due - NOW.monotonic == pytest.approx(wanted[duty])
    assert duty is Duty.STOP if stop_at <= max(0, first) else wanted[duty] == first
