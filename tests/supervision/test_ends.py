"""How looking after a recording ends: with its files, or given up; and what is heard of it after that."""

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import LoseAnswer, Refuse, Upload
from agora_rec.errors import StartUnconfirmed
from agora_rec.lifecycle import facts
from agora_rec.model.events import (
    ExitStatus,
    FilesBackuped,
    FilesUploaded,
    LeaveCode,
    RecorderLeft,
    SessionExit,
    SessionFailover,
)
from agora_rec.recording.watching import WATCH_EVERY
from agora_rec.supervision import Charge, IncidentKind
from tests.supervision.desk import HEARS, NOT_FOUND, Desk, desk
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, START, STOP, UID, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NEW_UID = 1840226113


async def given_up(at: Desk) -> Charge:
    """A recording whose start has worked and was not answered, and that was given up after seven minutes."""
    charge = await at.unanswered()
    await anyio.sleep(430)
    assert charge.is_closed
    assert at.owner.told == ["unconfirmed", "ended"]
    return charge


async def without_news(at: Desk) -> Charge:
    """A recording that was stopped, and of whose files nobody has said anything yet."""
    charge = await at.confirmed()
    at.on.emulator.inject(Upload(seconds=1e5), operation=STOP)
    at.supervisor.stop(charge)
    await anyio.sleep(25)
    assert state_of(charge.recording) is State.STOPPING
    assert at.owner.told == ["left"]
    return charge


async def test_without_notifications_nobody_waits_longer_than_a_minute_for_news_of_the_files():
    async with desk() as at:
        charge = await without_news(at)
        await anyio.sleep(70)
        assert charge.is_closed
        assert at.owner.told == ["left", "upload unknown", "ended"]
        assert at.supervisor.rota.count == 0


async def test_with_notifications_they_may_take_as_long_as_the_owner_says():
    async with desk(client=HEARS, upload=600) as at:
        charge = await without_news(at)
        await anyio.sleep(560)
        assert not charge.is_closed
        await anyio.sleep(60)
        assert at.owner.told == ["left", "upload unknown", "ended"]


async def test_an_exit_that_was_reported_leaves_a_minute():
    async with desk(client=HEARS) as at:
        charge = await without_news(at)
        await at.tell(charge.recording, SessionExit(exit_status=ExitStatus.NORMAL))
        await anyio.sleep(55)
        assert not charge.is_closed
        await anyio.sleep(10)
        assert charge.is_closed


async def test_news_that_come_after_it_was_given_up_are_told_to_its_owner():
    async with desk(client=HEARS, upload=60) as at:
        charge = await without_news(at)
        await anyio.sleep(100)
        assert at.owner.told == ["left", "upload unknown", "ended"]
        await at.tell(charge.recording, FilesUploaded())
        assert state_of(charge.recording) is State.UPLOADED
        assert at.owner.told[3] == "ended"
        await at.tell(charge.recording, FilesBackuped())
        assert state_of(charge.recording) is State.BACKUPED
        assert at.owner.told[-1] == "ended"


async def test_a_sid_that_comes_after_it_was_given_up_has_it_stopped():
    async with desk(client=HEARS) as at:
        charge = await given_up(at)
        (sid,) = at.on.running
        await at.tell(charge.recording, SessionFailover(new_uid=0), sid=sid)
        assert at.owner.told == ["unconfirmed", "ended", "returned"]
        assert at.supervisor.rota.count == 1
        await anyio.sleep(10)
        assert at.on.running == []
        assert at.owner.told[3:] == ["left", "ended"]
        assert charge.is_closed
        assert at.supervisor.rota.count == 0


async def test_a_sid_that_comes_when_nobody_supervises_any_more_has_it_stopped_all_the_same():
    async with desk(client=HEARS) as at:
        charge = await given_up(at)
        (sid,) = at.on.running
        with anyio.CancelScope(shield=True):
            at.leave()
            await anyio.sleep(1)
            await at.tell(charge.recording, SessionFailover(new_uid=0), sid=sid)
            await anyio.sleep(10)
            assert at.on.running == []
            assert at.owner.told == ["unconfirmed", "ended"]


