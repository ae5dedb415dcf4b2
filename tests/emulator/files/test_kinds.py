"""What each kind of recording leaves in a real bucket: individual, screenshots, pages, moved ones."""

import io
from array import array
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest

from agora_rec.emulator import Settings
from agora_rec.emulator.files.scenes import color_of, hertz, tone_of
from agora_rec.emulator.files.timeline import files
from agora_rec.files import FileKind, parse, utc_text
from tests.emulator.files.playback import loudness_of, near, play, play_listed, read_playlist
from tests.emulator.files.setting import TINY, begin, go_on, writing_stage
from tests.emulator.stage import example
from tests.support.backends import virtual_time
from tests.support.s3 import S3

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

OF_FOUR = Settings(latency=0.0, slice_seconds=4.0, first_slice_individual=8.0)


async def test_each_user_has_files_of_audio_and_of_video(s3: S3, bucket: str):
    async with writing_stage(s3, OF_FOUR) as stage:
        storage = s3.storage(bucket, fileNamePrefix=["term1", "day2"])
        started = await begin(stage, "start_individual", storage)
        await go_on(stage, 6.5)
        assert not any(name.endswith(".m3u8") for name in s3.names(bucket))  # the first ones come later
        channel = stage.emulator.channel(started.cname)
        channel.leave(12)
        await go_on(stage, 3)
        channel.join(12, video=False)
        await go_on(stage, 6)
        await stage.stop(started)
        await stage.emulator.written()
        (session,) = stage.emulator.sessions
        begun = stage.emulator._service.office.sessions[started.sid].ready_at
    names = s3.names(bucket)
    head = f"term1/day2/{started.sid}_class-42__uid_s_"
    playlists = [
        f"{head}{user}.m3u8"
        for user in ("11__uid_e_audio", "11__uid_e_video", "12__uid_e_audio", "12__uid_e_video")
    ]
    assert [name for name in names if name.endswith(".m3u8")] == sorted(playlists) == sorted(session.files)
    for name in names:
        assert str(parse(name, sid=started.sid, cname="class-42")) == name

    audio = read_playlist(s3.read(bucket, playlists[2]))
    assert audio.closed
    assert [part.seconds for part in audio.parts] == [4, 0.5, 4, 2]
    assert [part.broken for part in audio.parts] == [True, False, True, False]
    assert [len(part.starts) for part in audio.parts] == [1, 0, 1, 0]
    assert audio.parts[2].turns == ()
    video = read_playlist(s3.read(bucket, playlists[3]))
    assert [part.seconds for part in video.parts] == [4, 0.5]
    assert video.parts[0].turns == ((640, 360, utc_text(begun)),)

    seen = play(s3.read(bucket, f"{head}{video.names[0].partition('uid_s_')[2]}"))
    assert seen.size == (640, 360)
    assert seen.heard == []
    assert near(seen.color(50), color_of("12"))
    heard = play(s3.read(bucket, f"{head}{audio.names[2].partition('uid_s_')[2]}"))
    assert heard.frames == []
    assert heard.channels == 1
    assert heard.heard_times[0] == pytest.approx(7.5, abs=0.03)  # where it goes on after the gap
    assert heard.loudness(hertz(tone_of("12")), 9) == pytest.approx(0.5, abs=0.03)
    assert heard.loudness(hertz(tone_of("11")), 9) == pytest.approx(0.0, abs=0.03)


