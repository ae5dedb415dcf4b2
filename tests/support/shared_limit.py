"""Processes that share one limit through `RedisBudget`, for tests and benchmarks.

Run as a program it is their parent: it imports once, forks the workers and hands over what they report. All
moments are of the machine's monotonic clock, which processes share.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import anyio
from attrs import define

from agora_rec.transport.budget.redis import RedisBudget
from agora_rec.vocabulary import Priority

_ROOT: Final = Path(__file__).resolve().parents[2]


@define
class Job:
    """What the workers do: each has callers, of these classes in turn, that call as often as they may."""

    url: str
    qps: float
    workers: int
    seconds: float
    callers: int = 4
    classes: str = "WATCH"


Served = list[tuple[float, str]]


class Workers:
    """The workers of one job, from outside."""

    def __init__(self, job: Job) -> None:
        arguments = [job.url, job.qps, job.workers, job.seconds, job.callers, job.classes]
        command = [sys.executable, "-m", "tests.support.shared_limit", *map(str, arguments)]
        self._parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT)
        self.pids: list[int] = json.loads(self._line())

    def kill(self, number: int) -> None:
        """End one of them without notice; it then reports nothing."""
        os.kill(self.pids[number], signal.SIGKILL)

    def served(self) -> list[Served]:
        """Wait for them: when each had its slots, and for what."""
        served: list[Served] = json.loads(self._line())
        self._parent.communicate()
        return served

    def _line(self) -> bytes:
        assert self._parent.stdout is not None
        return self._parent.stdout.readline()


def moments(served: list[Served]) -> list[float]:
    """All moments of all workers, in their order."""
    return sorted(moment for one in served for moment, _ in one)


async def _work(job: Job, began: float) -> Served:
    served: Served = []
    priorities = itertools.cycle(Priority[name] for name in job.classes.split(","))
    budget = RedisBudget(job.url, job.qps, workers=job.workers)

    async def caller(priority: Priority) -> None:
        while True:
            await budget.slot(priority)
            served.append((time.monotonic(), priority.name))

    async with budget:
        with anyio.move_on_after(job.seconds - (time.monotonic() - began)):
            async with anyio.create_task_group() as tasks:
                for _ in range(job.callers):
                    tasks.start_soon(caller, next(priorities))
    return served


def _fork(job: Job, number: int) -> tuple[int, int]:
    """A worker, on either event loop in turn: its process and where it reports."""
    began = time.monotonic()
    report, out = os.pipe()
    pid = os.fork()
    if pid:
        os.close(out)
        return pid, report
    served = anyio.run(_work, job, began, backend="asyncio" if number % 2 else "trio")
    with os.fdopen(out, "w", encoding="ascii") as stream:
        json.dump(served, stream)
    os._exit(0)


def _main() -> None:
    url, qps, workers, seconds, callers, classes = sys.argv[1:]
    job = Job(url, float(qps), int(workers), float(seconds), int(callers), classes)
    for module in ("asyncio", "trio", "agora_rec.transport.budget.over_redis"):
        __import__(module)
    forked = [_fork(job, number) for number in range(job.workers)]
    sys.stdout.write(json.dumps([pid for pid, _ in forked]) + "\n")
    sys.stdout.flush()
    served: list[Served] = []
    for pid, report in forked:
        with os.fdopen(report, encoding="ascii") as stream:
            served.append(json.loads(stream.read() or "[]"))
        os.waitpid(pid, 0)
    sys.stdout.write(json.dumps(served) + "\n")


if __name__ == "__main__":
    _main()
