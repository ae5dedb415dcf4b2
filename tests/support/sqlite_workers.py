"""Processes that share one file through `SQLiteStore`, for tests.

Run as a program it is their parent: it imports once and forks the workers, each of which reports in lines of
its own on the common output.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import anyio
from attrs import evolve

from agora_rec import State, StoreConflict
from agora_rec.store.sqlite import SQLiteStore
from agora_rec.testing.store_contract import a_checkpoint, in_state

_ROOT: Final = Path(__file__).resolve().parents[2]

KEYS: Final = 25
COUNTS: Final = 25
TURNS: Final = 25
Words = list[str]


class Workers:
    """Some workers at the same work, from outside."""

    def __init__(self, work: str, path: Path, number: int) -> None:
        command = [sys.executable, "-m", "tests.support.sqlite_workers", work, str(path), str(number)]
        self._parent = subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=_ROOT, text=True, start_new_session=True
        )

    def reports(self) -> Iterator[Words]:
        """Each report, in words, until all workers have ended."""
        assert self._parent.stdout is not None
        with self._parent.stdout as lines:
            for line in lines:
                yield line.split()
        self._parent.wait()

    def kill(self) -> None:
        """End all of them without notice."""
        os.killpg(self._parent.pid, signal.SIGKILL)


def _report(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())  # short enough to stay in one piece


async def _contend(store: SQLiteStore, name: str) -> None:
    """Claim what all claim, count where all count, take the lease that all want."""
    for number in range(KEYS):
        claimed = await store.claim(a_checkpoint(f"{name}-{number}", State.IDLE, key=f"lesson-{number}"))
        _report("claimed", number, claimed.checkpoint.id)
    for _ in range(COUNTS):
        while not await _count(store):
            _report("conflict")
    for _ in range(TURNS):
        lease = await store.lease("watched", name, seconds=60)
        if lease is not None:
            _report("held", lease.token, name)
            await store.release(lease)


async def _count(store: SQLiteStore) -> bool:
    stored = await store.load("counter")
    assert stored is not None
    try:
        await store.save(
            evolve(stored.checkpoint, progress=(stored.checkpoint.progress or 0) + 1), version=stored.version
        )
    except StoreConflict:
        return False
    return True


async def _write(store: SQLiteStore, name: str) -> None:
    """Write for ever, and report each write when it is done."""
    number = 0
    while True:
        number += 1
        checkpoint = a_checkpoint(f"{name}-{number}", State.STARTING, key=f"{name}-{number}")
        for version, state in enumerate((State.STARTING, State.RECORDING, State.STOPPING)):
            await store.save(in_state(checkpoint, state), version=version)
            _report(checkpoint.id, version + 1)


_WORKS: Final[dict[str, Callable[[SQLiteStore, str], Awaitable[None]]]] = {
    "contend": _contend,
    "write": _write,
}


async def _work(work: str, path: str, name: str) -> None:
    async with SQLiteStore(path) as store:
        await _WORKS[work](store, name)


def _fork(work: str, path: str, number: int) -> None:
    pids: list[int] = []
    for each in range(number):
        pid = os.fork()
        if pid == 0:
            anyio.run(_work, work, path, f"worker-{each}", backend=("asyncio", "trio")[each % 2])
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _fork(sys.argv[1], sys.argv[2], int(sys.argv[3]))
