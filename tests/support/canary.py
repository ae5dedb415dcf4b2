"""A pytest plugin: no secret of `tests/support/secrets.py` is shown by anything that a test run produces.

It looks at every log record (of all loggers, from DEBUG up), at every error of the library, wherever it was
caught, at every other exception that a test expected or died of, each with the local variables of the
library's frames, and at the captured output. The test in which a secret shows up fails, and says where.
"""

import logging
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest
from attrs import define, field

from agora_rec.errors import AgoraRecError
from tests.support.secrets import exposures, shown_in

KINDS: Final = ("log records", "errors", "texts")
SAID: Final = ("name", "msg", "args", "exc_text", "stack_info", "threadName", "taskName")
BESIDE: Final = vars(logging.makeLogRecord({})).keys() - set(SAID)
"""Where and when a record was made, which every record says; `exc_info` is searched as an error."""
MOST: Final = 400  # errors kept at once: a property-based test makes thousands


@define(eq=False)
class Canary(logging.Handler):
    """What was seen since the last look, and how much was looked at in all."""

    errors: list[BaseException] = field(factory=list, init=False)
    leaks: list[str] = field(factory=list, init=False)
    counts: dict[str, int] = field(factory=lambda: dict.fromkeys(KINDS, 0), init=False)

    def __attrs_pre_init__(self) -> None:
        super().__init__(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a log record at once: its arguments may change later."""
        self.counts["log records"] += 1
        extra = {key: value for key, value in vars(record).items() if key not in BESIDE}
        self.look(f"log record of {record.name}", f"{record.getMessage()} {extra!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.remember(record.exc_info[1])

    def remember(self, error: BaseException | None) -> None:
        """Keep an error until the next look: its traceback is still to grow."""
        if error is not None:
            self.errors.append(error)
        if len(self.errors) > MOST:
            recent = self.errors[-MOST // 4 :]
            del self.errors[-MOST // 4 :]
            self.search()
            self.errors += recent

    def look(self, where: str, text: str) -> None:
        """Search one text."""
        self.counts["texts"] += 1
        if shown_in(text):
            self.leaks.append(where)

    def search(self) -> None:
        """Search the errors that have come together."""
        errors, self.errors = self.errors, []
        for error in {id(one): one for one in errors}.values():
            self.counts["errors"] += 1
            for where, text in exposures(error):
                self.look(where, text)

    def verdict(self) -> list[str]:
        """Search, and say where secrets were shown since the last verdict."""
        self.search()
        leaks, self.leaks = self.leaks, []
        return list(dict.fromkeys(leaks))


_canary: Final = pytest.StashKey[Canary]()
_undo: Final = pytest.StashKey[list[Callable[[], None]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen: to all loggers, to the library's errors, and to `pytest.raises`."""
    canary = Canary()
    config.stash[_canary] = canary
    config.stash[_undo] = [
        _listen(canary),
        _watch_errors(canary),
        _watch(pytest.RaisesExc, "__exit__", lambda _self, _type, error, *_: canary.remember(error)),
        _watch(pytest.RaisesGroup, "__exit__", lambda _self, _type, error, *_: canary.remember(error)),
    ]


def _listen(canary: Canary) -> Callable[[], None]:
    root = logging.getLogger()
    before = root.level
    root.addHandler(canary)
    root.setLevel(logging.DEBUG)

    def undo() -> None:
        root.removeHandler(canary)
        root.setLevel(before)

    return undo


def _watch_errors(canary: Canary) -> Callable[[], None]:
    """Have every error of the library remembered when it is made (their `__init__`s are written by attrs)."""
    before = vars(AgoraRecError).get("__new__")

    def new(cls: type[AgoraRecError], *_: object, **__: object) -> AgoraRecError:
        error = super(AgoraRecError, cls).__new__(cls)
        canary.remember(error)
        return error

    AgoraRecError.__new__ = new  # type: ignore[method-assign,assignment] # as mypy says: only for a test run

    def undo() -> None:
        if before is None:
            del AgoraRecError.__new__
        else:
            AgoraRecError.__new__ = before  # type: ignore[method-assign] # as above

    return undo


def _watch(owner: type[Any], name: str, look: Callable[..., None]) -> Callable[[], None]:
    """Have `look` called with the arguments of each call of a method, before it."""
    original = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        look(*args)
        return original(*args, **kwargs)

    setattr(owner, name, watched)
    return lambda: setattr(owner, name, original)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave everything as it was: a run inside a test (pytester) shares the process."""
    steps = config.stash[_undo]
    for undo in reversed(steps):
        undo()


def _phase(item: pytest.Item) -> Generator[None, object, object]:
    canary = item.config.stash[_canary]
    try:
        result = yield
    except BaseException as error:
        canary.remember(error)
        leaks = canary.verdict()
        if leaks:
            error.add_note("and a secret was shown in " + ", ".join(leaks))
        raise
    leaks = canary.verdict()
    if leaks:
        pytest.fail("a secret was shown in " + ", ".join(leaks), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what the fixtures of a test showed."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what the test showed."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what was shown on the way out."""
    return (yield from _phase(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at the captured output."""
    report = yield
    canary = item.config.stash[_canary]
    for title, text in report.sections:
        if (
            title.endswith(report.when) and " log " not in title
        ):  # records were seen before pytest's own format
            canary.look(title, text)
    leaks = canary.verdict()
    if leaks and report.passed:
        report.outcome = "failed"
        report.longrepr = "a secret was shown in " + ", ".join(leaks)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts over."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["canary"] = session.config.stash[_canary].counts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts of a worker."""
    counts = node.config.stash[_canary].counts
    for kind, number in getattr(node, "workeroutput", {}).get("canary", {}).items():
        counts[kind] += number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was searched, so that nobody takes silence for a search."""
    counts = config.stash[_canary].counts
    searched = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    terminalreporter.write_line(f"searched for secrets: {searched}")
