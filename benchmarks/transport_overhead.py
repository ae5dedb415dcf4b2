"""What one call costs this process, beside the same call made by hand and by Agora's own client.

`python -m benchmarks.transport_overhead` takes about two minutes. All contenders (see `contenders.py`) call
the same server, a process of its own with canned answers, in turns within one run: so their ratios can be
compared even on a busy machine. Printed are the CPU time of this process for each call, its ratio to httpx
by hand, calls per second (the server is on the same machine), and what becomes of the project's targets.

`--profile CONTENDER` prints instead where that one's CPU time goes. `--markdown` does all of it, and writes
the parts of docs/performance.md.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, field

from benchmarks.canned import canned_server
from benchmarks.contenders import (
    AGORA_CLIENT,
    ALL,
    BY_HAND_AIOHTTP,
    BY_HAND_HTTPX,
    CALLS,
    OVER_AIOHTTP,
    OVER_HTTPX,
    Contender,
    contenders,
)
from benchmarks.reporting import Target, origin, table, write_part
from benchmarks.sampling import BENCHMARK, Profile, sampled

CONCURRENCY: Final = (1, 50, 500)
RECORDINGS: Final = 100
"""In one round, or as many as are made at once."""

ROUNDS: Final = 3
SECONDS: Final = 80.0
"""After this no further round begins; there is one in any case."""

PROFILED_AT: Final = 50
PROFILED_SECONDS: Final = 6.0
DEAREST: Final = 25
PROFILED: Final = (OVER_AIOHTTP, BY_HAND_AIOHTTP, OVER_HTTPX, BY_HAND_HTTPX)
"""Those that work in this thread."""

COMMAND: Final = "python -m benchmarks.transport_overhead --markdown"
PACKAGES: Final = ("httpx", "aiohttp", AGORA_CLIENT)


@define
class Figures:
    """What was measured of one contender at one concurrency: one number for each round."""

    cpu: list[float] = field(factory=list[float])
    rate: list[float] = field(factory=list[float])

    @property
    def seconds(self) -> float:
        """CPU seconds of one call, the median of the rounds."""
        return statistics.median(self.cpu)

    @property
    def per_second(self) -> float:
        """Calls per second, the median of the rounds."""
        return statistics.median(self.rate)


Measured = Mapping[tuple[str, int], Figures]


async def measure(every: Sequence[Contender]) -> tuple[Measured, int]:
    """Run all of them in turns; gives the figures by contender and concurrency, and the number of rounds."""
    figures: defaultdict[tuple[str, int], Figures] = defaultdict(Figures)
    stop_at = time.perf_counter() + SECONDS
    rounds = 0
    while rounds < ROUNDS and (not rounds or time.perf_counter() < stop_at):
        rounds += 1
        for concurrency in CONCURRENCY:
            for contender in every:
                if concurrency <= contender.most:
                    await _run(contender, concurrency, figures[contender.name, concurrency])
    return figures, rounds


async def _run(contender: Contender, concurrency: int, figures: Figures) -> None:
    await contender.run(concurrency, concurrency, 1)  # opens again what was closed in the others' turns
    recordings = max(concurrency, RECORDINGS)
    gc.collect()  # what others left behind isn't this one's to clear away
    cpu, wall = time.process_time(), time.perf_counter()
    await contender.run(concurrency, recordings, CALLS)
    calls = recordings * CALLS
    figures.cpu.append((time.process_time() - cpu) / calls)
    figures.rate.append(calls / (time.perf_counter() - wall))


def results(measured: Measured, every: Sequence[Contender]) -> str:
    """The table: a row for each contender."""
    head = [f"{'' if each > 1 else 'calls at once: '}{each}" for each in CONCURRENCY]
    rows = [["CPU time of a call, calls per second", *head]]
    for contender in every:
        rows.append([contender.name])
        for concurrency in CONCURRENCY:
            if (contender.name, concurrency) not in measured:
                rows[-1].append("")
                continue
            figures = measured[contender.name, concurrency]
            ratio = figures.seconds / measured[BY_HAND_HTTPX, concurrency].seconds
            rows[-1].append(
                f"{figures.seconds * 1e6:.0f} µs, {ratio:.2f} x httpx, {figures.per_second:.0f}/s"
            )
    return table(rows)


def targets(measured: Measured) -> list[Target]:
    """What the project wants of itself."""
    wanted = [
        (OVER_HTTPX, BY_HAND_HTTPX, 50, 1 / 2),
        (OVER_HTTPX, BY_HAND_HTTPX, 500, 1 / 3),
        (OVER_AIOHTTP, BY_HAND_HTTPX, 50, 1 / 6),
        (OVER_AIOHTTP, BY_HAND_HTTPX, 500, 1 / 6),
        (OVER_AIOHTTP, BY_HAND_AIOHTTP, 50, 2.5),
        (OVER_AIOHTTP, BY_HAND_AIOHTTP, 500, 2.5),
    ]
    return [
        Target(
            f"CPU time of {ours} at {concurrency}, as a part of {theirs}",
            most,
            measured[ours, concurrency].seconds / measured[theirs, concurrency].seconds,
        )
        for ours, theirs, concurrency, most in wanted
    ]


async def profile(contender: Contender) -> tuple[Profile, int]:
    """Where the CPU time of one contender goes, and in how many calls."""
    await contender.run(PROFILED_AT, RECORDINGS, CALLS)
    stop_at = time.perf_counter() + PROFILED_SECONDS
    calls = 0
    with sampled() as found:
        while time.perf_counter() < stop_at:
            await contender.run(PROFILED_AT, RECORDINGS, CALLS)
            calls += RECORDINGS * CALLS
    return found, calls


def per_call(found: Profile, calls: int) -> dict[str, float]:
    """CPU seconds of one call by who spent them, the benchmark's own left out."""
    spent = found.seconds_by_group()
    return {group: seconds / calls for group, seconds in spent.items() if group != BENCHMARK}


