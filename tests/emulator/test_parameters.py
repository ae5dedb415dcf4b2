"""What start and the others refuse in a body, and what they take."""

import json
from typing import Any

import pytest

from agora_rec.emulator import Settings, User
from tests.emulator.bodies import PAGE, REFUSED, TAKEN, Change, drop, mode_of, put, start
from tests.emulator.stage import EXAMPLES, JSON, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

TYPES = {
    shape: {row["name"]: row for row in rows["fields"]} for shape, rows in load("requests")["types"].items()
}


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_start_refuses_the_first_wrong_field_and_names_it(number: int):
    name, path, change = REFUSED[number]
    async with set_stage() as stage:
        answer = await start(stage, name, change)
        assert said(answer) == (400, 2, f"Start: invalid {path} value!")
        assert not stage.emulator.sessions


@pytest.mark.parametrize("number", range(len(TAKEN)))
async def test_start_takes_what_is_right(number: int):
    name, change = TAKEN[number]
    async with set_stage() as stage:
        answer = await start(stage, name, change)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("length", "status"), [(63, 200), (64, 400)])
async def test_channel_names_were_shorter_once(length: int, status: int):
    async with set_stage(Settings(older_cname_code=True)) as stage:
        assert (await stage.acquire(cname="c" * length)).status_code == status


@pytest.mark.parametrize(("length", "status"), [(1024, 200), (1025, 400)])
async def test_channel_names_may_be_long(length: int, status: int):
    async with set_stage() as stage:
        assert (await stage.acquire(cname="c" * length)).status_code == status


async def test_reasons_are_those_that_were_seen():
    async with set_stage() as stage:
        hours = await stage.acquire({"resourceExpiredHour": 721})
        assert hours.json()["reason"] == "Acquire: invalid resourceExpiredHour value!"
        uid = await stage.acquire(uid="0")
        assert uid.json()["reason"] == "api body validate failed!"


async def test_start_takes_what_was_announced():
    async with set_stage() as stage:
        announced = example("start_individual")
        resource_id = await stage.acquired({"startParameter": announced})
        again = json.loads(json.dumps(dict(reversed(announced.items()))))
        assert (await stage.start(resource_id, again, mode="individual")).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"null", {}),
        (b'"text"', {}),
        (b"\xff", {}),
        (b'{"cname": NaN}', {}),
        (b"[" * 100_000, {}),
        (b'{"a":' + b"1" * 5000 + b"}", {}),
        (b" " * (1 << 20) + b"{}", {}),
        (EXAMPLES["acquire_rtc"].encode(), {"content-type": "text/plain"}),
        (EXAMPLES["acquire_rtc"].encode(), {"content-type": ""}),
    ],
    ids=range(12),
)
async def test_a_body_that_is_no_body_is_code_2(body: bytes, headers: dict[str, str]):
    async with set_stage() as stage:
        headers = {"content-type": "application/json", **headers}
        answer = await stage.http.post(stage.base + "/acquire", content=body, headers=headers)
        assert said(answer) == (400, 2, "api body validate failed!")


async def test_a_charset_beside_the_type_is_no_harm():
    async with set_stage() as stage:
        headers = {"Content-Type": "application/json;charset=utf-8"}
        answer = await stage.http.post(
            stage.base + "/acquire", content=EXAMPLES["acquire_rtc"], headers=headers
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("verb", ["start", "query", "update", "updateLayout", "stop"])
async def test_there_are_three_modes(verb: str):
    async with set_stage() as stage:
        recording = await stage.record()
        recording.mode = "composite"
        if verb == "start":
            answer = await stage.start(recording.resource_id, example("start_mix_hls"), mode="composite")
        elif verb == "query":
            answer = await stage.query(recording)
        else:
            answer = await stage.tell(recording, verb)
        assert said(answer)[:2] == (400, 2)


async def test_unknown_names_may_be_ignored_by_setting():
    async with set_stage(Settings(unknown_fields_refused=False)) as stage:
        await stage.record(request={**example("start_mix_hls"), "Token": "t"})


@pytest.mark.parametrize(
    ("name", "change", "note"),
    [
        (
            "start_individual",
            drop("recordingConfig.subscribeUidGroup"),
            TYPES["RecordingConfig"]["subscribeUidGroup"]["note"],
        ),
        ("start_web", put(f"{PAGE}.VideoBitrate", 1500), TYPES["WebRecorderParam"]["videoBitrate"]["note"]),
    ],
)
async def test_agoras_go_client_has_ways_of_its_own(name: str, change: Change, note: str):
    assert "Go client" in note
    go = "AgoraRESTClient  Language/go LanguageVersion/1.22.2 Arch/arm64 OS/darwin SDKVersion/0.0.2"
    for agent, status in (
        (go, 200),
        ("Go-http-client/1.1", 400),
        ("like AgoraRESTClient  Language/go ", 400),
    ):
        async with set_stage() as stage:
            answer = await start(stage, name, change, headers={**JSON, "user-agent": agent})
            assert answer.status_code == status


async def test_the_uid_group_may_be_left_out_by_setting():
    async with set_stage(Settings(uid_group_required=False)) as stage:
        assert (await start(stage, "start_individual", drop("recordingConfig.subscribeUidGroup"))).is_success


@pytest.mark.parametrize(
    "body",
    [
        '{"cname":"class-42","cname":"class-43","uid":"1","clientRequest":{}}',
        '{"cname":"class-42","uid":"1","clientRequest":{"scene":0,"scene":0}}',
    ],
)
async def test_a_name_stands_once_in_an_object(body: str):
    async with set_stage() as stage:
        assert said(await stage.post("/acquire", body)) == (400, 2, "api body validate failed!")


async def test_resource_ids_to_stay_away_from_are_ids():
    async with set_stage() as stage:
        answer = await stage.acquire({"excludeResourceIds": ["r", ""]})
        assert said(answer) == (400, 2, "Acquire: invalid excludeResourceIds value!")


async def test_the_shortest_interval_is_a_setting():
    async with set_stage(Settings(snapshot_interval_min=1)) as stage:
        answer = await start(stage, "start_snapshot_only", put("snapshotConfig.captureInterval", 1))
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("scene", "name", "policy", "fits"),
    [
        (0, "start_mix_hls", None, True),
        (0, "start_individual", "default", True),
        (0, "start_individual", "postpone_transcoding", False),
        (0, "start_web", None, False),
        (1, "start_web", None, True),
        (1, "start_mix_hls", None, False),
        (2, "start_individual", "postpone_transcoding", True),
        (2, "start_individual", None, False),
        (2, "start_mix_hls", "postpone_transcoding", False),
        (2, "start_web", None, False),
    ],
)
async def test_scene_and_mode_agree(scene: int, name: str, policy: str | None, fits: bool):  # noqa: FBT001
    async with set_stage() as stage:
        request = example(name)
        if policy is not None:
            request["appsCollection"] = {"combinationPolicy": policy}
        if policy == "postpone_transcoding":
            request["transcodeOptions"] = {"transConfig": {"transMode": "postponeTranscoding"}}
        resource_id = await stage.acquired({"scene": scene})
        answer = await stage.start(resource_id, request, mode=mode_of(name))
        expected = (200, None, None) if fits else (400, 2, "Start: invalid scene value!")
        assert said(answer) == expected


