"""What is written is what the service documents: every sample body, and every field of the reference."""

import json
from typing import Any

import attrs
import pytest

from agora_rec.codec import encode
from agora_rec.codec.conversion import FIELDS
from agora_rec.model import (
    ALL_STREAMS,
    AcquireRequest,
    AlibabaCloud,
    AlibabaCloudRegion,
    AmazonS3,
    AmazonS3Region,
    AnyRequest,
    AudioProfile,
    BaiduCloud,
    BaiduCloudRegion,
    BestFit,
    ChannelType,
    Custom,
    ErrorHandlePolicy,
    GoogleCloud,
    HuaweiCloud,
    HuaweiCloudRegion,
    Individual,
    LayoutRegion,
    Mix,
    RenderMode,
    S3Compatible,
    Scene,
    Snapshots,
    StartRequest,
    StopRequest,
    StreamTypes,
    SubscribeUidGroup,
    Subscription,
    TencentCloud,
    TencentCloudRegion,
    Transcoding,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
    Web,
    validation,
)
from agora_rec.secret import Secret
from agora_rec.vocabulary import Region
from tests.model.samples import ACQUIRES, LAYOUT_UPDATES, STARTS, STOPS, UPDATES, VALUES
from tests.support.reference import load

REFERENCE: dict[str, Any] = load("requests")
KEYS: dict[str, Any] = {"bucket": "b", "access_key": "a", "secret_key": "s"}
CHANNEL: dict[str, Any] = {"cname": "class-42", "uid": 880011}
PAGE: dict[str, Any] = {"cname": "page-7", "uid": "880011"}
BOARD: dict[str, Any] = {"url": "https://example.org/board"}

EXAMPLES: dict[str, AnyRequest] = {
    "acquire_rtc": AcquireRequest(scene=Scene.RTC, resource_expired_hour=24, **CHANNEL),
    "acquire_web": AcquireRequest(scene=Scene.WEB, region=Region.EU, **PAGE),
    "start_mix_hls": StartRequest(
        mode=Mix(
            channel_type=ChannelType.LIVE,
            max_idle_time=300,
            storage=AmazonS3(region=AmazonS3Region.EU_WEST_1, file_name_prefix=["term1", "day2"], **KEYS),
        ),
        token="t",
        **CHANNEL,
    ),
    "start_mix_hls_mp4": StartRequest(
        mode=Mix(
            transcoding=Transcoding(width=1280, height=720, fps=15, bitrate=1130, layout=BestFit()),
            av_file_type=["hls", "mp4"],
            storage=AlibabaCloud(region=AlibabaCloudRegion.CN_HANGZHOU, **KEYS),
        ),
        **CHANNEL,
    ),
    "start_individual": StartRequest(
        mode=Individual(
            subscribe_uid_group=SubscribeUidGroup.UP_TO_2,
            subscription=Subscription(subscribe_audio_uids=[ALL_STREAMS], subscribe_video_uids=[11, "12"]),
            av_file_type=["hls"],
            storage=TencentCloud(region=TencentCloudRegion.AP_HONGKONG, **KEYS),
        ),
        **CHANNEL,
    ),
    "start_individual_and_snapshots": StartRequest(
        mode=Individual(
            subscribe_uid_group=SubscribeUidGroup.FROM_3_TO_7,
            av_file_type=["hls"],
            snapshots=Snapshots(capture_interval=30),
            storage=HuaweiCloud(region=HuaweiCloudRegion.CN_EAST_3, **KEYS),
        ),
        **CHANNEL,
    ),
    "start_snapshot_only": StartRequest(
        mode=Individual(
            stream_types=StreamTypes.VIDEO,
            subscribe_uid_group=SubscribeUidGroup.UP_TO_2,
            snapshots=Snapshots(capture_interval=10),
            storage=BaiduCloud(region=BaiduCloudRegion.SUZHOU, **KEYS),
        ),
        **CHANNEL,
    ),
    "start_web": StartRequest(
        mode=Web(
            audio_profile=AudioProfile.MONO_48_KBPS,
            video_width=1280,
            video_height=720,
            max_recording_hour=3,
            recorder_error_handle_policy=ErrorHandlePolicy.ABORT,
            av_file_type=["hls", "mp4"],
            storage=GoogleCloud(**KEYS),
            **BOARD,
        ),
        **PAGE,
    ),
    "start_web_rtmp": StartRequest(
        mode=Web(
            audio_profile=AudioProfile.MONO_128_KBPS,
            video_width=640,
            video_height=360,
            max_recording_hour=1,
            onhold=True,
            ready_timeout=20,
            rtmp_urls=["rtmp://live.example.org/app/key"],
            rtmp_error_handle_policy=ErrorHandlePolicy.IGNORE,
            storage=S3Compatible(endpoint="s3.example.org", **KEYS),
            **BOARD,
        ),
        **PAGE,
    ),
    "update_subscription": UpdateRequest(
        change=Update(
            subscription=Subscription(subscribe_audio_uids=[ALL_STREAMS], unsubscribe_video_uids=["12"])
        ),
        **CHANNEL,
    ),
    "update_onhold": UpdateRequest(change=Update(onhold=False), **PAGE),
    "update_rtmp": UpdateRequest(change=Update(rtmp_urls=["rtmps://live.example.org/app/key2"]), **PAGE),
    "update_sts": UpdateRequest(
        change=Update(
            storage=AmazonS3(
                region=AmazonS3Region.EU_WEST_1,
                bucket="b",
                access_key="a2",
                secret_key="s2",
                sts_token="tok",
                sts_expiration=1790000000,
            )
        ),
        **CHANNEL,
    ),
    "updateLayout": UpdateLayoutRequest(
        layout=Custom(
            background_color="#203040",
            regions=[
                LayoutRegion(uid=11, x_axis=0, y_axis=0, width=0.5, height=1, render_mode=RenderMode.FIT),
                LayoutRegion(x_axis=0.5, y_axis=0, width=0.5, height=1, alpha=0.9),
            ],
        ),
        **CHANNEL,
    ),
    "stop": StopRequest(**CHANNEL),
    "stop_async": StopRequest(async_stop=True, **CHANNEL),
}


