"""What the fixtures of `agora_rec_pytest` do: read marks and options, make the emulator and its client.

Loaded by the first test that asks for one of them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from inspect import signature
from typing import Any, Final, get_args

import pytest
from attrs import evolve, fields_dict

from agora_rec.emulator import Emulator, Fault, Settings
from agora_rec.errors import InvalidRequest
from agora_rec.options import Options
from agora_rec.testing.clock import PatientClock
from agora_rec.testing.staged import StagedCloud, StagedEmulator
from agora_rec.vocabulary import OperationName

_OF_SETTINGS: Final = frozenset(fields_dict(Settings))
_OF_CLOCK: Final = frozenset({"now", "patience", "pause"})
_OF_EMULATOR: Final = frozenset(signature(Emulator).parameters) - {"clock"}
_OF_CLOUD: Final = frozenset(Options.__annotations__)
_OF_FAULTS: Final = frozenset({"operation", "cname", "uid", "host", "times"})
_LATENCY: Final = 0.0


def make_emulator(node: pytest.Item, defaults: Mapping[str, Any]) -> StagedEmulator:
    """The emulator of one test, as options and marks say, with the faults that are planned for it.

    Raises:
        pytest.UsageError: an option isn't known or can't be so, or a fault is none.
    """
    options = _options(node, "agora_emulator", defaults, _OF_CLOCK | _OF_EMULATOR | _OF_SETTINGS)
    chosen = {name: value for name, value in options.items() if name in _OF_SETTINGS}
    steps = {name: value for name, value in options.items() if name in _OF_CLOCK}
    others = {name: value for name, value in options.items() if name in _OF_EMULATOR}
    try:
        settings = evolve(others.pop("settings", None) or Settings(latency=_LATENCY), **chosen)
        emulator = StagedEmulator(clock=_clock(**steps), settings=settings, **others)
    except (InvalidRequest, TypeError, ValueError) as error:
        raise pytest.UsageError(f"agora_emulator: {error}") from error
    for mark in node.iter_markers("agora_faults"):
        _plan(emulator, mark)
    return emulator


def _clock(*, now: datetime | None = None, **options: Any) -> PatientClock:
    epoch = datetime.now(UTC) if now is None else now
    if epoch.utcoffset() is None:
        raise ValueError("now has no time zone")
    return PatientClock(epoch=epoch.astimezone(UTC), **options)


def make_cloud(node: pytest.Item, emulator: StagedEmulator, defaults: Mapping[str, Any]) -> StagedCloud:
    """The client of one test, as options and marks say.

    Raises:
        pytest.UsageError: an option isn't known or can't be so.
    """
    options = _options(node, "agora_cloud", defaults, _OF_CLOUD)
    try:
        return emulator.cloud(**options)
    except (InvalidRequest, TypeError, ValueError) as error:
        raise pytest.UsageError(f"agora_cloud: {error}") from error


def _options(
    node: pytest.Item, name: str, defaults: Mapping[str, Any], known: frozenset[str]
) -> dict[str, Any]:
    """What a fixture gives, and over that what marks say, the nearest first."""
    options = dict(defaults)
    for mark in reversed(list(node.iter_markers(name))):
        if mark.args:
            raise pytest.UsageError(f"the mark {name} takes options by name only")
        options |= mark.kwargs
    _require_known(name, options, known)
    return options


def _require_known(name: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise pytest.UsageError(
            f"{name} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )


def _plan(emulator: StagedEmulator, mark: pytest.Mark) -> None:
    _require_known("the mark agora_faults", mark.kwargs, _OF_FAULTS)
    wrong = [each for each in mark.args if not isinstance(each, get_args(Fault))]
    if wrong or not mark.args:
        kinds = ", ".join(kind.__name__ for kind in get_args(Fault))
        raise pytest.UsageError(f"the mark agora_faults takes faults ({kinds}), not {wrong!r}")
    options = dict(mark.kwargs)
    try:
        if options.get("operation") is not None:
            options["operation"] = OperationName(options["operation"])
        for fault in mark.args:
            emulator.inject(fault, **options)
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"the mark agora_faults: {error}") from error
