"""How often running recordings are looked at, and when each of them: evenly, whatever their number.

Pure arithmetic with time passed in.
"""

from math import inf
from typing import Final

from attrs import define, field

from agora_rec.recording.watching import WATCH_EVERY

WATCH_RATE: Final = 0.5
"""Which part of the budget's rate the looks may take; they go last there, so nothing waits for them."""
HEARD_FOR: Final = 5
"""How many intervals may pass without an answered look while notifications prove life. Not for ever: an
upload goes on to report its progress for a while when its recorder is gone."""

_GOLDEN: Final = 0.6180339887498949
_SLACK: Final = 0.98
"""The least distance of two looks, as a part of what it is when all are spread evenly: what comes all at once
is spread nearly so by its first round, and stays so."""
_TOLERANCE: Final = 0.1
"""The part of a distance that isn't worth another wake-up."""
_SPACING_MAX: Final = 1.0


@define
class Rota:
    """When to look.

    Attributes:
        qps: Calls per second that the budget allows; infinity: it paces nothing.
        count: How many recordings are looked after now.
    """

    qps: float
    count: int = 0
    _phase: float = field(default=0.0, init=False)
    _free_at: float = field(default=-inf, init=False)

    @property
    def interval(self) -> float:
        """Seconds from one look at a recording to the next: 120, or more where the rate doesn't suffice."""
        return max(WATCH_EVERY, self.count / (self.qps * WATCH_RATE))

    def first(self, now: float) -> float:
        """When to look for the first time at one that was just confirmed, an interval from now at most.

        They are spread over the interval whenever they begin: each new one falls into the largest gap.
        """
        self._phase = (self._phase + _GOLDEN) % 1.0
        return now + self.interval - (now - self._phase * self.interval) % self.interval

    def after(self, answered_at: float, heard_at: float) -> float:
        """When to look again.

        Args:
            answered_at: When the last look was answered.
            heard_at: When the last notification came; minus infinity: none has.
        """
        interval = self.interval
        return min(max(answered_at, heard_at) + interval, answered_at + HEARD_FOR * interval)

    def place(self, now: float) -> float:
        """When a look that is due now may go: looks that would come all at once keep some distance.

        The place is given to nobody else, so each look asks once.
        """
        spacing = min(_SPACING_MAX, _SLACK * self.interval / max(1, self.count))
        place = max(now, self._free_at)
        self._free_at = place + spacing
        return place if place > now + _TOLERANCE * spacing else now
