"""An application under `uvicorn --workers`, as in production: processes of their own, that can be killed."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio

_ROOT: Final = Path(__file__).resolve().parents[2]
_READY: Final = "Application startup complete."
_STARTED_WITHIN: Final = 60.0


class WorkerProcesses:
    """Several workers behind one port. uvicorn starts another one for each that dies.

    Args:
        app: The application, as uvicorn is told.
        workers: How many.
        log: The file for what they say.
        port: Where they listen; see `free_port`.
        environment: More for their environment.
        directory: Where the module of the application lies.
    """

    def __init__(
        self,
        app: str,
        *,
        workers: int,
        log: Path,
        port: int,
        environment: Mapping[str, str],
        directory: Path = _ROOT,
    ) -> None:
        self._command = [sys.executable, "-m", "uvicorn", app, "--workers", str(workers), "--port", str(port)]
        self._command += ["--app-dir", str(directory), "--no-access-log", "--lifespan", "on"]
        self._environment = os.environ | {"PYTHONPATH": str(_ROOT)} | dict(environment)
        self._log = log
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: set[int] = set()
        self.url = f"http://127.0.0.1:{port}"

    @property
    def said(self) -> str:
        """What its workers have said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pids(self) -> list[int]:
        """The workers that were started and not killed."""
        started = re.findall(r"Started server process \[(\d+)\]", self.said)
        return [int(pid) for pid in started if int(pid) not in self._killed]

    @property
    def begun(self) -> int:
        """How many workers have begun to serve, those that were killed later included."""
        return self.said.count(_READY)

    def kill(self, pid: int) -> None:
        """Kill one worker: it has no chance to say goodbye."""
        self._killed.add(pid)
        os.kill(pid, signal.SIGKILL)

    async def until_begun(self, number: int) -> None:
        """Wait until so many workers in all have begun to serve."""
        with anyio.fail_after(_STARTED_WITHIN):
            while self.begun < number:
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"the workers did not start:\n{self.said}")
                await anyio.sleep(0.05)

    def deploy(self) -> int:
        """Do what a deploy does: SIGTERM, and wait for the end. Gives the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STARTED_WITHIN)

    async def __aenter__(self) -> Self:
        """Start them, and wait until all of them serve."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it takes a few milliseconds
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            await self.until_begun(self.begun + self._workers)
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End them, unless they have ended."""
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):  # whoever lost his parent belongs to the group still
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
