"""Days on which everything happens: no supervisor runs hot, sleeps too long, or leaves anything running."""

import random
from collections import Counter

import anyio
import pytest

from agora_rec import MemoryStore, Mix, Secrets
from agora_rec.emulator import Cut, Delay, Fault, LoseAnswer, Refuse, SlowAnswer
from agora_rec.lifecycle import facts
from agora_rec.model.events import (
    ErrorLevel,
    RecorderStarted,
    RecordingError,
    SliceStarted,
    UploadingProgress,
)
from agora_rec.recording.watching import GONE
from agora_rec.store import Checkpoint
from agora_rec.supervision import Charge
from agora_rec.supervision.duties import Duty
from tests.supervision.desk import NOT_FOUND, Desk, at_work, desk
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, STOP, UPDATE, bucket

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

MOST_A_MINUTE = 25
"""How often one recording may be attended to in a minute: a stop that is under way, every 5 s, looks that
confirm it, and what is made known of it; here, at most eight times."""
COUNT = 4
FAULTS: tuple[Fault, ...] = (
    NOT_FOUND,
    Refuse(500),
    Refuse(401, message="Unauthorized"),
    Refuse(206, code=65),
    Delay(20),
    SlowAnswer(40),
    LoseAnswer(),
    Cut(3),
)
EVENTS = (
    UploadingProgress(progress=1),
    RecordingError(error_level=ErrorLevel.FATAL),
    RecorderStarted(),
    SliceStarted(),
)


class Attended:
    """Counts how often each recording is attended to in each minute."""

    def __init__(self, at: Desk) -> None:
        self.minutes: Counter[tuple[str, int]] = Counter()
        real = at.supervisor._next

        def counted(charge: Charge, now: object) -> tuple[float, Duty]:
            self.minutes[charge.recording.cname, int(at.on.clock.monotonic() // 60)] += 1
            return real(charge, now)  # type: ignore[arg-type]

        at.supervisor._next = counted  # type: ignore[method-assign]

    @property
    def most(self) -> int:
        return max(self.minutes.values())


async def a_provider(checkpoint: Checkpoint) -> Secrets:
    match random.Random(checkpoint.saved_at.timestamp()).randrange(3):
        case 0:
            raise OSError
        case 1:
            await anyio.sleep(100)
    ends = checkpoint.saved_at.replace(year=2100)
    return Secrets(storage=bucket(sts_token=secrets.STS_TOKEN, sts_expiration=ends))


async def a_slow_provider(checkpoint: Checkpoint) -> Secrets:
    await anyio.sleep(1)
    return Secrets(
        storage=bucket(sts_token=secrets.STS_TOKEN, sts_expiration=checkpoint.saved_at.replace(year=2100))
    )


async def happen(at: Desk, charges: list[Charge], chance: random.Random) -> None:
    """Let something happen."""
    charge = chance.choice(charges)
    match chance.randrange(8):
        case 0 | 1:
            operation = chance.choice((QUERY, QUERY, STOP, UPDATE))
            faults = FAULTS[1:] if operation == STOP else FAULTS
            at.on.emulator.inject(chance.choice(faults), operation=operation, times=chance.choice((1, 4)))
        case 2:
            at.on.emulator.clear_faults()
        case 3 | 4:
            await at.tell(charge.recording, chance.choice(EVENTS))
        case 5:
            if chance.random() < 0.3:
                at.supervisor.stop(charge)
        case 6:
            recording = charge.recording
            recording._ledger.absorb(facts.Left(reason="event 41", instance_uid=recording.instance_uid))
        case _:
            move(at, charge)


def move(at: Desk, charge: Charge) -> None:
    """Let the service say that it records on another server: it has not left."""
    new_uid = charge.recording.instance_uid + 1
    charge.recording._ledger.absorb(facts.FailedOver(new_uid=new_uid, sent_at=at.on.clock.now()))


@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_it_wakes_seldom_and_leaves_nothing_running(seed: int, *, is_shared: bool):
    chance = random.Random(seed)
    client = {
        "secrets": a_provider,
        "webhook_secret": secrets.WEBHOOK_SECRET,
        "store": MemoryStore() if is_shared else None,
    }
    async with desk(client=client, upload=300) as at:
        ends = at.on.clock.now().replace(year=2100)
        storage = bucket(sts_token=secrets.STS_TOKEN, sts_expiration=ends)
        attended, charges = Attended(at), list[Charge]()
        for number in range(COUNT):
            recording = at.on.recording(f"class-{number}", 100 + number, Mix(storage=storage))
            await recording.acquire()
            with at.on.clock.move_on_after(30):
                await recording._driver.start().wait()
            charges.append(at.look_after(recording))
        for _ in range(90):
            await happen(at, charges, chance)
            await anyio.sleep(chance.choice((0.5, 10, 60, 200)))
        at.on.emulator.clear_faults()
        for charge in charges:
            move(at, charge)
            at.supervisor.stop(charge)
        await anyio.sleep(900)
        given_up = {charge.recording.sid for charge in charges if GONE in charge.recording.reasons}
        assert set(at.on.running) <= given_up, "only what was denied for too long counts as gone"
        assert [charge.is_closed for charge in charges] == [True] * COUNT
        assert at.supervisor.rota.count == 0
        assert at.supervisor._agenda.next_due > at.on.clock.monotonic()
        assert attended.most <= MOST_A_MINUTE


async def test_who_idles_is_attended_to_once_for_each_look():
    async with desk() as at:
        charge = await at.confirmed()
        attended = Attended(at)
        await anyio.sleep(3600)
        assert sum(attended.minutes.values()) <= 4 * 31, "due, begun, done, noted"
        assert not charge.is_closed


@pytest.mark.parametrize("seconds", [0.0, 1.0, 4.99, 5.0, 5.02, 60.0, 125.0, 3600.0, 3601.0, 3602.5, 3700.0])
async def test_a_supervisor_that_is_cancelled_at_any_time_loses_nothing(seconds: float):
    async with desk(client={"secrets": a_slow_provider}, latency=1.0) as at:
        ends = at.on.clock.now().replace(year=2100)
        storage = bucket(sts_token=secrets.STS_TOKEN, sts_expiration=ends)
        recording = at.on.recording(mode=Mix(storage=storage))
        await recording.acquire()
        await recording._driver.start().wait()
        at.look_after(recording)
        await anyio.sleep(seconds)
        at.leave()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(30)
            assert recording.state.may_record
            async with at_work(at.on, at.cloud) as successor:
                charge = successor.look_after(recording)
                await anyio.sleep(200)
                assert successor.owner.told == []
                successor.supervisor.stop(charge)
                await anyio.sleep(90)
                assert at.on.running == []
                assert successor.owner.told == ["left", "ended"]


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.5, 3.0])
async def test_a_stop_goes_on_when_its_supervisor_is_cancelled(seconds: float):
    async with desk(latency=1.0) as at:
        charge = await at.confirmed()
        at.supervisor.stop(charge)
        await anyio.sleep(seconds)
        at.leave()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(30)
            assert at.on.running == []
