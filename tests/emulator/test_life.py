"""A recording's life at the service: readiness, files, ends; all by the clock."""

import pytest

from agora_rec.emulator import EndReason, MomentKind, Settings
from agora_rec.vocabulary import UploadingStatus
from tests.emulator.stage import Stage, Started, example, said, set_stage

pytestmark = pytest.mark.anyio

STILL = Settings(latency=0.0)
"""Without latency the clock stands where the test puts it."""


async def status_of(stage: Stage, recording: Started) -> int:
    answer = await stage.query(recording)
    assert answer.status_code == 200, answer.text
    status: int = answer.json()["serverResponse"]["status"]
    return status


async def test_an_accepted_start_is_not_yet_a_recording():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        seen = []
        for _ in range(4):
            seen.append(await status_of(stage, recording))
            stage.clock.pass_by(0.5)
        assert seen == [0, 1, 2, 3]
        assert await status_of(stage, recording) == 4
        stage.clock.pass_by(14.9)
        assert await status_of(stage, recording) == 4
        stage.clock.pass_by(0.1)
        assert await status_of(stage, recording) == 5


@pytest.mark.parametrize(
    ("name", "seconds"), [("start_mix_hls", 17), ("start_individual", 62), ("start_web", 20)]
)
async def test_the_first_playlist_comes_with_the_first_slice(name: str, seconds: float):
    async with set_stage(STILL) as stage:
        recording = await stage.record(name)
        stage.clock.pass_by(seconds - 0.1)
        assert stage.emulator.sessions[0].files == ()
        stage.clock.pass_by(0.1)
        assert stage.emulator.sessions[0].files != ()
        assert await status_of(stage, recording) == 5


async def test_a_stop_flushes_the_slice_that_is_being_written():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(3)
        answer = await stage.stop(recording)
        assert answer.json()["serverResponse"] == {
            "fileListMode": "string",
            "fileList": f"term1/day2/{recording.sid}_class-42.m3u8",
            "uploadingStatus": "uploaded",
        }
        session = stage.emulator.sessions[0]
        assert session.end_reason is EndReason.STOPPED
        assert session.uploading_status is UploadingStatus.UPLOADED


