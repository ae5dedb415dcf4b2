"""Trouble on demand: what can go wrong with one call, and the plan that says with which one.

Values and matching only; `service` plays them. Their times are seconds, 0 to `spans.SECONDS_MAX`, and any
other number is a ValueError, as is a `content_type` that no header can hold. What goes wrong with a recording
by itself (wrong buckets, empty channels, slow uploads) is in `settings` and `channels`.
"""

from collections.abc import Mapping
from typing import Any

from attrs import Attribute, define, field, frozen

from agora_rec.emulator.schema.forms import HEADER
from agora_rec.emulator.spans import require_span
from agora_rec.vocabulary import OperationName


def _span(fault: object, attribute: "Attribute[Any]", seconds: float | None) -> None:
    if seconds is not None or not isinstance(fault, Upload):
        require_span(f"{type(fault).__name__}.{attribute.name}", seconds)


def _header(fault: object, attribute: "Attribute[Any]", text: str) -> None:
    if not HEADER(text):
        raise ValueError(f"{type(fault).__name__}.{attribute.name} can't be the value of a header")


@frozen
class Delay:
    """The service acts so many seconds late, and answers then."""

    seconds: float = field(validator=_span)


@frozen
class SlowAnswer:
    """The service acts at once and answers so many seconds later than it would."""

    seconds: float = field(validator=_span)


@frozen
class LoseAnswer:
    """The service acts, and the connection breaks (`seconds` after the moment of the answer) without it."""

    seconds: float = field(default=0.0, validator=_span)


@frozen
class Cut:
    """The connection breaks before the service acts, `seconds` after the request came in."""

    seconds: float = field(default=0.0, validator=_span)


@frozen
class Unreachable:
    """The service is never reached: no connection in process, a broken one over a real socket."""


@frozen
class Refuse:
    """The service says no.

    A `code` or a `reason` gives the body of the recording service, a `message` that of the gateway;
    without all three the body is the message of an anonymous proxy. `extra` is merged into the body.
    With `acted` the request is carried out all the same: "no answer in time, it may have started".
    """

    status: int
    code: int | None = None
    reason: str | None = None
    message: str | None = field(default=None, kw_only=True)
    extra: Mapping[str, object] = field(factory=dict[str, object], kw_only=True)
    acted: bool = field(default=False, kw_only=True)


@frozen
class Garble:
    """The service acts and answers with these bytes instead of its own."""

    data: bytes
    status: int = 200
    content_type: str = field(default="application/json", validator=_header)


@frozen
class Upload:
    """For a stop: the upload takes so many seconds, or ends in the service's backup."""

    seconds: float | None = field(default=None, validator=_span)
    backuped: bool = False


Fault = Delay | SlowAnswer | LoseAnswer | Cut | Unreachable | Refuse | Garble | Upload


@define(eq=False)
class Planned:
    """A fault with what it waits for; None matches anything."""

    fault: Fault
    operation: OperationName | None
    cname: str | None
    uid: str | None
    host: str | None
    left: int | None

    def matches(self, operation: OperationName | None, cname: str | None, uid: str | None, host: str) -> bool:
        """Whether such a call is the one that this fault waits for."""
        return (
            (self.operation is None or self.operation == operation)
            and (self.cname is None or self.cname == cname)
            and (self.uid is None or self.uid == uid)
            and (self.host is None or self.host == host)
        )


@define
class FaultPlan:
    """The faults that still wait, in the order in which they were injected; a call meets one at most."""

    _planned: list[Planned] = field(factory=list[Planned], init=False)

    def add(self, planned: Planned) -> None:
        """Wait with a fault for its calls.

        Raises:
            ValueError: it would never happen.
        """
        if planned.left is not None and planned.left < 1:
            raise ValueError("a fault happens at least once")
        self._planned.append(planned)

    @property
    def waiting(self) -> tuple[Planned, ...]:
        """Those that still wait, in the order in which they go."""
        return tuple(self._planned)

    def clear(self) -> None:
        """Forget all faults that still wait."""
        self._planned.clear()

    def find(
        self, operation: OperationName | None, cname: str | None, uid: str | None, host: str
    ) -> Planned | None:
        """The fault that waits for this call, if any. It is not counted until `use`."""
        return next((each for each in self._planned if each.matches(operation, cname, uid, host)), None)

    def use(self, planned: Planned) -> None:
        """Count a fault that has happened."""
        if planned.left is not None:
            planned.left -= 1
            if planned.left == 0:
                self._planned.remove(planned)