async def test_an_owner_who_fails_then_harms_nobody(caplog: pytest.LogCaptureFixture):
    async with desk(client=HEARS, upload=60) as at:
        charge = await without_news(at)
        await anyio.sleep(100)
        at.owner.wrong = ValueError("whatever")
        await at.tell(charge.recording, FilesUploaded())
        assert state_of(charge.recording) is State.UPLOADED
        assert "supervision failed" in caplog.text


async def test_what_runs_on_after_its_end_was_reported_and_closed_is_stopped():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        charge.recording._ledger.absorb(facts.Uploaded(instance_uid=UID))
        await anyio.sleep(1)
        assert (charge.is_closed, at.owner.told) == (True, ["left", "ended"])
        charge.recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
        await anyio.sleep(30)
        assert at.on.running == []
        assert at.owner.told == ["left", "ended", "returned", "left", "ended"]
        assert at.supervisor.rota.count == 0


async def test_what_runs_on_while_its_files_are_waited_for_is_looked_after_again():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        charge.recording._ledger.absorb(facts.EndedWithoutFiles(reason="exit status 1", instance_uid=UID))
        await anyio.sleep(10)
        assert at.owner.told == ["left"]
        began = at.on.clock.monotonic()
        charge.recording._ledger.absorb(facts.HeardFrom(instance_uid=NEW_UID))
        assert at.owner.told == ["left", "returned"]
        await anyio.sleep(1)
        assert at.on.times_of(QUERY, since=began)[-1] == pytest.approx(0, abs=0.1), "it is looked at at once"
        await anyio.sleep(600)
        assert not charge.is_closed
        assert len(at.on.running) == 1


async def test_a_stop_that_was_acknowledged_for_another_instance_is_sent_anew_and_has_not_failed():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        at.on.emulator.inject(Upload(seconds=1e5), operation=STOP)
        at.on.emulator.inject(Refuse(400, code=49), operation=STOP)
        charge.recording._ledger.absorb(facts.Left(reason="event 41", instance_uid=UID))
        charge.stops_sent, charge.stop_not_before = 2, at.on.clock.monotonic() + 60
        await anyio.sleep(10)
        charge.recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
        at.supervisor.stop(charge)
        await anyio.sleep(1)
        assert at.on.sent[-1] == STOP
        assert at.owner.kinds == []


async def test_what_returns_is_not_lost_by_what_was_denied_of_the_instance_before():
    async with desk(client=HEARS, latency=0) as at:
        charge = await at.confirmed()
        at.on.emulator.inject(NOT_FOUND, operation=QUERY, times=8)
        await at.next_look()
        await anyio.sleep(80)
        charge.recording._ledger.absorb(facts.Left(reason="event 41", instance_uid=UID))
        await anyio.sleep(20)
        charge.recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
        await anyio.sleep(300)
        assert at.owner.told == ["left", "returned"]
        assert state_of(charge.recording) is State.RECORDING


@pytest.mark.parametrize(
    ("fact", "kind", "words"),
    [
        (facts.OutOfControl(reason="code 433"), IncidentKind.OUT_OF_CONTROL, "takes no more calls"),
        (facts.EndedWithoutFiles(reason="event 11: exit"), IncidentKind.LOST, "abnormally; event 11: exit"),
    ],
    ids=["out of control", "abnormal"],
)
async def test_a_bad_end_is_told(fact: facts.Fact, kind: IncidentKind, words: str):
    async with desk() as at:
        charge = await at.confirmed()
        charge.recording._ledger.absorb(fact)
        await anyio.sleep(1)
        assert at.owner.told == ["left", kind.value, "ended"]
        assert words in at.owner.texts[0]


async def test_a_failure_leaves_a_minute_for_news_of_files_where_they_may_come():
    async with desk(client=HEARS) as at:
        charge = await at.confirmed()
        await at.tell(charge.recording, RecorderLeft(leave_code=LeaveCode.NO_USERS))
        await anyio.sleep(300)
        await at.tell(charge.recording, SessionExit(exit_status=ExitStatus.ABNORMAL))
        assert state_of(charge.recording) is State.FAILED
        await anyio.sleep(50)
        assert at.owner.told == ["left"]
        await at.tell(charge.recording, FilesUploaded())
        await anyio.sleep(1)
        assert at.owner.told == ["left", "ended"]


