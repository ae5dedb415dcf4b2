"""Bodies of start, good and bad: the reference's examples with something changed."""

import base64
from collections.abc import Callable
from typing import Any

import httpx

from tests.emulator.stage import EXAMPLES, Stage, example

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


NO_BARE_HOSTS = [
    "https://s3.example.org",
    "s3.example.org:9000",
    "s3.example.org/x",
    "s3..example.org",
    "-s3.example.org",
    "s3.example.org.",
    "s3 example.org",
    "[::1]",
    f"{'a' * 64}.example.org",
    ".".join(["a"] * 128),
]
NO_URLS = [
    "board",
    "ftp://a.example/b",
    "http://",
    "https:///b",
    "http://a b.example",
    "http://a.example:x/",
    "ht\ntp://a.example/",
    "https://a\u2100.example/",
]
ORIGINAL = {"channelType": 0, "subscribeUidGroup": 0, "streamTypes": 0, "streamMode": "original"}
UIDS = [str(number) for number in range(1, 34)]
SALT = base64.b64encode(bytes(32)).decode()
RECORDING = "recordingConfig"
LAYOUT = f"{RECORDING}.transcodingConfig"
PAGE = "extensionServiceConfig.extensionServices.0.serviceParam"
REGION = {"x_axis": 0.0, "y_axis": 0.0, "width": 0.5, "height": 1}
MODERATION = {"serviceName": "yitu_voice_async_scan", "serviceParam": {"anything": {"at": "all"}}}
PUSH = {
    "serviceName": "rtmp_publish_service",
    "serviceParam": {"outputs": [{"rtmpUrl": "rtmp://a.example/b"}]},
}


def made(mode: str, form: str) -> dict[str, Any]:
    """Options of a postponed service."""
    return {"transConfig": {"transMode": mode}, "container": {"format": form}}


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
    ("start_mix_hls", "recordingConfig.privateParams", put("recordingConfig.privateParams", "[1]")),
    ("start_mix_hls", "recordingConfig.privateParams", put("recordingConfig.privateParams", '{"a":NaN}')),
    # One field in two spellings: which of them should count?
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeVideoUids",
        both(
            put("recordingConfig.unSubscribeVideoUids", ["11"]),
            put("recordingConfig.unsunscribeVideoUids", ["12"]),
        ),
    ),
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeAudioUids",
        both(
            put("recordingConfig.unsubscribeAudioUids", ["11"]),
            put("recordingConfig.unSubscribeAudioUids", "junk"),
        ),
    ),
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
    ("start_individual", "recordingConfig.subscribeUidGroup", drop("recordingConfig.subscribeUidGroup")),
    ("start_snapshot_only", "recordingConfig.subscribeUidGroup", drop("recordingConfig.subscribeUidGroup")),
    (
        "start_mix_hls",
        "recordingConfig.subscribeVideoUids",
        put("recordingConfig.subscribeVideoUids", ["#allstream#", "11"]),
    ),
    (
        "start_mix_hls",
        "recordingConfig.unsubscribeVideoUids",
        put("recordingConfig.unsubscribeVideoUids", ["#allstream#"]),
    ),
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
        f"{LAYOUT}.layoutConfig[0].width",
        put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "x_axis": 0.7, "width": 0.300001}]}),
    ),
    ("start_mix_hls", f"{LAYOUT}.maxResolutionUid", put(LAYOUT, {"mixedVideoLayout": 2})),
    (
        "start_mix_hls",
        f"{LAYOUT}.maxResolutionUid",
        put(LAYOUT, {"mixedVideoLayout": 2, "maxResolutionUid": "0"}),
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
    *(
        (
            "start_web_rtmp",
            "storageConfig.extensionParams.endpoint",
            put("storageConfig.extensionParams.endpoint", endpoint),
        )
        for endpoint in NO_BARE_HOSTS
    ),
    # Web.
    ("start_web", "extensionServiceConfig", drop("extensionServiceConfig")),
    *(("start_web", f"{PAGE}.url".replace(".0.", "[0]."), put(f"{PAGE}.url", url)) for url in NO_URLS),
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
        "extensionServiceConfig.extensionServices[1].serviceParam.outputs",
        put("extensionServiceConfig.extensionServices.1.serviceParam.outputs", []),
    ),
    (
        "start_web_rtmp",
        "extensionServiceConfig.extensionServices[1].streamTypes",
        put("extensionServiceConfig.extensionServices.1.streamTypes", 0),
    ),
    ("start_web", f"{PAGE}.?".replace(".0.", "[0]."), put(f"{PAGE}.VideoBitrate", 1500)),
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
        "extensionServiceConfig.extensionServices[0].streamTypes",
        put("extensionServiceConfig.extensionServices", [{**MODERATION, "streamTypes": 1}]),
    ),
    *(
        ("start_individual", "transcodeOptions.container.format", put("transcodeOptions", made(mode, form)))
        for mode, form in (("audioMix", "mp4"), ("postponeTranscoding", "mp3"))
    ),
    (
        "start_individual",
        "transcodeOptions",
        both(
            put("storageConfig.vendor", 0),
            put("storageConfig.region", 0),
            put("transcodeOptions", {"transConfig": {"transMode": "audioMix"}}),
        ),
    ),
    (
        "start_individual",
        "transcodeOptions",
        put("appsCollection", {"combinationPolicy": "postpone_transcoding"}),
    ),
]