def profiles(spent: Mapping[str, Mapping[str, float]]) -> str:
    """The table of several profiles: a row for each group, a column for each contender."""
    shown = {
        name: {group: round(seconds * 1e6) for group, seconds in each.items()} for name, each in spent.items()
    }
    most = {
        group: max(each.get(group, 0) for each in shown.values()) for name in shown for group in shown[name]
    }
    rows = [[f"µs of CPU time in a call, {PROFILED_AT} at once", *shown]]
    rows += [
        [group, *(str(each.get(group) or "") for each in shown.values())]
        for group in sorted(most, key=lambda group: -most[group])
        if most[group]
    ]
    rows.append(["together", *(f"{sum(each.values()) * 1e6:.0f}" for each in spent.values())])
    return table(rows)


async def main_in(url: str, wanted: str | None, *, markdown: bool) -> None:
    """Measure what is wanted against this server, and say what came out."""
    async with contenders(url, ALL if wanted is None else [wanted]) as every:
        named = {contender.name: contender for contender in every}
        if wanted is not None:
            found, calls = await profile(named[wanted])
            print(profiles({wanted: per_call(found, calls)}))
            print("\nthe dearest functions, with the kernel's time for them:")
            for place, share in found.dearest(DEAREST):
                print(f"{share:6.1%}  {place}")
            return
        measured, rounds = await measure(every)
        said = f"median of {rounds} rounds, loopback, {origin(*PACKAGES)}"
        verdicts = "\n".join(f"- {target}" for target in targets(measured))
        print(f"{results(measured, every)}\n\n{verdicts}\n\n{said}")
        if markdown:
            text = f"{results(measured, every)}\n\n{verdicts}"
            write_part("performance_calls.md", COMMAND, said, text)
            spent = {name: per_call(*await profile(named[name])) for name in PROFILED}
            print(profiles(spent))
            write_part("performance_profile.md", COMMAND, origin(*PACKAGES), profiles(spent))


def main() -> None:
    """Read the arguments, and run the server."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choice = arguments.add_mutually_exclusive_group()
    choice.add_argument(
        "--profile", metavar="CONTENDER", choices=PROFILED, help=f"one of: {', '.join(PROFILED)}"
    )
    choice.add_argument("--markdown", action="store_true", help="write docs/parts/performance_*.md too")
    given = arguments.parse_args()
    with canned_server() as url:
        asyncio.run(main_in(url, given.profile, markdown=given.markdown))


if __name__ == "__main__":
    main()
