"""The words that all floors share: open sets take what the service may add, closed ones are the design's."""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.vocabulary import (
    Area,
    AttemptOutcome,
    Command,
    ModeName,
    OpenIntEnum,
    OpenStrEnum,
    OperationName,
    Priority,
    Region,
    State,
    TaskStatus,
    UploadingStatus,
)
from tests.support.reference import load


class Colour(OpenStrEnum):
    RED = "red"
    UNKNOWN = "unknown"


class Number(OpenIntEnum):
    ONE = 1


class TestOpenSets:
    def test_a_known_word_is_its_member(self) -> None:
        assert Colour("red") is Colour.RED
        assert Colour.RED.is_known
        assert Number(1) is Number.ONE
        assert Number.ONE.is_known

    @given(st.text().filter(lambda word: word not in list(Colour)))
    def test_an_unknown_word_becomes_a_member_of_its_own(self, word: str) -> None:
        colour = Colour(word)
        assert isinstance(colour, Colour)
        assert colour == word == Colour(word)
        assert hash(colour) == hash(word)
        assert (colour.value, colour.name, str(colour)) == (word, "UNKNOWN", word)
        assert not colour.is_known

    @given(st.integers().filter(lambda number: number != 1))
    def test_an_unknown_number_becomes_a_member_of_its_own(self, number: int) -> None:
        member = Number(number)
        assert isinstance(member, Number)
        assert member == number == Number(number)
        assert (member.value, member.name) == (number, f"UNKNOWN_{number}")
        assert not member.is_known

    def test_a_member_that_is_called_unknown_is_known(self) -> None:
        assert Colour.UNKNOWN.is_known
        assert not Colour("else").is_known

    def test_what_comes_in_does_not_make_the_set_grow(self) -> None:
        before = list(Colour), list(Number)
        for count in range(100):
            Colour(f"shade {count}")
            Number(1000 + count)
        assert (list(Colour), list(Number)) == before

    @pytest.mark.parametrize("value", [7, None, b"red", ["red"]])
    def test_another_type_is_no_word(self, value: Any) -> None:
        with pytest.raises(ValueError, match="not a valid"):
            Colour(value)

    @pytest.mark.parametrize("value", ["x", None, 1.5, False])
    def test_another_type_is_no_number(self, value: Any) -> None:
        with pytest.raises(ValueError, match="not a valid"):
            Number(value)

    @pytest.mark.parametrize("member", [Region.EU, Region("MOON"), TaskStatus.READY, TaskStatus(99)])
    def test_members_survive_pickling_and_copying(self, member: Region | TaskStatus) -> None:
        for again in (pickle.loads(pickle.dumps(member)), copy.copy(member), copy.deepcopy(member)):  # noqa: S301 - our own
            assert again == member
            assert type(again) is type(member)
            assert again.is_known == member.is_known


class TestWords:
    def test_the_states_of_the_end_are_the_last_three(self) -> None:
        assert [state.name for state in State] == [
            "IDLE",
            "ACQUIRED",
            "STARTING",
            "RECORDING",
            "STOPPING",
            "UPLOADED",
            "BACKUPED",
            "FAILED",
        ]
        assert [state for state in State if state.is_end] == [State.UPLOADED, State.BACKUPED, State.FAILED]

    def test_a_state_is_before_the_start_unfinished_or_an_end(self) -> None:
        assert [state for state in State if state.is_before_start] == [State.IDLE, State.ACQUIRED]
        assert [state for state in State if state.may_record] == [State.STARTING, State.RECORDING]
        unfinished = [State.STARTING, State.RECORDING, State.STOPPING]
        assert [state for state in State if state.is_unfinished] == unfinished

    def test_every_command_is_an_operation(self) -> None:
        operations = {operation.value for operation in OperationName}
        assert {command.value for command in Command} == operations - {"ncs_ip"}

    def test_the_budgets_order_is_the_designs(self) -> None:
        assert [priority.name for priority in sorted(Priority)] == [
            "STOP",
            "START",
            "CONFIRM",
            "ACQUIRE",
            "UPDATE",
            "WATCH",
        ]

    def test_areas_are_those_of_the_hosts(self) -> None:
        assert {area.value for area in Area} == {each["area"] for each in load("hosts")["regions"]}

    def test_modes_are_the_services_three(self) -> None:
        assert {mode.value for mode in ModeName} == {"individual", "mix", "web"}

    @pytest.mark.parametrize("word", ["unknown", "unknow"])
    def test_both_spellings_of_unknown_are_one(self, word: str) -> None:
        assert UploadingStatus(word) is UploadingStatus.UNKNOWN

    def test_a_new_uploading_status_is_taken(self) -> None:
        status = UploadingStatus("teleported")
        assert status == "teleported"
        assert not status.is_known

    def test_the_outcomes_of_attempts_are_told_apart(self) -> None:
        words = ["answered", "refused", "unanswered", "not_sent"]
        assert [outcome.value for outcome in AttemptOutcome] == words
