"""Where CPU time goes: a sample of the stack whenever some of it was used, counted by who was at work.

A tracing profiler makes small Python functions look dear and C code cheap; a sampler costs the same
everywhere. The kernel's share is not sampled but counted by the system, and taken off from asyncio's: nearly
all of it goes into the event loop's sockets.
"""

import resource
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from attrs import define, field

INTERVAL: Final = 0.001
"""Seconds of CPU time between two samples; the system rounds it up to its own tick, often of 4 ms."""

KERNEL: Final = "kernel"
EVENT_LOOP: Final = "asyncio"
BENCHMARK: Final = "the benchmark itself"

GROUPS: Final[Mapping[str, str]] = {
    # part of a module's file: who that is; the first that fits counts
    "/agora_rec/recording/": "agora_rec: recording (jobs, turns, ledger)",
    "/agora_rec/store/": "agora_rec: recording (jobs, turns, ledger)",
    "/agora_rec/client/": "agora_rec: recording (jobs, turns, ledger)",
    "/agora_rec/lifecycle/": "agora_rec: lifecycle",
    "/agora_rec/model/validation/": "agora_rec: validation",
    "/agora_rec/model/": "agora_rec: values",
    "/agora_rec/codec/": "agora_rec: codec",
    "/agora_rec/operations.py": "agora_rec: codec",
    "/agora_rec/notifications/": "agora_rec: notifications (signature, inbox)",
    "/agora_rec/register.py": "agora_rec: recording (jobs, turns, ledger)",
    "/agora_rec/transport/": "agora_rec: transport",
    "/agora_rec/": "agora_rec: values",
    "/benchmarks/": BENCHMARK,
    "/httpx/": "httpx, httpcore, h11",
    "/httpcore/": "httpx, httpcore, h11",
    "/h11/": "httpx, httpcore, h11",
    "/aiohttp/": "aiohttp, yarl",
    "/yarl/": "aiohttp, yarl",
    "/multidict/": "aiohttp, yarl",
    "/attr/": "attrs, cattrs, json",
    "<attrs generated": "attrs, cattrs, json",
    "/cattrs/": "attrs, cattrs, json",
    "/json/": "attrs, cattrs, json",
    "/asyncio/": EVENT_LOOP,
    "/anyio/": "anyio",
    "/selectors.py": EVENT_LOOP,
}


@define
class Profile:
    """Samples by group and by function, and the CPU time that they are a picture of."""

    samples: Counter[str] = field(factory=Counter[str])
    places: Counter[str] = field(factory=Counter[str])
    seconds: float = 0.0
    kernel: float = 0.0

    def seconds_by_group(self) -> dict[str, float]:
        """CPU seconds of each group, the largest first; together they are all."""
        total = self.samples.total() or 1
        spent = {group: self.seconds * number / total for group, number in self.samples.items()}
        kernel = min(self.kernel, spent.get(EVENT_LOOP, 0.0))
        spent[EVENT_LOOP] = spent.get(EVENT_LOOP, 0.0) - kernel
        spent[KERNEL] = kernel
        return dict(sorted(spent.items(), key=lambda item: -item[1]))

    def dearest(self, number: int) -> list[tuple[str, float]]:
        """The functions that took most, with their share of all CPU time, the kernel's for them included."""
        total = self.samples.total() or 1
        return [(place, samples / total) for place, samples in self.places.most_common(number)]


@contextmanager
def sampled() -> Iterator[Profile]:
    """Sample the block. Only the main thread is seen: what it waits for isn't counted."""
    profile = Profile()

    def sample(_signal: int, frame: FrameType | None) -> None:
        group, place = _at_work(frame)
        profile.samples[group] += 1
        profile.places[place] += 1

    before = signal.signal(signal.SIGPROF, sample)
    began = resource.getrusage(resource.RUSAGE_SELF)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        yield profile
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        ended = resource.getrusage(resource.RUSAGE_SELF)
        signal.signal(signal.SIGPROF, before)
    profile.kernel = ended.ru_stime - began.ru_stime
    profile.seconds = ended.ru_utime - began.ru_utime + profile.kernel


def _at_work(frame: FrameType | None) -> tuple[str, str]:
    """Group and function of the innermost frame that is somebody's: the standard library works for others."""
    while frame is not None:
        file = frame.f_code.co_filename
        for part, group in GROUPS.items():
            if part in file:
                return group, f"{'/'.join(file.split('/')[-2:])} {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "others", "others"
