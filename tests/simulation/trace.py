"""What happened in a seed: one line per event with its virtual time, and what went wrong.

Three columns: the seconds since the seed began, who, and what. Who may be: `user 1.2` (the second caller of
the first life) or `user 2@5` (the second caller, at the worker that lives the fifth life); `wire 5` (calls of
that life: `->` sent, with the trouble that meets it in brackets, `<-` answered, `xx` left without an answer;
`#` is the call's number); `hook 5` (a notification, and what that life has answered); `client` (what the
library logs); `life 5`, `service`, `crowd`, `stranger`, `weather`, `the end` (what befalls all); `VIOLATION`.
"""

import logging
from typing import Final

from attrs import define, field

from agora_rec import Clock

logger: Final = logging.getLogger("agora_rec")


@define(eq=False)
class Trace:
    """Lines in the order of what they tell, and the violations among them."""

    clock: Clock
    lines: list[str] = field(factory=list, init=False)
    violations: list[str] = field(factory=list, init=False)
    _began: float | None = field(default=None, init=False)

    def seconds(self) -> float:
        """Virtual seconds since the seed began."""
        now = self.clock.monotonic()
        if self._began is None:
            self._began = now
        return now - self._began

    def note(self, who: str, what: str) -> None:
        """Write a line."""
        self.lines.append(f"{self.seconds():10.3f}  {who:<10} {what}")

    def violate(self, what: str) -> None:
        """Write down that an invariant is broken."""
        self.violations.append(what)
        self.note("VIOLATION", what)


@define(eq=False)
class Transitions(logging.Handler):
    """Puts the library's own log of its transitions, and what it complains of, into the trace."""

    trace: Trace

    def __attrs_pre_init__(self) -> None:
        super().__init__(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Take records about recordings; the single attempts are noted at the wire."""
        if not hasattr(record, "attempt"):
            self.trace.note("client", record.getMessage())

    def __enter__(self) -> None:
        self._level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.DEBUG)

    def __exit__(self, *_: object) -> None:
        logger.removeHandler(self)
        logger.setLevel(self._level)
