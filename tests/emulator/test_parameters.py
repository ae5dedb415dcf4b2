"""What start and the others refuse in a body, and what they take."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from agora_rec.emulator import Settings, User
from tests.emulator.stage import EXAMPLES, Stage, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

Change = Callable[[dict[str, Any]], Any]


def put(path: str, value: Any) -> Change:
    """Set one field of a clientRequest; a path step that is a number goes into a list."""

    def change(request: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        place: Any = request
        for step in steps:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        place[int(last) if last.isdigit() else last] = value

    return change


def drop(path: str) -> Change:
    def change(request: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        place: Any = request
        for step in steps:
            place = place[int(step)] if step.isdigit() else place[step]
        del place[last]

    return change


def both(*changes: Change) -> Change:
    def change(request: dict[str, Any]) -> None:
        for each in changes:
            each(request)

    return change


UIDS = [str(number) for number in range(1, 34)]
SALT = base64.b64encode(bytes(32)).decode()
RECORDING = "recordingConfig"
LAYOUT = f"{RECORDING}.transcodingConfig"
PAGE = "extensionServiceConfig.extensionServices.0.serviceParam"
REGION = {"x_axis": 0.0, "y_axis": 0.0, "width": 0.5, "height": 1}
PUSH = {
    "serviceName": "rtmp_publish_service",
    "serviceParam": {"outputs": [{"rtmpUrl": "rtmp://a.example/b"}]},
}

REFUSED: list[tuple[str, str, Change]] = [
    # Missing, wrong type, wrong name, wrong case.
    ("start_mix_hls", "storageConfig", drop("storageConfig")),
    ("start_mix_hls", "storageConfig.bucket", drop("storageConfig.bucket")),
    ("start_mix_hls", "storageConfig.bucket", put("storageConfig.bucket", "")),
    ("start_mix_hls", "storageConfig.vendor", put("storageConfig.vendor", "1")),
    ("start_mix_hls", "storageConfig.vendor", put("storageConfig.vendor", True)),
    ("start_mix_hls", "storageConfig.vendor", put("storageConfig.vendor", 9)),
    ("start_mix_hls", "storageConfig.region", put("storageConfig.region", 26)),
    ("start_mix_hls", "storageConfig.region", put("storageConfig.region", -1)),
    ("start_mix_hls", "storageConfig", put("storageConfig", None)),
    ("start_mix_hls", "token", put("token", 5)),
    ("start_mix_hls", "?", put("Token", "t")),
    ("start_mix_hls", "recordingConfig.?", put("recordingConfig.maxidletime", 30)),
    ("start_mix_hls", RECORDING, drop(RECORDING)),
    ("start_mix_hls", "recordingConfig.channelType", drop("recordingConfig.channelType")),
    ("start_mix_hls", "recordingConfig.maxIdleTime", put("recordingConfig.maxIdleTime", 4)),
    ("start_mix_hls", "recordingConfig.maxIdleTime", put("recordingConfig.maxIdleTime", 2592001)),
    ("start_mix_hls", "recordingConfig.maxIdleTime", put("recordingConfig.maxIdleTime", 30.0)),
    ("start_mix_hls", "recordingConfig.streamTypes", put("recordingConfig.streamTypes", 3)),
    ("start_mix_hls", "recordingConfig.privateParams", put("recordingConfig.privateParams", "{")),
    # Subscriptions.
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeAudioUids",
        both(
            put("recordingConfig.subscribeAudioUids", ["11"]),
            put("recordingConfig.unSubscribeAudioUids", ["12"]),
        ),
    ),
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeVideoUids",
        both(
            put("recordingConfig.subscribeVideoUids", ["11"]),
            put("recordingConfig.unsubscribeVideoUids", ["12"]),
        ),
    ),
    ("start_mix_hls", "recordingConfig.subscribeAudioUids", put("recordingConfig.subscribeAudioUids", UIDS)),
    ("start_mix_hls", "recordingConfig.subscribeAudioUids", put("recordingConfig.subscribeAudioUids", [11])),
    ("start_mix_hls", "recordingConfig.subscribeAudioUids", put("recordingConfig.subscribeAudioUids", "11")),
    ("start_mix_hls", "recordingConfig.subscribeAudioUids", put("recordingConfig.subscribeAudioUids", ["0"])),
    (
        "start_mix_hls",
        "recordingConfig.subscribeAudioUids",
        both(put("recordingConfig.streamTypes", 1), put("recordingConfig.subscribeAudioUids", ["11"])),
    ),
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeVideoUids",
        both(put("recordingConfig.streamTypes", 0), put("recordingConfig.unsubscribeVideoUids", ["11"])),
    ),
    ("start_individual", "recordingConfig.streamMode", put("recordingConfig.streamMode", "original")),
    ("start_individual", "recordingConfig.streamMode", put("recordingConfig.streamMode", "Standard")),
    ("start_individual", "recordingConfig.subscribeUidGroup", put("recordingConfig.subscribeUidGroup", 6)),
    # Encryption.
    ("start_mix_hls", "recordingConfig.secret", put("recordingConfig.decryptionMode", 1)),
    (
        "start_mix_hls",
        "recordingConfig.salt",
        both(put("recordingConfig.decryptionMode", 7), put("recordingConfig.secret", "s")),
    ),
    ("start_mix_hls", "recordingConfig.salt", put("recordingConfig.salt", "c2hvcnQ=")),
    ("start_mix_hls", "recordingConfig.salt", put("recordingConfig.salt", "no base64 é")),
    # Layouts.
    ("start_mix_hls", f"{LAYOUT}.width", put(LAYOUT, {"width": 1920, "height": 1088})),
    ("start_mix_hls", f"{LAYOUT}.backgroundColor", put(LAYOUT, {"backgroundColor": "#fff"})),
    ("start_mix_hls", f"{LAYOUT}.backgroundImage", put(LAYOUT, {"backgroundImage": "image.png"})),
    ("start_mix_hls", f"{LAYOUT}.backgroundImage", put(LAYOUT, {"backgroundImage": "http://[bad"})),
    ("start_mix_hls", f"{LAYOUT}.layoutConfig", put(LAYOUT, {"mixedVideoLayout": 3})),
    ("start_mix_hls", f"{LAYOUT}.layoutConfig", put(LAYOUT, {"layoutConfig": [REGION]})),
    (
        "start_mix_hls",
        f"{LAYOUT}.layoutConfig",
        put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [REGION] * 18}),
    ),
    (
        "start_mix_hls",
        f"{LAYOUT}.layoutConfig[0].x_axis",
        put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "x_axis": 1.5}]}),
    ),
    (
        "start_mix_hls",
        f"{LAYOUT}.layoutConfig[0].width",
        put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "x_axis": 0.6}]}),
    ),
    (
        "start_mix_hls",
        f"{LAYOUT}.layoutConfig[0].render_mode",
        put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "render_mode": 2}]}),
    ),
    (
        "start_mix_hls",
        f"{LAYOUT}.backgroundConfig[0].image_url",
        put(LAYOUT, {"backgroundConfig": [{"uid": "11", "image_url": "ftp://a.example/b.jpg"}]}),
    ),
    # Files and screenshots.
    ("start_mix_hls", "recordingFileConfig.avFileType", put("recordingFileConfig.avFileType", ["mp4"])),
    (
        "start_individual",
        "recordingFileConfig.avFileType",
        put("recordingFileConfig.avFileType", ["hls", "mp4"]),
    ),
    ("start_snapshot_only", "snapshotConfig", put("recordingConfig.streamTypes", 0)),
    (
        "start_snapshot_only",
        "snapshotConfig",
        both(put("recordingConfig.streamTypes", 2), put("recordingConfig.subscribeAudioUids", ["11"])),
    ),
    ("start_snapshot_only", "snapshotConfig.captureInterval", put("snapshotConfig.captureInterval", 4)),
    ("start_snapshot_only", "snapshotConfig.captureInterval", put("snapshotConfig.captureInterval", 3601)),
    ("start_snapshot_only", "snapshotConfig.fileType", put("snapshotConfig.fileType", ["png"])),
    # Storage.
    ("start_mix_hls", "storageConfig.fileNamePrefix", put("storageConfig.fileNamePrefix", ["a/b"])),
    ("start_mix_hls", "storageConfig.fileNamePrefix", put("storageConfig.fileNamePrefix", [""])),
    (
        "start_mix_hls",
        "storageConfig.fileNamePrefix",
        put("storageConfig.fileNamePrefix", ["a" * 64, "b" * 64]),
    ),
    ("start_mix_hls", "storageConfig.stsExpiration", put("storageConfig.stsToken", "t")),
    (
        "start_mix_hls",
        "storageConfig.stsExpiration",
        both(put("storageConfig.stsToken", "t"), put("storageConfig.stsExpiration", 1)),
    ),
    ("start_web", "storageConfig.stsToken", put("storageConfig.stsToken", "t")),
    ("start_web", "storageConfig.extensionParams.sse", put("storageConfig.extensionParams.sse", "kms")),
    ("start_mix_hls", "storageConfig.extensionParams.sse", put("storageConfig.extensionParams.sse", "des")),
    ("start_web", "storageConfig.extensionParams.tag", put("storageConfig.extensionParams.tag", "t")),
    ("start_web_rtmp", "storageConfig.extensionParams.endpoint", drop("storageConfig.extensionParams")),
    (
        "start_web_rtmp",
        "storageConfig.extensionParams.endpoint",
        put("storageConfig.extensionParams.endpoint", "https://s3.example.org"),
    ),
    # Web.
    ("start_web", "extensionServiceConfig", drop("extensionServiceConfig")),
    ("start_web", f"{PAGE}.url".replace(".0.", "[0]."), put(f"{PAGE}.url", "board")),
    ("start_web", f"{PAGE}.videoWidth".replace(".0.", "[0]."), put(f"{PAGE}.videoWidth", 239)),
    (
        "start_web",
        f"{PAGE}.videoWidth".replace(".0.", "[0]."),
        both(put(f"{PAGE}.videoWidth", 1920), put(f"{PAGE}.videoHeight", 1088)),
    ),
    ("start_web", f"{PAGE}.readyTimeout".replace(".0.", "[0]."), put(f"{PAGE}.readyTimeout", -1)),
    ("start_web", f"{PAGE}.readyTimeout".replace(".0.", "[0]."), put(f"{PAGE}.readyTimeout", 2.5)),
    ("start_web", f"{PAGE}.mobile".replace(".0.", "[0]."), put(f"{PAGE}.mobile", 1)),
    ("start_web", f"{PAGE}.maxRecordingHour".replace(".0.", "[0]."), drop(f"{PAGE}.maxRecordingHour")),
    (
        "start_web",
        "extensionServiceConfig.extensionServices",
        put("extensionServiceConfig.extensionServices", [PUSH]),
    ),
    (
        "start_web",
        "extensionServiceConfig.extensionServices",
        put("extensionServiceConfig.extensionServices", []),
    ),
    (
        "start_web_rtmp",
        "extensionServiceConfig.extensionServices[1].serviceName",
        put("extensionServiceConfig.extensionServices.1.serviceName", "coffee"),
    ),
    (
        "start_web_rtmp",
        "extensionServiceConfig.extensionServices[1].errorHandlePolicy",
        put("extensionServiceConfig.extensionServices.1.errorHandlePolicy", "error_abort"),
    ),
    (
        "start_web_rtmp",
        "extensionServiceConfig.extensionServices[1].serviceParam.outputs",
        put(
            "extensionServiceConfig.extensionServices.1.serviceParam.outputs", [{"rtmpUrl": "rtmp://a/b"}] * 2
        ),
    ),
    (
        "start_web_rtmp",
        "extensionServiceConfig.extensionServices[1].serviceParam.outputs[0].rtmpUrl",
        put("extensionServiceConfig.extensionServices.1.serviceParam.outputs.0.rtmpUrl", "http://a/b"),
    ),
    (
        "start_mix_hls",
        "extensionServiceConfig.extensionServices",
        put("extensionServiceConfig", example("start_web")["extensionServiceConfig"]),
    ),
    # Legacy.
    (
        "start_individual",
        "transcodeOptions",
        both(
            put("storageConfig.vendor", 0),
            put("storageConfig.region", 0),
            put("transcodeOptions", {"transConfig": {"transMode": "audioMix"}}),
        ),
    ),
]

TAKEN: list[tuple[str, Change]] = [
    *((name, lambda request: None) for name in EXAMPLES if name.startswith("start")),  # noqa: ARG005
    # One official client's habits: empty texts, and a name that the service doesn't know.
    ("start_mix_hls", put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "uid": ""}]})),
    ("start_mix_hls", put("storageConfig.extensionParams", {"sse": "", "tag": ""})),
    ("start_web", put("extensionServiceConfig.extensionServices.0.errorHandlePolicy", "")),
    ("start_web", put(f"{PAGE}.VideoBitrate", 1500)),
    ("start_web", put(f"{PAGE}.readyTimeout", None)),
    ("start_individual", drop("recordingConfig.subscribeUidGroup")),
    ("start_mix_hls", put("recordingConfig.unsunscribeVideoUids", ["12"])),
    # What doesn't count in a mode is not looked at, but must have the right type.
    ("start_mix_hls", put("snapshotConfig", {"fileType": ["jpg"]})),
    ("start_web", put("recordingConfig", {"channelType": 9})),
    ("start_individual", put("recordingConfig.transcodingConfig", {"width": 5000})),
    # The edges of ranges.
    ("start_mix_hls", put("recordingConfig.maxIdleTime", 5)),
    ("start_mix_hls", put("recordingConfig.maxIdleTime", 2592000)),
    ("start_mix_hls", put(LAYOUT, {"width": 1920, "height": 1080})),
    ("start_mix_hls", put("recordingConfig.subscribeAudioUids", UIDS[:32])),
    ("start_mix_hls", put("storageConfig.fileNamePrefix", ["a" * 64, "b" * 63])),
    ("start_mix_hls", put("storageConfig.region", 25)),
    (
        "start_mix_hls",
        put(
            LAYOUT,
            {"mixedVideoLayout": 3, "layoutConfig": [{"x_axis": 0.7, "y_axis": 0, "width": 0.3, "height": 1}] * 17},
        ),
    ),
    (
        "start_mix_hls",
        both(
            put("recordingConfig.decryptionMode", 8),
            put("recordingConfig.secret", "s"),
            put("recordingConfig.salt", SALT),
        ),
    ),
    ("start_mix_hls", put("recordingConfig.privateParams", '{"correctEXTINF":true}')),
    ("start_mix_hls", both(put("storageConfig.stsToken", "t"), put("storageConfig.stsExpiration", 1790000000))),
    ("start_mix_hls", put("storageConfig.extensionParams", {"sse": "kms", "tag": "t"})),
    ("start_individual", both(put("recordingConfig.streamTypes", 0), put("recordingConfig", {
        "channelType": 0, "streamTypes": 0, "streamMode": "original", "subscribeUidGroup": 0})),
    ),
    # Legacy services.
    (
        "start_individual",
        put(
            "extensionServiceConfig",
            {
                "apiVersion": "v1",
                "extensionServices": [
                    {
                        "serviceName": "aliyun_voice_async_scan",
                        "streamTypes": 0,
                        "serviceParam": {
                            "callbackAddr": "https://a.example/",
                            "apiData": {"callbackSeed": "s", "accessKey": "a", "secretKey": "s"},
                        },
                    },
                    {"serviceName": "yitu_voice_async_scan", "serviceParam": {"anything": {"at": "all"}}},
                ],
            },
        ),
    ),
    (
        "start_mix_hls",
        put(
            "extensionServiceConfig",
            {
                "extensionServices": [
                    {
                        "serviceName": "aliyun_vod_service",
                        "serviceParam": {
                            "accessKey": "a",
                            "secretKey": "s",
                            "regionId": "cn-shanghai",
                            "apiData": {"videoData": {"title": "class"}},
                        },
                    }
                ]
            },
        ),
    ),
    (
        "start_individual",
        put(
            "transcodeOptions",
            {
                "transConfig": {"transMode": "audioMix"},
                "container": {"format": "m4a"},
                "audio": {"sampleRate": "48000", "bitrate": "48000", "channels": "2"},
            },
        ),
    ),
]  # fmt: skip


def mode_of(name: str) -> str:
    return {"mix": "mix", "web": "web"}.get(name.split("_")[1], "individual")


async def start(stage: Stage, name: str, change: Change) -> Any:
    request = example(name)
    change(request)
    mode = mode_of(name)
    resource_id = await stage.acquired({"scene": 1} if mode == "web" else {})
    return await stage.start(resource_id, request, mode=mode)


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


INVALID_CASES: list[dict[str, str]] = load("requests")["invalid_cases"]
CASES: dict[str, list[tuple[str, Any]]] = {
    "resourceExpiredHour 0 or 721": [("acquire", {"resourceExpiredHour": 0}), ("acquire", {"resourceExpiredHour": 721})],
    'uid "0", "abc" or "4294967296"': [("uid", "0"), ("uid", "abc"), ("uid", "4294967296")],
    "cname with a character outside the allowed set": [("cname", "class/42"), ("cname", "größe"), ("cname", "a" * 1025)],
    'avFileType ["mp4"]': [("start_mix_hls", put("recordingFileConfig.avFileType", ["mp4"]))],
    "subscribeAudioUids and unsubscribeAudioUids together": [
        ("start_mix_hls", both(put("recordingConfig.subscribeAudioUids", ["1"]),
                               put("recordingConfig.unsubscribeAudioUids", ["2"]))),
    ],
    "33 uids in one list": [("start_mix_hls", put("recordingConfig.unsubscribeVideoUids", UIDS))],
    "decryptionMode 7 without salt": [
        ("start_mix_hls", both(put("recordingConfig.decryptionMode", 7), put("recordingConfig.secret", "s"))),
    ],
    "transcodingConfig 1920 x 1088": [("start_mix_hls", put(LAYOUT, {"width": 1920, "height": 1088}))],
    "snapshotConfig with streamTypes 0": [("start_snapshot_only", put("recordingConfig.streamTypes", 0))],
    "clientRequest differs from acquire's startParameter": [("announced", None)],
    "cname or uid differs from acquire's": [("who", {"cname": "other"}), ("who", {"uid": "7"})],
    "resource ID older than 5 minutes": [("old", None)],
    "wrong bucket, keys or image URLs": [
        ("later", put("storageConfig.bucket", "wrong")),
        ("later", put("storageConfig.accessKey", "wrong")),
        ("later", put("storageConfig.secretKey", "wrong")),
        ("later", put(LAYOUT, {"backgroundImage": "http://wrong.example/"})),
        ("later", put(LAYOUT, {"backgroundConfig": [{"uid": "11", "image_url": "http://wrong.example/"}]})),
    ],
}  # fmt: skip


def test_every_invalid_case_of_the_reference_is_tried():
    assert set(CASES) == {case["change"] for case in INVALID_CASES}


async def play(stage: Stage, how: str, what: Any) -> Any:
    if how == "acquire":
        return await stage.acquire(what)
    if how in {"uid", "cname"}:
        return await stage.acquire(**{how: what})
    if how == "announced":
        resource_id = await stage.acquired({"startParameter": example("start_mix_hls")})
        return await stage.start(resource_id, {**example("start_mix_hls"), "token": "another"})
    if how == "who":
        return await stage.start(await stage.acquired(), example("start_mix_hls"), **what)
    if how == "old":
        resource_id = await stage.acquired()
        stage.clock.pass_by(300)
        return await stage.start(resource_id, example("start_mix_hls"))
    return await start(stage, how, what)


@pytest.mark.parametrize("case", INVALID_CASES, ids=lambda case: case["change"])
async def test_invalid_cases_end_as_the_reference_says(case: dict[str, str]):
    for how, what in CASES[case["change"]]:
        async with set_stage(Settings(wrong_values=frozenset({"wrong", "http://wrong.example/"}))) as stage:
            if how == "later":
                request = example("start_mix_hls")
                what(request)
                recording = await stage.record(request=request)
                assert (await stage.query(recording)).status_code == 200
                stage.clock.pass_by(10)
                assert said(await stage.query(recording))[:2] == (404, 404)
                continue
            status, code, words = said(await play(stage, how, what))
            expected = case["expect"]
            assert f"{status} code {code}" in expected
            if "reason" in expected or "invalid_channel_name" in expected:
                assert str(words) in expected


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


async def test_unknown_names_may_be_ignored_by_setting():
    async with set_stage(Settings(unknown_fields_refused=False)) as stage:
        await stage.record(request={**example("start_mix_hls"), "Token": "t"})


async def test_the_uid_group_may_be_demanded_by_setting():
    async with set_stage(Settings(uid_group_required=True)) as stage:
        assert (
            await start(stage, "start_individual", put("recordingConfig.subscribeUidGroup", 0))
        ).is_success
        answer = await start(stage, "start_individual", drop("recordingConfig.subscribeUidGroup"))
        assert said(answer)[2] == "Start: invalid recordingConfig.subscribeUidGroup value!"


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


@pytest.mark.parametrize("name", ["update_subscription", "update_sts", "updateLayout", "stop", "stop_async"])
async def test_the_examples_for_a_running_channel_are_taken(name: str):
    async with set_stage() as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        verb = name.split("_")[0]
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
