"""One notification as bytes: the envelope around a payload, its JSON, and the two signatures. Pure.

The emulator signs by itself: it shares no code with the client that checks (events.yaml `envelope`,
`headers`).
"""

import hashlib
import hmac
import json
import random
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from agora_rec.emulator.wire import JsonObject
from agora_rec.secret import Secret

CLOUD_RECORDING: Final = 3
"""The productId of everything that this service sends."""


class Notice(Protocol):
    """Something that has happened and is to be told."""

    @property
    def number(self) -> int:
        """Its place in the order of all notices, from 1 on."""
        ...

    @property
    def at(self) -> datetime:
        """When it is to be told."""
        ...

    @property
    def event_type(self) -> int:
        """The envelope's eventType."""
        ...

    @property
    def payload(self) -> Mapping[str, object]:
        """The envelope's payload, as a JSON object."""
        ...


def envelope(
    *,
    notice_id: str,
    event_type: int,
    notify_ms: int,
    payload: Mapping[str, object],
    with_sid: bool = False,
) -> JsonObject:
    """What is sent; with `with_sid` it repeats the payload's sid, where there is one."""
    sid: JsonObject = {"sid": payload["sid"]} if with_sid and "sid" in payload else {}
    return {
        "noticeId": notice_id,
        "productId": CLOUD_RECORDING,
        "eventType": event_type,
        "notifyMs": notify_ms,
        **sid,
        "payload": dict(payload),
    }


def new_id(chance: random.Random) -> str:
    """A noticeId, in the form of the published one."""
    return str(uuid.UUID(bytes=chance.randbytes(16), version=4))


def health_event(notice_id: str, event_type: int, notify_ms: int) -> JsonObject:
    """What the console sends to try a receiver.

    No document shows one. This has the form of the one published body that belongs to no product's events
    (events.yaml `signature.published_vectors`): a payload that says nothing about any recording.
    """
    payload = {"a": "1", "b": 2}
    return envelope(notice_id=notice_id, event_type=event_type, notify_ms=notify_ms, payload=payload)


def encode(content: JsonObject) -> bytes:
    """Compact JSON in UTF-8. Half a character, which JSON lets in with a text, becomes a question mark."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def sign(secret: Secret, body: bytes) -> dict[str, str]:
    """The headers that go with these bytes."""
    return {
        "Content-Type": "application/json",
        "Agora-Signature": hmac.new(secret.reveal().encode(), body, hashlib.sha1).hexdigest(),
        "Agora-Signature-V2": hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest(),
    }
