"""Every good answer of the reference is read, in all of its forms, and every field of it counts."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agora_rec.codec import BadShape, decode
from agora_rec.model import (
    AcquireAnswer,
    AnyAnswer,
    FileListMode,
    ModerationStatus,
    NcsIpAnswer,
    QueryAnswer,
    RecordedFile,
    RtmpStatus,
    ServiceName,
    ServiceState,
    StartAnswer,
    StopAnswer,
    StreamState,
    SubServiceState,
    TrackType,
    UpdateAnswer,
    UpdateLayoutAnswer,
    VodVideo,
)
from agora_rec.vocabulary import TaskStatus, UploadingStatus
from tests.codec.samples import BEGIN, VARIANTS
from tests.support.reference import load

REFERENCE: dict[str, Any] = load("responses")
TYPES: dict[str, type[AnyAnswer]] = {
    "acquire": AcquireAnswer,
    "start": StartAnswer,
    "query": QueryAnswer,
    "update": UpdateAnswer,
    "updateLayout": UpdateLayoutAnswer,
    "stop": StopAnswer,
    "ncsIp": NcsIpAnswer,
}


def variants() -> list[tuple[str, str]]:
    endpoints = REFERENCE["endpoints"].items()
    return [(endpoint, variant) for endpoint, told in endpoints for variant in told[200]["variants"]]


def sample(endpoint: str, variant: str) -> Any:
    return json.loads(REFERENCE["endpoints"][endpoint][200]["variants"][variant])


def read(answer_type: type[Any], body: Any) -> Any:
    return decode(answer_type, json.dumps(body).encode())


@pytest.mark.parametrize(("endpoint", "variant"), variants())
def test_each_sample_of_the_reference_is_read(endpoint: str, variant: str):
    assert read(TYPES[endpoint], sample(endpoint, variant)) == VARIANTS[endpoint][variant]


@pytest.mark.parametrize(("endpoint", "variant"), variants())
def test_unknown_fields_change_nothing(endpoint: str, variant: str):
    def grown(value: Any) -> Any:
        if isinstance(value, list):
            return [grown(item) for item in value]
        if isinstance(value, dict):
            return {key: grown(item) for key, item in value.items()} | {"unheardOf": [1, {"a": None}]}
        return value

    assert read(TYPES[endpoint], grown(sample(endpoint, variant))) == VARIANTS[endpoint][variant]


# A value for every field of every type of the reference.
LEAVES: dict[str, Any] = {
    "cname": "c", "uid": "7", "resourceId": "r", "sid": "s", "fileName": "f", "filename": "w",
    "trackType": "audio", "mixedAllUser": True, "isPlayable": True, "sliceStartTime": 1780000005120,
    "serviceName": "web_recorder_service", "state": "init", "onhold": True, "rtmpUrl": "rtmp://a/b",
    "uploadingStatus": "backuped", "streamType": "audio", "status": "publishing",
    "videoInfo": [{"videoId": "v"}], "fileListMode": "json",
    "subServiceStatus": {"recordingService": "serviceInProgress"},
}  # fmt: skip
STATUS = {"query": 5, "StreamState": "failed"}


def full(type_name: str) -> dict[str, Any]:
    """An object with every field of a type of the reference."""
    return {field["name"]: value_of(field, type_name) for field in REFERENCE["types"][type_name]["fields"]}


def value_of(field: dict[str, Any], where: str) -> Any:
    name = field["name"]
    if name == "extensionServiceState":
        by_service = REFERENCE["types"]["ExtensionServiceState"]["fields"][1]["use_by_service"]
        parts = [{"serviceName": name, "payload": full(part)} for name, part in by_service.items()]
        return [*parts, {"serviceName": "yitu_voice_async_scan", "streamState": [full("StreamState")]}]
    if "use" in field:
        return [full(field["use"])]
    return STATUS.get(where, LEAVES["status"]) if name == "status" else LEAVES[name]


def full_answer(endpoint: str) -> Any:
    told = REFERENCE["endpoints"][endpoint][200]
    if endpoint == "ncsIp":
        return sample(endpoint, "any")
    fields = REFERENCE["types"][told["use"]]["fields"] if "use" in told else told["fields"]
    body = {field["name"]: value_of(field, endpoint) for field in fields if field["type"] != "object"}
    if "serverResponse" in told:
        body["serverResponse"] = {
            field["name"]: value_of(field, endpoint) for field in told["serverResponse"]
        }
    return body


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that has a name, in lists and objects."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        if isinstance(key, str):
            yield (*path, key)
        yield from paths(item, (*path, key))


def without(body: Any, path: tuple[Any, ...], renamed: str | None = None) -> Any:
    """A copy in which one field is missing, or has another name."""
    changed = copy.deepcopy(body)
    node = changed
    for key in path[:-1]:
        node = node[key]
    value = node.pop(path[-1])
    if renamed is not None:
        node[renamed] = value
    return changed


def fields_of_answers() -> list[tuple[str, tuple[Any, ...]]]:
    return [(endpoint, path) for endpoint in TYPES for path in paths(full_answer(endpoint))]


def outcome(endpoint: str, body: Any) -> Any:
    try:
        return read(TYPES[endpoint], body)
    except BadShape as bad:
        return bad.path


@pytest.mark.parametrize(("endpoint", "path"), fields_of_answers())
def test_every_field_of_the_reference_is_read(endpoint: str, path: tuple[Any, ...]):
    body = full_answer(endpoint)
    if path == ("serverResponse", "uploadingStatus"):
        del body["serverResponse"]["extensionServiceState"]  # else the service's own word would be taken
    assert outcome(endpoint, without(body, path)) != read(TYPES[endpoint], body)


ALIASES = {"fileName": "filename", "filename": "fileName", "payload": "playload"}


@pytest.mark.parametrize(("endpoint", "path"), [row for row in fields_of_answers() if row[1][-1] in ALIASES])
def test_other_spellings_are_read_too(endpoint: str, path: tuple[Any, ...]):
    body = full_answer(endpoint)
    if "videoInfo" not in path:
        assert read(TYPES[endpoint], without(body, path, ALIASES[path[-1]])) == read(TYPES[endpoint], body)


def test_the_full_answers_have_every_type_of_the_reference():
    assert full_answer("stop")["serverResponse"]["extensionServiceState"][0]["payload"]["fileList"]
    services = read(QueryAnswer, full_answer("query")).services
    assert {service.service_name for service in services} == set(ServiceName) - {
        ServiceName.ALIYUN_VOICE_ASYNC_SCAN
    }
    assert services[-1].streams == (
        StreamState(uid=7, stream_type=TrackType.AUDIO, status=ModerationStatus.FAILED),
    )
    assert services[-2].videos == (VodVideo(video_id="v"),)


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (TaskStatus, REFERENCE["enums"]["status"]),
        (UploadingStatus, REFERENCE["enums"]["uploadingStatus"]),
        (FileListMode, REFERENCE["enums"]["fileListMode"]),
        (TrackType, REFERENCE["types"]["RtcFile"]["fields"][1]["enum"]),
        (
            ServiceName,
            [
                *REFERENCE["types"]["ExtensionServiceState"]["fields"][0]["enum"],
                *REFERENCE["types"]["ExtensionServiceState"]["fields"][0]["legacy_enum"],
            ],
        ),
        (
            ServiceState,
            [
                *REFERENCE["types"]["WebRecorderPayload"]["fields"][0]["enum"],
                *REFERENCE["types"]["VodPayload"]["fields"][0]["enum"],
            ],
        ),
        (RtmpStatus, REFERENCE["types"]["RtmpOutputState"]["fields"][1]["enum"]),
        (ModerationStatus, REFERENCE["types"]["StreamState"]["fields"][2]["enum"]),
    ],
)
def test_each_set_of_words_is_that_of_the_reference_and_open(ours: Any, told: Any):
    assert {member.value for member in ours} == set(told)
    unknown = ours(77 if issubclass(ours, int) else "tomorrow")
    assert not unknown.is_known


def query(**server: Any) -> Any:
    return read(QueryAnswer, {"serverResponse": server})


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        (1780000005120, BEGIN),
        (1780000005, datetime(2026, 5, 28, 20, 26, 45, tzinfo=UTC)),
        (1780000005.0, datetime(2026, 5, 28, 20, 26, 45, tzinfo=UTC)),
        (10**11 - 1, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (10**11, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (253402300799999, datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        (0, None),
        (-5, None),
        (None, None),
    ],
)
def test_seconds_and_milliseconds_are_told_apart_by_size(told: Any, moment: datetime | None):
    assert query(sliceStartTime=told).slice_start_time == moment
    files = query(fileList=[{"fileName": "f", "sliceStartTime": told}]).files
    assert files == (RecordedFile("f", slice_start_time=moment),)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("", ()),
        ("a.m3u8", ("a.m3u8",)),
        ([], ()),
        (["a.m3u8", {"fileName": "b"}, {"filename": "c"}], ("a.m3u8", "b", "c")),
        (None, ()),
    ],
)
def test_a_list_of_files_comes_in_many_forms(told: Any, names: tuple[str, ...]):
    assert tuple(file.name for file in query(fileList=told).files) == names


def test_one_part_may_stand_without_its_list():
    part = {"serviceName": "yitu_voice_async_scan", "streamState": [{"uid": 0, "status": "inProgress"}]}
    assert query(extensionServiceState=part) == query(extensionServiceState=[part])
    assert query(extensionServiceState=part).services[0].streams[0].uid == 0


def test_words_and_numbers_of_tomorrow_are_kept():
    told = query(status=42, fileListMode="xml", fileList=[{"fileName": "f", "trackType": "smell"}])
    assert told.status == 42
    assert told.file_list_mode == "xml"
    assert told.files[0].track_type == "smell"
    assert query(fileListMode="").file_list_mode is None


def test_older_words_for_an_upload_are_known():
    body = {"serverResponse": {"uploadingStatus": "unknow"}}
    assert read(StopAnswer, body).uploading_status is UploadingStatus.UNKNOWN


def test_what_older_servers_say_of_parts_is_kept():
    told = query(subServiceStatus={"recordingService": "serviceInProgress", "": "x", "mute": 3})
    assert told.sub_services == (
        SubServiceState(name="recordingService", state="serviceInProgress"),
        SubServiceState(name="mute", state=None),
    )
    assert query(subServiceStatus="x").sub_services == ()


@pytest.mark.parametrize("echo", [None, 2**32, -1, 1.5, "", [], {}, "x" * 70_000, "\ud800", True])
def test_a_wrong_echo_costs_no_good_answer(echo: Any):
    body = {"resourceId": echo, "cname": echo, "uid": echo, "sid": "s"}
    assert read(StartAnswer, body) == StartAnswer(sid="s")


@pytest.mark.parametrize(
    ("told", "uid"),
    [("0", 0), (11, 11), ("4294967295", 2**32 - 1), ("4294967296", None), ("-1", None), ("a", None)],
)
def test_a_uid_is_told_as_text_or_number(told: Any, uid: int | None):
    assert read(StartAnswer, {"uid": told, "sid": "s"}) == StartAnswer(sid="s", uid=uid)


def test_old_servers_say_less():
    assert read(AcquireAnswer, {"resourceId": "r"}) == AcquireAnswer(resource_id="r")
    assert read(StartAnswer, {"resourceId": "r", "sid": "s"}) == StartAnswer(resource_id="r", sid="s")
    assert read(UpdateAnswer, {}) == UpdateAnswer()
    assert read(StopAnswer, {}) == StopAnswer()


WRONG: list[tuple[type[Any], Any, str]] = [
    (AcquireAnswer, {}, "$.resourceId"),
    (AcquireAnswer, {"resourceId": ""}, "$.resourceId"),
    (AcquireAnswer, {"resourceId": 5}, "$.resourceId"),
    (AcquireAnswer, {"Code": 200, "Body": {"resourceId": "Qm3"}}, "$.resourceId"),  # never on the wire
    (StartAnswer, {"resourceId": "r", "sid": ""}, "$.sid"),
    (StartAnswer, [], "$"),
    (QueryAnswer, {"sid": "s"}, "$.serverResponse"),
    (QueryAnswer, {"serverResponse": []}, "$.serverResponse"),
    (QueryAnswer, {"serverResponse": {"status": "5"}}, "$.serverResponse.status"),
    (QueryAnswer, {"serverResponse": {"status": True}}, "$.serverResponse.status"),
    (QueryAnswer, {"serverResponse": {"status": 5.5}}, "$.serverResponse.status"),
    (QueryAnswer, {"serverResponse": {"status": 2**63}}, "$.serverResponse.status"),
    (QueryAnswer, {"serverResponse": {"sliceStartTime": 10**16}}, "$.serverResponse.sliceStartTime"),
    (QueryAnswer, {"serverResponse": {"fileList": 5}}, "$.serverResponse.fileList"),
    (QueryAnswer, {"serverResponse": {"fileList": {}}}, "$.serverResponse.fileList"),
    (QueryAnswer, {"serverResponse": {"fileList": "\ud800"}}, "$.serverResponse.fileList"),
    (QueryAnswer, {"serverResponse": {"fileList": ["a", ""]}}, "$.serverResponse.fileList[1]"),
    (QueryAnswer, {"serverResponse": {"fileList": [{}]}}, "$.serverResponse.fileList[0].fileName"),
    (QueryAnswer, {"serverResponse": {"fileList": [None]}}, "$.serverResponse.fileList[0]"),
    (
        StopAnswer,
        {"serverResponse": {"fileList": [{"fileName": "a", "isPlayable": "yes"}]}},
        "$.serverResponse.fileList[0].isPlayable",
    ),
    (
        StopAnswer,
        {"serverResponse": {"extensionServiceState": [{"payload": "x"}]}},
        "$.serverResponse.extensionServiceState[0].payload",
    ),
    (NcsIpAnswer, {"data": {}}, "$.data.service.hosts"),
    (NcsIpAnswer, {"data": {"service": {"hosts": [{"primaryIP": "300.1.1.1"}]}}}, "$.data.service.hosts"),
    (NcsIpAnswer, {"data": {"service": {"hosts": [{}, 5]}}}, "$.data.service.hosts[1]"),
    (NcsIpAnswer, {"data": {"service": {"hosts": [{}]}}}, "$.data.service.hosts[].primaryIP[0]"),
]


@pytest.mark.parametrize(("answer_type", "body", "path"), WRONG)
def test_a_wrong_shape_is_told_by_path(answer_type: type[Any], body: Any, path: str):
    with pytest.raises(BadShape) as caught:
        read(answer_type, body)
    assert caught.value.path.startswith(path)
    assert str(caught.value).startswith(path)
    assert len(caught.value.problem) <= 200