async def test_a_stop_waits_for_the_upload_and_the_worker_goes_afterwards():
    async with set_stage(Settings(latency=0.0, upload_seconds=12.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(3)
        before = stage.clock.moment
        assert (await stage.stop(recording)).status_code == 200
        assert (stage.clock.moment - before).total_seconds() == 12
        assert said(await stage.query(recording))[:2] == (404, 404)


async def test_an_exiting_recording_tells_so_and_then_is_gone():
    async with set_stage(Settings(latency=0.0, exit_seconds=3.0, upload_seconds=1.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        await stage.stop(recording, async_stop=True)
        seen = []
        for _ in range(3):
            seen.append(await status_of(stage, recording))
            assert said(await stage.stop(recording)) == (400, 49, "invalid operation")
            assert said(await stage.tell(recording, "update"))[:2] == (404, 404)
            stage.clock.pass_by(1)
        assert seen == [6, 7, 8]
        for verb in ("stop", "update", "updateLayout"):
            assert said(await stage.tell(recording, verb)) == (404, 404, "failed to find worker")
        assert said(await stage.query(recording)) == (404, 404, "failed to find worker")
        assert stage.emulator.sessions[0].gone


async def test_the_files_of_a_slow_upload_are_stored_later():
    async with set_stage(Settings(latency=0.0, upload_seconds=60.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        answer = await stage.stop(recording)
        assert said(answer)[:2] == (206, 50)
        assert "fileList" not in answer.json()["serverResponse"]
        seen = [stage.emulator.sessions[0].uploading_status]
        stage.clock.pass_by(40)
        seen.append(stage.emulator.sessions[0].uploading_status)
        assert seen == [UploadingStatus.UNKNOWN, UploadingStatus.UPLOADED]


async def test_an_asynchronous_stop_answers_at_once_and_knows_nothing():
    async with set_stage(Settings(latency=0.0, upload_seconds=60.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        before = stage.clock.moment
        answer = await stage.stop(recording, async_stop=True)
        assert stage.clock.moment == before
        assert answer.json()["serverResponse"]["uploadingStatus"] == "unknown"


async def test_a_bucket_that_refuses_sends_the_files_to_the_backup():
    async with set_stage(Settings(backup_buckets=frozenset({"full"}))) as stage:
        request = example("start_mix_hls")
        request["storageConfig"]["bucket"] = "full"
        recording = await stage.record(request=request)
        stage.clock.pass_by(5)
        answer = await stage.stop(recording)
        assert answer.json()["serverResponse"]["uploadingStatus"] == "backuped"
        assert stage.emulator.sessions[0].uploading_status is UploadingStatus.BACKUPED


@pytest.mark.parametrize("async_stop", [False, True])
async def test_a_channel_without_streams_leaves_no_data(async_stop: bool):  # noqa: FBT001
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(5, audio=False, video=False)
        recording = await stage.record()
        stage.clock.pass_by(100)
        said_by_query = (await stage.query(recording)).json()["serverResponse"]
        assert said_by_query == {"status": 4, "fileListMode": "string", "fileList": "", "sliceStartTime": 0}
        before = stage.clock.moment
        answer = await stage.stop(recording, async_stop=async_stop)
        assert stage.clock.moment == before  # nothing to upload, nothing to wait for
        assert answer.json() == {"code": 435, "reason": "no recorded data"}
        assert answer.status_code == 206
        session = stage.emulator.sessions[0]
        assert (session.files, session.uploading_status) == ((), None)


async def test_a_stop_before_everything_is_ready_leaves_no_data():
    async with set_stage() as stage:
        assert said(await stage.stop(await stage.record()))[:2] == (206, 435)


async def test_an_empty_channel_ends_a_communication():
    async with set_stage(STILL) as stage:
        request = example("start_mix_hls_mp4")
        recording = await stage.record(request=request)
        stage.clock.pass_by(10)
        stage.emulator.channel("class-42").empty()
        stage.clock.pass_by(29.9)
        assert await status_of(stage, recording) == 5
        stage.clock.pass_by(0.2)
        assert await status_of(stage, recording) == 6
        assert said(await stage.stop(recording)) == (400, 49, "invalid operation")
        session = stage.emulator.sessions[0]
        assert session.end_reason is EndReason.IDLE
        assert session.ended_at is not None
        assert (session.ended_at - session.started_at).total_seconds() == 40
        assert session.files != ()
        stage.clock.pass_by(2)
        assert said(await stage.query(recording))[:2] == (404, 404)


async def test_who_comes_back_in_time_keeps_it_going():
    async with set_stage(STILL) as stage:
        await stage.record("start_mix_hls_mp4")
        channel = stage.emulator.channel("class-42")
        for _ in range(3):
            channel.empty()
            stage.clock.pass_by(29)
            channel.join(11)
            stage.clock.pass_by(1)
            assert len(stage.emulator.running()) == 1
        channel.leave(11)
        stage.clock.pass_by(31)
        channel.join(11)
        assert stage.emulator.running() == ()


async def test_an_audience_does_not_keep_a_live_broadcast_going():
    async with set_stage(STILL) as stage:
        channel = stage.emulator.channel("class-42")
        channel.empty()
        channel.join(5, host=False)
        live = await stage.record("start_mix_hls")
        talk = await stage.record("start_mix_hls_mp4", uid="7")
        stage.clock.pass_by(2 + 300)
        assert await status_of(stage, live) == 6
        assert await status_of(stage, talk) == 5


async def test_a_recorder_and_a_user_with_the_same_uid_push_each_other_out():
    async with set_stage(STILL) as stage:
        recording = await stage.record(uid="12")
        stage.clock.pass_by(2)
        assert await status_of(stage, recording) == 6
        assert stage.emulator.sessions[0].end_reason is EndReason.UID_TAKEN
        later = await stage.record(uid="13")
        stage.clock.pass_by(60)
        stage.emulator.channel("class-42").join(13)
        stage.emulator.channel("class-42").leave(13)
        assert await status_of(stage, later) == 6


async def test_wrong_parameters_end_a_recording_a_little_later():
    async with set_stage(Settings(latency=0.0, wrong_values=frozenset({"b"}))) as stage:
        recording = await stage.record()
        stage.clock.pass_by(4.9)
        assert await status_of(stage, recording) == 4
        stage.clock.pass_by(0.1)
        assert await status_of(stage, recording) == 20
        stage.clock.pass_by(2)
        assert said(await stage.query(recording))[:2] == (404, 404)
        session = stage.emulator.sessions[0]
        assert (session.end_reason, session.files) == (EndReason.WRONG_PARAMETERS, ())


async def test_a_refused_token_ends_a_recording_a_little_later():
    async with set_stage(Settings(wrong_tokens=frozenset({"t"}))) as stage:
        await stage.record()
        stage.clock.pass_by(10)
        assert stage.emulator.sessions[0].end_reason is EndReason.WRONG_PARAMETERS


async def test_a_page_is_recorded_for_its_hours():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web")
        stage.clock.pass_by(5 + 3 * 3600 - 1)
        assert await status_of(stage, recording) == 5
        stage.clock.pass_by(1)
        assert await status_of(stage, recording) == 6
        assert stage.emulator.sessions[0].end_reason is EndReason.HOURS_OVER


async def test_a_page_that_pauses_is_not_recorded():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web_rtmp")
        stage.clock.pass_by(60)
        assert await status_of(stage, recording) == 4
        await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": False}})
        stage.clock.pass_by(5)
        assert await status_of(stage, recording) == 5
        await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": True}})
        answer = await stage.stop(recording)
        payload = answer.json()["serverResponse"]["extensionServiceState"][0]["payload"]
        assert payload["onhold"] is True
        assert len(payload["fileList"]) == 1


async def test_a_page_that_always_paused_leaves_no_data():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web_rtmp")
        stage.clock.pass_by(60)
        assert said(await stage.stop(recording))[:2] == (206, 435)


async def test_when_the_hours_of_the_resource_are_over_nothing_can_be_said():
    async with set_stage(STILL) as stage:
        recording = await stage.record(acquire={"resourceExpiredHour": 2})
        stage.clock.pass_by(7199)
        assert (await stage.query(recording)).status_code == 200
        stage.clock.pass_by(1)
        assert said(await stage.query(recording))[:2] == (400, 433)
        for verb in ("update", "updateLayout", "stop"):
            assert said(await stage.tell(recording, verb))[:2] == (400, 433)
        assert len(stage.emulator.running()) == 1
        stage.emulator.channel("class-42").empty()
        stage.clock.pass_by(400)
        assert said(await stage.stop(recording))[:2] == (404, 404)


async def test_the_same_recorder_may_come_back_when_its_worker_has_gone():
    async with set_stage(STILL) as stage:
        first = await stage.record()
        stage.clock.pass_by(5)
        await stage.stop(first, async_stop=True)
        again = await stage.acquired()
        assert said(await stage.start(again, example("start_mix_hls"))) == (400, 53, "task conflict")
        stage.clock.pass_by(2)
        assert (await stage.start(again, example("start_mix_hls"))).status_code == 200


async def test_a_life_is_told_in_order():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(1)
        assert [moment.kind for moment in stage.emulator.life(recording.sid)] == [MomentKind.ACCEPTED]
        stage.clock.pass_by(9)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        life = stage.emulator.life(recording.sid)
    begin = life[0].at
    assert [(moment.kind.value, (moment.at - begin).total_seconds()) for moment in life] == [
        ("accepted", 0),
        ("ready", 2),
        ("first_slice", 2),
        ("first_playlist", 10),
        ("left", 10),
        ("stored", 10.5),
        ("gone", 12),
    ]


async def test_a_life_that_ends_early_never_was_ready():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(1)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        kinds = [moment.kind for moment in stage.emulator.life(recording.sid)]
    assert kinds == [MomentKind.ACCEPTED, MomentKind.LEFT, MomentKind.GONE]


async def test_what_was_asked_later_changes_nothing_that_was():
    """A recording's truth about a moment is the same whenever somebody asks."""
    async with set_stage(STILL) as stage:
        await stage.record("start_individual")
        channel = stage.emulator.channel("class-42")
        stage.clock.pass_by(10)
        channel.empty()
        stage.clock.pass_by(500)
        first = stage.emulator.sessions
        channel.join(99)
        channel.join(880011)
        stage.clock.pass_by(500)
        assert stage.emulator.sessions == first


async def test_everything_ready_at_once():
    async with set_stage(
        Settings(latency=0.0, start_seconds=0.0, exit_seconds=0.0, upload_seconds=0.0)
    ) as stage:
        recording = await stage.record()
        assert await status_of(stage, recording) == 4
        stage.clock.pass_by(0.001)
        assert (await stage.stop(recording)).status_code == 200
        assert said(await stage.query(recording))[:2] == (404, 404)
