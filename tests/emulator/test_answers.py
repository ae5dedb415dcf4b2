"""Good answers have the shape of the reference's samples: the same keys, the same types."""

import json
from typing import Any

import pytest

from agora_rec.emulator import Settings
from tests.emulator.stage import Stage, example, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

ANSWERS: dict[str, Any] = load("responses")["endpoints"]
WEB_RTMP = "start_web_rtmp"


def sample(endpoint: str, variant: str) -> Any:
    return json.loads(ANSWERS[endpoint][200]["variants"][variant])


def shape_of(value: object) -> object:
    """Keys and types of a JSON value; a list has the set of its items' shapes."""
    if isinstance(value, dict):
        return {str(name): shape_of(item) for name, item in value.items()}
    if isinstance(value, list):
        shapes = [shape_of(item) for item in value]
        return [each for number, each in enumerate(shapes) if each not in shapes[:number]]
    return type(value).__name__


def request_of(variant: str) -> tuple[str, dict[str, Any]]:
    """The example that leads to a variant of query and stop."""
    names = {
        "individual": "start_individual",
        "individual_empty": "start_individual",
        "individual_snapshot": "start_individual_and_snapshots",
        "mix_hls": "start_mix_hls",
        "async": "start_mix_hls",
        "mix_hls_mp4": "start_mix_hls_mp4",
        "web": "start_web",
        "web_rtmp": WEB_RTMP,
    }
    request = example(names[variant])
    if names[variant] == WEB_RTMP:
        request["extensionServiceConfig"]["extensionServices"][0]["serviceParam"]["onhold"] = False
    return names[variant], request


@pytest.mark.parametrize("variant", ANSWERS["query"][200]["variants"])
async def test_query_answers_like_the_sample(variant: str):
    async with set_stage() as stage:
        name, request = request_of(variant)
        recording = await stage.record(name, request=request)
        # The two samples without files are from before the first slice was complete.
        stage.clock.pass_by(7 if variant in {"individual_empty", "web_rtmp"} else 90)
        answer = await stage.query(recording)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert shape_of(answer.json()) == shape_of(sample("query", variant))


@pytest.mark.parametrize("variant", ANSWERS["stop"][200]["variants"])
async def test_stop_answers_like_the_sample(variant: str):
    async with set_stage(Settings(rtmp_in_stop=variant == "web_rtmp")) as stage:
        name, request = request_of(variant)
        recording = await stage.record(name, request=request)
        stage.clock.pass_by(90)
        answer = await (
            stage.stop(recording, async_stop=True) if variant == "async" else stage.stop(recording)
        )
    assert answer.status_code == 200
    assert shape_of(answer.json()) == shape_of(sample("stop", variant))


@pytest.mark.parametrize("endpoint", ["update", "updateLayout"])
async def test_updates_answer_like_the_sample(endpoint: str):
    async with set_stage() as stage:
        recording = await stage.record()
        answer = await stage.tell(recording, endpoint)
    assert shape_of(answer.json()) == shape_of(sample(endpoint, "any"))
    assert answer.json() == {
        "cname": recording.cname,
        "uid": recording.uid,
        "resourceId": recording.resource_id,
        "sid": recording.sid,
    }


async def test_acquire_start_and_ncs_ip_answer_like_the_samples():
    async with set_stage() as stage:
        acquired = await stage.acquire()
        started = await stage.start(acquired.json()["resourceId"], example("start_mix_hls"))
        assert shape_of(acquired.json()) == shape_of(sample("acquire", "any"))
        assert shape_of(started.json()) == shape_of(sample("start", "any"))
        for path in ("/v1/ncs/ip", "/v2/ncs/ip"):
            answer = await stage.http.get(path)
            assert answer.json() == sample("ncsIp", "any")


