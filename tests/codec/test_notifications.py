"""Notifications on their way through a checkpoint: whole but for secrets, whatever was in them."""

import json
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.codec import (
    BadShape,
    dump,
    load,
    notification_from_json,
    notification_to_json,
    read_notification,
)
from agora_rec.codec.parsing import MAX_DEPTH
from agora_rec.model.events import UnknownEvent
from agora_rec.model.notification import Notification
from tests.notifications.deliveries import ENVELOPE, EXAMPLE_IDS, EXAMPLES, REFERENCE, delivery
from tests.support import secrets
from tests.support.secrets import shown_in


@frozen(kw_only=True)
class Kept:
    """Something like a checkpoint."""

    notifications: tuple[Notification, ...]
    one: Notification | None = None


def again(notification: Notification) -> Notification:
    """The notification after its way through JSON text."""
    return notification_from_json(json.loads(json.dumps(notification_to_json(notification))))


@pytest.mark.parametrize(("event_type", "details"), EXAMPLES, ids=EXAMPLE_IDS)
def test_every_example_comes_back(event_type: int, details: dict[str, Any]):
    details = {name: value for name, value in details.items() if name != "rtmpUrl"}
    whole = read_notification(delivery(event_type, details, serviceScene="rtc_record", new={"a": [1]}))
    assert again(whole) == whole
    assert again(evolve(whole, duplicate=True)) == whole


def test_what_is_written_has_the_services_own_names():
    assert notification_to_json(read_notification(REFERENCE["example_delivery"].encode())) == ENVELOPE
    for event_type, details in EXAMPLES:
        written = notification_to_json(read_notification(delivery(event_type, details)))
        assert written.keys() == ENVELOPE.keys()
        assert written["payload"].keys() == ENVELOPE["payload"].keys()
        assert written["payload"]["details"].keys() == details.keys()


def test_secrets_stay_behind():
    cases: list[tuple[int, object]] = [
        (100, {"rtmpUrl": secrets.RTMP_URL, "status": "onhold"}),
        (100, {"rtmpUrl": secrets.RTMP_URL, "status": []}),
        (4242, {"outputs": [{"rtmpUrl": secrets.RTMP_URL}], "why": f"x {secrets.RTMP_URL}"}),
        (40, {"push": {"rtmpUrl": [secrets.RTMP_URL]}}),
    ]
    for event_type, details in cases:
        notification = read_notification(delivery(event_type, details))
        text = dump(Kept(notifications=(notification,)))
        assert not shown_in(text)
        (back,) = load(Kept, text).notifications
        assert type(back.event) is type(notification.event)
        assert again(back) == back


def test_a_notification_as_deep_as_can_be_read_can_be_read_from_a_checkpoint_too():
    levels = MAX_DEPTH - 2  # beside the notification itself and its payload
    body = f'{{"eventType":40,"payload":{{"new":{"[" * levels}{"]" * levels}}}}}'.encode()
    kept = Kept(notifications=(read_notification(body),))
    assert load(Kept, dump(kept)) == kept
    with pytest.raises(BadShape, match="deeper"):
        read_notification(body.replace(b"[]", b"[[]]"))


def test_notifications_in_a_checkpoint_come_back_with_it():
    notifications = tuple(read_notification(delivery(number, details)) for number, details in EXAMPLES)
    kept = Kept(notifications=tuple(map(again, notifications)), one=again(notifications[0]))
    assert load(Kept, dump(kept)) == kept
    assert load(Kept, dump(Kept(notifications=()))) == Kept(notifications=())


@pytest.mark.parametrize("wrong", ["[]", "[{}]", '[{"eventType": true}]', "[null]", "{}", "4"])
def test_what_is_no_notification_makes_no_checkpoint(wrong: str):
    text = f'{{"notifications": {wrong}}}'
    if wrong in {"[]", "{}"}:
        assert load(Kept, text) == Kept(notifications=())
        return
    with pytest.raises(BadShape):
        load(Kept, text)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
moments = st.integers(-10, 10) | st.integers(0, 2 * 10**11) | st.integers(0, 10**15)
changed = st.sampled_from(EXAMPLES).flatmap(
    lambda example: st.tuples(
        st.just(example[0]),
        st.dictionaries(
            st.sampled_from([*example[1], "rtmpUrl", "details", "fileList", "newUid"]), values | moments
        ).map(lambda more: {**example[1], **more}),
    )
)


@given(
    changed,
    st.dictionaries(st.sampled_from([*ENVELOPE["payload"], "new", "a"]), values | moments, max_size=3),
    st.dictionaries(st.sampled_from([*ENVELOPE, "sid", "notificationId", "eventMs"]), values | moments),
)
def test_whatever_is_in_a_notification_comes_back(
    event: tuple[int, dict[str, Any]], payload: dict[str, Any], envelope: dict[str, Any]
):
    whole = {**ENVELOPE, "eventType": event[0], "payload": {**ENVELOPE["payload"], **payload}, **envelope}
    if "details" not in payload and isinstance(whole["payload"], dict):
        whole["payload"]["details"] = event[1]
    try:
        notification = read_notification(json.dumps(whole).encode())
    except BadShape:
        return
    once = again(notification)
    assert again(once) == once
    assert (once.notice_id, once.sid, once.sequence) == (
        notification.notice_id,
        notification.sid,
        notification.sequence,
    )
    assert (once.sent_at, once.notified_at) == (notification.sent_at, notification.notified_at)
    if not isinstance(notification.event, UnknownEvent):
        assert type(once.event) is type(notification.event)
    assert repr(notification)
    json.dumps(notification_to_json(notification), allow_nan=False)
