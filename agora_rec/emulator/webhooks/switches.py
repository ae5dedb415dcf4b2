"""What can be chosen about the delivery of notifications: how reliable it is, and what nobody has published.

Values and their rules only; `schedule` plays them. The same switches and the same seed of the emulator give
the same deliveries.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeGuard

from attrs import field, frozen

from agora_rec.emulator.spans import is_span
from agora_rec.errors import InvalidRequest, Violation

RETRY_GAPS: Final = (0.0, 10.0, 60.0)
"""Seconds between the end of a failed attempt and the next one. Published is: three, the first at once, then
growing (events.yaml `delivery.retry_gaps`); the numbers are ours."""

ANSWER_SECONDS: Final = 10.0
"""How long the service waits for an answer (events.yaml `delivery.timeout_s`)."""

AT_ONCE: Final = 64
"""Attempts at the same time. Not published; ours."""

REORDER_MAX: Final = 1000
"""The most that can overtake one."""

REORDER_SECONDS_MAX: Final = 3600.0
"""The longest that one waits to be overtaken."""

_GAPS_MAX: Final = 10
_PATH: Final = re.compile(r"/[!\"$->@-~]*")


def _event_types(given: Any) -> Any:
    """A set of them; what is none is for the validation to say."""
    try:
        return given if isinstance(given, str | bytes) else frozenset(given)
    except TypeError:
        return given


def _spans(given: Any) -> Any:
    return tuple(given) if isinstance(given, Sequence) and not isinstance(given, str | bytes) else given  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any items


@frozen(kw_only=True)
class WebhookSwitches:
    """How notifications are delivered. All times are seconds; the defaults are a service on a good day.

    Attributes:
        redundant: the redundant channel: every notification is sent twice.
        copies_share_id: both copies have one noticeId. Not documented: try your receiver with both.
        loss: how likely each copy of a notification is never sent, 0 to 1.
        lost: event types of which none is ever sent.
        delay: how late the first attempt is: anything between these two, evenly distributed.
        reorder: how many later notifications may overtake one, 0 to 1000; each waits for 0 to so many.
        reorder_seconds: how long it is held back for that at most, 0 to 3600.
        subscribed: the event types chosen in the console; the others never come. None: all of them.
        sid_in_envelope: the envelope repeats the recording's sid, as some deliveries were seen to do.
        retry_gaps: seconds from a failed attempt to the next, growing; as many as there are retries, 0 to 10.
        answer_seconds: how long an answer is waited for.
        at_once: how many attempts there are at the same time, 1 or more.
        path: where an ASGI application is asked; a URL has a path of its own.

    Raises:
        InvalidRequest: something is out of its range; every wrong field is listed.
    """

    redundant: bool = False
    copies_share_id: bool = True
    loss: float = 0.0
    lost: frozenset[int] = field(default=frozenset(), converter=_event_types)
    delay: tuple[float, float] = field(default=(0.0, 0.0), converter=_spans)
    reorder: int = 0
    reorder_seconds: float = 5.0
    subscribed: frozenset[int] | None = field(default=None, converter=_event_types)
    sid_in_envelope: bool = False
    retry_gaps: tuple[float, ...] = field(default=RETRY_GAPS, converter=_spans)
    answer_seconds: float = ANSWER_SECONDS
    at_once: int = AT_ONCE
    path: str = "/"

    def __attrs_post_init__(self) -> None:
        rules = {
            "loss": (is_span(self.loss, 1), "a probability, 0 to 1"),
            "lost": (_are_event_types(self.lost), "event types: whole numbers"),
            "delay": (_is_pair(self.delay), "a pair of seconds, the smaller one first"),
            "reorder": (
                _is_count(self.reorder, 0, REORDER_MAX),
                f"a whole number, 0 to {REORDER_MAX}",
            ),
            "reorder_seconds": (
                is_span(self.reorder_seconds, REORDER_SECONDS_MAX),
                f"seconds, 0 to {REORDER_SECONDS_MAX:g}",
            ),
            "subscribed": (
                self.subscribed is None or _are_event_types(self.subscribed),
                "event types: whole numbers; or None for all",
            ),
            "retry_gaps": (
                _are_gaps(self.retry_gaps),
                f"up to {_GAPS_MAX} spans of seconds, each longer than the one before",
            ),
            "answer_seconds": (
                is_span(self.answer_seconds) and self.answer_seconds > 0,
                "seconds, more than 0",
            ),
            "at_once": (_is_count(self.at_once, 1), "a whole number, 1 or more"),
            "path": (_is_path(self.path), "a path with a slash first: ASCII, percent-encoded, no query"),
        }
        violations = tuple(
            Violation(f"webhooks.{name}", ascii(getattr(self, name))[:100], rule)
            for name, (is_right, rule) in rules.items()
            if not is_right
        )
        if violations:
            raise InvalidRequest(violations)

    @property
    def attempts_max(self) -> int:
        """How often one copy of a notification is sent at most."""
        return 1 + len(self.retry_gaps)


def _is_count(value: object, smallest: int, largest: float = math.inf) -> TypeGuard[int]:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return smallest <= value <= largest


def _is_a(kind: type, value: object) -> bool:
    """`isinstance`, after which checkers still take the value for anything."""
    return isinstance(value, kind)


def _are_numbers(values: Any, most: int) -> bool:
    return _is_a(tuple, values) and len(values) <= most and all(is_span(value) for value in values)


def _are_event_types(values: Any) -> bool:
    return _is_a(frozenset, values) and all(_is_count(value, 0) for value in values)


def _is_pair(values: Any) -> bool:
    return _are_numbers(values, 2) and len(values) > 1 and values[0] <= values[1]


def _are_gaps(values: Any) -> bool:
    return _are_numbers(values, _GAPS_MAX) and all(gap < after for gap, after in pairwise(values))


def _is_path(path: object) -> bool:
    return isinstance(path, str) and _PATH.fullmatch(path) is not None
