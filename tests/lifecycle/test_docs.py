"""The page about the lifecycle shows the tables as they are; tests/docs compares its files with them."""

from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from agora_rec.lifecycle import FACTS, CommandKey, FactKey, Stay
from agora_rec.vocabulary import State
from docs import lifecycle_parts as parts
from tests.lifecycle import expected
from tests.lifecycle.mutants import Mutant

SVG = "{http://www.w3.org/2000/svg}"


def matrix(heading: str) -> Iterator[tuple[str, str, str]]:
    """The cells of the first table under a heading: name of the state, name of the row, what stands there."""
    text = parts.tables().partition(f"## {heading}\n")[2]
    table = text.partition("\n| ")[2].partition("\n\n")[0]
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines())
    for name, *cells in rows:
        for state, cell in zip(head[1:], cells, strict=True):
            yield state, name, cell


def test_the_table_of_facts_says_what_the_design_says():
    shown = {
        (State[state], FactKey(fact)): State[state] if cell == "·" else State[cell]
        for state, fact, cell in matrix("The table of facts")
    }
    assert shown == expected.FACTS


def test_the_table_of_commands_says_what_the_design_says():
    shown = {
        (State[state], CommandKey(command)): None if cell == "·" else cell
        for state, command, cell in matrix("The table of commands")
    }
    assert shown == expected.COMMANDS


def test_each_reason_to_stay_is_told_with_the_states_in_which_it_holds():
    lines = parts.tables().partition("### Why a fact changes nothing\n")[2].splitlines()[3:]
    told = {
        (why.strip(), state)
        for _, why, states, _, _ in (line.split("|") for line in lines)
        for state in states.strip().split(", ")
    }
    reasons = {
        (cell.why, state.name) for state in State for cell in FACTS[state].values() if isinstance(cell, Stay)
    }
    assert told == reasons


def test_all_others_is_said_at_most_once_of_each_state():
    lines = [line for line in parts.tables().splitlines() if line.endswith("| all others |")]
    states = [state for line in lines for state in line.split("|")[2].strip().split(", ")]
    assert len(set(states)) == len(states) > 0


def test_each_change_of_state_is_one_arrow():
    drawn = [
        (source, target, fact)
        for (sources, target), facts in parts.arrows().items()
        for source in sources
        for fact in facts
    ]
    changes = {
        (state, after, fact.value)
        for (state, fact), after in expected.FACTS.items()
        if (state, fact) not in expected.STAYS
    }
    assert len(drawn) == len(changes)
    assert set(drawn) == changes


@pytest.mark.parametrize(
    "mutant",
    [
        Mutant("FACTS", State.STOPPING, FactKey.LEFT, State.IDLE),
        Mutant("FACTS", State.STARTING, FactKey.START_REFUSED_RESOURCE, Stay("none")),
    ],
)
def test_an_arrow_without_a_place_and_a_place_without_an_arrow_are_errors(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parts, "FACTS", mutant.applied_to(FACTS))
    with pytest.raises(LookupError, match=r"arrows and ROUTES differ.*idle"):
        parts.diagram()


def test_the_picture_shows_every_state_every_arrow_and_every_word_within_its_borders():
    picture = ET.fromstring(parts.diagram())  # noqa: S314 - our own
    texts = {element.text for element in picture.iter(f"{SVG}text")}
    assert {state.name for state in State} <= texts
    assert {fact for facts in parts.arrows().values() for fact in facts} <= texts
    assert len([path for path in picture.iter(f"{SVG}path") if path.get("class") == "arrow"]) == len(
        parts.ROUTES
    )
    for element in picture.iter(f"{SVG}text"):
        assert 0 < int(element.get("x", "-1")) < parts.WIDTH
        assert 0 < int(element.get("y", "-1")) < parts.HEIGHT


def test_a_frame_is_round_the_states_that_it_stands_for_and_no_other():
    assert set(parts.FRAMES) == {sources for sources, _ in parts.ROUTES if len(sources) > 1}
    for states, (x, y, width, height) in parts.FRAMES.items():
        inside = {
            state
            for state, (left, top) in parts.BOXES.items()
            if x < left < x + width - parts.BOX_WIDTH and y < top < y + height - parts.BOX_HEIGHT
        }
        assert inside == states


def test_an_arrow_runs_from_the_border_of_its_source_to_the_border_of_its_target():
    for (sources, target), route in parts.ROUTES.items():
        alone = next(iter(sources))
        whole = (*parts.BOXES[alone], parts.BOX_WIDTH, parts.BOX_HEIGHT)
        assert is_on_border(route.points[0], parts.FRAMES.get(sources, whole))
        assert is_on_border(route.points[-1], (*parts.BOXES[target], parts.BOX_WIDTH, parts.BOX_HEIGHT))
        assert all(x == u or y == v for (x, y), (u, v) in pairwise(route.points)), "no arrow is slanting"


def is_on_border(point: tuple[int, int], box: tuple[int, int, int, int]) -> bool:
    (x, y), (left, top, width, height) = point, box
    right, bottom = left + width, top + height
    return (x in {left, right} and top <= y <= bottom) or (y in {top, bottom} and left <= x <= right)
