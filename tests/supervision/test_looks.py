"""Looking at what runs: when it is asked, what counts as a loss, and what notifications change about that."""

from datetime import datetime
from itertools import pairwise
from math import inf

import anyio
import pytest
from attrs import evolve

from agora_rec import State
from agora_rec.emulator import Delay, LoseAnswer, Refuse
from agora_rec.model import QueryAnswer
from agora_rec.model.events import (
    ErrorLevel,
    RecorderStarted,
    RecordingError,
    SliceStarted,
    UploadingProgress,
)
from agora_rec.recording import watching
from agora_rec.recording.driver import Driver
from agora_rec.recording.jobs import Job
from agora_rec.recording.watching import WATCH_EVERY, Looks
from agora_rec.supervision import Charge, IncidentKind
from tests.supervision.desk import HEARS, NOT_FOUND, Desk, desk
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, STOP, a_client, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

FATAL = RecordingError(error_level=ErrorLevel.FATAL, error_code=7)


def after(moment: float, at: Desk) -> list[float]:
    """When it was asked after a moment, in seconds from then on."""
    return [seconds for seconds in at.on.times_of(QUERY, since=moment) if seconds > 0]


async def test_it_is_confirmed_after_five_seconds_and_looked_at_every_two_minutes_from_then_on():
    async with desk(latency=0) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        at.look_after(recording)
        await anyio.sleep(1000)
        first, *others = at.on.times_of(QUERY, since=began)
        assert first == 5.0
        assert 5.0 < others[0] <= 5.0 + WATCH_EVERY
        assert {round(b - a, 6) for a, b in pairwise(others)} == {WATCH_EVERY}
        assert at.owner.told == []


async def test_one_that_began_when_nobody_remembers_any_more_is_looked_at_at_once():
    async with desk(latency=0) as at:
        recording = await at.on.started()
        await anyio.sleep(1000)
        forgetful = evolve(recording.checkpoint(), history=())
        async with a_client(at.on.emulator, at.on.clock) as later:
            at.look_after(later.attach(forgetful))
            began = at.on.clock.monotonic()
            await anyio.sleep(4)
            assert at.on.times_of(QUERY, since=began) == [0]


async def test_the_documented_schedule_confirms_what_begins_slowly():
    async with desk(latency=0, start_seconds=40) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        at.look_after(recording)
        await anyio.sleep(51)
        assert at.on.times_of(QUERY, since=began) == [5, 10, 20, 35, 50]


async def test_what_is_taken_over_later_is_asked_as_soon_as_its_five_seconds_are_over():
    async with desk(latency=0) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        await anyio.sleep(3)
        at.look_after(recording)
        await anyio.sleep(3)
        other = await at.on.started("other", 2)
        await anyio.sleep(60)
        at.look_after(other)
        await anyio.sleep(1)
        assert at.on.times_of(QUERY, since=began) == [5, 66]


async def test_a_notification_alone_confirms_it_only_when_the_first_look_was_due():
    async with desk(client=HEARS, latency=0) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        charge = at.look_after(recording)
        await anyio.sleep(2)
        await at.tell(recording, RecorderStarted())
        await anyio.sleep(2)
        assert charge.looks is not None
        await anyio.sleep(130)
        assert at.on.times_of(QUERY, since=began)[0] == 5


async def test_a_notification_after_that_confirms_what_nobody_has_answered_for():
    async with desk(client=HEARS, latency=0) as at:
        recording = await at.on.started()
        charge = at.look_after(recording)
        at.on.emulator.inject(Refuse(401, message="Unauthorized"), operation=QUERY, times=None)
        await anyio.sleep(21)
        seen = len(at.on.calls(QUERY))
        await at.tell(recording, SliceStarted())
        assert charge.looks is None
        assert charge.look_at <= at.on.clock.monotonic() + WATCH_EVERY
        await anyio.sleep(10)
        assert len(at.on.calls(QUERY)) - seen <= 1, "the documented schedule is left"


async def test_the_looks_at_many_are_spread_over_the_two_minutes():
    async with desk() as at:
        for number in range(24):
            at.look_after(await at.on.started(f"class-{number}", 100 + number))
        await anyio.sleep(300)
        seen = len(at.on.calls(QUERY))
        await anyio.sleep(WATCH_EVERY)
        looks = at.on.times_of(QUERY)[seen:]
        assert len(looks) == 24
        assert max(b - a for a, b in pairwise(looks)) < 2.7 * WATCH_EVERY / 24


