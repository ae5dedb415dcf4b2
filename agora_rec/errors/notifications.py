"""Errors of receiving notifications: those that are none, and those that nobody took over."""

# ruff: noqa: N818 - the names are promised in the design

from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType
from typing import Final, final

from attrs import define, field

from agora_rec.errors.base import AgoraRecError, tell
from agora_rec.errors.text import sentence


@unique
class RejectionReason(Enum):
    """Why a notification was rejected, and so how whoever sent it should be answered."""

    BAD_SIGNATURE = "bad signature"
    """No signature, or one that doesn't fit the secret and the body: 401."""
    TOO_LARGE = "too large"
    """Larger than any honest notification: 413."""
    MALFORMED = "malformed"
    """Signed, but not a notification: 400."""

    @property
    def status(self) -> int:
        """The HTTP status to answer with."""
        return _STATUSES[self]


_STATUSES: Final[Mapping[RejectionReason, int]] = MappingProxyType(
    {
        RejectionReason.BAD_SIGNATURE: 401,
        RejectionReason.TOO_LARGE: 413,
        RejectionReason.MALFORMED: 400,
    }
)

_ADVICE: Final[Mapping[RejectionReason, str]] = MappingProxyType(
    {
        RejectionReason.BAD_SIGNATURE: (
            "It may be forged. If it came from Agora: compare the webhook secret with the console's, and "
            "give the body as the bytes that came, not JSON written anew."
        ),
        RejectionReason.TOO_LARGE: "See whether it came from Agora.",
        RejectionReason.MALFORMED: "Give the body as the bytes that came; see whether it came from Agora.",
    }
)


@final
@define(slots=False, eq=False)
class NotificationRejected(AgoraRecError):
    """A notification that can't be trusted or read; nothing has changed because of it.

    `detail` says in words what is wrong, and shows nothing of the body or the headers.
    """

    reason: RejectionReason
    detail: str = field(default="")

    def message(self) -> str:
        """What is wrong and what to do."""
        return tell(
            f"The notification was rejected: {self.reason.value}.",
            sentence(self.detail),
            _ADVICE[self.reason],
        )


@final
@define(slots=False, eq=False)
class NotAcknowledged(AgoraRecError):
    """A notification was read and kept, and `before_ack` didn't take it over: the service must send it again.

    `cause` says in words what happened there; its exception is the `__cause__` of this one.
    """

    cause: str

    def message(self) -> str:
        """What happened and what to do."""
        return tell(
            "The notification was not acknowledged.",
            sentence(self.cause),
            "Answer it with 503 (NotificationApp does): the service sends it again.",
        )
