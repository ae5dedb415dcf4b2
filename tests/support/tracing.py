"""A pytest plugin: coverage traces what is imported and what the tests do, and nothing else that a run does.

A tracer makes all code of a process two to three times slower, also what it doesn't measure. So it rests
while pytest schedules and reports, and in tests marked `untraced`, with the processes that they start: those
that go through the same code again and again. Its rest can only miss lines, so that the demand for all of
them gets no easier. Where coverage needs no tracer (from Python 3.14 on), it works on.
"""

import sys
import threading
from collections.abc import Generator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

import pytest

import agora_rec

_OF_PROCESSES: Final = "COVERAGE_PROCESS_CONFIG"  # with it in their environment, they trace themselves
_tracers: Final = pytest.StashKey[tuple[Any, Any]]()  # of this thread, and for new ones


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, and remember how this process is traced, if it is."""
    config.addinivalue_line("markers", "untraced: what it covers is covered by other tests, and faster")
    config.stash[_tracers] = sys.gettrace(), threading.gettrace()


def pytest_collection(session: pytest.Session) -> None:
    """Import all of the package while that is traced: what an untraced test imports first would be missed."""
    if session.config.stash[_tracers][0] is not None:
        for module in walk_packages(agora_rec.__path__, "agora_rec."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


def _rest() -> None:
    threading.settrace(None)
    sys.settrace(None)


def _go_on(config: pytest.Config) -> None:
    tracer, of_threads = config.stash[_tracers]
    if tracer is not None:
        threading.settrace(of_threads)
        sys.settrace(tracer)
        _called()


def _called() -> None:
    """The first call lets a tracer in C take the place of Python's; from there it sees each call return."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Rest between tests, and where others run them."""
    _rest()
    try:
        return (yield)
    finally:
        _go_on(session.config)


def _phase(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("untraced"):
        with pytest.MonkeyPatch.context() as environment:
            environment.delenv(_OF_PROCESSES, raising=False)
            return (yield)
    _go_on(item.config)
    try:
        return (yield)
    finally:
        _rest()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Trace the fixtures of a test."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Trace a test."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Trace what its fixtures clear away."""
    return (yield from _phase(item))