async def test_those_that_come_due_at_once_go_one_after_another():
    async with desk(latency=0) as at:
        charges = [await at.confirmed(f"class-{number}", 100 + number) for number in range(5)]
        began = at.on.clock.monotonic()
        for charge in charges:
            charge.look_at = began + 1
            at.supervisor.touch(charge)
        await anyio.sleep(10)
        assert after(began, at) == [1, 2, 3, 4, 5]


async def test_what_the_service_has_lost_is_denied_on_schedule_past_a_failover():
    async with desk(latency=0) as at:
        charge = await at.confirmed()
        at.on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        first = await at.next_look()
        await anyio.sleep(89)
        assert at.owner.told == []
        await anyio.sleep(2)
        assert at.on.times_of(QUERY, since=first)[1:] == [0, 5, 15, 30, 45, 60, 75, 90]
        assert at.owner.told == ["left", "lost"]
        assert "90 s" in at.owner.texts[0]
        assert charge.recording.state is State.STOPPING
        await anyio.sleep(100)
        assert len(at.on.calls(QUERY)) == 9, "what is gone is not asked any more"


async def test_what_never_began_is_lost_a_whole_failover_after_it_was_first_denied():
    async with desk(latency=0) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        at.on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        at.look_after(recording)
        await anyio.sleep(94)
        assert at.owner.told == []
        await anyio.sleep(1.5)
        assert at.on.times_of(QUERY, since=began) == [5, 10, 20, 35, 50, 65, 80, 95]
        assert at.owner.kinds == [IncidentKind.LOST]


@pytest.mark.parametrize("seconds", [30, 60, 90])
async def test_a_failover_is_no_loss(seconds: int):
    async with desk() as at:
        charge = await at.confirmed()
        charge.look_at = at.on.clock.monotonic() + 1
        at.supervisor.touch(charge)
        at.on.emulator.fail_over(charge.recording.sid or "", seconds=seconds)
        await anyio.sleep(400)
        assert at.owner.told == []
        assert charge.recording.state is State.RECORDING
        assert charge.looks is None


@pytest.mark.parametrize("fault", [Refuse(500), LoseAnswer(), Refuse(401, message="Unauthorized")], ids=repr)
async def test_what_cannot_be_asked_for_ten_minutes_is_not_lost(fault: Refuse | LoseAnswer):
    async with desk() as at:
        charge = await at.confirmed()
        at.on.emulator.inject(fault, operation=QUERY, times=None)
        await anyio.sleep(900)
        assert at.owner.told == []
        assert charge.recording.state is State.RECORDING


async def test_what_looks_like_trouble_is_looked_at_at_once():
    async with desk(client=HEARS, latency=0) as at:
        charge = await at.confirmed()
        began = at.on.clock.monotonic()
        charge.look_at = began + 100
        await anyio.sleep(20)
        await at.tell(charge.recording, FATAL)
        await anyio.sleep(70)
        assert after(began, at) == [20]
        assert charge.looks is None


async def test_trouble_that_is_told_of_during_a_look_is_looked_at_after_it():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        at.on.emulator.inject(Delay(5), operation=QUERY)
        first = await at.next_look()
        await anyio.sleep(1)
        await at.tell(charge.recording, FATAL)
        await at.tell(charge.recording, UploadingProgress(progress=5))
        await anyio.sleep(10)
        looks = [seen for seen in at.on.times_of(QUERY) if seen >= first]
        assert len(looks) == 2
        assert looks[1] - first < 6


async def test_trouble_that_a_failover_was_does_no_harm():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        at.on.emulator.fail_over(charge.recording.sid or "", seconds=60)
        await at.tell(charge.recording, FATAL)
        await anyio.sleep(1)
        assert charge.looks is not None
        await anyio.sleep(100)
        assert (charge.looks is None) is True
        assert at.owner.told == []


async def test_notifications_put_looks_off_for_five_intervals_and_no_longer():
    async with desk(client=HEARS, latency=0) as at:
        charge = await at.confirmed()
        looked = await at.next_look()
        for number in range(40):
            await anyio.sleep(60)
            await at.tell(charge.recording, UploadingProgress(progress=number))
        assert after(looked, at) == pytest.approx([600, 1200, 1800, 2400], abs=1)


