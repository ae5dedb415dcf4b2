"""From bodies to notifications: what is kept, what is refused, and what nothing may show."""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from agora_rec import InvalidRequest, NotificationRejected, RejectionReason
from agora_rec.model import events as e
from agora_rec.notifications import Details, ServiceScene, ServiceType, UnknownEvent, parse
from agora_rec.notifications.body import MAX_BYTES
from tests.notifications.deliveries import ENVELOPE, REFERENCE, ROWS, delivery
from tests.support import secrets
from tests.support.secrets import exposures, shown_in

VECTORS = REFERENCE["signature"]["published_vectors"] + REFERENCE["signature"]["own_vectors"]


def test_a_test_event_of_the_console_is_read():
    notification = parse(VECTORS[0]["body"].encode())
    assert (notification.notice_id, notification.product_id) == ("4eb720f0-8da7-11e9-a43e-53f411c2761f", 1)
    assert notification.event == UnknownEvent(event_type=10)
    assert notification.event_type == 10
    assert notification.extra == {"a": "1", "b": 2}
    moment = datetime(2019, 6, 13, 6, 48, 53, 119_000, UTC)
    assert (notification.notified_at, notification.sent_at) == (moment, moment)
    nothing = (notification.cname, notification.uid, notification.sid, notification.sequence)
    assert nothing == (None, None, None, None)
    assert (notification.service_type, notification.service_scene) == (None, None)


@pytest.mark.parametrize("event_type", ROWS)
@pytest.mark.parametrize("payload", [{}, {"a": "1", "b": 2}, {"details": {}}, None, "x", [], 4, "missing"])
def test_a_test_event_of_any_type_is_read_whatever_it_leaves_out(event_type: int, payload: object):
    body = {"eventType": event_type, "productId": 3} | ({} if payload == "missing" else {"payload": payload})
    notification = parse(json.dumps(body).encode())
    assert notification.event == e.EVENTS[event_type]()
    assert notification.notice_id == ""
    assert (notification.sid, notification.notified_at, notification.duplicate) == (None, None, False)


def test_texts_may_be_of_any_script():
    stopped = parse(VECTORS[2]["body"].encode())
    assert isinstance(stopped.event, e.WebRecorderStopped)
    assert stopped.event.details == "größe 4 h, 会议"
    assert stopped.notice_id == "n-2"
    marked = b"\xef\xbb\xbf" + REFERENCE["example_delivery"].encode()
    assert parse(marked) == parse(REFERENCE["example_delivery"].encode())


def test_the_very_old_envelope_is_understood():
    body = delivery(
        40,
        {},
        envelope={"notificationId": "old", "noticeId": None, "eventMs": 1560408533119},
        sequence="12",
        sendts=None,
        noticeLevel=3,
    )
    notification = parse(body)
    assert (notification.notice_id, notification.sequence) == ("old", 12)
    assert notification.sent_at == datetime(2019, 6, 13, 6, 48, 53, 119_000, UTC)
    assert notification.extra == {"noticeLevel": 3}


def test_the_sid_may_stand_in_the_envelope():
    assert parse(delivery(40, {}, envelope={"sid": "above"}, sid=None)).sid == "above"
    assert parse(delivery(40, {}, envelope={"sid": "above"}, sid="inside")).sid == "inside"


def test_scenes_and_parts_are_open_sets():
    body = delivery(40, {}, serviceType=5, serviceScene="rtc_record")
    assert parse(body).service_type == ServiceType(5)
    assert parse(body).service_scene is ServiceScene.RTC_RECORD
    assert parse(delivery(40, {}, serviceScene="new")).service_scene == ServiceScene("new")


@pytest.mark.parametrize("name", ["cname", "uid", "sid", "sequence", "sendts", "serviceType", "serviceScene"])
@pytest.mark.parametrize(
    "wrong", [True, [], {}, 1.5, -1, 10**30, "", "\ud800", "x" * 70_000, "9" * 5_000, 10**17]
)
def test_a_wrong_field_around_an_event_costs_that_field_and_not_the_event(name: str, wrong: object):
    attribute = {"sendts": "sent_at", "serviceType": "service_type", "serviceScene": "service_scene"}
    notification = parse(delivery(40, {"status": 0}, **{name: wrong}))
    assert notification.event == e.RecorderStarted(status=e.PartStatus.NORMAL)
    found = getattr(notification, attribute.get(name, name))
    if (name, wrong) not in [("sequence", 10**17), ("serviceType", -1), ("serviceType", 10**17)]:
        assert found is None
    everything = repr(notification)
    assert everything.isprintable()
    assert len(everything) < 1000


