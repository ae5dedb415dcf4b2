"""The application in docs/examples/testing_app, whose tests use nothing but the fixtures of the library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "docs" / "examples" / "testing_app"


def test_the_tests_of_the_application_pass():
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "agora_rec_pytest",
            "-p",
            "anyio",
            "-p",
            "no:cacheprovider",
        ],
        cwd=APP,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    tests = (APP / "test_lessons.py").read_text(encoding="utf-8")
    on_both_loops = tests.count("@pytest.mark.anyio")
    written = len(re.findall(r"^(?:async )?def test_", tests, re.MULTILINE))
    assert f"{written + on_both_loops} passed in" in ran.stdout, ran.stdout + ran.stderr
