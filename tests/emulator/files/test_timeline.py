"""Which files are written when, whatever happens: what was written stays as it was written."""

import random
from datetime import datetime, timedelta
from itertools import takewhile

import anyio
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agora_rec.emulator import PageTrouble, Settings
from agora_rec.emulator.files.scenes import Clip, Movie
from agora_rec.emulator.files.timeline import files
from agora_rec.emulator.files.tracks import File
from agora_rec.emulator.session import Session
from agora_rec.files import FileKind, parse, web_cname
from agora_rec.vocabulary import ModeName
from tests.emulator.files.playback import read_playlist
from tests.emulator.files.setting import STILL, TINY
from tests.emulator.programmes import PAGE
from tests.emulator.stage import Stage, example, set_stage
from tests.emulator.test_notices import Programme

pytestmark = pytest.mark.anyio


def session_of(stage: Stage, sid: str) -> Session:
    return stage.emulator._service.office.sessions[sid]


def written(session: Session, now: datetime, since: datetime | None = None) -> list[File]:
    """What is written before a moment."""
    return list(takewhile(lambda each: each.at < now, files(session, since or session.started_at)))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_was_written_stays_written(seed: int):
    async def play() -> None:
        chance = random.Random(seed)
        trouble, refusing = chance.choice(list(PageTrouble)), chance.choice(["b", "c"])
        world = evolve(STILL, page_troubles={PAGE: trouble}, backup_buckets=frozenset({refusing}))
        async with set_stage(world) as stage:
            programme = Programme(stage, chance)
            known: dict[str, list[File]] = {}
            contents: dict[tuple[str, datetime], object] = {}
            for _ in range(30):
                await programme.step()
                for sid, session in stage.emulator._service.office.sessions.items():
                    found = written(session, stage.clock.now())
                    before = known.get(sid, [])
                    assert found[: len(before)] == before
                    for file in before[-3:]:
                        assert file.content() == contents[file.name, file.at]
                    contents |= {(file.name, file.at): file.content() for file in found[-3:]}
                    known[sid] = found
            stage.clock.pass_by(1000)
            for session in stage.emulator._service.office.sessions.values():
                judge(session, stage)

    anyio.run(play)


def judge(session: Session, stage: Stage) -> None:
    """What holds for every recording's files."""
    found = written(session, stage.clock.now())
    assert [file.at for file in found] == sorted(file.at for file in found)
    names = {file.name for file in found}
    cname = web_cname("class-42") if session.plan.mode is ModeName.WEB else "class-42"
    for name in names:
        parts = parse(name, sid=session.sid, cname=cname)
        assert str(parts) == name
        if parts.kind is FileKind.PLAYLIST:
            latest = [file for file in found if file.name == name][-1]
            listed = read_playlist(str(latest.content()).encode())
            folder = "".join(f"{each}/" for each in parts.folders)
            assert {f"{folder}{each}" for each in listed.names} <= names
            assert listed.names == sorted(listed.names)
    view = next(each for each in stage.emulator.sessions if each.sid == session.sid)
    if view.uploading_status == "uploaded":
        assert {name for name in view.files if name.endswith(".m3u8")} == {
            name for name in names if name.endswith(".m3u8")
        }
        if session.plan.records:
            assert set(view.files) <= names


@pytest.mark.parametrize("refusing", [frozenset[str](), frozenset({"b"})])
@pytest.mark.parametrize("name", ["start_individual_and_snapshots", "start_mix_hls_mp4"])
async def test_from_the_middle_on_it_is_the_same(name: str, refusing: frozenset[str]):
    async with set_stage(evolve(STILL, mix_mp4_seconds=50.0, backup_buckets=refusing)) as stage:
        started = await stage.record(name)
        stage.clock.pass_by(130)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        whole = list(files(session, session.started_at))
        for seconds in (0, 10, 17, 61.5, 125, 131, 132, 140, 500):
            since = session.started_at + timedelta(seconds=seconds)
            assert list(files(session, since)) == [file for file in whole if file.at >= since]


async def test_a_recording_of_hours_has_an_mp4_for_each_of_them_and_little_is_worked_out_at_once():
    async with set_stage(evolve(STILL, mix_mp4_seconds=3600.0)) as stage:
        request = example("start_mix_hls_mp4")
        started = await stage.record(request=request, mode="mix")
        stage.clock.pass_by(2 + 9000)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        movies = [file for file in files(session, session.started_at) if file.name.endswith(".mp4")]
    assert [(file.at - session.ready_at).total_seconds() for file in movies] == [3600, 7200, 9000.1]
    lengths: list[int] = []
    for file in movies:
        movie = file.content()
        assert isinstance(movie, Movie)
        lengths.append(len(movie.clips))
        assert all(clip.length == 15_000_000 for _, clip in movie.clips)
    assert lengths == [240, 240, 120]


