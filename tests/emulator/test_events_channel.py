"""What is told of recordings of a channel: streams, slices, files, progress, ends."""

from typing import Any

import pytest

from agora_rec.emulator import EndReason, Settings, Upload, User
from agora_rec.vocabulary import UploadingStatus
from tests.emulator.programmes import STS_SECONDS, moments, still, story, with_sts
from tests.emulator.stage import Stage, example, said, set_stage

pytestmark = pytest.mark.anyio

STILL = still()


def file_names(listed: Any) -> list[str]:
    return [each["fileName"] for each in listed]


async def test_a_mix_recording_from_its_start_to_its_end():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_mix_hls_mp4")
        stage.clock.pass_by(70)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        playlist, mp4 = f"{recording.sid}_class-42.m3u8", f"{recording.sid}_class-42_0.mp4"
        assert moments(stage, 13, 40, 30, 43, 44, 42, 4, 41, 31, 32, 11) == [
            (1, 13),
            (2, 40),
            (2, 30),
            (2, 43),
            (2, 44),
            (2, 42),
            (17, 4),
            (70, 41),
            (70.5, 31),
            (72, 11),
        ]
        assert story(stage, 41, 11) == [(70, {"leaveCode": 16}), (72, {"exitStatus": 0})]
        assert story(stage, 4) == [(17, {"fileList": playlist})]
        [(_, uploaded)] = story(stage, 31)
        assert uploaded["status"] == 0
        assert file_names(uploaded["fileList"]) == [playlist, mp4]


@pytest.mark.parametrize(("seconds", "told"), [(30.0, [(30, 13)]), (None, [])])
async def test_a_registration_may_be_late_or_never_come(seconds: float | None, told: list[tuple[float, int]]):
    async with set_stage(still(register_seconds=seconds)) as stage:
        await stage.record()
        stage.clock.pass_by(100)
        assert moments(stage, 13) == told


async def test_status_changes_are_told_as_a_query_would_tell_them():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(30)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        name = f"term1/day2/{recording.sid}_class-42.m3u8"
        changes = [(at, change["status"], change["fileList"]) for at, change in story(stage, 3)]
    assert changes == [
        (0.5, 1, ""),
        (1, 2, ""),
        (1.5, 3, ""),
        (2, 4, ""),
        (17, 5, name),
        (30, 6, name),
        (pytest.approx(30.667, abs=0.001), 7, name),
        (pytest.approx(31.333, abs=0.001), 8, name),
    ]


@pytest.mark.parametrize(("name", "mode"), [("start_mix_hls", 1), ("start_individual", 0)])
async def test_a_status_change_says_the_mode(name: str, mode: int):
    async with set_stage(STILL) as stage:
        await stage.record(name)
        stage.clock.pass_by(3)
        assert {change["recordingMode"] for _, change in story(stage, 3)} == {mode}


async def test_a_status_change_may_say_the_mode_the_other_way_round():
    async with set_stage(still(modes_swapped_in_events=True)) as stage:
        await stage.record("start_mix_hls")
        stage.clock.pass_by(3)
        assert {change["recordingMode"] for _, change in story(stage, 3)} == {0}


async def test_events_may_have_no_scene():
    async with set_stage(still(scene_in_events=False)) as stage:
        await stage.record()
        stage.clock.pass_by(3)
        assert not any("serviceScene" in notice.payload for notice in stage.emulator.notices)


