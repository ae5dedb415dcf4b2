"""The tables can't be wrong without a red test, and what says so is to be trusted."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agora_rec.lifecycle import FactKey, Stay, standing, tables
from agora_rec.vocabulary import State
from tests.lifecycle import mutate, test_tables
from tests.lifecycle.mutants import DELETED, Mutant, installed, mutants

ROOT = Path(__file__).parents[2]
MUTANTS = {str(mutant): mutant for mutant in mutants()}
UNLIKE = (
    "FACTS[recording][left]: <State.IDLE: 'idle'>",
    "COMMANDS[starting][stop]: deleted",
)
# Another reason is no other behaviour: no test should see it.
SAME = Mutant("FACTS", State.IDLE, FactKey.EXPIRED, Stay("in other words"))


PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test_tables.__file__)


def test_every_eighth_mutant_is_killed(capsys: pytest.CaptureFixture[str]):
    chosen = list(MUTANTS.values())[::8]
    assert mutate.report(chosen) == 0, capsys.readouterr().out
    assert f"{len(chosen)}/{len(chosen)} mutants killed" in capsys.readouterr().out


def test_each_cell_of_both_tables_has_mutants_of_every_kind():
    cells = len(State) * len(FactKey)
    of_facts = [mutant for mutant in MUTANTS.values() if mutant.table == "FACTS"]
    assert len(MUTANTS) == sum(1 for _ in mutants()), "two mutants with one name"
    assert sum(mutant.value is DELETED and mutant.key is not None for mutant in of_facts) == cells
    assert len(of_facts) > cells * len(State)


def test_a_mutant_that_survives_is_named_and_is_an_error(capsys: pytest.CaptureFixture[str]):
    assert mutate.report([SAME, MUTANTS[UNLIKE[0]]]) == 1
    said = capsys.readouterr().out
    assert f"survived: {SAME}\n" in said
    assert "1/2 mutants killed" in said


def test_tables_that_are_wrong_to_begin_with_are_an_error(capsys: pytest.CaptureFixture[str]):
    with installed(MUTANTS[UNLIKE[0]]):
        assert mutate.report([]) == 1
    assert "test_each_fact_leads_where_the_design_says[left-recording]" in capsys.readouterr().out


def test_a_mutant_is_in_force_everywhere_and_leaves_nothing_behind():
    right = tables.FACTS
    with installed(MUTANTS[UNLIKE[0]]):
        assert vars(standing)["FACTS"] is tables.FACTS
        assert tables.FACTS[State.RECORDING][FactKey.LEFT] is State.IDLE
    assert vars(standing)["FACTS"] is tables.FACTS is right


@pytest.mark.untraced
@pytest.mark.parametrize("name", UNLIKE)
def test_the_judge_has_the_same_tests_as_pytest_and_finds_the_same_red(name: str, tmp_path: Path):
    told = tmp_path / "told.xml"
    options = ("--tb=no", "-p", "tests.lifecycle.one_mutant", f"--junit-xml={told}")
    ran = subprocess.run(
        (*PYTEST, *options), cwd=ROOT, env=os.environ | {"LIFECYCLE_MUTANT": name}, check=False
    )
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    in_pytest = list(ET.parse(told).iter("testcase"))  # noqa: S314 - pytest's own
    tests = mutate.cases()
    assert sorted(case.get("name", "") for case in in_pytest) == sorted(case.name for case in tests)
    with installed(MUTANTS[name]):
        red = {case.name for case in tests if case.fails()}
    assert red
    assert {case.get("name") for case in in_pytest if case.find("failure") is not None} == red
