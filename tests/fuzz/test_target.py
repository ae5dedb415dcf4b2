"""What the fuzzer is told: it begins with everything, reaches every way, and notices what must not happen."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from attrs import evolve

from agora_rec import codec
from agora_rec.errors import NotificationRejected, RejectionReason
from agora_rec.model.events import EVENTS
from tests.fuzz import corpus, target
from tests.fuzz.mutation import Pairs, read, twist, write
from tests.fuzz.target import WAYS, Kept, delivery, feed
from tests.support.reference import load

BODY = corpus.bodies()[0]


def test_the_corpus_has_every_event_and_every_body_of_the_reference():
    documented = {event["eventType"] for event in load("events")["events"]}
    assert documented == set(EVENTS)
    assert documented <= {delivered["eventType"] for delivered in corpus.deliveries()}
    for body in corpus.bodies():
        assert feed(delivery(b"\x00" + body)) is not None
    assert {"noticeId", "details", "sendts", "rtmpUrl"} <= set(corpus.names())
    assert {"publishing", "page_load_timeout", "audio_and_video", "session_exit"} <= set(corpus.words())


def test_each_way_says_rightly_whether_its_signature_is_right():
    said = [delivery(bytes([way]) + BODY).signed for way in range(len(WAYS))]
    assert said == [True, True, True, False, False, False, None, None]
    for way in range(len(WAYS)):
        feed(delivery(bytes([way]) + BODY))


def test_headers_that_are_given_are_cut_off_from_the_body():
    given = b"Agora-Signature:x\nA:b:c"
    made = delivery(bytes([WAYS.index(target._given_headers), len(given)]) + given + BODY)
    assert made.headers == [(b"Agora-Signature", b"x"), (b"A", b"b:c")]
    assert made.body == BODY
    assert delivery(b"").body == b""


def test_twisting_changes_a_body_and_leaves_much_of_it():
    twisted = [twist(BODY, Random(seed)) for seed in range(200)]
    assert len(set(twisted)) > 190
    assert sum(b"cloud_recording_error" in body for body in twisted) > 100
    assert twist(BODY, Random(7)) == twist(BODY, Random(7))
    with pytest.raises(ValueError):
        twist(b"{", Random(1))


def test_what_is_read_is_written_again_with_keys_that_repeat():
    text = '{"a":[1,{"b":null}],"a":"x"}'
    assert read(text.encode()) == Pairs([("a", [1, Pairs([("b", None)])]), ("a", "x")])
    assert write(read(text.encode())) == text


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


class Forgetful:
    """Reads what was kept, and loses something."""

    dump = staticmethod(codec.dump)

    @staticmethod
    def load(kind: type[Kept], text: str) -> Kept:
        (read,) = codec.load(kind, text).notifications
        return kind(notifications=(evolve(read, sequence=None),))


PLANTED: list[tuple[str, Any]] = [
    ("parse", _raising(KeyError("payload"))),
    ("parse", _raising(NotificationRejected(RejectionReason.BAD_SIGNATURE))),
    ("verify", _raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"))),
    ("verify", _raising(NotificationRejected(RejectionReason.BAD_SIGNATURE))),
    ("verify", _raising(NotificationRejected(RejectionReason.TOO_LARGE))),
    ("codec", Forgetful),
]


@pytest.mark.parametrize(("name", "planted"), PLANTED)
def test_what_must_not_happen_is_noticed(name: str, planted: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(target, name, planted)
    with pytest.raises(Exception):  # noqa: B017 - whatever comes out ends the fuzzer's session
        feed(delivery(b"\x00" + BODY))


def test_a_signature_that_is_taken_though_it_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(target, "verify", lambda *_: None)
    with pytest.raises(AssertionError):
        feed(delivery(b"\x03" + BODY))
