"""The list of notices: what was told stays told, in the same order, whenever and however often one asks."""

import random
from datetime import datetime
from typing import Any

import anyio
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agora_rec.emulator import Notice, PageTrouble, Settings, Upload
from tests.emulator.programmes import PAGE, STS_SECONDS, with_sts
from tests.emulator.stage import JumpClock, Stage, Started, example, set_stage

pytestmark = pytest.mark.anyio

STILL = Settings(latency=0.0, notice_seconds=0.25)
NAMES = [
    "start_mix_hls",
    "start_mix_hls_mp4",
    "start_individual",
    "start_individual_and_snapshots",
    "start_snapshot_only",
    "start_web_rtmp",
    "start_web",
]


async def test_a_notice_comes_a_little_after_what_it_tells_of():
    async with set_stage(STILL) as stage:
        await stage.record()
        stage.clock.pass_by(1.24)
        assert [int(notice.event_type) for notice in stage.emulator.notices] == [3]
        stage.clock.pass_by(0.01)
        *_, registered = stage.emulator.notices
    assert (registered.number, registered.sequence, registered.uid, registered.cname) == (
        3,
        2,
        "880011",
        "class-42",
    )
    assert (registered.at - registered.happened_at).total_seconds() == 0.25
    assert registered.payload["sendts"] == int(registered.happened_at.timestamp() * 1000)


async def test_whoever_has_arrived_somewhere_asks_for_the_rest():
    async with set_stage(STILL) as stage:
        service = stage.emulator._service
        await stage.record()
        await stage.record(uid="7")
        stage.clock.pass_by(10)
        first = service.notices(stage.clock.now())
        assert [notice.number for notice in first] == list(range(1, len(first) + 1))
        assert service.notices(stage.clock.now(), first[-1].number) == ()
        stage.clock.pass_by(10)
        rest = service.notices(stage.clock.now(), first[-1].number)
        assert rest
        assert service.notices(stage.clock.now()) == first + rest


async def test_the_next_moment_is_known():
    async with set_stage(STILL) as stage:
        service = stage.emulator._service
        assert service.next_notice_at(stage.clock.now()) is None
        recording = await stage.record()
        seen: list[Notice] = []
        while (due := service.next_notice_at(stage.clock.now())) is not None:
            assert due > stage.clock.moment
            stage.clock.moment = due
            new = service.notices(due, len(seen))
            assert new
            assert {notice.at for notice in new} == {due}
            seen += new
            if len(seen) == 20:
                await stage.stop(recording, async_stop=True)
    assert seen[-1].event_type == 11
    assert [notice.sequence for notice in seen] == list(range(len(seen)))


async def test_those_who_wait_are_told_of_changes():
    async with set_stage(STILL) as stage:
        service = stage.emulator._service
        told: list[datetime] = []
        service.watchers.append(lambda: told.append(stage.clock.moment))
        recording = await stage.record()
        channel = stage.emulator.channel("class-42")
        channel.join(99)
        channel.leave(99)
        channel.empty()
        assert len(told) == 4
        await stage.query(recording)
        stage.emulator.channel("elsewhere").join(99)
        assert len(told) == 4
        await stage.stop(recording)
        assert len(told) == 5
        stage.clock.pass_by(10)
        assert stage.emulator.notices[-1].event_type == 11
        channel.join(99)
        assert len(told) == 5


async def test_of_very_many_the_oldest_are_forgotten():
    async with set_stage(Settings(latency=0.0, notices_kept=50, progress_seconds=1.0)) as stage:
        await stage.record()
        stage.clock.pass_by(1000)
        kept = stage.emulator.notices
        assert 50 <= len(kept) <= 100
        assert kept[-1].number > 1000
        assert [notice.number for notice in kept] == list(range(kept[0].number, kept[-1].number + 1))
        assert stage.emulator._service.notices(stage.clock.now(), kept[-1].number - 1) == kept[-1:]
        assert stage.emulator._service.notices(stage.clock.now(), 3) == kept


@pytest.mark.parametrize("name", ["notice_seconds", "progress_seconds", "slice_seconds"])
async def test_some_times_are_more_than_nothing(name: str):
    with pytest.raises(ValueError, match=name):
        Settings(**{name: 0.0})  # type: ignore[arg-type]


