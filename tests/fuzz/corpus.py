"""Bodies to begin with: whole deliveries of every event of the reference, in older forms too; and words."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.notifications.deliveries import EXAMPLES, ROWS
from tests.support.reference import load
from tests.support.secrets import RTMP_URL

JsonObject = dict[str, Any]


def _events() -> Iterator[tuple[int, JsonObject]]:
    """The details of each event of the reference, as in its examples and as in other forms."""
    for event_type, details in EXAMPLES:
        yield event_type, details
        if event_type in {31, 32}:
            yield event_type, json.loads(json.dumps(details).replace("fileName", "filename"))
    yield 100, {"msgName": "rtmp_publish_status", "rtmpUrl": RTMP_URL, "status": 3}


def _deliveries() -> Iterator[JsonObject]:
    for number, (event_type, details) in enumerate(_events()):
        payload = {
            "cname": "class-42",
            "uid": "880011",
            "sid": "0f6c2a5d",
            "sequence": number,
            "sendts": 1780000005900 + number,
            "serviceType": ROWS[event_type]["serviceType"],
            "details": details,
        }
        envelope = {"productId": 3, "eventType": event_type, "notifyMs": 1780000006000 + number}
        yield {"noticeId": f"n-{number}", **envelope, "sid": "0f6c2a5d", "payload": payload}
    yield json.loads(load("events")["example_delivery"])
    # As the callback service of REST API 1.2.0 wrote them.
    legacy = {"sequence": "7", "noticeLevel": 3, "uid": 880011, "serviceScene": "rtc_record", "newer": [{}]}
    details = {"msgName": "recorder_leave", "leaveCode": 6}
    yield {
        "notificationId": "n-old",
        "productId": 3,
        "eventType": 41,
        "eventMs": 1560408533119,
        "payload": {"cname": "class-42", "sid": "0f6c2a5d", "details": details} | legacy,
    }
    details = {"msgName": "of tomorrow", "deep": {"rtmpUrl": [RTMP_URL]}}
    yield {"eventType": 4711, "payload": {"details": details}}


@cache
def deliveries() -> tuple[JsonObject, ...]:
    """Whole deliveries, as JSON; what it returns is shared, so don't change it."""
    return tuple(_deliveries())


@cache
def bodies() -> tuple[bytes, ...]:
    """The bytes of all of them, and of the vectors, whose signatures are published."""
    vectors = load("events")["signature"]
    published = [vector["body"] for key in ("published_vectors", "own_vectors") for vector in vectors[key]]
    compact = [json.dumps(delivery, separators=(",", ":")) for delivery in deliveries()]
    return tuple(text.encode() for text in (*compact, *published))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _words(part)


@cache
def names() -> tuple[str, ...]:
    """The names of all fields."""
    return tuple(sorted({name for delivery in deliveries() for name in _names(delivery)}))


@cache
def words() -> tuple[str, ...]:
    """The words that fields are filled with."""
    said = set(_words(load("events")["enums"])) | {event["name"] for event in load("events")["events"]}
    return tuple(sorted(word for word in said if word.isascii() and len(word) < _LONGEST_WORD))


_LONGEST_WORD = 50  # what is longer explains something
