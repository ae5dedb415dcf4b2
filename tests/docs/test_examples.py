"""Every Python example in the documents is executed by the test run, and every command in them exists.

The execution itself is Sybil's (see the root's conftest.py); here is the proof that it misses nothing.
"""

import argparse
import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import anyio
import click
import pytest

from agora_rec.cli.commands import command as agora_rec_command
from agora_rec.emulator import AcceleratedClock, Emulator
from tests.emulator.control.desk import http_of
from tests.simulation.__main__ import main as simulate

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}

# How many examples each page has; a page that isn't here has none.
EXAMPLES = {
    "README.md": 5,
    "docs/budget.md": 3,
    "docs/checkpoints.md": 1,
    "docs/connections.md": 4,
    "docs/emulator.md": 10,
    "docs/explain.md": 1,
    "docs/fleets.md": 5,
    "docs/observability.md": 4,
    "docs/performance.md": 1,
    "docs/quickstart.md": 4,
    "docs/real_service.md": 1,
    "docs/retries.md": 3,
    "docs/seed_flow.md": 6,
    "docs/stores.md": 3,
    "docs/testing.md": 2,
    "docs/trouble.md": 9,
    "docs/webhooks.md": 3,
}

FENCE = re.compile(r"^```(\S*)(?: [^\n]*)?$(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"python", "console", "text", "json", "{include}", "{literalinclude}", "{toctree}", "{eval-rst}"}


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in that language."""
    return [text for found, text in FENCE.findall(PAGES[page]) if found == language]


def collected() -> dict[str, int]:
    """How many examples pytest collects from each page."""
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "README.md", "docs"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = re.findall(r"^(\S+\.md)::", ran.stdout, re.MULTILINE)
    return {page: found.count(page) for page in found}


def test_every_example_is_executed():
    assert collected() == EXAMPLES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_as_many_examples_as_are_executed(page: str):
    assert PAGES[page].count("```python") == len(blocks(page, "python")) == EXAMPLES.get(page, 0)


@pytest.mark.parametrize("page", PAGES)
def test_no_block_hides_in_another_language(page: str):
    opened = {line.strip("`").split(" ")[0] for line in PAGES[page].splitlines() if line.startswith("```")}
    assert opened - {""} <= LANGUAGES
    assert "skip:" not in PAGES[page]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the documents, taken apart at `&&`."""
    for page in PAGES:
        for block in blocks(page, "console"):
            for line in block.strip().replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    yield page, shlex.split(part)


LINES = [pytest.param(words, id=f"{page}: {' '.join(words)}") for page, words in commands()]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def sessions() -> set[str]:
    """The sessions of the noxfile."""
    module = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef) and node.decorator_list}


def ask(arguments: list[str]) -> int:
    """What an emulator says to a curl of its control API: the status."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("-X", dest="method")
    options.add_argument("-H", dest="header")
    options.add_argument("-d", dest="data")
    given = options.parse_args(arguments)
    name, _, value = (given.header or "accept: */*").partition(": ")
    emulator = Emulator(clock=AcceleratedClock())

    async def send() -> int:
        async with http_of(emulator) as http:
            method = given.method or ("POST" if given.data else "GET")
            answer = await http.request(
                method, f"http://{given.url}", content=given.data, headers={name: value}
            )
        return answer.status_code

    return anyio.run(send)


@pytest.mark.parametrize("words", LINES)
def test_every_command_in_the_documents_exists(words: list[str]):
    match words:
        case ["python", "-m", "pip", "install", "nox"]:
            pass
        case ["python", "-m", "pip", "install", target]:
            found = re.fullmatch(r"\.\[(.*)\]", target)
            assert found is not None
            assert set(found[1].split(",")) <= set(EXTRAS)
        case ["python", "-m", "nox", "-s", session]:
            assert session in sessions()
        case ["python", "-m", "nox", "-s", "bench", "--", "--markdown"]:
            pass  # handed on to the benchmarks
        case ["python", "-m", module, *_] if module.startswith("benchmarks."):
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists()
        case ["python", "-m", "tests.simulation", *arguments]:
            with pytest.raises(SystemExit, match="0"):
                simulate(arguments)
        case ["export", *settings]:
            assert all(re.fullmatch(r"AGORA_[A-Z_]+=\S+", setting) for setting in settings)
        case ["uvicorn", app, "--workers", "4", "--lifespan", "on", "--timeout-keep-alive", "15"]:
            assert (ROOT / "docs/examples" / app.partition(":")[0]).with_suffix(".py").exists()
        case ["agora-rec", name, *arguments]:
            chosen = agora_rec_command.commands[name]
            chosen.make_context(name, arguments, resilient_parsing=False).close()
        case ["curl", *arguments]:
            assert ask(arguments) == 200
        case ["schemathesis", "run", url, "--auth", who]:
            assert ask([url.removeprefix("http://")]) == 200
            assert who == f"{Emulator().customer_id}:{Emulator().customer_secret}"
        case _:
            pytest.fail(f"what is {words}?")


def test_the_documents_show_commands_of_every_kind():
    shown = {"python", "export", "agora-rec", "uvicorn", "curl", "schemathesis"}
    assert {words[0] for _, words in commands()} == shown
    assert isinstance(agora_rec_command, click.Group)
