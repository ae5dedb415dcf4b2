"""The project's own files agree with each other."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import agora_rec

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = ROOT / ".ci" / "run"
TESTS = "python -m pip install nox && python -m nox -s tests"
DEMO = "python -m pip install nox && python -m nox -s demo"


def test_the_changelog_begins_with_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert versions[0] == agora_rec.__version__


def test_the_oldest_python_is_the_same_everywhere():
    classifiers = PROJECT["project"]["classifiers"]
    versions = [text.split(" :: ")[-1] for text in classifiers if re.search(r"Python :: 3\.\d+$", text)]
    oldest = versions[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == oldest


def test_ci_runs_what_the_readme_tells_people_to_run():
    lines = CI.read_text(encoding="utf-8").splitlines()
    assert f"{TESTS} || exit" in lines
    assert TESTS in README
    assert DEMO in README


def test_ci_runs_every_gate():
    sessions = re.findall(r"^python -m nox -s (.*)$", CI.read_text(encoding="utf-8"), re.MULTILINE)
    assert sessions == ["lint types docs", "browser", "fuzz -- --runs 10000"]


def test_what_needs_a_browser_runs_in_its_own_session_and_not_among_the_tests():
    assert "browser" in PROJECT["tool"]["pytest"]["ini_options"]["norecursedirs"]
    assert '"tests/browser"' in (ROOT / "noxfile.py").read_text(encoding="utf-8")


def test_ci_can_be_started_and_is_a_script_that_bash_can_read():
    assert os.access(CI, os.X_OK)
    subprocess.run(["bash", "-n", str(CI)], check=True)


def test_dev_is_all_that_the_sessions_install():
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["dev"] == ["agora-rec[docs,lint,tests,types]"]
    sessions = {"bench", "browser", "docs", "fuzz", "lint", "schema", "tests", "types"}
    assert (
        set(extras)
        == {"aiohttp", "cli", "emulator", "otel", "postgres", "redis", "testing", "dev"} | sessions
    )


def test_the_reference_tables_say_where_they_come_from():
    assert "Origin and date" in (ROOT / "tests/reference/README.md").read_text(encoding="utf-8")
