"""The list of notices: what was told stays told, in the same order, whenever and however often one asks."""

import random
from datetime import datetime
from typing import Any

import anyio
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agora_rec.emulator import EndReason, Notice, PageTrouble, SessionView, Settings, Upload
from agora_rec.vocabulary import UploadingStatus
from tests.emulator.programmes import PAGE, STS_SECONDS, with_sts
from tests.emulator.stage import Stage, Started, example, set_stage

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


@settings(max_examples=20, deadline=None)
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
            judge(stage.emulator.notices, stage)
            return stage.emulator.notices

    async def both() -> None:
        assert essence(await play(asks=True)) == essence(await play(asks=False))

    anyio.run(both)


def judge(notices: tuple[Notice, ...], stage: Stage) -> None:
    """What holds for every list of notices."""
    assert [notice.number for notice in notices] == list(range(1, len(notices) + 1))
    assert [notice.at for notice in notices] == sorted(notice.at for notice in notices)
    assert all(notice.at <= stage.clock.moment for notice in notices)
    for session in stage.emulator.sessions:
        life = [notice for notice in notices if notice.sid == session.sid]
        assert [notice.sequence for notice in life] == list(range(len(life)))
        judge_life(life, session)
        judge_streams(life)


def judge_life(life: list[Notice], session: SessionView) -> None:
    """What is told of a recording agrees with the truth about it."""
    progress = [notice.details["progress"] for notice in life if notice.event_type == 33]
    assert progress == sorted(progress)  # type: ignore[type-var]
    moved = [str(notice.details["newUid"]) for notice in life if notice.event_type == 12]
    uids = [session.uid, *moved]
    assert session.instance_uid == uids[-1]
    kinds = [(int(notice.event_type), notice.uid) for notice in life]
    leaves = [uid for kind, uid in kinds if kind in {41, 71}]
    exits = [uid for kind, uid in kinds if kind == 11]
    lost = session.end_reason is EndReason.FAILED_OVER_TOO_OFTEN
    assert (uids[-1] in leaves) == (not session.running and not lost)
    assert len(leaves) == len(set(leaves))
    if session.gone and session.uploading_status is not UploadingStatus.UNKNOWN:
        assert exits[-1] == kinds[-1][1] == uids[-1]
        assert kinds[-1][0] == 11
    uploads = [notice for notice in life if notice.event_type in {31, 32}]
    stored = {UploadingStatus.UPLOADED: 31, UploadingStatus.BACKUPED: 32}.get(session.uploading_status)  # type: ignore[arg-type]
    assert [int(notice.event_type) for notice in uploads] == ([] if stored is None else [stored])
    listed: Any = [each for notice in uploads for each in notice.details.get("fileList", ())]  # type: ignore[attr-defined]
    if session.mode != "web":
        told = [notice.details["fileList"] for notice in life if notice.event_type == 4]
        assert told == [name for name in session.files if name.endswith(".m3u8")]
        if uploads:
            assert tuple(each["fileName"] for each in listed) == session.files


def judge_streams(life: list[Notice]) -> None:
    """Streams come and go in turn, and screenshots are taken of those that are there."""
    there: dict[tuple[object, ...], object] = {}
    for notice in life:
        said = notice.details
        if notice.event_type in {43, 44}:
            key = (notice.uid, notice.event_type, said["streamUid"])
            assert there.get(key, 1) != said["state"]
            there[key] = said["state"]
        elif notice.event_type == 45:
            uid = str(said["fileName"]).split("__uid_s_")[1].partition("__")[0]
            assert there[notice.uid, 44, uid] == 0
