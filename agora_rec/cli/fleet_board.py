"""What `agora-rec fleet` shows: on a terminal a table that is kept up to date, elsewhere a line a change."""

import logging
from collections.abc import Iterable
from typing import Final

import anyio
from attrs import Factory, define, field
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agora_rec import Result, ResultState
from agora_rec.cli.fleet_progress import News, Progress, label, name_of, why
from agora_rec.errors.text import escaped
from agora_rec.fleet.roster import INCIDENT

STYLES: Final = {
    ResultState.WAITING: "dim",
    ResultState.STARTING: "yellow",
    ResultState.RECORDING: "bold red",
    ResultState.STOPPING: "magenta",
    ResultState.UPLOADED: "green",
    ResultState.BACKUPED: "cyan",
}
"""All others are trouble."""
TROUBLE: Final = "bold white on red"

_LOG: Final = logging.getLogger("agora_rec")
_BESIDE_ROWS: Final = 5
"""Lines of the screen for the head, for what is left out, the totals and the cursor."""
_NAME: Final = 40
_WHY: Final = 200


class _Said(logging.Handler):
    """Has the board say what is logged, but for what it shows by itself: what happens to recordings."""

    def __init__(self, board: "Board") -> None:
        super().__init__(logging.WARNING)
        self._board = board

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg != INCIDENT:
            self._board.say(escaped(record.getMessage(), _WHY))


@define(eq=False)
class Board:
    """The screen of one run.

    Attributes:
        console: Where.
        progress: What is shown.
    """

    console: Console
    progress: Progress
    _began: float = field(factory=anyio.current_time, init=False)
    _live: Live | None = field(default=None, init=False)
    _log: logging.Handler = field(init=False, default=Factory(_Said, takes_self=True))

    def open(self) -> None:
        """Begin to show; on a terminal the table appears. What is logged is said here, and nowhere else."""
        _LOG.addHandler(self._log)
        if self.console.is_terminal:
            self._live = Live(self._screen(), console=self.console, auto_refresh=False, transient=True)
            self._live.start(refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was; what was said stays."""
        _LOG.removeHandler(self._log)
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, news: Iterable[News]) -> None:
        """Show how it stands, and elsewhere than on a terminal what is new."""
        if self._live is not None:
            self._live.update(self._screen(), refresh=True)
        else:
            for each in news:
                self.say(f"{label(each.name)}: {each.text}")

    def say(self, text: str) -> None:
        """Say something; on a terminal above the table."""
        self.tell(f"{anyio.current_time() - self._began:8.1f} s  {text}")

    def tell(self, text: str) -> None:
        """Say something without the time."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def sum_up(self) -> None:
        """Tell what was begun and not recorded, and why; and all in one line."""
        for result in self.progress.results:
            if not result.state.is_recorded and result.state is not ResultState.WITHDRAWN:
                reason = why(result)
                self.tell(f"{label(name_of(result.spec))}: {result.state}{': ' if reason else ''}{reason}")
        self.say(self.progress.tell())

    def _screen(self) -> Group:
        results = sorted(self.progress.results, key=_rank)
        room = max(1, self.console.height - _BESIDE_ROWS)
        table = Table(
            "recording", "state", "files", "calls", "last trouble", box=SIMPLE_HEAD, show_edge=False
        )
        for result in results[:room]:
            table.add_row(*_cells(result))
        hidden = len(results) - room
        more = [Text(f"... and {hidden} more", style="dim")] if hidden > 0 else []
        time = anyio.current_time() - self._began
        return Group(table, *more, Text(f"{time:.0f} s  {self.progress.tell()}"))


def _cells(result: Result) -> tuple[Text, ...]:
    return (
        Text(label(name_of(result.spec), _NAME), no_wrap=True),
        Text(result.state, style=STYLES.get(result.state, TROUBLE), no_wrap=True),
        Text(str(len(result.files))),
        Text(str(result.calls)),
        Text(escaped(why(result), _WHY), no_wrap=True, overflow="ellipsis"),
    )


def _rank(result: Result) -> int:
    """What goes on comes first, then what went wrong, what waits, and what is done."""
    state = result.state
    if state is ResultState.WAITING:
        return 2
    if not state.is_final:
        return 0
    return 3 if state.is_recorded else 1