@pytest.mark.parametrize("wrong", [True, [], {}, -1, 10**30, "", "\ud800", "x" * 1025])
def test_a_wrong_field_of_the_envelope_costs_that_field(wrong: object):
    names = ("noticeId", "notificationId", "productId", "notifyMs", "eventMs", "sid")
    notification = parse(delivery(40, {}, envelope=dict.fromkeys(names, wrong), sid=None, sendts=None))
    assert notification.notice_id == ""
    assert (notification.notified_at, notification.sent_at, notification.sid) == (None, None, None)
    assert notification.product_id in {None, -1}


def test_details_that_are_no_object_are_kept_beside_the_event():
    notification = parse(delivery(31, "all fine"))
    assert notification.event == e.FilesUploaded()
    assert notification.extra == {"details": "all fine"}
    assert parse(delivery(31, None)).extra == {}


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>",
    "half of it": REFERENCE["example_delivery"].encode()[:-1],
    "more than one": b"{}{}",
    "no UTF-8": b'{"eventType": 40, "a": "\xff"}',
    "UTF-16": '{"eventType": 40}'.encode("utf-16"),
    "a text": b'"eventType"',
    "a number": b"40",
    "null": b"null",
    "a list": b'[{"eventType": 40}]',
    "no type": b'{"noticeId": "n-1", "payload": {}}',
    "null for a type": b'{"eventType": null}',
    "a boolean for a type": b'{"eventType": true}',
    "a text for a type": b'{"eventType": "40"}',
    "a fraction for a type": b'{"eventType": 40.5}',
    "an endless type": b'{"eventType": ' + b"9" * 5000 + b"}",
    "a type beyond 64 bits": b'{"eventType": ' + b"9" * 30 + b"}",
    "not a number": b'{"eventType": 40, "a": NaN}',
    "infinity": b'{"eventType": 40, "a": -Infinity}',
    "beyond the floats": b'{"eventType": 40, "payload": {"details": {"a": [{"b": 1e999}]}}}',
    "beyond the floats in a known field": b'{"eventType": 33, "payload": {"details": {"progress": 1e999}}}',
    "beyond the floats beside the event": b'{"eventType": 33, "payload": {"a": -1e999}}',
    "a number of absurd length": b'{"eventType": 40, "a": ' + b"9" * 10_000 + b"}",
    "nested deeply": b'{"eventType": 40, "a": ' + b"[" * 100 + b"]" * 100 + b"}",
    "nested absurdly": b'{"eventType": 40, "a": ' + b"[" * 120_000 + b"]" * 120_000 + b"}",
    "a secret outside of JSON": secrets.RTMP_URL.encode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_notification_is_refused_and_not_shown(body: bytes):
    with pytest.raises(NotificationRejected) as caught:
        parse(body)
    error = caught.value
    assert error.reason is RejectionReason.MALFORMED
    assert error.detail
    assert "html" not in str(error)
    assert not any(shown_in(text) for _, text in exposures(error))
    assert (error.__cause__, error.__context__) == (None, None)


def test_a_body_is_not_read_beyond_256_kib():
    padded = delivery(40, {}, a="x" * (MAX_BYTES - len(delivery(40, {}, a=""))))
    assert len(padded) == MAX_BYTES
    assert parse(padded).event == e.RecorderStarted()
    with pytest.raises(NotificationRejected, match="262145 bytes") as caught:
        parse(padded + b" ")
    assert caught.value.reason is RejectionReason.TOO_LARGE


def test_a_body_is_bytes():
    text: Any = REFERENCE["example_delivery"]
    with pytest.raises(InvalidRequest, match="body = str: the bytes of the body as they came"):
        parse(text)
    assert parse(text.encode()) == parse(bytearray(text.encode()))  # type: ignore[arg-type]  # a body all the same


