"""What must hold for whatever arrives as a notification: it is read or rejected, and nothing else happens.

An input is one text of bytes, for the fuzzer: how it is signed, then the headers where they are given, then
the body.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from attrs import frozen

from agora_rec import Checkpoint, codec
from agora_rec.errors import NotificationRejected, RejectionReason
from agora_rec.lifecycle import Standing, facts
from agora_rec.model.notification import Notification
from agora_rec.notifications import parse, verify
from tests.support.cloud import CNAME, UID, mix
from tests.support.secrets import WEBHOOK_SECRET

T = TypeVar("T")

Headers = list[tuple[str | bytes, str | bytes]]

OLD_SECRET: Final = "the secret of before"
SECRETS: Final = (WEBHOOK_SECRET, OLD_SECRET)

LARGEST: Final = 256 * 1024
"""Bytes of a body, what is larger isn't looked at."""

SID: Final = "0f6c2a5d"
"""The sid of the corpus; its channel and uid are those that all tests use."""

LONGEST_MESSAGE: Final = 1000
"""What an error says is for a log, whatever it is about."""


def _running() -> Checkpoint:
    moment = datetime(2026, 5, 28, 20, 40, tzinfo=UTC)
    standing = Standing()
    for fact in (facts.Acquired(resource_id="r"), facts.StartSent(), facts.Started(sid=SID)):
        standing = standing.absorb(fact, at=moment)
    mode = codec.dump_mode(mix())
    return Checkpoint(id="fuzzed", cname=CNAME, uid=UID, mode=mode, standing=standing, saved_at=moment)


RUNNING: Final = _running()
"""The recording that the corpus tells of."""


@frozen(kw_only=True)
class Kept:
    """What a checkpoint has of notifications, and quicker to write and to read."""

    notifications: tuple[Notification, ...]


@frozen
class Delivery:
    """One request, and whether its signature is right; None: whoever made the input doesn't know."""

    headers: Headers
    body: bytes
    signed: bool | None


def sha256(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """The signature of today."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sha1(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """The signature of before."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def _given_value(data: bytes) -> Delivery:
    value, body = _cut(data)
    return Delivery([(b"agora-signature-v2", value)], body, signed=None)


def _given_headers(data: bytes) -> Delivery:
    given, body = _cut(data)
    pairs = [line.partition(b":")[::2] for line in given.split(b"\n")]
    headers: Headers = [(name, value) for name, value in pairs]
    return Delivery(headers, body, signed=None)


def _cut(data: bytes) -> tuple[bytes, bytes]:
    length = data[0] if data else 0
    return data[1 : 1 + length], data[1 + length :]


WAYS: Final[tuple[Callable[[bytes], Delivery], ...]] = (
    lambda body: Delivery([("Agora-Signature-V2", sha256(body))], body, signed=True),
    lambda body: Delivery([("AGORA-SIGNATURE", sha1(body))], body, signed=True),
    lambda body: Delivery([(b"agora-signature-v2", sha256(body, OLD_SECRET).encode())], body, signed=True),
    lambda body: Delivery([("Agora-Signature-V2", sha256(body, "of others"))], body, signed=False),
    lambda body: Delivery([("Agora-Signature-V2", sha256(body + b" "))], body, signed=False),
    lambda body: Delivery([], body, signed=False),
    _given_value,
    _given_headers,
)
"""How an input becomes a request, by its first byte."""


def delivery(data: bytes) -> Delivery:
    """The request that an input of the fuzzer means."""
    way = WAYS[data[0] % len(WAYS)] if data else WAYS[0]
    return way(data[1:])


def tried(read: Callable[[], T]) -> T | NotificationRejected:
    """What came out, or how it was rejected."""
    try:
        return read()
    except NotificationRejected as rejected:
        return rejected


def feed(given: Delivery) -> Notification | None:
    """Verify and read; the notification, if there is one, whoever it is from."""
    return feed_both(given)[1]


def feed_both(given: Delivery) -> tuple[bool, Notification | None]:
    """Verify and read; whether the signature was taken, and the notification, if there is one.

    Raises:
        AssertionError: What must hold doesn't. Any other exception is a finding as well.
    """
    refusal = tried(lambda: verify(SECRETS, given.headers, given.body))
    is_large = len(given.body) > LARGEST
    if refusal is None:
        assert given.signed is not False
        assert not is_large
    else:
        expected = RejectionReason.TOO_LARGE if is_large else RejectionReason.BAD_SIGNATURE
        assert refusal.reason is expected
        assert is_large or not given.signed
        check_error(refusal)
    read = tried(lambda: parse(given.body))
    if isinstance(read, Notification):
        check_notification(read, given.body)
        return refusal is None, read
    assert read.reason is (RejectionReason.TOO_LARGE if is_large else RejectionReason.MALFORMED)
    check_error(read)
    return refusal is None, None


def check_error(rejected: NotificationRejected) -> None:
    """It says something, in short, and holds on to nothing."""
    assert 0 < len(str(rejected)) < LONGEST_MESSAGE
    assert rejected.__cause__ is None
    assert rejected.__context__ is None


def check_notification(notification: Notification, body: bytes) -> None:
    """It can be shown, compared, counted by, and kept in a checkpoint."""
    assert repr(notification)
    written = codec.dump(Kept(notifications=(notification,)))
    (same,) = codec.load(Kept, written).notifications
    assert type(same.event) is type(notification.event)
    if b"rtmp" in body.lower():  # addresses of pushes are secret: what is kept is empty where one was
        assert codec.dump(Kept(notifications=(same,))) == written
        same = parse(body)
    assert notification == same
    assert hash(notification) == hash(same)
