"""What holds for every module of the library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "agora_rec").rglob("*.py"))
EXTRAS = (
    "aiohttp",
    "av",
    "click",
    "coredis",
    "obstore",
    "opentelemetry",
    "rich",
    "starlette",
    "trio",
    "uvicorn",
)
NEED_EXTRAS = (
    "agora_rec.cli.",
    "agora_rec.emulator.files.bucket",
    "agora_rec.emulator.files.encoding",
    "agora_rec.emulator.files.worker",
    "agora_rec.emulator.serving",
    "agora_rec.redis.faults",
    "agora_rec.redis.opening",
    "agora_rec.store.over_redis",
    "agora_rec.telemetry",
    "agora_rec.transport.aiohttp_client",
    "agora_rec.transport.budget.over_redis",
    "agora_rec.transport.over_aiohttp",
)
TELL_THEM_APART = {
    "agora_rec/emulator/dial.py": {"threading"},  # a clock may be moved from a thread without a loop
    "agora_rec/emulator/loops.py": {"asyncio", "threading"},
}
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]


def imports(path: Path) -> set[str]:
    """The first parts of all names that a module imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_every_module_says_what_lives_there(path: Path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring) > 30


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_every_module_runs_on_both_event_loops(path: Path):
    allowed = TELL_THEM_APART.get(str(path.relative_to(ROOT)), set())
    assert imports(path) & {"asyncio", "trio", "sniffio", "threading"} == allowed


def in_a_process_of_its_own(code: str) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_every_module_can_be_imported_where_no_extra_is_installed():
    """Except those that are for an extra, which are imported where it is there and somebody wants it."""
    code = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
        "import agora_rec, agora_rec.cli\n"
        "for module in pkgutil.walk_packages(agora_rec.__path__, 'agora_rec.'):\n"
        f"    if not module.name.startswith({NEED_EXTRAS!r}):\n"
        "        importlib.import_module(module.name)\n"
        "print('fine')"
    )
    assert in_a_process_of_its_own(code) == "fine"


def test_an_import_starts_nothing_and_loads_no_extra():
    code = (
        "import sys, threading, httpx\n"
        "foreign = set(sys.modules)\n"  # httpx has a command of its own, and loads for it what is there
        "import agora_rec, agora_rec.emulator, agora_rec.cli\n"
        f"print(threading.active_count(), sorted(set({EXTRAS!r}) & set(sys.modules) - foreign))"
    )
    assert in_a_process_of_its_own(code) == "1 []"