@pytest.mark.parametrize(
    ("region", "vendor", "number", "fits"),
    [
        ("EU", 1, 4, True),
        ("NA", 1, 4, False),
        ("CN", 2, 7, False),
        ("AP", 2, 7, True),
        ("CN", 6, 0, True),
        ("NA", 1, 12, True),
    ],
)
async def test_storage_lies_in_the_region_of_acquire(
    region: str,
    vendor: int,
    number: int,
    fits: bool,  # noqa: FBT001
):
    async with set_stage() as stage:
        request = example("start_mix_hls")
        request["storageConfig"].update(vendor=vendor, region=number)
        answer = await stage.start(await stage.acquired({"region": region}), request)
        expected = (200, None, None) if fits else (400, 2, "Start: invalid storageConfig.region value!")
        assert said(answer) == expected


@pytest.mark.parametrize(
    ("start_name", "request_body", "path"),
    [
        ("start_mix_hls", {"webRecordingConfig": {"onhold": True}}, "webRecordingConfig"),
        ("start_mix_hls", {"rtmpPublishConfig": {"outputs": []}}, "rtmpPublishConfig"),
        ("start_web", {"streamSubscribe": {}}, "streamSubscribe"),
        ("start_web", {"rtmpPublishConfig": {"outputs": []}}, "rtmpPublishConfig"),
        ("start_snapshot_only", {"streamSubscribe": {"audioUidList": {}}}, "streamSubscribe.audioUidList"),
        (
            "start_mix_hls",
            {
                "streamSubscribe": {
                    "videoUidList": {"subscribeVideoUids": ["1"], "unsubscribeVideoUids": ["2"]}
                }
            },
            "streamSubscribe.videoUidList.unsubscribeVideoUids",
        ),
        ("start_mix_hls", {"storageConfig": {"vendor": 1}}, "storageConfig.region"),
    ],
)
async def test_update_refuses_what_does_not_fit(start_name: str, request_body: dict[str, Any], path: str):
    async with set_stage() as stage:
        recording = await stage.record(start_name)
        answer = await stage.tell(recording, "update", request_body)
        assert said(answer) == (400, 2, f"Update: invalid {path} value!")


@pytest.mark.parametrize(("region", "status"), [("EU", 200), ("NA", 400)])
async def test_new_storage_lies_in_the_region_of_acquire_too(region: str, status: int):
    async with set_stage() as stage:
        request = example("start_mix_hls")
        request["storageConfig"].update(vendor=6, region=0)
        recording = await stage.record(request=request, acquire={"region": region})
        answer = await stage.tell(recording, "update", example("update_sts"))
        assert answer.status_code == status
        if status != 200:
            assert said(answer)[1:] == (2, "Update: invalid storageConfig.region value!")


@pytest.mark.parametrize("name", ["update_subscription", "update_sts", "updateLayout", "stop", "stop_async"])
async def test_the_examples_for_a_running_channel_are_taken(name: str):
    async with set_stage() as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        verb = name.partition("_")[0]
        assert (await stage.tell(recording, verb, example(name))).status_code == 200


@pytest.mark.parametrize("name", ["update_onhold", "update_rtmp"])
async def test_the_examples_for_a_running_page_are_taken(name: str):
    async with set_stage() as stage:
        recording = await stage.record("start_web_rtmp")
        assert (await stage.tell(recording, "update", example(name))).status_code == 200


async def test_a_channel_may_need_a_token():
    settings = Settings(token_required=True, users=(User(uid=5),))
    async with set_stage(settings) as stage:
        request = example("start_mix_hls")
        good = await stage.record(request=request)
        del request["token"]
        bad = await stage.record(request=request, uid="7")
        page = await stage.record("start_web", uid="8")
        stage.clock.pass_by(10)
        assert (await stage.query(good)).status_code == 200
        assert said(await stage.query(bad))[:2] == (404, 404)
        assert (await stage.query(page)).status_code == 200