async def test_when_notifications_cease_it_is_looked_at_an_interval_after_the_last_one():
    async with desk(client=HEARS, latency=0) as at:
        charge = await at.confirmed()
        looked = await at.next_look()
        await anyio.sleep(100)
        await at.tell(charge.recording, UploadingProgress(progress=1))
        await anyio.sleep(200)
        assert after(looked, at) == pytest.approx([220], abs=1)


async def test_what_was_last_heard_or_seen_of_it_says_when_it_was_last_seen():
    async with desk(client=HEARS, latency=0) as at:
        recording = await at.on.started()
        charge = at.look_after(recording)
        assert last_seen(charge) is None
        await anyio.sleep(1)
        await at.tell(recording, RecorderStarted())
        await anyio.sleep(2)
        await at.tell(recording, UploadingProgress(progress=1))
        heard_at = at.on.clock.now()
        await anyio.sleep(1)
        assert last_seen(charge) == heard_at
        await at.next_look()
        assert (last_seen(charge) or heard_at) > heard_at
        charge.recording._driver.seen_at, charge.heard_at = None, -inf  # as in a new process
        assert last_seen(charge) == recording._ledger.standing.confirmed_at


def last_seen(charge: Charge) -> datetime | None:
    """Read anew: type checkers believe that it stays what an assert found."""
    return charge.last_seen


async def test_whatever_fails_in_a_look_disturbs_no_other_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with desk(latency=0) as at:
        one, other = await at.confirmed("one", 1), await at.confirmed("other", 2)
        real, attended = watching.learn, list[float]()

        def learn(driver: Driver, looks: Looks, job: Job[QueryAnswer]) -> None:
            if driver is one.driver:
                attended.append(at.on.clock.monotonic())
                raise ValueError
            real(driver, looks, job)

        monkeypatch.setattr(watching, "learn", learn)
        await anyio.sleep(500)
        assert len(attended) == 4
        assert {round(b - a, 6) for a, b in pairwise(attended)} == {WATCH_EVERY}
        assert len([each for each in at.on.calls(QUERY) if each.cname == "other"]) >= 5
        failures = [each for each in caplog.records if "supervision failed" in each.message]
        assert len(failures) == 4
        assert all("one/1" in each.message and each.exc_info for each in failures)
        monkeypatch.undo()
        at.supervisor.stop(one)
        at.supervisor.stop(other)
        await anyio.sleep(5)
        assert at.on.running == []


async def test_an_owner_who_fails_takes_no_fact_from_anybody(caplog: pytest.LogCaptureFixture):
    async with desk() as at:
        one, other = await at.confirmed("one", 1), await at.confirmed("other", 2)
        at.owner.wrong = ValueError("whatever")
        at.supervisor.stop(one)
        await anyio.sleep(30)
        assert state_of(one.recording) is State.UPLOADED
        stored = await at.cloud.store.load(one.recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.state is State.UPLOADED
        at.owner.wrong = None
        at.supervisor.stop(other)
        await anyio.sleep(30)
        assert at.on.sent.count(STOP) == 2
        assert other.is_closed
        assert "supervision failed" in caplog.text


async def test_an_owner_who_fails_where_something_is_due_stops_no_supervisor(
    caplog: pytest.LogCaptureFixture,
):
    async with desk() as at:
        charge = at.look_after(await at.on.started(resource_expired_hour=1))
        at.owner.wrong = ValueError("whatever")
        await anyio.sleep(53 * 60)
        assert at.owner.kinds == []
        await anyio.sleep(90)
        assert (charge.is_warned, at.owner.kinds) == (True, [IncidentKind.LIFETIME])
        at.owner.wrong = None
        seen = len(at.on.calls(QUERY))
        await anyio.sleep(300)
        assert len(at.on.calls(QUERY)) >= seen + 2
        assert f"{charge.lifetime_ends:%Y-%m-%d %H:%M}" in at.owner.texts[0]


def test_a_charge_shows_what_it_is_and_when_it_is_due():
    charge = Charge("<a recording>", None)  # type: ignore[arg-type]
    assert repr(charge) == "<Charge '<a recording>' due=inf>"
