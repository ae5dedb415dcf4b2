"""`agora-rec` itself: how it starts, and what it says where something is missing."""

import sys
import tomllib

import pytest
from click.testing import CliRunner

import agora_rec
from agora_rec.cli import main
from agora_rec.cli.commands import command
from tests.cli.processes import ROOT


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_it_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch, missing: str):
    for name in [name for name in sys.modules if name.startswith("agora_rec.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == f"agora-rec needs {missing}: python -m pip install 'agora-rec[cli]'"


def test_any_other_missing_module_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "agora_rec.cli.commands", None)
    with pytest.raises(ModuleNotFoundError):
        main()


def test_it_runs_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["whatever", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"agora-rec, version {agora_rec.__version__}\n"


def test_it_has_these_commands_and_each_explains_itself():
    on_a_store = {"explain", "list", "query", "stop"}
    assert set(command.commands) == {"demo", "emulator", "fleet", "notification-ips", "record"} | on_a_store
    for name in command.commands:
        result = CliRunner().invoke(command, [name, "--help"])
        assert result.exit_code == 0
        assert "Options:" in result.output


@pytest.mark.parametrize("name", ["emulator", "demo"])
def test_what_serves_the_emulator_says_that_uvicorn_is_missing(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.delitem(sys.modules, "agora_rec.emulator.serving", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(command, [name])
    assert result.exit_code == 1
    assert "pip install 'agora-rec[emulator]'" in result.output


def test_the_installed_script_is_this_function():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"agora-rec": f"{main.__module__}:{main.__name__}"}
