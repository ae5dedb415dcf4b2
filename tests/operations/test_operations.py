import json
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import operations
from agora_rec.codec import refusal
from agora_rec.errors import (
    AlreadyStarted,
    ApiError,
    InvalidRequest,
    NoRecordedData,
    RateLimited,
    RequestNotCompleted,
    ServiceUnavailable,
    UnexpectedAnswer,
    UploadStatusUnknown,
    WorkerNotFound,
    from_refusal,
)
from agora_rec.model import (
    AcquireRequest,
    AudioProfile,
    Individual,
    StartRequest,
    StopRequest,
    SubscribeUidGroup,
    Web,
)
from agora_rec.operations import Operation, interpret
from agora_rec.vocabulary import ModeName, OperationName, Priority
from tests.operations import samples
from tests.operations.samples import ALL, APP_ID, CNAME, MODE, RESOURCE_ID, SID, UID
from tests.support.reference import load
from tests.support.secrets import RTMP_URL, exposures, shown_in

REQUESTS = load("requests")
RESPONSES = load("responses")
ERRORS = load("errors")
OF_WIRE = {
    "acquire": OperationName.ACQUIRE,
    "start": OperationName.START,
    "query": OperationName.QUERY,
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
    "stop": OperationName.STOP,
    "ncsIp": OperationName.NCS_IP,
}


def test_there_is_one_operation_for_each_documented_endpoint():
    assert {OF_WIRE[endpoint] for endpoint in REQUESTS["endpoints"]} == set(ALL) == set(OperationName)


@pytest.mark.parametrize("endpoint", REQUESTS["endpoints"])
def test_method_path_and_body_are_the_documented_ones(endpoint: str):
    documented = REQUESTS["endpoints"][endpoint]
    operation = ALL[OF_WIRE[endpoint]]
    path = documented["path"].format(appid=APP_ID, resourceid=RESOURCE_ID, sid=SID, mode="mix")
    assert (operation.method, operation.path) == (documented["method"], path)
    assert (operation.body is None) == (documented["body"] is None)


@pytest.mark.parametrize("mode", ModeName)
def test_the_mode_stands_in_the_path_of_all_calls_about_a_session(mode: ModeName):
    request = StopRequest(cname=CNAME, uid=UID)
    assert f"/mode/{mode.value}/" in operations.stop(APP_ID, mode, RESOURCE_ID, SID, request).path
    assert f"/mode/{mode.value}/" in operations.query(APP_ID, mode, RESOURCE_ID, SID).path


def test_a_starts_mode_is_that_of_its_request():
    individual = Individual(storage=MODE.storage, subscribe_uid_group=SubscribeUidGroup(0))
    web = Web(
        storage=MODE.storage,
        url="https://example.com",
        audio_profile=AudioProfile(0),
        video_width=640,
        video_height=480,
        max_recording_hour=1,
    )
    paths = [
        operations.start(APP_ID, RESOURCE_ID, StartRequest(cname=CNAME, uid=UID, mode=mode)).path
        for mode in (MODE, individual, web)
    ]
    assert [path.split("/mode/")[1] for path in paths] == ["mix/start", "individual/start", "web/start"]


def test_each_call_has_its_place_in_the_queue():
    assert {name: operation.priority for name, operation in ALL.items()} == {
        OperationName.STOP: Priority.STOP,
        OperationName.START: Priority.START,
        OperationName.QUERY: Priority.CONFIRM,
        OperationName.ACQUIRE: Priority.ACQUIRE,
        OperationName.UPDATE: Priority.UPDATE,
        OperationName.UPDATE_LAYOUT: Priority.UPDATE,
        OperationName.NCS_IP: Priority.WATCH,
    }
    watching = operations.query(APP_ID, ModeName.MIX, RESOURCE_ID, SID, priority=Priority.WATCH)
    assert watching.priority is Priority.WATCH


