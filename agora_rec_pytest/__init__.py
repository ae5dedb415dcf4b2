"""The pytest plugin of agora_rec: its fixtures, marks and hooks by name, and nothing that takes long to load.

pytest loads this in every run of everybody who has the library installed, so it stands beside the library
instead of in it: importing any part of that takes as long as pytest's own start. What the fixtures do is in
`agora_rec.testing`, and is loaded by the first test that asks for one.

No assert is here to be rewritten: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from agora_rec.testing import StagedCloud, StagedEmulator

_MARKS = (
    "agora_emulator(**options): arguments of Emulator, fields of Settings, now, patience or pause",
    "agora_cloud(**options): arguments of CloudRecording",
    "agora_faults(*faults, operation=None, cname=None, ...): what goes wrong, as for Emulator.inject",
)
_EMULATOR = pytest.StashKey["StagedEmulator"]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse marks that would do nothing.

    Raises:
        pytest.fail.Exception: a test has one, and doesn't use the fixture that it is for.
    """
    names: list[str] = getattr(item, "fixturenames", [])
    for mark, fixture in (
        ("agora_emulator", "agora_emulator"),
        ("agora_faults", "agora_emulator"),
        ("agora_cloud", "agora_cloud"),
    ):
        if fixture not in names and item.get_closest_marker(mark) is not None:
            pytest.fail(f"the mark {mark} does nothing without the fixture {fixture}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what reached the emulator, where a test failed."""
    report = yield
    if report.failed and _EMULATOR in item.stash:
        from agora_rec.testing.story import story  # noqa: PLC0415 - see above

        report.sections.append(("agora_emulator", story(item.stash[_EMULATOR])))
    return report


@contextmanager
def _told_in_a_line() -> Generator[None]:
    """Have what a test has told wrongly be its error, without the way on which that was found."""
    try:
        yield
    except pytest.UsageError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def agora_emulator_options() -> dict[str, Any]:
    """Options of each test's emulator, as for the mark `agora_emulator`: for you to override."""
    return {}


@pytest.fixture
def agora_cloud_options() -> dict[str, Any]:
    """Options of each test's client, as for the mark `agora_cloud`: for you to override."""
    return {}


@pytest.fixture
def agora_emulator(request: pytest.FixtureRequest, agora_emulator_options: dict[str, Any]) -> StagedEmulator:
    """An emulator of Agora Cloud Recording in this process, on a clock of its own that a test can move."""
    from agora_rec.testing.plugin import make_emulator  # noqa: PLC0415 - see above

    item: pytest.Item = request.node
    with _told_in_a_line():
        item.stash[_EMULATOR] = make_emulator(item, agora_emulator_options)
    return item.stash[_EMULATOR]


@pytest.fixture
def agora_cloud(
    request: pytest.FixtureRequest, agora_emulator: StagedEmulator, agora_cloud_options: dict[str, Any]
) -> StagedCloud:
    """A client of the emulator, on its clock, not yet open: `async with agora_cloud as cloud:`."""
    from agora_rec.testing.plugin import make_cloud  # noqa: PLC0415 - see above

    item: pytest.Item = request.node
    with _told_in_a_line():
        return make_cloud(item, agora_emulator, agora_cloud_options)


@pytest.fixture
def agora_server(agora_emulator: StagedEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The emulator's URL on a port; the environment leads `CloudRecording.from_env()` there."""
    with agora_emulator.served_from_thread() as url:
        for name, value in agora_emulator.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("AGORA_AREA", "AGORA_STORE"):  # no test may get at recordings that are none
            monkeypatch.delenv(name, raising=False)
        yield url
