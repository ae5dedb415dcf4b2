"""What a fleet does when a recording runs on of which it had the end: it stops it, and tells of it anew."""

from datetime import timedelta

import anyio
import pytest

from agora_rec import Fleet, ResultState, Spec, State
from agora_rec.emulator import LoseAnswer
from agora_rec.errors import StartUnconfirmed
from agora_rec.lifecycle import facts
from agora_rec.model.events import SessionFailover
from tests.supervision.desk import HEARS, tell
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, START, UID, mix, stage, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NEW_UID = 1840226113


@pytest.mark.parametrize("kept", [0, 10])
async def test_what_runs_on_after_its_result_was_given_is_stopped_and_its_result_given_anew(kept: int):
    async with stage(client=HEARS) as on:
        async with Fleet(on.cloud, on_exit="wait", limit=1, results=kept) as fleet:
            recording = await fleet.start(Spec(CNAME, UID, mix(), until=timedelta(hours=1)))
            await anyio.sleep(20)
            recording._ledger.absorb(facts.Uploaded(instance_uid=UID))
            await anyio.sleep(1)
            assert not fleet.recordings
            assert sum(fleet.report().states.values()) == 1
            recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
            assert list(fleet.recordings) == [recording]
            assert len(on.running) == 1
            assert sum(fleet.report().states.values()) == 1
        assert on.running == []
        assert state_of(recording) is State.UPLOADED
        report = fleet.report()
        assert report.states == {ResultState.UPLOADED: 1}
        assert (len(report.results), report.calls) == (min(kept, 1), len(on.emulator.calls))


async def test_a_sid_that_comes_late_has_its_recording_stopped_before_the_fleet_is_left():
    async with stage(client=HEARS) as on:
        async with Fleet(on.cloud, on_exit="wait", start_within=0) as fleet:
            on.emulator.inject(LoseAnswer(), operation=START, times=None)
            with pytest.raises(StartUnconfirmed):
                await fleet.start(Spec(CNAME, UID, mix()))
            on.emulator.clear_faults()
            (recording,) = on.cloud.recordings
            await anyio.sleep(500)
            assert [result.state for result in fleet.report().results] == [ResultState.UNCONFIRMED]
            await tell(on.cloud, recording, SessionFailover(new_uid=0), sid=on.running[0])
            assert list(fleet.recordings) == [recording]
        assert on.running == []
        assert [result.state for result in fleet.report().results] == [ResultState.UPLOADED]


async def test_what_returns_takes_its_place_again_until_it_is_stopped():
    async with stage(client=HEARS) as on, Fleet(on.cloud, on_exit="stop", limit=1) as fleet:
        recording = await fleet.start(Spec(CNAME, UID, mix()))
        await anyio.sleep(20)
        recording._ledger.absorb(facts.Uploaded(instance_uid=UID))
        await anyio.sleep(1)
        recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
        other = await fleet.start(Spec("other", UID, mix()))
        assert on.running == [other.sid]