def test_only_a_synchronous_stop_has_a_time_of_its_own_longer_than_the_services():
    timeouts = {name: operation.timeout for name, operation in ALL.items() if operation.timeout is not None}
    assert timeouts == {OperationName.STOP: 30.0}
    assert load("timing")["times"]["stop_sync"]["value"] < 30
    asynchronous = StopRequest(cname=CNAME, uid=UID, async_stop=True)
    assert operations.stop(APP_ID, ModeName.MIX, RESOURCE_ID, SID, asynchronous).timeout is None


def test_the_subject_says_all_that_is_known():
    known = {
        name: (each.subject.cname, each.subject.uid, each.subject.resource_id, each.subject.sid)
        for name, each in ALL.items()
    }
    session = (CNAME, UID, RESOURCE_ID, SID)
    assert known == {
        OperationName.ACQUIRE: (CNAME, UID, None, None),
        OperationName.START: (CNAME, UID, RESOURCE_ID, None),
        OperationName.QUERY: session,
        OperationName.UPDATE: session,
        OperationName.UPDATE_LAYOUT: session,
        OperationName.STOP: session,
        OperationName.NCS_IP: (None, None, None, None),
    }
    assert {each.subject.operation for each in ALL.values()} == set(OperationName)


def test_a_uid_is_told_as_a_number_if_it_is_one():
    told = [
        operations.query(APP_ID, ModeName.MIX, RESOURCE_ID, SID, uid=uid).subject.uid
        for uid in ("7", 7, "seven", 0, None)
    ]
    assert told == [7, 7, None, None, None]


texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text not in {".", ".."})


@given(texts, texts, texts)
def test_whatever_stands_in_a_part_of_the_path_stays_that_part(app_id: str, resource_id: str, sid: str):
    path = operations.query(app_id, ModeName.WEB, resource_id, sid).path
    parts = path.split("/")
    assert path.isascii()
    assert not set("?#\\ ") & set(path)
    assert [unquote(parts[index]) for index in (3, 6, 8)] == [app_id, resource_id, sid]
    assert [parts[index] for index in (0, 1, 2, 4, 5, 7, 9, 10, 11)] == [
        "", "v1", "apps", "cloud_recording", "resourceid", "sid", "mode", "web", "query",
    ]  # fmt: skip


CALLS: list[tuple[str, Callable[[str], Any]]] = [
    ("app_id", lambda part: operations.acquire(part, AcquireRequest(cname=CNAME, uid=UID))),
    ("resource_id", lambda part: operations.query(APP_ID, ModeName.MIX, part, SID)),
    ("sid", lambda part: operations.query(APP_ID, ModeName.MIX, RESOURCE_ID, part)),
]


@pytest.mark.parametrize(("path", "call"), CALLS)
@pytest.mark.parametrize("part", ["", ".", "..", "\ud800"])
def test_a_part_that_would_make_another_path_is_refused(path: str, call: Callable[[str], Any], part: str):
    with pytest.raises(InvalidRequest) as caught:
        call(part)
    assert [each.path for each in caught.value.violations] == [path]


def test_an_operation_shows_no_secret():
    assert "<Body of" in repr(samples.START)
    assert json.loads(samples.START.body.reveal())["uid"] == str(UID)  # type: ignore[union-attr] # a start has one


def good_answers() -> list[Any]:
    return [
        pytest.param(OF_WIRE[endpoint], body, id=f"{endpoint}-{variant}")
        for endpoint, answers in RESPONSES["endpoints"].items()
        for variant, body in answers[200]["variants"].items()
    ]


@pytest.mark.parametrize(("name", "body"), good_answers())
def test_every_documented_success_is_read_into_the_operations_answer(name: OperationName, body: str):
    answer = interpret(ALL[name], 200, body.encode())
    assert type(answer) is ALL[name].answer
    said = json.loads(body)
    for field, wire in [("sid", "sid"), ("resource_id", "resourceId"), ("cname", "cname")]:
        assert getattr(answer, field, None) == said.get(wire)


def rows() -> list[Any]:
    own = [(OF_WIRE[endpoint], row) for endpoint, listed in ERRORS["by_endpoint"].items() for row in listed]
    every = [(name, row) for row in ERRORS["general"] for name in OperationName]
    return [
        pytest.param(name, row, id=f"{name.value}-{row['http']}-{row['code']}-{number}")
        for number, (name, row) in enumerate([*own, *every])
    ]


