"""The body of a notification as it comes in: bytes, and not more than anybody would look at."""

from typing import Final

from agora_rec.errors import InvalidRequest, NotificationRejected, RejectionReason, Violation

MAX_BYTES: Final = 256 * 1024
"""The largest body that is looked at; honest ones have some hundred bytes, and some ten thousand at most."""


def body_of(body: object) -> bytes:
    """The body, if it can be looked at.

    Raises:
        NotificationRejected: It is too large.
        InvalidRequest: It isn't bytes.
    """
    if not isinstance(body, bytes | bytearray):
        raise InvalidRequest((Violation("body", type(body).__name__, "the bytes of the body as they came"),))
    if len(body) > MAX_BYTES:
        raise NotificationRejected(RejectionReason.TOO_LARGE, f"{len(body)} bytes, more than {MAX_BYTES}")
    return bytes(body)
