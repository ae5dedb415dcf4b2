"""What is told of web recordings: the page, its troubles, pauses, and pushes."""

import pytest

from agora_rec.emulator import EndReason, PageTrouble
from agora_rec.vocabulary import UploadingStatus
from tests.emulator.programmes import PAGE, PUSH, moments, page, still, story, web_watched
from tests.emulator.stage import Stage, example, said, set_stage

pytestmark = pytest.mark.anyio

STILL = still()
ALL = (1, 2, 3, 4, 13, 30, 31, 32, 40, 41, 42, 43, 44, 70, 71, 72, 73, 11)


async def test_a_page_from_its_start_to_its_end():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web")
        stage.clock.pass_by(50)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert moments(stage, *ALL) == [
            (1, 13),
            (5, 70),
            (5, 30),
            (5, 42),
            (50, 71),
            (50.5, 31),
            (52, 11),
        ]
        begun = int(stage.emulator.sessions[0].started_at.timestamp() * 1000) + 5000
        [(_, started)] = story(stage, 70)
        assert started == {"recorderStartTime": begun}
        [(_, stopped)] = story(stage, 71)
        names = [f"{recording.sid}_class-42.m3u8", f"{recording.sid}_class-42_0.mp4"]
        assert stopped == {
            "code": 0,
            "message": "ok",
            "details": "",
            "fileList": [{"filename": name, "sliceStartTime": begun} for name in names],
        }
        assert story(stage, 31) == [(50.5, {"status": 0})]


async def test_file_names_are_spelled_as_in_answers_and_times_are_always_milliseconds():
    async with set_stage(still(web_file_key="fileName", file_times_in_seconds=True)) as stage:
        recording = await stage.record("start_web")
        stage.clock.pass_by(50)
        await stage.stop(recording)
        stage.clock.pass_by(1)
        [(_, stopped)] = story(stage, 71)
        assert set(stopped["fileList"][0]) == {"fileName", "sliceStartTime"}
        assert stopped["fileList"][0]["sliceStartTime"] > 1_700_000_000_000


async def test_hours_that_are_over():
    async with set_stage(STILL) as stage:
        await stage.record("start_web")
        stage.clock.pass_by(3 * 3600 + 100)
        [(at, stopped)] = story(stage, 71)
        assert (at, stopped["code"], stopped["message"]) == (3 * 3600 + 5, 1, "max_recording_hour")
        assert story(stage, 11) == [(3 * 3600 + 7, {"exitStatus": 0})]


async def watch(stage: Stage, ready_timeout: int = 20) -> None:
    request = example("start_web")
    request["extensionServiceConfig"]["extensionServices"][0]["serviceParam"]["readyTimeout"] = ready_timeout
    await stage.record("start_web", request=request)


async def test_a_page_that_never_gets_ready_is_reloaded_once_and_given_up():
    async with set_stage(page(PageTrouble.NEVER_READY)) as stage:
        await watch(stage)
        stage.clock.pass_by(100)
        assert moments(stage, *ALL) == [(1, 13), (5, 30), (25, 73), (45, 71), (47, 11)]
        assert story(stage, 73, 11) == [(25, {"reason": "page_load_timeout"}), (47, {"exitStatus": 1})]
        [(_, stopped)] = story(stage, 71)
        assert stopped == {"code": 4, "message": "page_load_timeout", "details": "", "fileList": []}
        [session] = stage.emulator.sessions
        assert (session.end_reason, session.files) == (EndReason.PAGE_TROUBLE, ())


async def test_nobody_waits_for_a_page_without_a_limit():
    async with set_stage(page(PageTrouble.NEVER_READY)) as stage:
        await watch(stage, 0)
        stage.clock.pass_by(100)
        assert len(stage.emulator.running()) == 1
        assert moments(stage, 70, 71, 73) == [(5, 70)]


@pytest.mark.parametrize(
    ("trouble", "code", "message"),
    [(PageTrouble.UNREACHABLE, 5, "access_url_failed"), (PageTrouble.NO_ENGINE, 3, "start_engine_failed")],
)
async def test_a_page_that_is_never_shown(trouble: PageTrouble, code: int, message: str):
    async with set_stage(page(trouble)) as stage:
        await watch(stage)
        stage.clock.pass_by(100)
        assert moments(stage, *ALL) == [(1, 13), (5, 71), (7, 11)]
        [(_, stopped)] = story(stage, 71)
        assert (stopped["code"], stopped["message"], stopped["fileList"]) == (code, message, [])
        assert stage.emulator.sessions[0].uploading_status is None


@pytest.mark.parametrize(
    ("trouble", "limit"),
    [
        (PageTrouble.RESOLUTION, "resolution"),
        (PageTrouble.WEBGL, "WebGL"),
        (PageTrouble.BANDWIDTH, "bandwidth"),
    ],
)
async def test_a_page_that_needs_too_much_is_stopped_at_once(trouble: PageTrouble, limit: str):
    async with set_stage(page(trouble)) as stage:
        await watch(stage)
        stage.clock.pass_by(100)
        assert moments(stage, 72, 71, 31, 11) == [(65, 72), (65, 71), (65.5, 31), (67, 11)]
        assert story(stage, 72, 11) == [(65, {"limitType": limit}), (67, {"exitStatus": 1})]
        [(_, stopped)] = story(stage, 71)
        assert (stopped["code"], stopped["message"]) == (2, "capability_limit")
        assert len(stopped["fileList"]) == 2
        assert stage.emulator.sessions[0].uploading_status is UploadingStatus.UPLOADED


