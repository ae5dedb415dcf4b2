"""`agora-rec record`: one channel, from acquire to its files, with everything that happens in sight.

The steps are the library's (`ensure_started`, `wait_started`, `ensure_stopped`); here is only what is said
about them, and what an interrupt means.
"""

from typing import Final

import anyio
from attrs import define, field
from rich.console import Console

from agora_rec import AgoraRecError, Outcome, Recording, State
from agora_rec.cli.interrupts import interrupted

RECORDED: Final = 0
NOT_RECORDED: Final = 1
MAY_RUN: Final = 3

_WHERE: Final = {True: " in your bucket", False: " in Agora's backup, on their way to your bucket", None: ""}


@define
class Session:
    """One run of the command.

    Attributes:
        recording: What is recorded; its client is open.
        seconds: For how long from its confirmation on; None: until somebody interrupts.
        console: Where to say what happens.
    """

    recording: Recording
    seconds: float | None
    console: Console
    _began: float = field(factory=anyio.current_time, init=False)

    async def run(self) -> int:
        """Record, stop, and give the exit code."""
        trouble: AgoraRecError | None = None
        async with anyio.create_task_group() as followers:
            followers.start_soon(self._follow)
            async with anyio.create_task_group() as listeners:
                with anyio.CancelScope() as going:
                    listeners.start_soon(self._end_on_interrupt, going)
                    await self._record()
                trouble = await self._stop()
                listeners.cancel_scope.cancel()
            if not self.recording.state.is_end:
                followers.cancel_scope.cancel()
        return self._sum_up(trouble)

    def _say(self, text: str) -> None:
        self.console.print(
            f"{anyio.current_time() - self._began:6.1f} s  {text}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def _blame(self, error: AgoraRecError) -> None:
        self._say(f"{type(error).__name__}: {error}")

    async def _follow(self) -> None:
        async for change in self.recording.changes():
            self._say(f"{change.before} -> {change.after} ({change.fact})")

    async def _end_on_interrupt(self, going: anyio.CancelScope) -> None:
        name = await interrupted()
        self._say(f"{name}: stopping the recording; another Ctrl-C leaves it to itself")
        going.cancel()

    async def _record(self) -> None:
        try:
            await self.recording.ensure_started()
            await self.recording.wait_started()
        except AgoraRecError as error:
            self._blame(error)
            return
        if self.seconds is None:
            self._say("recording until Ctrl-C")
            await anyio.sleep_forever()
        else:
            self._say(f"recording for {self.seconds:g} s")
            await anyio.sleep(self.seconds)

    async def _stop(self) -> AgoraRecError | None:
        try:
            await self.recording.ensure_stopped()
        except AgoraRecError as error:
            self._blame(error)
            return error
        return None

    def _sum_up(self, trouble: AgoraRecError | None) -> int:
        recording, outcome = self.recording, self.recording.outcome
        for file in outcome.files:
            self.console.print(file.name, markup=False, highlight=False, soft_wrap=True)
        if trouble is not None and recording.state.is_unfinished:
            ids = f"resource ID {recording.resource_id}, sid {recording.sid or 'not known'}"
            self._say(f"it may still be recorded: {ids}")
            return MAY_RUN
        self._say(tell_outcome(outcome))
        recorded = outcome.state in {State.UPLOADED, State.BACKUPED} and not outcome.no_data
        return RECORDED if recorded else NOT_RECORDED


def tell_outcome(outcome: Outcome) -> str:
    """How it stands, and where how many files are."""
    return f"{outcome.state}: {_tell_files(outcome)}{_WHERE[outcome.in_bucket]}"


def _tell_files(outcome: Outcome) -> str:
    if outcome.no_data:
        return "nobody sent a stream, so there are no files"
    count = len(outcome.files)
    if not count and outcome.state.is_before_start:
        return "nothing was recorded"
    return f"{count} file{'' if count == 1 else 's'}"