TAKEN: list[tuple[str, Change]] = [
    *((name, lambda request: None) for name in EXAMPLES if name.startswith("start")),  # noqa: ARG005
    # One official client's habit: empty texts.
    ("start_mix_hls", put(LAYOUT, {"mixedVideoLayout": 3, "layoutConfig": [{**REGION, "uid": ""}]})),
    ("start_mix_hls", put("storageConfig.extensionParams", {"sse": "", "tag": ""})),
    ("start_web", put("extensionServiceConfig.extensionServices.0.errorHandlePolicy", "")),
    ("start_web", put(f"{PAGE}.readyTimeout", None)),
    ("start_mix_hls", put("recordingConfig.unsunscribeVideoUids", ["12"])),
    # What doesn't count in a mode is not looked at, but must have the right type.
    ("start_mix_hls", put("snapshotConfig", {"fileType": ["jpg"]})),
    ("start_web", put("recordingConfig", {"channelType": 9})),
    ("start_individual", put("recordingConfig.transcodingConfig", {"width": 5000})),
    # The edges of ranges.
    ("start_mix_hls", put("recordingConfig.maxIdleTime", 5)),
    ("start_mix_hls", put("recordingConfig.maxIdleTime", 2592000)),
    ("start_mix_hls", put(LAYOUT, {"width": 1920, "height": 1080})),
    ("start_mix_hls", put(LAYOUT, {"mixedVideoLayout": 2, "maxResolutionUid": "4294967295"})),
    ("start_mix_hls", put("recordingConfig.subscribeAudioUids", UIDS[:32])),
    ("start_mix_hls", put("storageConfig.fileNamePrefix", ["a" * 64, "b" * 63])),
    ("start_mix_hls", put("storageConfig.region", 25)),
    (
        "start_mix_hls",
        put(
            LAYOUT,
            {
                "mixedVideoLayout": 3,
                "layoutConfig": [{"x_axis": 0.7, "y_axis": 0, "width": 0.3, "height": 1}] * 17,
            },
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
    ("start_mix_hls", put("recordingConfig.privateParams", "")),
    (
        "start_mix_hls",
        both(put("storageConfig.stsToken", "t"), put("storageConfig.stsExpiration", 1790000000)),
    ),
    ("start_mix_hls", put("storageConfig.extensionParams", {"sse": "kms", "tag": "t"})),
    (
        "start_individual",
        both(put("recordingConfig", ORIGINAL), put("recordingConfig.subscribeAudioUids", ["#allstream#"])),
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
                    MODERATION,
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
]


def mode_of(name: str) -> str:
    return {"mix": "mix", "web": "web"}.get(name.partition("_")[2].partition("_")[0], "individual")


async def start(stage: Stage, name: str, change: Change, **options: Any) -> httpx.Response:
    request = example(name)
    change(request)
    mode = mode_of(name)
    resource_id = await stage.acquired({"scene": 1} if mode == "web" else {})
    return await stage.start(resource_id, request, mode=mode, **options)
