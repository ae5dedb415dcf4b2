"""What became of each notification: the truth about deliveries that tests compare with. Values only.

No signatures, and no secrets: payloads are masked as the log of calls is.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum, unique
from http import HTTPStatus
from typing import Final

from attrs import field, frozen


@unique
class Reception(StrEnum):
    """How one attempt to deliver ended. Only ACCEPTED is a success."""

    ACCEPTED = "accepted"
    """200, in time, with JSON."""
    REFUSED = "refused"
    """Another status. Redirects are not followed."""
    NOT_JSON = "not_json"
    """200, but the body is no JSON."""
    TOO_LARGE = "too_large"
    """The answer was more than anybody needs, and not read to its end."""
    TIMED_OUT = "timed_out"
    """No whole answer in time."""
    BROKEN = "broken"
    """The connection broke before the answer was whole, or the answer was no HTTP."""
    UNREACHABLE = "unreachable"
    """No connection."""
    UNRESOLVED = "unresolved"
    """The name of the host leads nowhere."""
    UNTRUSTED = "untrusted"
    """TLS failed; the certificate, as a rule."""
    ABANDONED = "abandoned"
    """Delivering ended in the middle of the attempt; the receiver may have it all the same."""


@unique
class DeliveryState(StrEnum):
    """What has become of one copy of a notification."""

    WAITING = "waiting"
    """For its first attempt, or for the next."""
    UNDERWAY = "underway"
    """An attempt is being made."""
    DELIVERED = "delivered"
    DROPPED = "dropped"
    """Every attempt failed."""
    LOST = "lost"
    """A switch lost it: no attempt was made."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be sent."""
        return self not in {DeliveryState.WAITING, DeliveryState.UNDERWAY}


@frozen(kw_only=True)
class DeliveryAttempt:
    """One attempt to deliver. `seconds` is how long it took, `notify_ms` the moment written in its envelope.

    `status` is the answer's, None without one. `detail` says in words what went wrong (the name of an
    exception); never a secret.
    """

    at: datetime
    notify_ms: int
    seconds: float
    reception: Reception
    status: int | None = None
    detail: str = ""


@frozen(kw_only=True)
class Delivery:
    """One copy of a notification, and what has become of it so far.

    `number` counts notifications in the order of happening, `copy` is 1, and 2 for the second one of the
    redundant channel. `at` is when it was to be sent, without the
    delays of switches. `payload` is what was (to be) sent, without
    secrets. `due` is when the next attempt is to be made, None if there is none to come.
    """

    number: int
    copy: int
    notice_id: str
    event_type: int
    at: datetime
    payload: Mapping[str, object] = field(repr=False)
    state: DeliveryState
    due: datetime | None
    attempts: tuple[DeliveryAttempt, ...] = ()


_SHOWN_AS: Final = {
    Reception.ACCEPTED: 200,
    Reception.UNRESOLVED: 591,
    Reception.UNTRUSTED: 592,
}
_NO_ANSWER: Final = 590


@frozen(kw_only=True)
class HealthCheck:
    """What came of one of the console's test events."""

    event_type: int
    attempt: DeliveryAttempt

    @property
    def code(self) -> int:
        """What the console shows: 200, or 590 no 200 in time, 591 domain, 592 certificate.

        (errors.yaml `webhook_health_check`)
        """
        return _SHOWN_AS.get(self.attempt.reception, _NO_ANSWER)

    @property
    def is_healthy(self) -> bool:
        """Whether the receiver answered as it should."""
        return self.code == HTTPStatus.OK