@pytest.mark.parametrize(("name", "row"), rows())
def test_every_documented_refusal_becomes_the_error_of_its_row(name: OperationName, row: dict[str, Any]):
    said = {key: row[key] for key in ("code", "reason", "message") if row.get(key) is not None}
    data = json.dumps(said).encode()
    with pytest.raises(ApiError) as caught:
        interpret(ALL[name], row["http"], data)
    error = caught.value
    expected = from_refusal(ALL[name].subject, refusal(row["http"], data))
    assert type(error) is type(expected)
    assert (error.operation, error.status, error.code) == (name, row["http"], row["code"])
    assert error.reason == (row.get("reason") or row.get("message"))
    assert (error.cname, error.sid) == (ALL[name].subject.cname, ALL[name].subject.sid)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (206, '{"code":65,"reason":"request not completed"}', RequestNotCompleted),
        (206, '{"code":435,"reason":"no recorded data"}', NoRecordedData),
        (206, RESPONSES["by_status"][206]["stop_upload_slow"], UploadStatusUnknown),
        (206, RESPONSES["by_status"][206]["stop_with_query"], UploadStatusUnknown),
        (404, '{"code":404,"reason":"failed to find worker"}', WorkerNotFound),
        (429, "slow down", RateLimited),
        (502, "<html>bad gateway</html>", ServiceUnavailable),
        (503, "", ServiceUnavailable),
        (404, "<html>not here</html>", UnexpectedAnswer),
        (302, "", UnexpectedAnswer),
        (200, "", UnexpectedAnswer),
        (200, "{}\x00", UnexpectedAnswer),
        (200, "[]", UnexpectedAnswer),
    ],
)
def test_a_stop_is_answered_by_what_the_status_and_the_body_say(
    status: int, body: str, error: type[ApiError]
):
    with pytest.raises(ApiError) as caught:
        interpret(samples.STOP, status, body.encode())
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.sid) == (status, SID)


def test_a_repeated_start_keeps_the_sid_if_the_answer_has_it():
    with pytest.raises(AlreadyStarted) as caught:
        interpret(samples.START, 201, b'{"code":7,"reason":"already started","sid":"77","resourceId":"Qm3"}')
    assert (caught.value.sid, caught.value.resource_id, caught.value.code) == ("77", RESOURCE_ID, 7)


def outcome(operation: Operation[Any], status: int, data: bytes) -> object:
    """The answer, or the error instead of it."""
    try:
        return interpret(operation, status, data)
    except ApiError as error:
        return error


def test_the_traceback_of_an_error_does_not_show_the_answer():
    body = json.dumps([{"rtmpUrl": RTMP_URL}]).encode()
    error = outcome(samples.QUERY, 200, body)
    assert isinstance(error, UnexpectedAnswer)
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert frames == ["outcome", "interpret"]
    assert [where for where, text in exposures(error) if shown_in(text)] == []


@pytest.mark.parametrize("sample", RESPONSES["observed"], ids=lambda row: f"{row['endpoint']}-{row['http']}")
def test_every_observed_shape_is_read(sample: dict[str, Any]):
    name = OF_WIRE.get(sample["endpoint"], OperationName.ACQUIRE)
    read = outcome(ALL[name], sample["http"], sample["shape"].encode())
    if sample.get("legacy", False):  # a wrapper that is never on the wire
        assert type(read) is UnexpectedAnswer
    elif sample["http"] == 200:
        assert type(read) is ALL[name].answer
    else:
        assert isinstance(read, ApiError)
        assert type(read) not in {ApiError, UnexpectedAnswer}


@given(st.sampled_from(list(ALL.values())), st.integers(100, 599), st.binary(max_size=200))
def test_any_answer_is_a_value_or_an_error_of_the_library(operation: Any, status: int, data: bytes):
    read = outcome(operation, status, data)
    if isinstance(read, ApiError):
        assert read.status == status
    else:
        assert (status, type(read)) == (200, operation.answer)
