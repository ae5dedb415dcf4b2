"""What the demo shows: the channels while they go on, and the table at the end.

On a terminal a grid of all channels is kept up to date; elsewhere a line is printed each second.
"""

from collections import Counter
from typing import Final

import anyio
from attrs import define
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agora_rec import State
from agora_rec.cli.demo import Channel, Demo

STYLES: Final = {
    State.IDLE: "dim",
    State.ACQUIRED: "blue",
    State.STARTING: "yellow",
    State.RECORDING: "bold red",
    State.STOPPING: "magenta",
    State.UPLOADED: "green",
    State.BACKUPED: "cyan",
    State.FAILED: "bold white on red",
}
PLAIN_WIDTH: Final = 140
"""Columns of the table where there is no terminal to ask."""


@define
class Board:
    """The screen of one demo."""

    console: Console
    demo: Demo

    async def watch(self) -> None:
        """Show how it goes until all channels are through."""
        began = anyio.current_time()
        if not self.console.is_terminal:
            while not self._is_over():
                await anyio.sleep(1.0)
                self.console.print(self._line(anyio.current_time() - began))
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self._is_over():
                live.update(self._grid(anyio.current_time() - began), refresh=True)
                await anyio.sleep(0.1)

    def report(self, seconds: float) -> bool:
        """Print the table and the verdict; True if everything ended as it should."""
        if not self.console.is_terminal:
            self.console.width = max(self.console.width, PLAIN_WIDTH)
        self.console.print(self._table())
        complaints = list(self.demo.complaints())
        for complaint in complaints:
            self.console.print(Text(complaint, style="bold red"))
        ends = ", ".join(f"{count} {state}" for state, count in self._count().items())
        calls = len(self.demo.emulator.calls)
        verdict = (
            f"{len(complaints)} things are not as they should be."
            if complaints
            else "By the service's own account each was recorded once, and none is running."
        )
        self.console.print(
            f"{len(self.demo.channels)} channels in {seconds:.1f} s with {calls} calls: {ends}. {verdict}",
            highlight=False,
        )
        return not complaints

    def _is_over(self) -> bool:
        return all(channel.is_over for channel in self.demo.channels)

    def _count(self) -> Counter[State]:
        return Counter(channel.state for channel in self.demo.channels)

    def _line(self, seconds: float) -> Text:
        count = self._count()
        states = ", ".join(f"{count[state]} {state}" for state in State if count[state])
        return Text(f"{seconds:5.1f} s  {states}")

    def _grid(self, seconds: float) -> RenderableType:
        cells = [
            Text(f"{channel.number:02} {channel.state:<9}", style=STYLES[channel.state])
            for channel in self.demo.channels
        ]
        return Group(Columns(cells, padding=(0, 2)), self._line(seconds))

    def _table(self) -> Table:
        table = Table("channel", "mode", "state", "files", "time", "on the way")
        for channel in self.demo.channels:
            table.add_row(*self._cells(channel))
        return table

    def _cells(self, channel: Channel) -> tuple[RenderableType, ...]:
        return (
            channel.cname,
            channel.mode.name.value,
            Text(channel.state, style=STYLES[channel.state]),
            str(len(channel.files)),
            "" if channel.seconds is None else f"{channel.seconds:.1f} s",
            Text(self.demo.on_the_way(channel)),
        )
