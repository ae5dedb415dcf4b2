"""Workers begin and stop by key, and have no fleet; one process beside them looks after all recordings."""

from collections.abc import AsyncGenerator

import anyio
import pytest
from attrs import define

from agora_rec import (
    Alternate,
    CloudRecording,
    Fleet,
    IncidentKind,
    MemoryStore,
    Recording,
    Replacement,
    ResultState,
    Secrets,
)
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator
from tests.support.backends import virtual_time
from tests.support.cloud import a_client, an_emulator, bucket, mix

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

A_MINUTE = 61.0
LOSS_IS_CERTAIN = 400.0


async def secrets(_: object) -> Secrets:
    return Secrets(storage=bucket())


@define
class Office:
    """Two workers, the one who looks after all, and the service."""

    emulator: Emulator
    one: CloudRecording
    two: CloudRecording
    fleet: Fleet

    async def begin(self, worker: CloudRecording, alternate: Alternate | None = None) -> Recording:
        """Have the lesson recorded, as a request to that worker does."""
        lesson = await worker.claim("lesson", cname="class-1", uid=1, mode=mix(), alternate=alternate)
        await lesson.ensure_started()
        return lesson

    async def lose(self) -> None:
        """Have the service lose what it records, for good."""
        (session,) = self.emulator.running()
        for _ in range(4):
            self.emulator.fail_over(session.sid, seconds=0.5)
            await anyio.sleep(1)


@pytest.fixture
async def office() -> AsyncGenerator[Office]:
    clock = LoopClock()
    emulator, store = an_emulator(clock=clock), MemoryStore(clock=clock)
    async with (
        a_client(emulator, clock, store=store) as one,
        a_client(emulator, clock, store=store) as two,
        a_client(emulator, clock, store=store, secrets=secrets) as cloud,
        Fleet(cloud, on_exit="release", adopt=True, replacement=Replacement()) as fleet,
    ):
        yield Office(emulator, one, two, fleet)


async def test_what_a_worker_begins_is_adopted_replaced_when_it_is_lost_and_stopped_by_another_worker(
    office: Office,
):
    begun = await office.begin(office.one, Alternate(uid=2))
    await anyio.sleep(A_MINUTE)
    assert [each.key for each in office.fleet.recordings] == ["lesson"]
    await office.lose()
    await anyio.sleep(LOSS_IS_CERTAIN)
    (session,) = office.emulator.running()
    assert session.sid != begun.sid

    again = await office.begin(office.two, Alternate(uid=2))
    assert (again.sid, again.uid) == (session.sid, 2)
    await again.ensure_stopped()

    await anyio.sleep(LOSS_IS_CERTAIN)
    assert office.emulator.running() == ()
    assert len(office.emulator.sessions) == 2
    (result,) = office.fleet.report().results
    assert result.state is ResultState.UPLOAD_UNKNOWN  # without webhooks, of the lost one's files
    assert [take.uid for take in result.takes] == [1, 2]
    assert set(again.files) <= set(result.files)


async def test_without_another_uid_a_lost_one_is_reported_and_not_replaced(office: Office):
    await office.begin(office.one)
    await anyio.sleep(A_MINUTE)
    await office.lose()
    await anyio.sleep(LOSS_IS_CERTAIN)
    assert office.emulator.running() == ()
    assert len(office.emulator.sessions) == 1
    (result,) = office.fleet.report().results
    kinds = [each.kind for each in result.failures]
    assert IncidentKind.LOST in kinds
    assert IncidentKind.NOT_REPLACED in kinds
