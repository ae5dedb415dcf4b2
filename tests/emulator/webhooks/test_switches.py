"""The switches of delivery, and what is no value for one."""

import math
from typing import Any

import pytest

from agora_rec.emulator import WebhookSwitches
from agora_rec.errors import InvalidRequest
from tests.support.reference import load

WRONG: dict[str, tuple[Any, ...]] = {
    "loss": (-0.1, 1.1, math.nan, "0.1", True),
    "lost": ("31", {31.0}, {"31"}, 31, [[31]], {-1}, {True}),
    "delay": ((2, 1), (1,), (1, 2, 3), (-1, 1), (0, math.inf), 3, "12", (0, math.nan)),
    "reorder": (-1, 1001, 1.0, True),
    "reorder_seconds": (-1, 3601, math.nan),
    "subscribed": ("31", 31, {"31"}),
    "retry_gaps": ((1, 1), (2, 1), tuple(range(11)), (-1,), 1, "123", (math.nan,)),
    "answer_seconds": (0, -1, math.inf, math.nan, "10"),
    "at_once": (0, 1.5, True),
    "path": ("hooks", "", "/größe", "/a\nb", "/a b", "/a?b", "/a#b", None),
}

RIGHT: dict[str, tuple[Any, ...]] = {
    "loss": (0, 0.5, 1),
    "lost": ((), [31, 32], {11}),
    "delay": ((0, 0), [0.5, 60]),
    "reorder": (0, 1000),
    "reorder_seconds": (0, 3600),
    "subscribed": (None, (), range(40, 48)),
    "retry_gaps": ((), [0, 1, 4], (30.5,)),
    "answer_seconds": (0.001, 20),
    "at_once": (1, 1000),
    "path": ("/", "/hooks/agora%20", "/a=~!$&;@:\"'()*+,"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_named(name: str, value: Any):
    with pytest.raises(InvalidRequest) as refused:
        WebhookSwitches(**{name: value})
    (violation,) = refused.value.violations
    assert violation.path == f"webhooks.{name}"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in RIGHT for value in RIGHT[name]])
def test_a_right_value_is_taken(name: str, value: Any):
    taken = getattr(WebhookSwitches(**{name: value}), name)
    assert taken == (type(taken)(value) if isinstance(taken, tuple | frozenset) else value)


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(InvalidRequest) as refused:
        WebhookSwitches(**{name: values[0] for name, values in WRONG.items()})
    assert [violation.path for violation in refused.value.violations] == [
        f"webhooks.{name}" for name in WRONG
    ]


def test_the_defaults_are_those_of_the_reference():
    documented = load("events")["delivery"]
    switches = WebhookSwitches()
    assert switches.answer_seconds == documented["timeout_s"]
    assert switches.attempts_max == 1 + documented["retries"]
    assert switches.retry_gaps[0] == 0, "the first at once"
    assert (switches.redundant, switches.loss, switches.subscribed) == (False, 0, None)


def test_sets_and_lists_are_frozen():
    switches = WebhookSwitches(subscribed=[40, 11], lost={31}, delay=[0, 1], retry_gaps=[0, 1])
    assert switches.subscribed == frozenset({40, 11})
    assert (switches.delay, switches.retry_gaps) == ((0, 1), (0, 1))
    assert hash(switches)
