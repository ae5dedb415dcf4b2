"""The arithmetic of a rate: when the next call may go out. Who goes is the line's business."""

import math
from collections import deque
from typing import Final

from attrs import define, field

RECOVERY: Final = 10.0
"""Seconds without another 429 after which a slowed-down pace doubles again."""

SLOWEST: Final = 4
"""How often the pace is halved at most: to a sixteenth."""

CATCH_UP: Final = 0.02
"""Seconds of lateness that the next slots may make good: timers wake late, the rate need not suffer."""

_MARGIN: Final = 1.0 + 1e-6  # above the rounding of float sums, so that the bound holds to the last digit


@define
class Pace:
    """The arithmetic of a rate: when the next call may go out. Knows no clock and never waits.

    In any window of (1 s + `jitter`) at most `qps` calls go out, evenly spaced. A rate that is
    no whole number is rounded down to one that keeps this promise; below one call per second the window
    grows instead: 0.5 means one call in any (2 s + 2 `jitter`).

    Attributes:
        qps: Calls per second, above 0.
        jitter: Seconds by which the network may push two calls together.
    """

    qps: float
    jitter: float
    count: int = field(init=False)
    window: float = field(init=False)
    _usual: float = field(init=False, repr=False)
    _given: deque[float] = field(init=False, repr=False)
    _ideal: float = field(default=-math.inf, init=False)
    _halvings: int = field(default=0, init=False)
    _slowed_at: float = field(default=-math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self.count = max(1, math.floor(self.qps))
        self.window = (1.0 + self.jitter) * _MARGIN * max(1.0, 1.0 / self.qps)
        self._usual = self.window / self.count
        self._given = deque(maxlen=self.count)

    def interval(self, now: float) -> float:
        """Seconds between two slots, as things stand at `now`."""
        return self._usual * (1 << self._halvings_at(now))

    def due(self, since: float, now: float = 0.0) -> float:  # noqa: ARG002 - a slot that is not used stays due
        """The earliest moment, `since` or later, at which the next call may go out."""
        full = self._given[0] + self.window if len(self._given) == self.count else -math.inf
        return max(since, full, self._ideal)

    def hold(self, until: float) -> None:
        """Let nothing go out before that moment."""
        self._ideal = max(self._ideal, until)

    def take(self, at: float, due: float) -> None:
        """Note a call that goes out at `at` and was due at `due`, both from `due()` or later."""
        self._given.append(at)
        self._ideal = max(due, at - CATCH_UP) + self.interval(at)

    def slow_down(self, now: float) -> None:
        """Halve the rate; it doubles again after each `RECOVERY` seconds without a further call of this.

        Answers to calls that were on their way together count once: a second 429 within one
        window says nothing new.
        """
        if now - self._slowed_at < self.window:
            return
        self._halvings = min(SLOWEST, self._halvings_at(now) + 1)
        self._slowed_at = now
        self.hold(now + self.interval(now))

    def _halvings_at(self, now: float) -> int:
        if not self._halvings:
            return 0
        return max(0, self._halvings - int((now - self._slowed_at) / RECOVERY))