@pytest.mark.parametrize(
    ("key", "slow"), [("stop_upload_slow", True), ("stop_with_query", False)], ids=["slow", "raced"]
)
async def test_unfinished_stops_answer_like_the_samples(key: str, slow: bool):  # noqa: FBT001
    async with set_stage(Settings(upload_seconds=30.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        before = stage.clock.moment
        if not slow:
            await overlap(stage, recording.sid)
        answer = await stage.stop(recording)
    assert answer.status_code == 206
    assert shape_of(answer.json()) == shape_of(json.loads(load("responses")["by_status"][206][key]))
    assert (stage.clock.moment - before).total_seconds() == pytest.approx(20, abs=0.1)


async def overlap(stage: Stage, sid: str) -> None:
    """Let a query of that recording be under way when the next call comes."""
    service = stage.emulator._service
    request = stage.emulator.calls[-1]
    from agora_rec.emulator.wire import Request  # noqa: PLC0415 - only this white-box helper needs it

    path = f"{stage.base}/resourceid/{request.resource_id}/sid/{sid}/mode/mix/query"
    auth = stage.http.build_request("GET", "/")
    header = next(stage.http.auth.sync_auth_flow(auth)).headers["authorization"]  # type: ignore[union-attr]
    service.arrive(Request(method="GET", path=path, headers={"authorization": header}), stage.clock.now())


async def test_resource_ids_are_long_and_url_safe_and_sids_are_hex():
    async with set_stage() as stage:
        recording = await stage.record()
    assert len(recording.resource_id) > 100
    assert recording.resource_id.replace("-", "").replace("_", "").isalnum()
    assert len(recording.sid) == 32
    assert set(recording.sid) <= set("0123456789abcdef")


async def test_the_same_seed_gives_the_same_ids():
    found = []
    for seed in (7, 7, 8):
        async with set_stage(seed=seed) as stage:
            recording = await stage.record()
            answer = await stage.query(recording)
            found.append((recording.resource_id, recording.sid, answer.headers["x-request-id"]))
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


async def test_file_names_carry_folders_users_and_channel():
    async with set_stage() as stage:
        request = example("start_individual")
        request["storageConfig"]["fileNamePrefix"] = ["term1", "day2"]
        recording = await stage.record("start_individual", request=request)
        stage.clock.pass_by(100)
        files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
        names = [each["fileName"] for each in files]
    head = f"term1/day2/{recording.sid}_class-42__uid_s_"
    assert names == [
        f"{head}11__uid_e_audio.m3u8",
        f"{head}11__uid_e_video.m3u8",
        f"{head}12__uid_e_audio.m3u8",
        f"{head}12__uid_e_video.m3u8",
    ]
    assert [(each["uid"], each["trackType"]) for each in files] == [
        ("11", "audio"),
        ("11", "video"),
        ("12", "audio"),
        ("12", "video"),
    ]
    assert stage.emulator.sessions[0].files == tuple(names)


async def test_web_files_are_named_after_the_cleaned_cname():
    async with set_stage() as stage:
        recording = await stage.record("start_web", cname="page_7.a b")
        stage.clock.pass_by(60)
        payload = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"][0][
            "payload"
        ]
    assert [each["filename"] for each in payload["fileList"]] == [
        f"{recording.sid}_page-7-a b.m3u8",
        f"{recording.sid}_page-7-a b_0.mp4",
    ]


async def test_a_long_recording_has_several_mp4_files():
    async with set_stage() as stage:
        recording = await stage.record("start_mix_hls_mp4")
        begin = stage.clock.moment
        stage.clock.pass_by(2 * 7200 + 10)
        files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
        assert [each["fileName"].rpartition("_")[2] for each in files[1:]] == ["0.mp4", "1.mp4", "2.mp4"]
        assert files[2]["sliceStartTime"] - files[1]["sliceStartTime"] == 7_200_000
        assert abs(files[0]["sliceStartTime"] - begin.timestamp() * 1000) < 3000
        stage.clock.pass_by(7200)
        await stage.stop(recording)
        assert len(stage.emulator.sessions[0].files) == 5


async def test_a_web_recording_has_mp4_files_of_the_wished_length():
    async with set_stage() as stage:
        request = example("start_web")
        page = request["extensionServiceConfig"]["extensionServices"][0]["serviceParam"]
        page["maxVideoDuration"] = 30
        recording = await stage.record("start_web", request=request)
        stage.clock.pass_by(5 + 1805)
        await stage.query(recording)
        assert [name.rpartition("_")[2] for name in stage.emulator.sessions[0].files[1:]] == [
            "0.mp4",
            "1.mp4",
        ]


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [("start_mix_hls_mp4", 6500, 48), ("start_mix_hls_mp4", 4000, 192), ("start_web", 8000, 128)],
)
async def test_an_mp4_file_is_about_two_gigabytes_at_most(name: str, video: int, audio: int):
    files = load("files")
    assert all("about 2 GB" in rule for rule in files["mp4"]["next_file"])
    assert files["size"]["mix"] == (
        "(audioProfile Kbps + transcodingConfig.bitrate) * seconds / 8 = kilobytes"
    )
    seconds = 2_000_000 * 8 / (video + audio)
    profile = (48, 128, 192).index(audio)
    async with set_stage(Settings(latency=0.0)) as stage:
        request = example(name)
        if name == "start_web":
            page = request["extensionServiceConfig"]["extensionServices"][0]["serviceParam"]
            page |= {"videoBitrate": video, "audioProfile": profile}
        else:
            request["recordingConfig"]["audioProfile"] = profile
            request["recordingConfig"]["transcodingConfig"]["bitrate"] = video
        await stage.record(name, request=request)
        stage.clock.pass_by(2 + seconds)
        assert len(stage.emulator.sessions[0].files) == 2
        stage.clock.pass_by(5 + 15)
        assert len(stage.emulator.sessions[0].files) == 3