def body_of(request: Any) -> Any:
    return json.loads(encode(request).reveal())


@pytest.mark.parametrize("name", REFERENCE["examples"])
def test_each_sample_body_of_the_reference_is_written_exactly(name: str):
    request = EXAMPLES[name]
    assert body_of(request) == json.loads(REFERENCE["examples"][name])
    assert validation.check(request) == ()


def objects_below(rows: list[dict[str, Any]], field: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects under one field of many objects, elements of lists one by one."""
    found = [row[field["name"]] for row in rows if field["name"] in row]
    return [item for value in found for item in (value if isinstance(value, list) else [value])]


def compare(type_name: str, rows: list[dict[str, Any]], seen: set[str]) -> None:
    """Hold objects against a type of the reference: all of its fields are there, and nothing else."""
    fields = {field["name"]: field for field in REFERENCE["types"][type_name]["fields"]}
    written = {name for row in rows for name in row}
    assert written == set(fields), type_name
    seen.add(type_name)
    for field in fields.values():
        below = objects_below(rows, field)
        if "use" in field:
            compare(field["use"], below, seen)
        for service, type_below in field.get("use_by_service", {}).items():
            ours = [row[field["name"]] for row in rows if row["serviceName"] == service]
            assert ours, service
            compare(type_below, ours, seen)


def test_every_field_of_every_request_of_the_reference_is_written_and_nothing_else():
    seen: set[str] = set()
    for type_name, requests in (
        ("AcquireBody", ACQUIRES),
        ("StartBody", STARTS),
        ("UpdateBody", UPDATES),
        ("UpdateLayoutBody", LAYOUT_UPDATES),
        ("StopBody", STOPS),
    ):
        compare(type_name, [body_of(request) for request in requests], seen)
    assert seen == set(REFERENCE["types"])


def test_every_attribute_of_every_value_has_its_wire_name():
    constants = {"vendor", "region", "mixed_video_layout", "trans_mode", "combination_policy", "parameter"}
    classes: set[type[Any]] = {type(value) for value in VALUES}
    for cls in classes:
        attributes = {attribute.name for attribute in attrs.fields(cls)}
        if cls is StartRequest:
            attributes -= {"mode", "token"}  # written through `parameter`
        assert attributes <= set(FIELDS[cls]) <= attributes | constants, cls


@pytest.mark.parametrize("acquire", ACQUIRES)
def test_acquire_announces_exactly_what_start_sends(acquire: AcquireRequest):
    announced = acquire.start_parameter
    assert announced is not None
    start = StartRequest(mode=announced.mode, token=announced.token, **CHANNEL)
    sent = body_of(start)["clientRequest"]
    assert body_of(acquire)["clientRequest"]["startParameter"] == sent == body_of(announced)
    assert encode(announced).reveal() in encode(start).reveal()
    assert encode(announced).reveal() in encode(acquire).reveal()


def test_what_is_not_given_is_not_sent():
    assert body_of(AcquireRequest(**CHANNEL)) == {"cname": "class-42", "uid": "880011", "clientRequest": {}}
    assert body_of(UpdateRequest(change=Update(), **CHANNEL))["clientRequest"] == {}
    assert body_of(UpdateRequest(change=Update(subscription=Subscription()), **CHANNEL))["clientRequest"] == {
        "streamSubscribe": {}
    }


def test_the_layout_of_the_seed_is_written_field_by_field():
    seed = Mix(
        storage=GoogleCloud(**KEYS),
        max_idle_time=30,
        audio_profile=AudioProfile.MONO_48_KBPS,
        transcoding=Transcoding(
            width=640,
            height=360,
            fps=15,
            bitrate=600,
            layout=Custom(
                background_color="#fff000",
                regions=[
                    LayoutRegion(
                        x_axis=0.0, y_axis=0.0, width=0.3, height=0.3, alpha=0.9, render_mode=RenderMode.FIT
                    ),
                    LayoutRegion(
                        x_axis=0.3, y_axis=0.0, width=0.3, height=0.3, alpha=0.77, render_mode=RenderMode.CROP
                    ),
                ],
            ),
        ),
    )
    assert body_of(StartRequest(cname="c", uid="123", mode=seed))["clientRequest"]["recordingConfig"] == {
        "channelType": 0,
        "maxIdleTime": 30,
        "audioProfile": 0,
        "transcodingConfig": {
            "width": 640,
            "height": 360,
            "fps": 15,
            "bitrate": 600,
            "mixedVideoLayout": 3,
            "backgroundColor": "#fff000",
            "layoutConfig": [
                {"x_axis": 0.0, "y_axis": 0.0, "width": 0.3, "height": 0.3, "alpha": 0.9, "render_mode": 1},
                {"x_axis": 0.3, "y_axis": 0.0, "width": 0.3, "height": 0.3, "alpha": 0.77, "render_mode": 0},
            ],
        },
    }


def test_a_request_that_was_not_validated_is_not_written():
    with pytest.raises(TypeError, match="object in a request that wasn't validated"):
        encode(StartRequest(cname=object(), uid=1, mode=STARTS[0].mode))  # type: ignore[arg-type]  # the point
    bad = LayoutRegion(x_axis=float("nan"), y_axis=0, width=0, height=0)
    with pytest.raises(ValueError, match="JSON"):
        encode(UpdateLayoutRequest(layout=Custom(regions=[bad]), **CHANNEL))


def test_a_body_tells_its_size_and_no_more():
    body = encode(STARTS[0])
    assert repr(body) == f"<Body of {len(body)} bytes>"
    assert len(body) == len(body.reveal())
    assert body == encode(STARTS[0])
    with pytest.raises(TypeError, match="secrets"):
        body.__reduce__()


def test_the_service_hears_a_secret_as_it_was_given():
    token = 'quote " backslash \\ and é'
    start = StartRequest(mode=STARTS[0].mode, token=Secret(token), **CHANNEL)
    assert body_of(start)["clientRequest"]["token"] == token
