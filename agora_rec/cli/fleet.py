"""`agora-rec fleet`: many recordings, from a file to their files, and what an interrupt means meanwhile.

How they are recorded is the library's business (`agora_rec.fleet`); here is only what is said about it, when
it ends, and what is left behind.
"""

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
from attrs import define, field

from agora_rec import CloudRecording, Fleet, OnExit, Result, Spec
from agora_rec.cli.fleet_board import Board
from agora_rec.cli.fleet_progress import label, may_run, name_of
from agora_rec.cli.fleet_report import report_of, write
from agora_rec.cli.interrupts import interrupts

LOOK_EVERY: Final = 0.5
"""Seconds from one look at all recordings to the next; more where a look takes long."""
LOOK_SHARE: Final = 20
"""A look is followed by so many times its own duration without one."""


@define(kw_only=True)
class Session:
    """One run of the command.

    Attributes:
        cloud: The client; it is opened here.
        specs: What is recorded.
        board: What is shown.
        limit: How many at once.
        web_limit: How many pages at once.
        resume: Whether what was recorded before is not recorded again.
        adopt: Whether what nobody looks after is taken over.
        report_to: The file for the report; None: there is none; "-": what `out` says.
        out: Where a report goes that goes to no file.
        leave: How the process is left at once.
    """

    cloud: CloudRecording
    specs: tuple[Spec, ...]
    board: Board
    limit: int
    web_limit: int
    resume: bool
    adopt: bool
    report_to: str | None
    out: Callable[[str], None]
    leave: Callable[[int], object] = os._exit
    _began_at: datetime = field(factory=lambda: datetime.now(UTC), init=False)
    _going: anyio.CancelScope = field(factory=anyio.CancelScope, init=False)
    _fleet: Fleet | None = field(default=None, init=False)
    _is_interrupted: bool = field(default=False, init=False)

    async def run(self) -> int:
        """Record all, and give the exit code.

        Raises:
            AgoraRecError: The client or its store can't be opened.
        """
        failure: Exception | None = None
        self.board.open()
        try:
            async with anyio.create_task_group() as beside:
                beside.start_soon(self._listen)
                try:
                    async with self.cloud:
                        beside.start_soon(self._follow)
                        await self._record()
                except Exception as error:  # noqa: BLE001 - raised again outside, so that no group wraps it
                    failure = error
                beside.cancel_scope.cancel()
        finally:
            self._see()
            self.board.show(self.board.progress.withdraw())
            self.board.close()
            if failure is None:
                self.board.sum_up()
                self._write_report()
        if failure is not None:
            raise failure
        self._warn_of_what_may_run()
        return self.board.progress.exit_code

    async def _record(self) -> None:
        fleet = self._fleet = Fleet(
            self.cloud,
            limit=self.limit,
            web_limit=self.web_limit,
            adopt=self.adopt,
            on_exit=OnExit.STOP,  # when the block below ends all is over, or somebody has interrupted it
        )
        async with fleet:
            with self._going:
                async with aclosing(fleet.record(self.specs, resume=self.resume)) as results:
                    async for result in results:
                        self.board.show(self.board.progress.see([result]))
                while not fleet.report().is_over:  # adopted ones are in nobody's file
                    await self.cloud.clock.sleep(LOOK_EVERY)

    async def _follow(self) -> None:
        """Show how it goes, until cancelled."""
        while True:
            began = anyio.current_time()
            self._see()
            await anyio.sleep(max(LOOK_EVERY, LOOK_SHARE * (anyio.current_time() - began)))

    def _see(self) -> None:
        results: Iterable[Result] = () if self._fleet is None else self._fleet.report().results
        self.board.show(self.board.progress.see(results))

    async def _listen(self) -> None:
        async with aclosing(interrupts()) as heard:
            async for name in heard:
                if self._is_interrupted:
                    self._leave(name)
                self._is_interrupted = True
                self.board.say(f"{name}: stopping all; another Ctrl-C leaves at once")
                if self._fleet is not None:
                    self._fleet.drain()  # at once: the block of the fleet may have something to end first
                self._going.cancel()
                self.board.show(self.board.progress.withdraw())

    def _leave(self, name: str) -> None:
        """Leave at once, whatever is under way; what can still be told is told."""
        try:
            self._see()
            self.board.close()
            self.board.say(f"{name}: leaving at once")
            self.board.sum_up()
            self._warn_of_what_may_run()
            self._write_report()
        finally:
            code = self.board.progress.exit_code
            self.leave(code)

    def _warn_of_what_may_run(self) -> None:
        """Say what may still be recorded, and how to go on."""
        running = [result for result in self.board.progress.results if may_run(result)]
        if not running:
            return
        self.board.tell("These may still be recorded:")
        for result in running:
            for line in _commands(result):
                self.board.tell(f"  {line}")
        if self.cloud.is_store_shared:
            self.board.tell("The store has them: the same command with --resume --adopt goes on with them.")

    def _write_report(self) -> None:
        if self.report_to is None:
            return
        text = report_of(
            self.board.progress,
            began=self._began_at,
            ended=datetime.now(UTC),
            interrupted=self._is_interrupted,
        )
        if self.report_to == "-":
            self.out(text)
            return
        try:
            write(text, Path(self.report_to))
        except OSError as error:
            self.board.tell(f"the report can't be written: {error}")
            self.out(text)


def _commands(result: Result) -> Iterator[str]:
    """How to stop by hand what may run of it."""
    spec = result.spec
    for take in (take for take in result.takes if take.ended_at is None):
        if take.sid is None:
            yield f"{label(name_of(spec))} uid {take.uid}: its start was not answered, so there is no sid"
            continue
        ids = {
            "resource-id": take.resource_id,
            "sid": take.sid,
            "cname": spec.cname,
            "uid": str(take.uid),
            "mode": spec.mode.name.value,
        }
        options = " ".join(f"--{name} {shlex.quote(value)}" for name, value in ids.items())
        yield f"agora-rec stop {options}"