async def test_an_mp4_file_that_would_begin_just_now_has_nothing_in_it_yet():
    async with set_stage(Settings(latency=0.0)) as stage:
        await stage.record("start_mix_hls_mp4")
        stage.clock.pass_by(stage.emulator.settings.start_seconds + 7200)
        assert len(stage.emulator.sessions[0].files) == 2
        stage.clock.pass_by(1)
        assert len(stage.emulator.sessions[0].files) == 3


async def test_conflicting_ways_can_be_played():
    old = Settings(file_times_in_seconds=True, web_file_key="fileName", older_unknown=True)
    async with set_stage(old) as stage:
        recording = await stage.record("start_web")
        mixed = await stage.record("start_mix_hls_mp4", uid="7")
        stage.clock.pass_by(60)
        payload = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"][0][
            "payload"
        ]
        assert payload["fileList"][0]["fileName"].startswith(recording.sid)
        assert payload["fileList"][0]["sliceStartTime"] < 10**10
        stopped = (await stage.stop(mixed, async_stop=True)).json()["serverResponse"]
        assert stopped["uploadingStatus"] == "unknow"
        assert stopped["fileList"][0]["sliceStartTime"] < 10**10


async def test_push_states_follow_the_page():
    async with set_stage() as stage:
        recording = await stage.record(WEB_RTMP)

        async def push() -> tuple[str, str]:
            services = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"]
            payload = services[1]["payload"]
            return payload["state"], payload["outputs"][0]["status"]

        assert await push() == ("init", "onhold")
        await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": False}})
        assert await push() == ("init", "connecting")
        stage.clock.pass_by(7)
        assert await push() == ("inProgress", "publishing")
        url = "rtmps://live.example.org/app/other"
        await stage.tell(recording, "update", {"rtmpPublishConfig": {"outputs": [{"rtmpUrl": url}]}})
        assert await push() == ("inProgress", "connecting")
        await stage.stop(recording, async_stop=True)
        assert (await push())[0] == "exit"