async def test_screenshots_are_taken_at_each_interval_and_told_of(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        started = await begin(stage, "start_snapshot_only", s3.storage(bucket))
        await go_on(stage, 13)
        assert len(s3.names(bucket)) == 2
        stage.emulator.channel(started.cname).leave(11)
        await go_on(stage, 12)
        await stage.stop(started)
        await go_on(stage, 10)
        told = [str(each.details["fileName"]) for each in stage.emulator.notices if each.event_type == 45]
    names = s3.names(bucket)
    assert sorted(told) == names
    assert [(parse(name).kind, parse(name).uid) for name in names] == [
        (FileKind.SNAPSHOT, 11),
        *[(FileKind.SNAPSHOT, 12)] * 2,
    ]
    assert s3.get(bucket, names[0]).headers["content-type"] == "image/jpeg"
    for name in names:
        picture = play(s3.read(bucket, name), "jpeg_pipe")
        assert picture.size == (640, 360)
        assert near(picture.color(0), color_of(str(parse(name).uid)))


async def test_a_page_is_recorded_with_its_address_and_pauses(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        request = example("start_web")["extensionServiceConfig"]
        page = request["extensionServices"][0]["serviceParam"]
        page |= {
            "url": "https://example.org/board?token=shhh",
            "videoWidth": 321,
            "videoHeight": 241,
            "videoFps": 5,
        }
        started = await begin(
            stage, "start_web", s3.storage(bucket), extensionServiceConfig=request, uid="880011"
        )
        await go_on(stage, 5 + 4)
        assert (await stage.tell(started, "update", {"webRecordingConfig": {"onhold": True}})).is_success
        await go_on(stage, 20)
        assert (await stage.tell(started, "update", {"webRecordingConfig": {"onhold": False}})).is_success
        await go_on(stage, 3)
        await stage.stop(started)
        await stage.emulator.written()
    name = f"{started.sid}_class-42"
    listed = read_playlist(s3.read(bucket, f"{name}.m3u8"))
    assert [(part.seconds, part.broken) for part in listed.parts] == [(4, True), (3, True)]
    movie = play(s3.read(bucket, f"{name}_0.mp4"))
    assert movie.size == (320, 240)
    assert movie.times[19:21] == pytest.approx([3.8, 24.0], abs=1e-3)  # the pause is there
    assert len(movie.colors(0, 0.0, 0.0, 1.0, 0.2)) > 1
    assert movie.color(0) == movie.color(-1)


async def test_stereo_and_audio_alone_are_what_was_asked_for(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        config = {"channelType": 0, "streamTypes": 0, "audioProfile": 2}
        started = await begin(stage, "start_mix_hls", s3.storage(bucket), recordingConfig=config)
        await go_on(stage, 5)
        await stage.stop(started)
        await stage.emulator.written()
    (name,) = [name for name in s3.names(bucket) if name.endswith(".ts")]
    heard = play(s3.read(bucket, name))
    assert (heard.size, heard.channels) == (None, 2)
    (part,) = read_playlist(s3.read(bucket, f"{started.sid}_class-42.m3u8")).parts
    assert [medium for medium, _ in part.starts] == ["AUDIO"]


async def test_after_a_failover_there_are_new_playlists_and_the_old_ones_stay(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        files = {"avFileType": ["hls", "mp4"]}
        started = await begin(
            stage, "start_mix_hls", s3.storage(bucket), recordingConfig=TINY, recordingFileConfig=files
        )
        await go_on(stage, 2 + 20)
        stage.emulator.fail_over(started.sid, seconds=30)
        await go_on(stage, 30 + 18)
        await stage.stop(started)
        await stage.emulator.written()
    name = f"{started.sid}_class-42"
    listed = {each: read_playlist(s3.read(bucket, f"{each}.m3u8")) for each in (name, f"bak0_{name}")}
    # What the old server had begun is lost, and nobody closes its playlist.
    assert [part.seconds for part in listed[name].parts] == [15]
    assert not listed[name].closed
    assert [part.seconds for part in listed[f"bak0_{name}"].parts] == [15, 3]
    assert listed[f"bak0_{name}"].closed
    written = {each for playlist in listed.values() for each in playlist.names}
    assert {*written, f"{name}.m3u8", f"bak0_{name}.m3u8", f"bak0_{name}_0.mp4"} == set(s3.names(bucket))
    assert play(s3.read(bucket, f"bak0_{name}_0.mp4")).times == pytest.approx(range(18), abs=1e-4)


async def test_a_slow_upload_is_slow(s3: S3, bucket: str):
    async with writing_stage(s3, Settings(latency=0.0, upload_seconds=40.0)) as stage:
        started = await begin(stage, "start_mix_hls", s3.storage(bucket), recordingConfig=TINY)
        await go_on(stage, 2 + 20)
        await stage.stop(started, async_stop=True)
        await go_on(stage, 39)
        name = f"{started.sid}_class-42.m3u8"
        assert not read_playlist(s3.read(bucket, name)).closed
        assert len(s3.names(bucket)) == 2
        await go_on(stage, 1)
        assert len(s3.names(bucket)) == 3
        assert [part.seconds for part in read_playlist(s3.read(bucket, name)).parts] == [15, 5]


@pytest.mark.parametrize(("stream_mode", "audio"), [("default", "ts"), ("standard", "webm")])
async def test_what_some_browsers_send_is_webm(s3: S3, bucket: str, stream_mode: str, audio: str):
    async with writing_stage(s3, OF_FOUR) as stage:
        channel = stage.emulator.channel("class-42")
        channel.join(12, webm=True)
        request = {**example("start_individual"), "storageConfig": s3.storage(bucket)}
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0, "streamMode": stream_mode}
        started = await stage.record("start_individual", request=request)
        await go_on(stage, 2 + 6)
        channel.join(12)  # from now on with another codec
        await go_on(stage, 3)
        answer = await stage.stop(started)
        await stage.emulator.written()
    playable = {
        (each["uid"], each["trackType"]): each["isPlayable"]
        for each in answer.json()["serverResponse"]["fileList"]
    }
    assert playable == {
        ("11", "audio"): True,
        ("11", "video"): True,
        ("12", "audio"): audio == "ts",
        ("12", "video"): False,
    }
    head = f"{started.sid}_class-42__uid_s_12__uid_e_"
    for medium, extension in (("video", "webm"), ("audio", audio)):
        listed = read_playlist(s3.read(bucket, f"{head}{medium}.m3u8"))
        # Where the codec changes the next slice begins.
        changed = [(4, True), (2, False), (3, True)]
        unchanged = [(4, True), (4, False), (1, False)]
        found = [(part.seconds, part.broken) for part in listed.parts]
        assert found == (changed if extension == "webm" else unchanged)
        assert [name.rpartition(".")[2] for name in listed.names] == (
            ["webm", "webm", "ts"] if extension == "webm" else ["ts"] * 3
        )
        assert set(listed.names) <= set(s3.names(bucket))
        begin = 0.0
        for part in listed.parts:
            played = play(s3.read(bucket, part.name))
            if medium == "video":
                assert played.size == (640, 360)
                assert played.times == pytest.approx(
                    [begin + number / 15 for number in range(int(part.seconds * 15))], abs=2e-3
                )
                assert near(played.color(-1), color_of("12"))
            else:
                assert played.heard_times[0] == pytest.approx(begin, abs=0.03)
                assert len(played.heard) / 48000 == pytest.approx(part.seconds, abs=0.05)
                tone = hertz(tone_of("12"))
                assert played.loudness(tone, begin + part.seconds / 2) == pytest.approx(0.5, abs=0.05)
            begin += part.seconds
    webm = next(name for name in s3.names(bucket) if name.endswith(".webm"))
    assert s3.get(bucket, webm).headers["content-type"] == "video/webm"
    assert s3.read(bucket, webm).startswith(b"\x1a\x45\xdf\xa3")


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("start_mix_hls", {".m3u8": {"video": 15, "audio": 48000 / 1024}}),
        (
            "start_individual",
            {"11__uid_e_audio.m3u8": {"audio": 48000 / 1024}, "11__uid_e_video.m3u8": {"video": 15}},
        ),
    ],
)
async def test_a_player_that_is_given_the_playlist_plays_all_of_it(
    s3: S3, bucket: str, tmp_path: Path, name: str, media: dict[str, dict[str, float]]
):
    recording = {"subscribeVideoUids": ["#allstream#"]} if name == "start_individual" else {}
    async with writing_stage(s3, OF_FOUR) as stage:
        started = await begin(
            stage, name, s3.storage(bucket), recordingConfig={**recording, "channelType": 0}
        )
        channel = stage.emulator.channel(started.cname)
        await go_on(stage, 2 + 5)
        channel.empty()
        await go_on(stage, 3)
        channel.join(11)
        await go_on(stage, 6)
        await stage.stop(started)
        await stage.emulator.written()
    for each in s3.names(bucket):
        (tmp_path / each).write_bytes(s3.read(bucket, each))
    for ending, rates in media.items():
        (playlist,) = [each for each in tmp_path.iterdir() if each.name.endswith(ending)]
        assert [part.seconds for part in read_playlist(playlist.read_bytes()).parts] == [4, 1, 4, 2]
        played = play_listed(playlist)
        assert set(played) == set(rates)
        for kind, times in played.items():
            # Eleven seconds in all, with a gap of three after the fifth.
            assert len(times) == pytest.approx(11 * rates[kind], abs=2)
            gaps = [(one, other) for one, other in pairwise(times) if other - one > 0.1]
            assert [time for gap in gaps for time in gap] == pytest.approx([5, 8], abs=0.1)
            assert times[0] == pytest.approx(0, abs=0.03)
            assert times[-1] == pytest.approx(14, abs=0.1)


@pytest.mark.parametrize(
    ("container", "rate", "channels"), [("mp3", 32_000, 1), ("m4a", 48_000, 2), ("aac", 48_000, 2)]
)
async def test_postponed_mixing_makes_one_file_of_all_audio(
    s3: S3, bucket: str, container: str, rate: int, channels: int
):
    async with writing_stage(s3, OF_FOUR) as stage:
        request = {**example("start_individual"), "storageConfig": s3.storage(bucket)}
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0, "streamTypes": 0}
        request["appsCollection"] = {"combinationPolicy": "postpone_transcoding"}
        request["transcodeOptions"] = {
            "transConfig": {"transMode": "audioMix"},
            "container": {"format": container},
            "audio": {"sampleRate": str(rate), "channels": str(channels)},
        }
        started = await stage.record("start_individual", request=request, acquire={"scene": 2})
        await go_on(stage, 2 + 6)
        stage.emulator.channel(started.cname).leave(11)
        await go_on(stage, 4)
        await stage.stop(started)
        await go_on(stage, 59)
        assert not any(each.endswith(container) for each in s3.names(bucket))
        await go_on(stage, 5)
        told = [each.details for each in stage.emulator.notices if each.event_type == 1001]
    (made,) = [each for each in s3.names(bucket) if each.endswith(container)]
    assert told[0]["fileList"] == [{"fileName": made}]
    session = stage.emulator._service.office.sessions[started.sid]
    (when,) = [each.at for each in files(session, session.started_at) if each.name == made]
    assert list(files(session, when + timedelta(seconds=1))) == []
    with av.open(io.BytesIO(s3.read(bucket, made)), "r") as file:
        assert (file.streams.audio[0].rate, file.streams.audio[0].channels) == (rate, channels)
        heard = [
            sample
            for frame in file.decode(audio=0)
            for sample in array("f", bytes(frame.planes[0])[: frame.samples * 4])
        ]
    assert len(heard) / rate == pytest.approx(10, abs=0.1)
    for second, loudness in ((3, {"11": 0.25, "12": 0.25}), (8, {"11": 0.0, "12": 0.5})):
        for uid, wanted in loudness.items():
            found = loudness_of(heard[second * rate : second * rate + rate // 5], hertz(tone_of(uid)), rate)
            assert found == pytest.approx(wanted, abs=0.05)
