"""The fixtures under each plugin that runs coroutines, in a pytest of its own that loads nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import field, frozen

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
SUITE = Path(__file__).with_name("suite_of_a_user.py")


@frozen
class Runner:
    """A plugin, the mark that it wants, and how it is told to work."""

    name: str
    plugin: str
    mark: str
    options: tuple[str, ...] = field(default=())
    loops: int = 1

    def __str__(self) -> str:
        return self.name


_LOOP = "asyncio_default_fixture_loop_scope = function"
RUNNERS = [
    Runner("asyncio-strict", "asyncio", "asyncio", ("asyncio_mode = strict", _LOOP)),
    Runner("asyncio-auto", "asyncio", "", ("asyncio_mode = auto", _LOOP)),
    Runner("anyio", "anyio", "anyio", loops=2),
    Runner("trio", "trio", "trio"),
]


@pytest.mark.parametrize("runner", RUNNERS, ids=str)
def test_the_fixtures_work_under(runner: Runner, tmp_path: Path):
    suite = SUITE.read_text(encoding="utf-8")
    (tmp_path / "test_lessons.py").write_text(suite, encoding="utf-8")
    settings = ["filterwarnings = error", "addopts = --strict-markers --strict-config", *runner.options]
    (tmp_path / "pytest.ini").write_text("\n".join(["[pytest]", *settings]), encoding="utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            runner.plugin,
            "-p",
            "agora_rec_pytest",
            "-p",
            "no:cacheprovider",
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "ASYNC_MARK": runner.mark,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    tests = runner.loops * len(re.findall(r"^async def test_", suite, re.MULTILINE))
    assert f"{tests} passed in" in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_this_suite_runs_on_one_of_them(pytestconfig: pytest.Config):
    has = pytestconfig.pluginmanager.has_plugin
    assert [name for name in ("anyio", "asyncio", "trio") if has(name)] == ["anyio"]
