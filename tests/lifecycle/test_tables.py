"""Every cell of both tables, against an expectation that was written by hand from the design."""

from copy import copy

import pytest

from agora_rec.errors import IllegalTransition, ResourceExpired
from agora_rec.lifecycle import CommandKey, FactKey, Stay, Verdict, tables
from agora_rec.vocabulary import Command, State
from tests.lifecycle import expected, samples

STATES = list(State)
ENDS = ["FAILED", "UPLOADED", "BACKUPED"]
NOT_THE_END = {FactKey.FAILED_OVER_AFTER_END, FactKey.FAILED_OVER_WHILE_STOPPING}
"""What had ended was an instance that the recording had left behind."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", list(FactKey))
def test_each_fact_leads_where_the_design_says(state: State, key: FactKey):
    before, fact = samples.for_fact(state, key)
    assert before.key_of(fact) is key
    after = before.absorb(fact, at=samples.LATER)
    assert after.state is expected.FACTS[state, key]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", list(FactKey))
def test_a_fact_that_changes_no_state_stays_with_a_reason(state: State, key: FactKey):
    cell = tables.FACTS[state][key]
    if (state, key) in expected.STAYS:
        assert isinstance(cell, Stay)
        assert cell.why.strip()
    else:
        assert isinstance(cell, State)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", list(CommandKey))
def test_each_command_is_judged_as_the_design_says(state: State, key: CommandKey):
    before, command, mode, at = samples.for_command(state, key)
    untouched = copy(before)
    match expected.COMMANDS[state, key]:
        case None:
            with pytest.raises(IllegalTransition) as illegal:
                before.judge(command, at=at, mode=mode)
            assert (illegal.value.command, illegal.value.state) == (command, state)
        case Verdict.TOO_LATE:
            with pytest.raises(ResourceExpired):
                before.judge(command, at=at, mode=mode)
        case verdict:
            assert before.judge(command, at=at, mode=mode) is verdict
    assert before == untouched


@pytest.mark.parametrize("state", STATES)
def test_the_table_of_commands_has_known_states_keys_and_verdicts_only(state: State):
    row = tables.COMMANDS[state]
    wanted = {key: verdict for (of, key), verdict in expected.COMMANDS.items() if of is state and verdict}
    assert dict(row) == wanted


@pytest.mark.parametrize("state", STATES)
def test_the_table_of_facts_is_total(state: State):
    assert set(tables.FACTS[state]) == set(FactKey)


def test_both_tables_have_a_row_for_each_state_and_no_other():
    assert set(tables.FACTS) == set(State)
    assert set(tables.COMMANDS) == set(State)


def test_the_expectation_covers_every_cell_once():
    assert set(expected.FACTS) == {(state, key) for state in State for key in FactKey}
    assert set(expected.COMMANDS) == {(state, key) for state in State for key in CommandKey}
    assert set(samples.FACTS) == set(FactKey)
    assert set(samples.COMMANDS) == set(CommandKey)
    assert {command for command, *_ in samples.COMMANDS.values()} == set(Command)


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("key", list(FactKey))
def test_an_end_is_never_left_but_upwards_unless_it_was_another_instances(state: str, key: FactKey):
    before, fact = samples.for_fact(State[state], key)
    after = before.absorb(fact, at=samples.LATER)
    if key in NOT_THE_END:
        assert before.end is not None
        assert after.end is None
        return
    assert after.state.name in ENDS[ENDS.index(state) :]