class Programme:
    """Random joins, leaves, calls and moves; the same chance gives the same programme."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage = stage
        self.chance = chance
        self.recordings: list[Started] = []
        self.requests: dict[str, Any] = {}

    async def step(self) -> None:
        chance, stage = self.chance, self.stage
        what = chance.choice(["time", "time", "users", "users", "start", "update", "stop", "move", "again"])
        channel = stage.emulator.channel("class-42")
        recording = chance.choice(self.recordings) if self.recordings else None
        if what == "time":
            usual = [0, 0.25, 0.5, 2, 13, 15, 30, 60, 100]
            stage.clock.pass_by(chance.choice([*usual * 3, STS_SECONDS]))
        elif what == "users":
            uid = chance.choice([11, 12, 13, 14])
            sends = {"audio": chance.random() < 0.7, "video": chance.random() < 0.7}
            chance.choice([lambda: channel.join(uid, **sends), lambda: channel.leave(uid), channel.empty])()
        elif what == "start":
            if len(self.recordings) < 4:
                name, recorder = chance.choice(NAMES), str(len(self.recordings) + 101)
                request = with_sts(stage, name) if name == "start_mix_hls" else example(name)
                self.recordings.append(await stage.record(name, uid=recorder, request=request))
                self.requests[recorder] = request
        elif recording is None:
            return
        elif what == "update":
            words = ["update_subscription", "update_onhold", "update_rtmp", "update_sts"]
            await stage.tell(recording, "update", example(chance.choice(words)))
        elif what == "stop":
            stage.emulator.inject(Upload(chance.choice([0, 5, 90]), backuped=chance.random() < 0.3))
            await stage.stop(recording, async_stop=chance.random() < 0.5)
            stage.emulator.clear_faults()
        elif what == "move":
            try:
                stage.emulator.fail_over(
                    recording.sid, seconds=chance.choice([10, 45]), old_reports=chance.random() < 0.5
                )
            except ValueError:
                return
        else:
            request = self.requests[recording.uid]
            answer = await stage.start(recording.resource_id, request, mode=recording.mode, uid=recording.uid)
            assert answer.json()["code"] in {2, 7, 433}


def essence(notices: tuple[Notice, ...]) -> list[tuple[object, ...]]:
    return [(each.number, each.at, each.sid, each.sequence, each.payload) for each in notices]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_was_told_stays_told(seed: int):
    async def play(*, asks: bool) -> tuple[Notice, ...]:
        chance = random.Random(seed)
        trouble, refusing = chance.choice(list(PageTrouble)), chance.choice(["b", "c"])
        world = evolve(STILL, page_troubles={PAGE: trouble}, backup_buckets=frozenset({refusing}))
        async with set_stage(world) as stage:
            programme = Programme(stage, chance)
            told: tuple[Notice, ...] = ()
            for _ in range(40):
                await programme.step()
                if asks:
                    now = stage.emulator.notices
                    assert now[: len(told)] == told
                    told = now
                    due = stage.emulator._service.next_notice_at(stage.clock.now())
                    assert due is None or due > stage.clock.moment
            stage.clock.pass_by(1000)
            judge(stage.emulator.notices, stage.clock)
            return stage.emulator.notices

    async def both() -> None:
        assert essence(await play(asks=True)) == essence(await play(asks=False))

    anyio.run(both)


def judge(notices: tuple[Notice, ...], clock: JumpClock) -> None:
    """What holds for every list of notices."""
    assert [notice.number for notice in notices] == list(range(1, len(notices) + 1))
    assert [notice.at for notice in notices] == sorted(notice.at for notice in notices)
    assert all(notice.at <= clock.moment for notice in notices)
    by_sid: dict[str, list[Notice]] = {}
    for notice in notices:
        by_sid.setdefault(notice.sid, []).append(notice)
    for life in by_sid.values():
        assert [notice.sequence for notice in life] == list(range(len(life)))
        details = [(notice.event_type, notice.payload["details"]) for notice in life]
        progress = [said["progress"] for kind, said in details if kind == 33]  # type: ignore[index]
        assert progress == sorted(progress)
        exits = [number for number, notice in enumerate(life) if notice.event_type == 11]
        assert exits[:-1] == [] or {life[number].uid for number in exits[:-1]} != {life[-1].uid}
        if exits and life[exits[-1]].uid == life[-1].uid:
            assert exits[-1] == len(life) - 1