def test_a_number_that_is_written_as_a_fraction_is_one():
    body = json.dumps({**ENVELOPE, "eventType": 40.0}).encode()
    assert parse(body).event == e.RecorderStarted(msg_name="recorder_started", status=e.PartStatus.NORMAL)


def test_an_event_of_tomorrow_is_kept_whole_and_cannot_be_changed():
    details = {"msgName": "tea_served", "cups": [{"of": "oolong"}, []], "hot": True, "n": 10**40}
    event = parse(delivery(4242, details)).event
    assert isinstance(event, UnknownEvent)
    assert (event.event_type, event.msg_name) == (4242, "tea_served")
    assert event.details == {
        "msgName": "tea_served",
        "cups": ({"of": "oolong"}, ()),
        "hot": True,
        "n": 10**40,
    }
    with pytest.raises(TypeError):
        event.details["hot"] = False  # type: ignore[index]  # as a type checker says
    assert hash(event) == hash(parse(delivery(4242, details)).event)
    assert event == parse(delivery(4242, details)).event


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_fields_that_are_kept_can_be_pickled(protocol: int):
    notification = parse(delivery(4242, {"a": [{"b": 1}]}, c=[2]))
    copy = pickle.loads(pickle.dumps(notification, protocol))  # noqa: S301 - our own bytes
    assert copy == notification
    assert repr(copy) == repr(notification)


def test_fields_that_are_kept_are_like_any_mapping():
    fields = Details({"a": {"b": [1]}, "c": None})
    assert (list(fields), len(fields), fields["c"], fields.get("d")) == (["a", "c"], 2, None, None)
    assert isinstance(fields["a"], Details)
    assert repr(fields) == "Details({'a': Details({'b': (1,)}), 'c': None})"
    assert Details() == {}
    assert UnknownEvent(event_type=1, details={"a": 1}).details == Details({"a": 1})


HIDDEN: dict[str, tuple[int, dict[str, object]]] = {
    "in its place": (100, {"rtmpUrl": secrets.RTMP_URL, "status": "onhold"}),
    "in an event of another shape": (100, {"rtmpUrl": secrets.RTMP_URL, "status": []}),
    "in an unknown event": (4242, {"outputs": [{"RTMPURL": f"srt://{secrets.NEEDLE}"}]}),
    "in a list": (4242, {"rtmpUrl": [secrets.RTMP_URL, {"x": [secrets.RTMP_URL]}]}),
    "under another name": (
        4242,
        {"url": secrets.RTMP_URL.upper().replace(secrets.NEEDLE.upper(), secrets.NEEDLE)},
    ),
    "in an error": (1, {"errorMsg": f"can't push to {secrets.RTMP_URL} now"}),
    "in words about a page": (71, {"details": f"{secrets.RTMP_URL}", "message": f"x {secrets.RTMP_URL}"}),
    "in a name": (1, {"msgName": f"push {secrets.RTMP_URL}"}),
    "in the name of an unknown event": (4242, {"msgName": f"push rtmps{secrets.RTMP_URL[4:]}"}),
    "in a new field": (40, {"push": {"to": secrets.RTMP_URL}}),
}


@pytest.mark.parametrize(("event_type", "details"), HIDDEN.values(), ids=HIDDEN)
def test_addresses_of_pushes_are_never_shown(event_type: int, details: dict[str, object]):
    for body in (delivery(event_type, details), delivery(40, {}, more=details)):
        notification = parse(body)
        assert not shown_in(f"{notification!r} {notification} {notification.event!r}")


def test_the_address_of_a_push_is_there_for_those_who_need_it():
    event = parse(delivery(100, {"rtmpUrl": secrets.RTMP_URL})).event
    assert isinstance(event, e.RtmpPublishStatus)
    assert event.rtmp_url is not None
    assert event.rtmp_url.reveal() == secrets.RTMP_URL


def test_texts_without_addresses_stay_as_they_are():
    event = parse(delivery(1, {"errorMsg": "https://example.org/ says 403, rtmp off"})).event
    assert isinstance(event, e.RecordingError)
    assert event.error_msg == "https://example.org/ says 403, rtmp off"
