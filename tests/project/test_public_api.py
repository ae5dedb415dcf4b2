"""The promised names change only on purpose: with public_api.txt, and a line in the changelog."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.project.api import MODULES

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
PINNED = Path(__file__).with_name("public_api.txt")


def test_the_public_face_is_the_pinned_one():
    # In a process of its own: the search for secrets has its hands in the errors of this one.
    command = [sys.executable, "-m", "tests.project.api"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found == PINNED.read_text(encoding="utf-8"), (
        "if the change is meant: python -m tests.project.api > tests/project/public_api.txt"
    )


@pytest.mark.parametrize("name", MODULES)
def test_a_module_promises_its_names_once_and_in_order(name: str):
    promised = import_module(name).__all__
    assert sorted(set(promised)) == list(promised)


@pytest.mark.parametrize("name", MODULES)
def test_all_that_a_module_promises_exists(name: str):
    module = import_module(name)
    assert [promised for promised in module.__all__ if not hasattr(module, promised)] == []
