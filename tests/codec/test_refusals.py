"""What the service says when it isn't a plain success is read, whatever its shape."""

import json
from typing import Any

import pytest

from agora_rec.codec import BadShape, refusal
from agora_rec.errors import Refusal
from agora_rec.vocabulary import UploadingStatus
from tests.support.reference import load

REFERENCE: dict[str, Any] = load("responses")


def shapes(name: str) -> list[str]:
    examples: list[str] = REFERENCE["error_shapes"][name]["examples"]
    return examples


@pytest.mark.parametrize("body", shapes("gateway"))
def test_the_gateway_gives_a_message(body: str):
    assert refusal(401, body.encode()) == Refusal(status=401, reason=json.loads(body)["message"])


@pytest.mark.parametrize("body", shapes("service"))
def test_the_service_gives_a_code_and_a_reason(body: str):
    told = json.loads(body)
    assert refusal(400, body.encode()) == Refusal(status=400, code=told["code"], reason=told["reason"])


IDS: dict[str, Any] = {"resource_id": "Qm3-xT_a91", "sid": "0f6c2a5d"}
UNKNOWN: dict[str, Any] = {"uploading_status": UploadingStatus.UNKNOWN}
PARTIAL: dict[str, Refusal] = {
    "code_65": Refusal(status=206, code=65, reason="request not completed"),
    "code_435": Refusal(status=206, code=435, reason="no recorded data"),
    "stop_upload_slow": Refusal(status=206, code=50, **IDS, **UNKNOWN),
    "stop_with_query": Refusal(status=206, **IDS, **UNKNOWN),
}


@pytest.mark.parametrize("name", [name for name in REFERENCE["by_status"][206] if name != "notes"])
def test_each_partial_answer_of_the_reference_is_read(name: str):
    assert refusal(206, REFERENCE["by_status"][206][name].encode()) == PARTIAL[name]


def test_a_repeated_start_is_read_with_its_sid_if_it_is_there():
    body = REFERENCE["by_status"][201]["body"]
    assert refusal(201, body.encode()) == Refusal(status=201, code=7, reason="already started")
    older = b'{"code":7,"resourceId":"r","sid":"s"}'
    assert refusal(201, older) == Refusal(status=201, code=7, resource_id="r", sid="s")


OBSERVED = [
    Refusal(status=500, code=15, resource_id="Qm3"),
    Refusal(status=400, code=2, reason="request_hash mismatch!"),
    Refusal(status=400, code=2, reason="api body validate failed!"),
    Refusal(status=404, code=404, reason="failed to find worker", resource_id="Qm3", sid="0f6c"),
    Refusal(status=404, code=404, reason="failed to find worker"),
    Refusal(status=400, code=49, reason="Failed", resource_id="Qm3", sid="0f6c"),
]


def test_each_body_that_was_seen_in_the_wild_is_read():
    refused = [row for row in REFERENCE["observed"] if row["http"] != 200]
    assert [refusal(row["http"], row["shape"].encode()) for row in refused] == OBSERVED


@pytest.mark.parametrize(
    ("server", "has_files"),
    [
        ({"fileList": "a.m3u8"}, True),
        ({"fileList": [{"fileName": "a"}]}, True),
        ({"fileList": []}, False),
        ({"fileList": ""}, False),
        ({}, False),
        ({"extensionServiceState": [{}, {"payload": {"fileList": [{"filename": "a"}]}}]}, True),
        ({"extensionServiceState": {"payload": {"fileList": [{"filename": "a"}]}}}, True),
        ({"extensionServiceState": [{"payload": {"fileList": []}}]}, False),
        ({"extensionServiceState": ["x", {"payload": 5}]}, False),
    ],
)
def test_it_is_known_whether_there_is_a_list_of_files(server: Any, *, has_files: bool):
    body = json.dumps({"serverResponse": server}).encode()
    assert refusal(206, body).has_files is has_files


def test_a_web_pages_upload_is_read_from_its_service():
    service = {"serviceName": "upload_service", "payload": {"uploadingStatus": "backuped"}}
    body = json.dumps({"serverResponse": {"extensionServiceState": [{}, service]}}).encode()
    assert refusal(206, body).uploading_status is UploadingStatus.BACKUPED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "2", "reason": 5, "sid": [], "serverResponse": "x"},
        {"code": True, "message": "", "resourceId": "\ud800"},
        {"code": 2.5, "serverResponse": {"uploadingStatus": 7, "payload": []}},
        {"code": 10**30, "reason": "x" * 100_000},
    ],
)
def test_what_is_not_readable_is_none(body: Any):
    assert refusal(500, json.dumps(body).encode()) == Refusal(status=500)


@pytest.mark.parametrize("body", [b"", b"<html>502 Bad Gateway</html>", b"[]", b'"x"', b"null", b"\xff"])
def test_what_is_no_object_of_json_is_a_bad_shape(body: bytes):
    with pytest.raises(BadShape):
        refusal(502, body)
