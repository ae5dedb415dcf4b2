"""The table of events against the reference: every name, every field, every enum, every example."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any, get_args

import attrs
import pytest

from agora_rec import Secret, TaskStatus
from agora_rec.codec.events import EVENT_FIELDS
from agora_rec.model import RecordedFile, RtmpStatus, TrackType, VodVideo
from agora_rec.model import events as e
from agora_rec.notifications import Notification, ServiceScene, ServiceType, UnknownEvent, parse
from tests.notifications.deliveries import EXAMPLE_IDS, EXAMPLES, REFERENCE, ROWS, delivery

# What the reference calls the fields that have other names here.
ATTRIBUTES = {
    "fileList": "files",
    "fileName": "file_name",
    "stat": "stat",
    "startUtcMs": "started_at",
    "discontinueUtcMs": "discontinued_at",
    "UtcMs": "changed_at",
    "aliVodInfo": "video",
    "uids": "users",
}
PLAYLISTS = {3, 4}
ENUMS: dict[str, type[Enum]] = {
    "status": TaskStatus,
    "details_status": e.PartStatus,
    "trackType": TrackType,
    "leaveCode": e.LeaveCode,
    "exitStatus": e.ExitStatus,
    "web_stop_code": e.WebStopCode,
    "limitType": e.LimitType,
    "reload_reason": e.ReloadReason,
    "rtmp_status": RtmpStatus,
    "transcode_result_81": e.TranscodingResult,
    "transcode_result_81_uid": e.UserTranscodingResult,
    "transcode_result_1001": e.PostponedResult,
    "serviceType": ServiceType,
    "serviceScene": ServiceScene,
}
OWN_ENUMS: dict[tuple[int, str], type[Enum] | None] = {
    (1, "module"): e.ErrorModule,
    (1, "errorLevel"): e.ErrorLevel,
    (1, "stat"): e.PartStatus,
    (2, "module"): e.ErrorModule,
    (3, "recordingMode"): None,  # the sources contradict each other: a number
    (43, "state"): e.StreamReception,
    (44, "state"): e.StreamReception,
    (201, "streamType"): TrackType,
    (201, "errorCode"): e.ExtensionErrorCode,
    (202, "streamType"): TrackType,
    (203, "streamType"): TrackType,
}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def attribute_of(event_type: int, field: dict[str, Any]) -> str:
    if field["name"] == "fileList" and event_type in PLAYLISTS:
        return "playlist"
    if event_type == 90 and field["name"] == "fileName":
        return "file_names"
    names = [field["name"], *field.get("aliases", ())]
    return next((ATTRIBUTES[name] for name in names if name in ATTRIBUTES), snake(field["name"]))


def fields() -> Iterator[tuple[int, dict[str, Any]]]:
    """Each field of each event but its name."""
    for event_type, row in ROWS.items():
        for field in row["details"]:
            if field["name"] != "msgName":
                yield event_type, field


def type_of(cls: type[Any], attribute: str) -> Any:
    """The type of an attribute, without None."""
    hint = attrs.fields_dict(cls)[attribute].type
    return next((part for part in get_args(hint) if part is not type(None)), hint)


def read(event_type: int, details: object) -> e.Event:
    return parse(delivery(event_type, details)).event


def test_there_is_a_class_for_each_type_of_event():
    assert set(e.EVENTS) == set(ROWS)
    assert set(EVENT_FIELDS) == set(e.EVENTS.values())
    for event_type, cls in e.EVENTS.items():
        assert cls.event_type == event_type
        assert f"({event_type})" in (cls.__doc__ or "")


def test_a_class_has_the_fields_of_the_reference_and_no_others():
    for event_type, cls in e.EVENTS.items():
        expected = {attribute_of(number, field) for number, field in fields() if number == event_type}
        assert {attribute.name for attribute in attrs.fields(cls)} == {"msg_name", "extra"} | expected
        assert {row[0] for row in EVENT_FIELDS[cls].values()} == expected


def test_every_name_of_the_reference_and_every_alias_is_read():
    for event_type, field in fields():
        rows = EVENT_FIELDS[e.EVENTS[event_type]]
        for name in (field["name"], *field.get("aliases", ())):
            assert rows[name][0] == attribute_of(event_type, field)


@pytest.mark.parametrize("name", [name for name in REFERENCE["enums"] if name in ENUMS])
def test_an_enum_has_the_members_of_the_reference_and_no_others(name: str):
    listed = REFERENCE["enums"][name]
    documented = set(listed) - {"kind", "note", "meanings", "legacy", "legacy_note", "other"}
    known = {0, *e.LeaveCode} if name == "leaveCode" else set(ENUMS[name])
    assert {member.value if isinstance(member, Enum) else member for member in known} == documented


def test_every_enum_of_the_reference_is_one_here():
    assert set(REFERENCE["enums"]) == set(ENUMS)
    for event_type, field in fields():
        hint = type_of(e.EVENTS[event_type], attribute_of(event_type, field))
        if "use_enum" in field:
            assert hint is ENUMS[field["use_enum"]]
        elif "enum" in field:
            cls = OWN_ENUMS[event_type, field["name"]]
            assert hint is (cls or int)
            documented = set(field["enum"]) - {"other"}
            if cls is not None and cls is not TrackType and (event_type, field["name"]) != (2, "module"):
                assert {member.value for member in cls} == documented


def test_words_for_numbers_are_the_names_of_the_members():
    for number, name in REFERENCE["enums"]["leaveCode"].items():
        if isinstance(number, int):
            assert f"LEAVE_CODE_{e.LeaveCode(number).name}" == name
    for number, row in REFERENCE["enums"]["web_stop_code"].items():
        assert e.WebStopCode(number).name == row["message"].upper()
    for number, word in ROWS[1]["details"][2]["enum"].items():
        assert e.ErrorLevel(number).name == word.upper()


def test_codes_inside_of_errors_and_warnings_are_those_of_the_reference():
    from tests.support.reference import load  # noqa: PLC0415 - the one test that needs it

    codes = load("errors")["event_codes"]
    listed = codes["event_1_errorCode"]
    assert set(e.RecorderErrorCode) == set(listed["module_0_recorder"]["known"])
    assert set(e.UploaderErrorCode) == set(listed["module_1_uploader"])
    assert set(e.ServiceErrorCode) == set(listed["module_2_service"])
    assert set(e.UploaderWarningCode) == set(codes["event_2_warnCode"]["module_1_uploader"])
    observed = read(1, json.loads(listed["observed"]))
    assert isinstance(observed, e.RecordingError)
    assert observed.cause is e.RecorderErrorCode.TOKEN_WRONG
    assert observed.error_level is e.ErrorLevel.FATAL


@pytest.mark.parametrize(
    ("module", "code", "cause"),
    [
        (0, 109, e.RecorderErrorCode.TOKEN_EXPIRED),
        (1, 47, e.UploaderErrorCode.UPLOAD_FAILED),
        (2, 52, e.ServiceErrorCode.START_TIMED_OUT),
        (1, 999, e.UploaderErrorCode(999)),
        (6, 109, None),
        (99, 109, None),
        (None, 109, None),
        (1, None, None),
    ],
)
def test_the_cause_of_an_error_depends_on_its_module(module: object, code: object, cause: object):
    error = read(1, {"module": module, "errorCode": code})
    assert isinstance(error, e.RecordingError)
    assert error.cause == cause
    assert type(error.cause) is type(cause)


def test_the_cause_of_a_warning_is_listed_for_the_uploader_alone():
    def cause(**said: object) -> object:
        warning = read(2, said)
        assert isinstance(warning, e.RecordingWarning)
        return warning.cause

    assert cause(module=1, warnCode=32) is e.UploaderWarningCode.UPLOADED_TO_BACKUP
    assert cause(module=0, warnCode=32) is None
    assert cause(module=1) is None


def test_a_leave_code_is_bits_and_0_is_a_value_of_its_own():
    def code(number: int) -> e.LeaveCode:
        left = read(41, {"leaveCode": number})
        assert isinstance(left, e.RecorderLeft)
        assert left.leave_code is not None
        return left.leave_code

    assert code(6) == e.LeaveCode.SIG | e.LeaveCode.NO_USERS
    assert code(0) is e.LeaveCode.INIT
    assert code(1023) & e.LeaveCode.CLIENT_LEAVE
    assert int(code(64)) == 64


def test_a_part_is_well_at_0_only():
    assert e.PartStatus(0).is_normal
    assert not e.PartStatus(1).is_normal
    assert not e.PartStatus(-7).is_normal


EXPECTED: dict[int, e.Event] = {
    1: e.RecordingError(
        msg_name="cloud_recording_error",
        module=e.ErrorModule.UPLOADER,
        error_level=e.ErrorLevel.MAJOR,
        error_code=32,
        stat=e.PartStatus(1),
        error_msg="storage refused",
    ),
    3: e.StatusUpdated(
        msg_name="cloud_recording_status_update",
        status=TaskStatus.IN_PROGRESS,
        recording_mode=1,
        playlist="0f6c2a5d_class-42.m3u8",
    ),
    12: e.SessionFailover(msg_name="session_failover", new_uid=1840226113),
    32: e.FilesBackuped(
        msg_name="backuped",
        status=e.PartStatus.NORMAL,
        files=(
            RecordedFile(
                "0f6c2a5d_class-42__uid_s_11__uid_e_audio.m3u8",
                track_type=TrackType.AUDIO,
                uid=11,
                mixed_all_user=False,
                is_playable=True,
                slice_start_time=datetime(2026, 5, 28, 20, 26, 45, 120_000, UTC),
            ),
        ),
    ),
    42: e.SliceStarted(
        msg_name="recorder_slice_start",
        started_at=datetime(2026, 5, 28, 20, 26, 45, 120_000, UTC),
        discontinued_at=datetime(2026, 5, 28, 20, 26, 45, 120_000, UTC),
        mixed_all_user=False,
        stream_uid=11,
        track_type=TrackType.VIDEO,
    ),
    60: e.VodStarted(msg_name="vod_started", video=VodVideo(video_id="v-1")),
    71: e.WebRecorderStopped(
        msg_name="web_recorder_stopped",
        code=e.WebStopCode.PAGE_LOAD_TIMEOUT,
        message="page_load_timeout",
        details="page not ready in 20 s",
        files=(
            RecordedFile("7b1d_page-7.m3u8", slice_start_time=datetime(2026, 5, 28, 20, 26, 49, 1000, UTC)),
        ),
    ),
    81: e.TranscoderCompleted(
        msg_name="transcoder_completed",
        result=e.TranscodingResult.PARTIAL_SUCCESS,
        users=(
            e.TranscodedUser(
                uid=11,
                result=e.UserTranscodingResult.SUCCESS,
                files=(RecordedFile("0f6c2a5d_class-42_11.mp4"),),
            ),
            e.TranscodedUser(uid=12, result=e.UserTranscodingResult.FAIL),
        ),
    ),
    90: e.DownloadFailed(
        msg_name="download_failed", vendor=1, region=4, bucket="b", file_names=("a.m3u8", "b.ts")
    ),
    100: e.RtmpPublishStatus(
        msg_name="rtmp_publish_status",
        rtmp_url=Secret("rtmp://live.example.org/app/key"),
        status=RtmpStatus.PUBLISHING,
    ),
}


@pytest.mark.parametrize("event_type", EXPECTED)
def test_an_example_means_what_it_says(event_type: int):
    assert read(event_type, json.loads(ROWS[event_type]["example"])) == EXPECTED[event_type]


@pytest.mark.parametrize(("event_type", "details"), EXAMPLES, ids=EXAMPLE_IDS)
def test_every_example_is_read_whole_into_its_class(event_type: int, details: dict[str, Any]):
    event = read(event_type, details)
    assert type(event) is e.EVENTS[event_type]
    assert event.msg_name == details["msgName"]
    assert event.extra == {}
    for number, field in fields():
        if number == event_type and field["name"] in details:
            found = getattr(event, attribute_of(event_type, field))
            assert found is not None
            assert found != ()
            if "ms" in field.get("unit", ""):
                assert found.tzinfo is UTC
                assert found.timestamp() * 1000 == details[field["name"]]
            if isinstance(found, Enum) and not isinstance(found, e.LeaveCode | e.PartStatus):
                assert found.name in type(found).__members__


def test_the_delivery_of_the_reference_is_read_whole():
    assert parse(REFERENCE["example_delivery"].encode()) == Notification(
        notice_id="n-1",
        product_id=3,
        event_type=40,
        notified_at=datetime(2026, 5, 28, 20, 26, 46, 0, UTC),
        cname="class-42",
        uid=880011,
        sid="0f6c2a5d",
        sequence=0,
        sent_at=datetime(2026, 5, 28, 20, 26, 45, 900_000, UTC),
        service_type=ServiceType.RECORDER,
        event=e.RecorderStarted(msg_name="recorder_started", status=e.PartStatus.NORMAL),
    )


def test_sets_are_open_and_what_is_new_is_kept():
    new = read(1, {"module": 77, "errorLevel": 9, "stat": -1, "since": [1, {"then": None}], "why": 2.5})
    assert isinstance(new, e.RecordingError)
    assert (new.module, new.error_level, new.stat) == (77, 9, -1)
    assert new.module is not None
    assert not new.module.is_known
    assert new.extra == {"since": (1, {"then": None}), "why": 2.5}
    word = read(72, {"limitType": "colours"})
    assert isinstance(word, e.WebCapabilityLimit)
    assert word.limit_type == "colours"


WRONG: dict[str, Any] = {
    "a text": "x",
    "a number": 7,
    "a fraction": 1.5,
    "a boolean": True,
    "an object": {"a": 1},
    "a list of wrong things": [7],
    "beyond 64 bits": 10**30,
    "after the year 9999": 10**16,
    "below 0": -5,
    "half a character": "\ud800",
}
# What is fine for a field although it is of another kind than documented: other sources say so.
UNDERSTOOD = {
    ("string", "a number"): {"streamUid", "status"},
    ("string", "below 0"): {"status"},
    ("string", "after the year 9999"): {"status"},
    ("string", "half a character"): {"rtmpUrl"},
    ("integer", "below 0"): {"*"},
    ("integer", "after the year 9999"): {"*"},
    ("array[object]", "a text"): {"fileList"},
    ("array[object]", "a boolean"): set[str](),
    ("object", "an object"): {"aliVodInfo"},
}
FITTING = {"string": {"a text"}, "integer": {"a number"}, "boolean": {"a boolean"}}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("event_type", "field"), list(fields()), ids=lambda part: str(part)[:30])
def test_details_of_another_shape_are_an_unknown_event_that_keeps_them(
    event_type: int, field: dict[str, Any], wrong: str
):
    details = {"msgName": "m", field["name"]: WRONG[wrong]}
    event = read(event_type, details)
    understood = UNDERSTOOD.get((field["type"], wrong), set())
    if wrong in FITTING.get(field["type"], ()) or field["name"] in understood or "*" in understood:
        return
    assert type(event) is UnknownEvent
    assert (event.event_type, event.msg_name) == (event_type, "m")
    assert set(event.details) == set(details)


@pytest.mark.parametrize("wrong", [-1, 1024, 2**40, True, "4", 4.5])
def test_a_leave_code_that_can_be_none_makes_no_new_flags(wrong: object):
    event = read(41, {"leaveCode": wrong})
    assert isinstance(event, UnknownEvent)
    assert event.details == {"leaveCode": wrong}


@pytest.mark.parametrize("event_type", ROWS)
def test_what_is_not_said_is_none(event_type: int):
    for details in ({}, {"msgName": None} | {field["name"]: None for number, field in fields()}):
        event = read(
            event_type, {name: value for name, value in details.items() if name in named(event_type)}
        )
        assert event == e.EVENTS[event_type]()


def named(event_type: int) -> set[str]:
    return {"msgName"} | {field["name"] for number, field in fields() if number == event_type}


@pytest.mark.parametrize("event_type", [31, 32, 71, 1001])
def test_lists_of_files_come_in_several_forms(event_type: int):
    def files(said: object) -> object:
        return getattr(read(event_type, {"fileList": said}), "files", None)

    assert files("a.m3u8") == files(["a.m3u8"]) == (RecordedFile("a.m3u8"),)
    assert files([{"filename": "a.m3u8"}]) == files([{"fileName": "a.m3u8"}]) == (RecordedFile("a.m3u8"),)
    assert files("") == files([]) == ()
    assert files([{"fileName": "a", "uid": "x", "since": 4}]) == (RecordedFile("a"),)
    wrongs: list[object] = [[{"uid": "1"}], [{"fileName": ""}], [""], [[]], [None], {}, 4]
    for wrong in wrongs:
        assert files(wrong) is None


def test_the_status_of_a_push_may_be_the_number_that_a_table_says_it_is():
    event = read(100, {"status": 3})
    assert isinstance(event, e.RtmpPublishStatus)
    assert event.status == RtmpStatus("3")
    assert type(read(100, {"status": ""})) is UnknownEvent