async def test_whoever_comes_and_goes_is_in_the_playlist_of_a_mix_when_they_begin_or_begin_again():
    async with set_stage(STILL) as stage:
        started = await stage.record("start_mix_hls")
        channel = stage.emulator.channel(started.cname)
        channel.join(11, video=False)
        channel.leave(12)
        stage.clock.pass_by(2 + 20)
        channel.join(11)
        stage.clock.pass_by(10)
        channel.empty()
        stage.clock.pass_by(5)
        channel.join(11)
        stage.clock.pass_by(3)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        *_, last = files(session, session.started_at)
    read = read_playlist(str(last.content()).encode())
    assert [(part.seconds, part.broken, [medium for medium, _ in part.starts]) for part in read.parts] == [
        (15, True, ["AUDIO"]),
        (15, False, ["VIDEO"]),
        (3, True, ["AUDIO", "VIDEO"]),
    ]
    assert read.parts[1].starts[0][1] == "20260528204022000"


@pytest.mark.parametrize(
    ("world", "time"),
    [(STILL, "20260528204002000"), (evolve(STILL, unix_times_in_playlists=True), "1780000802000")],
)
async def test_what_playlists_look_like_may_be_chosen(world: Settings, time: str):
    async with set_stage(world) as stage:
        request = example("start_individual")
        request["recordingConfig"] |= {
            "privateParams": '{"correctEXTINF":true}',
            "subscribeVideoUids": ["11"],
        }
        started = await stage.record(request=request, mode="individual")
        stage.clock.pass_by(20)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        *_, last = (file for file in files(session, session.started_at) if "video.m3u8" in file.name)
    read = read_playlist(str(last.content()).encode())
    assert [part.comma for part in read.parts] == [True, True]
    assert read.parts[0].starts == (("VIDEO", time),)
    assert read.parts[0].turns == ((640, 360, time),)


async def test_a_playlist_reads_like_the_documented_one():
    async with set_stage(evolve(STILL, slice_seconds=30.0)) as stage:
        request = {**example("start_mix_hls"), "recordingConfig": TINY}
        started = await stage.record(request=request)
        stage.clock.pass_by(2 + 33.5)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        *_, last = files(session, session.started_at)
    name = f"{started.sid}_class-42"
    assert last.content() == (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ALLOW-CACHE:YES\n#EXT-X-TARGETDURATION:30\n"
        "#EXT-X-DISCONTINUITY\n"
        "#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=AUDIO,TIME=20260528204002000\n"
        "#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=20260528204002000\n"
        f"#EXTINF:30.000000\n{name}_20260528204002000.ts\n"
        f"#EXTINF:3.500000\n{name}_20260528204032000.ts\n"
        "#EXT-X-ENDLIST\n"
    )
    assert last.name == f"term1/day2/{name}.m3u8"


async def test_odd_wishes_are_played_as_they_can_be():
    async with set_stage(Settings(latency=0.0)) as stage:
        request = example("start_mix_hls")
        request["recordingConfig"] = {
            "channelType": 0,
            "transcodingConfig": {"width": 361, "height": 1, "fps": 120},
        }
        started = await stage.record(request=request)
        stage.clock.pass_by(20)
        session = session_of(stage, started.sid)
        clip = next(files(session, session.started_at)).content()
    assert isinstance(clip, Clip)
    assert clip.video is not None
    assert (clip.video.width, clip.video.height, clip.video.fps) == (360, 16, 60)


async def test_a_server_that_is_lost_early_leaves_slices_and_no_playlist():
    async with set_stage(STILL) as stage:
        started = await stage.record("start_individual")
        stage.clock.pass_by(2 + 20)
        stage.emulator.fail_over(started.sid, seconds=30)
        session = session_of(stage, started.sid)
        found = written(session, stage.clock.now())
    assert len(found) == 4
    assert all(file.name.endswith(".ts") for file in found)


async def test_the_backup_hands_over_what_a_lost_server_had_sent_and_nobody_closes_it():
    async with set_stage(evolve(STILL, backup_buckets=frozenset({"b"}))) as stage:
        started = await stage.record("start_mix_hls")
        stage.clock.pass_by(2 + 20)
        stage.emulator.fail_over(started.sid, seconds=30)
        stage.clock.pass_by(30 + 20)
        await stage.stop(started)
        session = session_of(stage, started.sid)
        found = [file for file in files(session, session.started_at) if file.is_playlist]
    lost, taken_over = (read_playlist(str(file.content()).encode()) for file in found)
    assert [file.name.rpartition("_")[2] for file in found] == ["0.m3u8"] * 2
    assert ([part.seconds for part in lost.parts], lost.closed) == ([15], False)
    assert ([part.seconds for part in taken_over.parts], taken_over.closed) == ([15, 5], True)


async def test_a_mix_of_video_alone_is_silent_and_changes_only_when_something_does():
    async with set_stage(STILL) as stage:
        request = example("start_mix_hls")
        request["recordingConfig"] = {"channelType": 0, "streamTypes": 1}
        started = await stage.record(request=request)
        stage.clock.pass_by(2 + 5)
        await stage.tell(started, "updateLayout", {})
        stage.clock.pass_by(20)
        clip = next(
            files(session_of(stage, started.sid), session_of(stage, started.sid).started_at)
        ).content()
    assert isinstance(clip, Clip)
    assert clip.audio is None
    assert clip.video is not None
    assert len(clip.video.scenes) == 1