async def test_a_recorder_that_breaks():
    async with set_stage(page(PageTrouble.BREAKS)) as stage:
        await watch(stage)
        stage.clock.pass_by(100)
        assert moments(stage, 72, 71, 31, 11) == [(65, 71), (65.5, 31), (67, 11)]
        [(_, stopped)] = story(stage, 71)
        assert (stopped["code"], stopped["message"]) == (6, "recorder_error")


async def test_a_page_that_goes_silent_is_reloaded_and_goes_on():
    async with set_stage(page(PageTrouble.GOES_SILENT)) as stage:
        await watch(stage)
        stage.clock.pass_by(300)
        assert story(stage, 73) == [(65, {"reason": "audio_silence"})]
        assert story(stage, 71) == []
        assert len(stage.emulator.running()) == 1


async def test_trouble_that_a_stop_was_faster_than_never_shows():
    async with set_stage(page(PageTrouble.BREAKS)) as stage:
        await web_watched(stage)
        recording = stage.emulator.sessions[0]
        stage.clock.pass_by(30)
        path = f"/resourceid/{recording.resource_id}/sid/{recording.sid}/mode/web/stop"
        await stage.post(path, {"cname": recording.cname, "uid": recording.uid, "clientRequest": {}})
        stage.clock.pass_by(100)
        [(at, stopped)] = story(stage, 71)
        assert (at, stopped["code"]) == (30, 0)


async def test_another_page_has_no_trouble():
    async with set_stage(still(page_troubles={f"{PAGE}/other": PageTrouble.UNREACHABLE})) as stage:
        await stage.record("start_web")
        stage.clock.pass_by(10)
        assert len(stage.emulator.running()) == 1


async def test_wrong_parameters_of_a_page():
    async with set_stage(still(wrong_values=frozenset({"b"}), check_seconds=10.0)) as stage:
        await stage.record("start_web")
        stage.clock.pass_by(100)
        assert moments(stage, *ALL) == [(1, 13), (5, 70), (5, 30), (10, 1), (10, 71), (12, 11)]
        [(_, stopped)] = story(stage, 71)
        assert (stopped["code"], stopped["fileList"]) == (6, [])


async def test_pauses_interrupt_the_slices():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web")
        for seconds, onhold in ((20, True), (30, False), (10, False), (5, True)):
            stage.clock.pass_by(seconds)
            await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": onhold}})
        stage.clock.pass_by(100)
        slices = [(at, each["discontinueUtcMs"] - each["startUtcMs"]) for at, each in story(stage, 42)]
    assert slices == [(5, 0), (50, -30_000)]


async def test_a_pause_that_ends_and_begins_at_once_shows_nothing():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web_rtmp")
        stage.clock.pass_by(20)
        for onhold in (False, True):
            await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": onhold}})
        stage.clock.pass_by(20)
        assert story(stage, 42) == []


async def test_names_of_files_replace_what_a_name_may_not_have():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web", cname="page.7")
        stage.clock.pass_by(50)
        await stage.stop(recording)
        stage.clock.pass_by(1)
        [(_, stopped)] = story(stage, 71)
        assert {each["filename"].removeprefix(recording.sid) for each in stopped["fileList"]} == {
            "_page-7.m3u8",
            "_page-7_0.mp4",
        }


async def test_pushes_tell_how_they_fare():
    async with set_stage(still(dead_outputs=frozenset({"rtmp://dead.example/key"}))) as stage:
        recording = await stage.record("start_web_rtmp")

        async def hold(onhold: bool) -> None:  # noqa: FBT001
            await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": onhold}})

        async def push(url: str) -> None:
            outputs = [{"rtmpUrl": url}]
            await stage.tell(recording, "update", {"rtmpPublishConfig": {"outputs": outputs}})

        stage.clock.pass_by(20)
        await hold(onhold=False)
        stage.clock.pass_by(10)
        await hold(onhold=True)
        await hold(onhold=True)
        stage.clock.pass_by(10)
        await hold(onhold=False)
        stage.clock.pass_by(10)
        await push("rtmp://dead.example/key")
        stage.clock.pass_by(10)
        await push("rtmp://new.example/key")
        stage.clock.pass_by(0.5)
        await push("rtmp://newer.example/key")
        stage.clock.pass_by(10)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        told = [(at, each["rtmpUrl"], each["status"]) for at, each in story(stage, 100)]
        assert "example" not in repr(stage.emulator.notices)
    assert told == [
        (5, PUSH, "onhold"),
        (20, PUSH, "publishing"),
        (30, PUSH, "onhold"),
        (40, PUSH, "publishing"),
        (50, "rtmp://dead.example/key", "connecting"),
        (51, "rtmp://dead.example/key", "disconnected"),
        (60, "rtmp://new.example/key", "connecting"),
        (60.5, "rtmp://newer.example/key", "connecting"),
        (61.5, "rtmp://newer.example/key", "publishing"),
    ]


async def test_a_push_of_a_page_that_is_shown_at_once_connects_first():
    async with set_stage(STILL) as stage:
        await web_watched(stage)
        stage.clock.pass_by(30)
        assert [(at, each["status"]) for at, each in story(stage, 100)] == [
            (5, "connecting"),
            (6, "publishing"),
        ]


async def test_a_query_tells_what_was_told_of_pushes():
    async with set_stage(still(dead_outputs=frozenset({PUSH}))) as stage:
        await web_watched(stage)
        [session] = stage.emulator.sessions
        stage.clock.pass_by(10)
        path = f"{stage.base}/resourceid/{session.resource_id}/sid/{session.sid}/mode/web/query"
        answer = await stage.http.get(path)
        assert said(answer)[0] == 200
        payload = answer.json()["serverResponse"]["extensionServiceState"][1]["payload"]
        assert payload["outputs"] == [{"rtmpUrl": PUSH, "status": "disconnected"}]
