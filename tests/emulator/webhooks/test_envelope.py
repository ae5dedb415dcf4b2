"""Bytes and signatures, against the vectors of the reference."""

import json
import random
from typing import Any

import pytest

from agora_rec.emulator.webhooks.envelope import encode, envelope, health_event, new_id, sign
from agora_rec.secret import Secret
from tests.support.reference import load
from tests.support.secrets import WEBHOOK_SECRET, shown_in

SIGNATURE = load("events")["signature"]
VECTORS = SIGNATURE["published_vectors"] + SIGNATURE["own_vectors"]


@pytest.mark.parametrize("vector", VECTORS)
def test_both_signatures_are_those_of_the_reference(vector: Any):
    body = vector["body"].encode()
    assert len(body) == vector["bytes"]
    headers = sign(Secret(vector["secret"]), body)
    assert headers == {
        "Content-Type": "application/json",
        "Agora-Signature": vector["sha1"],
        "Agora-Signature-V2": vector["sha256"],
    }


def test_the_body_is_byte_for_byte_that_of_the_reference():
    example = load("events")["example_delivery"]
    given = json.loads(example)
    made = envelope(notice_id="n-1", event_type=40, notify_ms=given["notifyMs"], payload=given["payload"])
    assert encode(made) == example.encode() == SIGNATURE["own_vectors"][0]["body"].encode()


def test_text_goes_out_as_utf_8():
    assert encode({"details": "größe, 会议"}) == '{"details":"größe, 会议"}'.encode()


def test_half_a_character_stops_nothing():
    assert encode({"rtmpUrl": json.loads('"rtmp://a/\\ud800"')}) == b'{"rtmpUrl":"rtmp://a/?"}'


@pytest.mark.parametrize(("payload", "repeated"), [({"sid": "0f6c"}, {"sid": "0f6c"}), ({}, {})])
def test_the_envelope_repeats_the_sid_if_it_is_told_to(payload: Any, repeated: Any):
    options: Any = {"notice_id": "n-1", "event_type": 40, "notify_ms": 1, "payload": payload}
    plain = envelope(**options)
    assert envelope(**options, with_sid=True) == plain | repeated
    assert "sid" not in plain


def test_an_envelope_has_what_the_reference_lists():
    documented = {field["name"] for field in load("events")["envelope"]["fields"] if not field.get("legacy")}
    made = envelope(notice_id="n-1", event_type=40, notify_ms=1, payload={"sid": "0f6c"}, with_sid=True)
    assert set(made) == documented


def test_a_notice_id_looks_like_the_published_one():
    published = json.loads(SIGNATURE["published_vectors"][0]["body"])["noticeId"]
    made = new_id(random.Random(0))
    assert [len(part) for part in made.split("-")] == [len(part) for part in published.split("-")]


def test_a_test_event_says_nothing_about_any_recording():
    published = json.loads(SIGNATURE["published_vectors"][0]["body"])
    made = health_event("n-1", 31, 1)
    assert made["payload"] == published["payload"]
    assert (made["productId"], made["eventType"]) == (3, 31)


def test_a_signature_shows_nothing_of_its_secret():
    assert not shown_in(repr(sign(Secret(WEBHOOK_SECRET), b"{}")))