async def test_a_call_that_does_not_fit_the_status_is_told_of():
    async with set_stage(still(exit_seconds=10.0, upload_seconds=0.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(20)
        assert said(await stage.start(recording.resource_id, example("start_mix_hls")))[:2] == (201, 7)
        stage.clock.pass_by(10)
        await stage.stop(recording)
        stage.clock.pass_by(5)
        assert said(await stage.stop(recording))[:2] == (400, 49)
        stage.clock.pass_by(10)
        assert said(await stage.start(recording.resource_id, example("start_mix_hls")))[:2] == (201, 7)
        stage.clock.pass_by(10)
        told = [(at, change["status"]) for at, change in story(stage, 3)]
    # The last one found nobody who could have told.
    assert told[5:] == [
        (20, 5),
        (30, 6),
        (pytest.approx(33.33, abs=0.01), 7),
        (35, 7),
        (pytest.approx(36.67, abs=0.01), 8),
    ]


async def test_streams_of_individual_recordings_are_told_of_one_by_one():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(11, video=False)
        await stage.record("start_individual")
        stage.clock.pass_by(10)
        channel.join(12)
        stage.clock.pass_by(10)
        channel.join(12, audio=False)
        stage.clock.pass_by(10)
        channel.leave(12)
        channel.join(12, audio=False)
        stage.clock.pass_by(10)
        channel.leave(12)
        stage.clock.pass_by(1)
        start = int(stage.emulator.sessions[0].started_at.timestamp() * 1000)
        audio = [(at, each["streamUid"], each["state"]) for at, each in story(stage, 43)]
        video = [(at, each["streamUid"], each["state"]) for at, each in story(stage, 44)]
        assert all(each["UtcMs"] == start + at * 1000 for at, each in story(stage, 43, 44))
    assert audio == [(2, "11", 0), (10, "12", 0), (20, "12", 1)]
    assert video == [(10, "12", 0), (40, "12", 1)]


async def test_in_mix_only_the_mixed_stream_comes_and_goes():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        await stage.record()
        stage.clock.pass_by(10)
        channel.leave(11)
        channel.join(12, video=False)
        stage.clock.pass_by(10)
        channel.empty()
        stage.clock.pass_by(10)
        channel.join(13)
        stage.clock.pass_by(1)
        told = [(at, each["streamUid"], each["state"]) for at, each in story(stage, 43)]
        shown = [(at, each["streamUid"], each["state"]) for at, each in story(stage, 44)]
        slices = [(at, each["discontinueUtcMs"] - each["startUtcMs"]) for at, each in story(stage, 42)]
    assert told == [(2, "0", 0), (20, "0", 1), (30, "0", 0)]
    assert shown == [(2, "0", 0), (10, "0", 1), (30, "0", 0)]
    # Interrupted for ten seconds: it says where the last good slice ended.
    assert slices == [(2, 0), (30, -10_000)]


async def test_in_mix_users_may_come_and_go_one_by_one():
    async with set_stage(still(mixed_streams_by_user=True)) as stage:
        await stage.record()
        stage.clock.pass_by(10)
        stage.emulator.channel("class-42").leave(11)
        stage.clock.pass_by(1)
        told = [(at, each["streamUid"], each["state"]) for at, each in story(stage, 43)]
        assert [each["streamUid"] for _, each in story(stage, 42)] == ["0"]
    assert told == [(2, "11", 0), (2, "12", 0), (10, "11", 1)]


async def test_slices_begin_once_for_each_stream_and_again_after_an_interruption():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_individual")
        stage.clock.pass_by(10)
        await stage.tell(recording, "update", example("update_subscription"))  # not the video of 12
        stage.clock.pass_by(10)
        lists = {"videoUidList": {"subscribeVideoUids": ["11", "12"]}}
        await stage.tell(recording, "update", {"streamSubscribe": lists})
        stage.clock.pass_by(10)
        begun = [
            (at, each["streamUid"], each["trackType"], each["discontinueUtcMs"] - each["startUtcMs"])
            for at, each in story(stage, 42)
        ]
        assert {each["mixedAllUser"] for _, each in story(stage, 42)} == {False}
    assert begun == [
        (2, "11", "audio", 0),
        (2, "11", "video", 0),
        (2, "12", "audio", 0),
        (2, "12", "video", 0),
        (20, "12", "video", -10_000),
    ]


async def test_users_beyond_the_group_are_not_told_of():
    async with set_stage(still(users=tuple(User(uid=uid) for uid in range(1, 5)))) as stage:
        request = example("start_individual")
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0}
        await stage.record("start_individual", request=request)
        stage.clock.pass_by(3)
        assert {each["streamUid"] for _, each in story(stage, 42, 43, 44)} == {"1", "2"}


async def test_each_playlist_is_told_of_once():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_individual")
        stage.clock.pass_by(300)
        await stage.stop(recording)
        stage.clock.pass_by(5)
        listed = [(at, each["fileList"]) for at, each in story(stage, 4)]
        [(_, uploaded)] = story(stage, 31)
        assert [at for at, _ in listed] == [62] * 4
        assert [name for _, name in listed] == file_names(uploaded["fileList"])


async def test_a_stop_before_the_first_playlist_flushes_it():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        await stage.stop(recording)
        stage.clock.pass_by(5)
        assert moments(stage, 4, 41, 31) == [(5, 4), (5, 41), (5.5, 31)]
        assert [change["status"] for _, change in story(stage, 3)] == [1, 2, 3, 4, 6, 7, 8]


async def test_progress_comes_each_minute_and_never_falls():
    async with set_stage(still(upload_seconds=200.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(210)
        await stage.stop(recording, async_stop=True)
        stage.clock.pass_by(1000)
        told = [(at, each["progress"]) for at, each in story(stage, 33)]
        # All of four, eight, ... slices but the one being written; then what is left, evenly.
    assert told[:3] == [(60, 7500), (120, 8750), (180, 9166)]
    assert [at for at, _ in told[3:]] == [240, 300, 360, 410]
    assert [progress for _, progress in told] == sorted(progress for _, progress in told)
    assert told[-2][1] < 10_000
    assert told[-1] == (410, 10_000)


async def test_nothing_is_uploaded_where_nothing_was_recorded():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(5, audio=False, video=False)
        recording = await stage.record()
        stage.clock.pass_by(70)
        await stage.stop(recording)
        stage.clock.pass_by(100)
        assert moments(stage, 4, 31, 32, 33, 41, 42, 43, 44, 11) == [(60, 33), (70, 41), (72, 11)]
        assert story(stage, 33) == [(60, {"progress": 0})]


async def test_a_slow_upload_ends_after_the_worker_and_is_told_of():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(20)
        stage.emulator.inject(Upload(120, backuped=True))
        assert said(await stage.stop(recording))[:2] == (206, 50)
        stage.clock.pass_by(10)
        assert stage.emulator.sessions[0].gone
        assert moments(stage, 31, 32, 11) == []
        assert story(stage, 2) == [
            (20, {"module": 1, "warnCode": 31}),
            (20, {"module": 1, "warnCode": 32}),
        ]
        stage.clock.pass_by(200)
        assert moments(stage, 31, 32, 11) == [(140, 32), (140, 11)]
        [(_, backuped)] = story(stage, 32)
        assert file_names(backuped["fileList"]) == [f"term1/day2/{recording.sid}_class-42.m3u8"]


async def test_a_bucket_that_refuses_is_warned_of_with_the_first_file():
    async with set_stage(still(backup_buckets=frozenset({"b"}))) as stage:
        recording = await stage.record()
        stage.clock.pass_by(17.2)
        assert [(at, each["warnCode"]) for at, each in story(stage, 2)] == [(17, 31), (17, 32)]
        stage.clock.pass_by(10)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert moments(stage, 2, 31, 32)[2:] == [(27.7, 32)]


@pytest.mark.parametrize(
    "wrong", [{"bucket": "full"}, {"bucket": "gone"}, {"accessKey": "k"}, {"secretKey": "k"}]
)
async def test_new_storage_may_refuse_until_better_is_told(wrong: dict[str, str]):
    world = still(backup_buckets=frozenset({"full"}), wrong_values=frozenset({"gone", "k"}))
    async with set_stage(world) as stage:
        recording = await stage.record()
        good = example("start_mix_hls")["storageConfig"]
        stage.clock.pass_by(20)
        await stage.tell(recording, "update", {"storageConfig": {**good, "fileNamePrefix": []}})
        stage.clock.pass_by(20)
        assert story(stage, 2) == []
        assert (await stage.tell(recording, "update", {"storageConfig": {**good, **wrong}})).is_success
        stage.clock.pass_by(20)
        assert [(at, each["warnCode"]) for at, each in story(stage, 2)] == [(40, 31), (40, 32)]
        await stage.tell(recording, "update", {"storageConfig": good})
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert [number for _, number in moments(stage, 31, 32)] == [32]


async def test_a_storage_token_that_runs_out_is_told_of_and_sends_the_files_to_the_backup():
    async with set_stage(STILL) as stage:
        recording = await stage.record(request=with_sts(stage))
        stage.clock.pass_by(STS_SECONDS - 0.1)
        assert story(stage, 34) == []
        stage.clock.pass_by(1)
        assert story(stage, 34) == [(STS_SECONDS, {})]
        await stage.tell(recording, "update", {"storageConfig": example("update_sts")["storageConfig"]})
        stage.clock.pass_by(60)
        answer = await stage.stop(recording)
        assert answer.json()["serverResponse"]["uploadingStatus"] == "backuped"
        assert stage.emulator.sessions[0].uploading_status is UploadingStatus.BACKUPED
        stage.clock.pass_by(10)
        assert [number for _, number in moments(stage, 31, 32, 34)] == [34, 32]


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_storage_token_that_is_renewed_in_time_is_not(lasting: bool):  # noqa: FBT001
    async with set_stage(STILL) as stage:
        recording = await stage.record(request=with_sts(stage))
        stage.clock.pass_by(3600)
        storage = with_sts(stage)["storageConfig"]
        if lasting:
            storage["stsExpiration"] = (1 << 64) - 1
        await stage.tell(recording, "update", {"storageConfig": storage})
        stage.clock.pass_by(STS_SECONDS - 3600 + 10)
        assert story(stage, 34) == []
        stage.clock.pass_by(3600)
        assert [at for at, _ in story(stage, 34)] == ([] if lasting else [STS_SECONDS + 3600])


async def test_a_token_that_runs_out_before_there_are_files_harms_nothing_until_then():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(5, audio=False, video=False)
        recording = await stage.record(request=with_sts(stage))
        stage.clock.pass_by(STS_SECONDS + 10)
        channel.join(6)
        stage.clock.pass_by(10)
        assert [number for _, number in moments(stage, 34, 2)] == [34]
        stage.clock.pass_by(10)
        assert moments(stage, 34, 2) == [(STS_SECONDS, 34), *[(STS_SECONDS + 25, 2)] * 2]
        await stage.stop(recording)
        assert stage.emulator.sessions[0].uploading_status is UploadingStatus.BACKUPED


async def test_a_token_that_is_renewed_before_there_are_files_harms_nothing():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(5, audio=False, video=False)
        recording = await stage.record(request=with_sts(stage))
        stage.clock.pass_by(STS_SECONDS + 10)
        await stage.tell(recording, "update", {"storageConfig": with_sts(stage)["storageConfig"]})
        channel.join(6)
        stage.clock.pass_by(100)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert [number for _, number in moments(stage, 34, 2, 31, 32)] == [34, 31]


async def test_an_idle_channel_is_left():
    async with set_stage(STILL) as stage:
        await stage.record("start_mix_hls_mp4")
        stage.clock.pass_by(20)
        stage.emulator.channel("class-42").empty()
        stage.clock.pass_by(60)
        assert moments(stage, 41, 31, 11) == [(50, 41), (50.5, 31), (52, 11)]
        assert story(stage, 41, 11) == [(50, {"leaveCode": 4}), (52, {"exitStatus": 0})]


async def test_who_is_pushed_out_leaves():
    async with set_stage(STILL) as stage:
        await stage.record()
        stage.clock.pass_by(20)
        stage.emulator.channel("class-42").join(880011)
        stage.clock.pass_by(10)
        assert stage.emulator.sessions[0].end_reason is EndReason.UID_TAKEN
        assert story(stage, 41, 11) == [(20, {"leaveCode": 16}), (22, {"exitStatus": 0})]


def images(request: dict[str, Any]) -> dict[str, Any]:
    request["recordingConfig"]["transcodingConfig"] = {"backgroundImage": "http://wrong.example/"}
    return request


@pytest.mark.parametrize(
    ("settings", "request_body", "error", "leave"),
    [
        (
            still(wrong_values=frozenset({"b"})),
            example("start_mix_hls"),
            {"module": 1, "errorLevel": 4, "errorCode": 32, "stat": 1, "errorMsg": "storage refused"},
            16,
        ),
        (
            still(wrong_values=frozenset({"http://wrong.example/"})),
            images(example("start_mix_hls")),
            {"module": 0, "errorLevel": 4, "errorCode": 2, "stat": 1, "errorMsg": "image refused"},
            16,
        ),
        (
            still(wrong_tokens=frozenset({"t"})),
            example("start_mix_hls"),
            {"module": 0, "errorLevel": 5, "errorCode": 110, "stat": 0, "errorMsg": ""},
            0,
        ),
        (
            still(expired_tokens=frozenset({"t"})),
            example("start_mix_hls"),
            {"module": 0, "errorLevel": 5, "errorCode": 109, "stat": 0, "errorMsg": ""},
            0,
        ),
    ],
    ids=["storage", "image", "token", "expired"],
)
async def test_wrong_parameters_are_told_of_and_end_the_recording(
    settings: Settings, request_body: dict[str, Any], error: dict[str, Any], leave: int
):
    async with set_stage(settings) as stage:
        await stage.record(request=request_body)
        stage.clock.pass_by(100)
        assert story(stage, 1, 41, 11) == [
            (5, error),
            (5, {"leaveCode": leave}),
            (7, {"exitStatus": 1}),
        ]
        assert story(stage, 4, 31, 32, 33, 42, 43, 44) == []
        assert [change["status"] for _, change in story(stage, 3)][-1] == 20
        assert bool(story(stage, 40)) == (leave != 0)


async def test_who_cannot_enter_is_never_ready():
    async with set_stage(still(wrong_tokens=frozenset({"t"}))) as stage:
        recording = await stage.record()
        stage.clock.pass_by(4)
        assert (await stage.query(recording)).json()["serverResponse"]["status"] == 3
        assert [change["status"] for _, change in story(stage, 3)] == [1, 2, 3]


async def test_a_flawed_recording_that_is_stopped_in_time_was_only_stopped():
    async with set_stage(still(wrong_values=frozenset({"b"}))) as stage:
        recording = await stage.record()
        stage.clock.pass_by(4)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert story(stage, 1, 41, 11) == [(4, {"leaveCode": 16}), (6, {"exitStatus": 0})]


async def test_a_start_that_is_stopped_at_once_never_was_ready():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(0.5)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert moments(stage, 13, 40, 30, 41, 11) == [(0.5, 41), (2.5, 11)]


async def test_screenshots_come_at_each_interval_from_whoever_sends_video():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(11)
        channel.join(12, video=False)
        recording = await stage.record("start_snapshot_only")
        stage.clock.pass_by(25)
        channel.leave(11)
        stage.clock.pass_by(20)
        channel.join(13)
        stage.clock.pass_by(15)
        names = [(at, each["fileName"]) for at, each in story(stage, 45)]
        assert {notice.payload["serviceScene"] for notice in stage.emulator.notices} == {"rtc_snapshot"}
        await stage.stop(recording)
        stage.clock.pass_by(30)
        assert story(stage, 31) == [(60.5, {"status": 0, "fileList": []})]
        assert len(story(stage, 45)) == 3
    sid = recording.sid
    assert names == [
        (12, f"{sid}_class-42__uid_s_11__uid_e_video_20260528204012000.jpg"),
        (22, f"{sid}_class-42__uid_s_11__uid_e_video_20260528204022000.jpg"),
        (52, f"{sid}_class-42__uid_s_13__uid_e_video_20260528204052000.jpg"),
    ]


async def test_screenshots_beside_a_recording_have_a_scene_of_their_own():
    async with set_stage(STILL) as stage:
        await stage.record("start_individual_and_snapshots")
        stage.clock.pass_by(70)
        scenes = {int(each.event_type): each.payload["serviceScene"] for each in stage.emulator.notices}
    assert scenes.pop(45) == "rtc_snapshot"
    assert set(scenes.values()) == {"rtc_record"}


@pytest.mark.untraced
async def test_days_of_screenshots_is_told_bit_by_bit():
    """Nobody keeps what nobody has asked for, and not all of that."""
    async with set_stage(still(notices_kept=1000)) as stage:
        request = example("start_snapshot_only")
        request["snapshotConfig"]["captureInterval"] = 3600
        await stage.record("start_snapshot_only", request=request)
        stage.clock.pass_by(10 * 86400)
        kept = stage.emulator.notices
        assert 1000 <= len(kept) <= 2000
        assert kept[-1].number > 14_400


async def postponed(stage: Stage) -> None:
    request = example("start_individual")
    request["appsCollection"] = {"combinationPolicy": "postpone_transcoding"}
    request["transcodeOptions"] = {"transConfig": {"transMode": "postponeTranscoding"}}
    recording = await stage.record("start_individual", request=request, acquire={"scene": 2})
    stage.clock.pass_by(70)
    await stage.stop(recording)


async def test_postponed_transcoding_has_a_scene_of_its_own():
    async with set_stage(STILL) as stage:
        await postponed(stage)
        stage.clock.pass_by(100)
        scenes = {notice.payload["serviceScene"] for notice in stage.emulator.notices}
    assert scenes == {"postpone_transcode::rtc_record"}