@pytest.mark.parametrize("is_beginning", [False, True])
async def test_what_was_refused_is_closed_unless_its_owner_starts_it_anew(*, is_beginning: bool):
    async with desk(client=HEARS) as at:
        recording = at.on.recording()
        await recording.acquire()
        charge = at.look_after(recording, is_beginning=is_beginning)
        await anyio.sleep(1000)
        assert charge.is_closed is not is_beginning
        assert at.owner.kinds == []
        charge.is_beginning = False
        at.supervisor.touch(charge)
        await anyio.sleep(1)
        assert charge.is_closed
        assert recording._ledger.watcher is None
        assert at.supervisor.rota.count == 0


async def test_what_was_adopted_without_a_sid_is_confirmed_five_seconds_after_that_has_come():
    async with desk(client=HEARS) as at:
        recording = at.on.recording()
        at.on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        at.look_after(recording)
        await anyio.sleep(60)
        (sid,) = at.on.running
        await at.tell(recording, SessionFailover(new_uid=0), sid=sid)
        began = at.on.clock.monotonic()
        await anyio.sleep(6)
        assert at.on.times_of(QUERY, since=began) == [pytest.approx(5, abs=0.1)]


async def test_what_is_looked_after_by_nobody_is_left_alone():
    async with desk() as at:
        recording = await at.on.started()
        charge = Charge(recording, at.owner)
        at.supervisor.touch(charge)
        at.supervisor.stop(charge)
        await anyio.sleep(200)
        assert at.on.sent == ["acquire", "start"]
        at.supervisor.dismiss(charge)
        at.supervisor.dismiss(charge)
        assert at.supervisor.rota.count == 0
        at.supervisor.look_after(charge)
        await anyio.sleep(200)
        assert at.on.sent == ["acquire", "start"], "it was dismissed before it was looked after"
        assert at.supervisor.rota.count == 0


async def test_what_is_dismissed_is_asked_for_no_more_and_counts_no_more():
    async with desk() as at:
        charge = await at.confirmed()
        assert at.supervisor.rota.count == 1
        at.supervisor.dismiss(charge)
        at.supervisor.dismiss(charge)
        assert at.supervisor.rota.count == 0
        seen = len(at.on.sent)
        await charge.recording.stop()
        await anyio.sleep(600)
        assert len(at.on.sent) == seen + 1
        assert at.owner.told == []


async def test_an_owner_may_dismiss_it_when_he_is_told_that_it_has_left():
    async with desk() as at:
        charge = await at.confirmed()
        at.owner.on_left = at.supervisor.dismiss
        at.supervisor.stop(charge)
        await anyio.sleep(300)
        assert at.owner.told == ["left"]
        assert at.supervisor.rota.count == 0


async def test_a_look_at_what_is_dismissed_gives_up_as_soon_as_it_may():
    async with desk() as at:
        charge = await at.confirmed()
        at.on.emulator.inject(Refuse(503), operation=QUERY, times=None)
        await at.next_look()
        await anyio.sleep(1)
        assert charge.is_busy
        at.supervisor.dismiss(charge)
        seen = len(at.on.calls(QUERY))
        await anyio.sleep(60)
        assert len(at.on.calls(QUERY)) == seen
        assert not charge.is_busy


async def test_an_owner_may_dismiss_it_when_he_is_told_that_it_is_lost():
    async with desk() as at:
        charge = await at.confirmed()
        at.owner.on_left = at.supervisor.dismiss
        at.on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        await anyio.sleep(WATCH_EVERY + 200)
        assert at.owner.told == ["left", "lost"]
        assert charge.is_closed


async def test_what_nobody_has_acquired_is_closed_at_once():
    async with desk() as at:
        charge = at.look_after(at.on.recording())
        await anyio.sleep(1)
        assert (charge.is_closed, at.owner.told, at.on.sent) == (True, ["ended"], [])


async def test_what_is_let_go_runs_on_and_nobody_asks_for_it():
    async with desk() as at:
        charge = await at.confirmed()
        await at.supervisor.let_go(charge)
        seen = len(at.on.sent)
        await anyio.sleep(300)
        assert len(at.on.sent) == seen
        assert len(at.on.running) == 1
