"""Is every cell of the tables tested? `python -m tests.lifecycle.mutate` breaks each and sees who notices.

The judge is `test_tables.py` itself: its functions are called with all their parameters, in this process, so
that thousands of mutants take seconds. `test_mutate.py` proves that this says the same as pytest does.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import pytest
from attrs import frozen

from tests.lifecycle import test_tables
from tests.lifecycle.mutants import Mutant, installed, mutants


@frozen
class Case:
    """One test with its parameters, under the name that pytest gives it."""

    name: str
    run: Callable[[], None]

    def fails(self) -> bool:
        """Whether it is red now."""
        try:
            self.run()
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - red is red
            return True
        return False


def cases() -> list[Case]:
    """All tests of `test_tables.py`, as pytest would run them."""
    tests = [test for name, test in vars(test_tables).items() if name.startswith("test_")]
    return [case for test in tests for case in _cases_of(test)]


def _cases_of(test: Callable[..., None]) -> Iterator[Case]:
    marks: list[pytest.Mark] = list(getattr(test, "pytestmark", []))
    assert all(mark.name == "parametrize" for mark in marks), "only parameters are understood here"
    names = [mark.args[0] for mark in marks]
    for values in product(*(mark.args[1] for mark in marks)):
        chosen = dict(zip(names, values, strict=True))
        suffix = f"[{'-'.join(values)}]" if values else ""
        yield Case(f"{test.__name__}{suffix}", _call(test, chosen))


def _call(test: Callable[..., None], arguments: dict[str, Any]) -> Callable[[], None]:
    return lambda: test(**arguments)


def survivors(candidates: Iterable[Mutant], tests: list[Case]) -> Iterator[Mutant]:
    """The mutants that no test notices."""
    for mutant in candidates:
        with installed(mutant):
            if not any(case.fails() for case in tests):
                yield mutant


def say(*lines: str) -> None:
    """Write lines to the standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def report(candidates: Iterable[Mutant]) -> int:
    """Try the mutants, print what survived and how many were killed; 1 if one survived."""
    tests = cases()
    red = [case.name for case in tests if case.fails()]
    if red:
        say("The tables are wrong as they stand:", *red)
        return 1
    tried = list(candidates)
    begun = time.monotonic()
    alive = list(survivors(tried, tests))
    for mutant in alive:
        say(f"survived: {mutant}")
    seconds = time.monotonic() - begun
    say(f"{len(tried) - len(alive)}/{len(tried)} mutants killed by {len(tests)} tests in {seconds:.1f} s")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(report(mutants()))
