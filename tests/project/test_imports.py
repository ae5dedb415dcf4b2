"""What importing loads, and when the rest comes: with the first client, and never in the middle of a call."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import agora_rec
from agora_rec.deferred import deferred
from benchmarks.import_time import AGORA_REC, HTTPX, measure

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agora_rec", "agora_rec.model")
LIGHT = {"agora_rec", "anyio", "attr", "attrs", "idna", "sniffio", "typing_extensions"}
LATE = ("codec", "lifecycle", "model.events", "model.notification", "notifications", "recording", "transport")
HEAVY = {"aiohttp", "asyncio", "cattrs", "httpx", "logging", "socket", "ssl", "trio", "urllib.request"}

# The modules that code brings into a fresh process, beyond those that are there anyway.
LOADED_BY = """
import json, sys
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""

ONE_RECORDING = """
import json, sys
import anyio
from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix
from agora_rec.emulator import Emulator

async def main():
    emulator = Emulator(qps=None)
    async with CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        qps=None,
    ) as cloud:
        opened = set(sys.modules)
        region = AmazonS3Region.US_EAST_1
        storage = AmazonS3(region=region, bucket="b", access_key="a", secret_key="s")
        recording = cloud.recording("c", uid=1, mode=Mix(storage=storage))
        await recording.acquire()
        await recording.start()
        await recording.query()
        await recording.ensure_stopped()
        print(json.dumps(sorted(set(sys.modules) - opened)))

anyio.run(main, backend={backend!r})
"""


def modules(code: str) -> set[str]:
    """What a fresh interpreter prints of its modules."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize(
    "code", ["import agora_rec", "from agora_rec import AgoraRecError, AmazonS3, CloudRecording, Mix, State"]
)
def test_an_import_loads_little(code: str):
    loaded = modules(LOADED_BY.format(code=code))
    assert {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) <= LIGHT
    assert loaded & HEAVY <= modules(LOADED_BY.format(code="import anyio"))  # old ones load some of it
    assert {"agora_rec.client", "agora_rec.errors.api", "agora_rec.model.modes"} <= loaded
    late = tuple(f"agora_rec.{name}" for name in LATE)
    assert [name for name in loaded if name.startswith(late)] == []


@pytest.mark.untraced
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_is_left_to_load_when_a_client_is_open(backend: str):
    codec_of_python = {"encodings.utf_8_sig"}
    assert modules(ONE_RECORDING.format(backend=backend)) - codec_of_python == set()


@pytest.mark.untraced
def test_an_import_takes_about_as_long_as_that_of_httpx():
    """The target is 1.5 times as long; the test is generous, since it may share the machine with others."""
    took = measure({HTTPX: HTTPX, AGORA_REC: AGORA_REC}, rounds=5)
    assert took[AGORA_REC] < 2 * took[HTTPX]


def checked_imports(package: str) -> dict[str, set[str]]:
    """What type checkers believe to be imported: the names under TYPE_CHECKING, by module."""
    source = Path(str(import_module(package).__file__)).read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    return {
        node.module or "": {alias.name for alias in node.names}
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    }


def deferred_imports(package: str) -> dict[str, set[str]]:
    """What is loaded late: the table that `deferred` is given, by module."""
    source = Path(str(import_module(package).__file__)).read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    (table,) = [node for each in block.orelse for node in ast.walk(each) if isinstance(node, ast.Dict)]
    return {home: set(names) for home, names in ast.literal_eval(table).items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_what_is_loaded_late(package: str):
    assert deferred_imports(package) == checked_imports(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_loaded_late_is_promised_listed_and_the_same_thing(package: str):
    module = import_module(package)
    for home, names in deferred_imports(package).items():
        assert names <= set(module.__all__)
        assert names <= set(dir(module))
        for name in names:
            assert getattr(module, name) is getattr(import_module(home), name)


def test_the_list_of_names_is_whole_before_anything_is_loaded():
    code = "import agora_rec, json; print(json.dumps(dir(agora_rec)))"
    assert modules(code) >= {*agora_rec.__all__, "__name__", "CloudRecording", "Recording"}


def test_what_is_loaded_late_can_be_pickled_before_it_was_asked_for():
    code = (
        "import json, pickle\n"
        "from agora_rec.model.answers import RecordedFile\n"
        "import agora_rec\n"
        "file = pickle.loads(pickle.dumps(RecordedFile('a.m3u8')))\n"
        "assert isinstance(file, agora_rec.RecordedFile)\n"
        "print(json.dumps([file.name]))"
    )
    assert modules(code) == {"a.m3u8"}


def test_a_name_that_nobody_promised_is_missed_as_in_any_module():
    with pytest.raises(AttributeError, match=r"module 'agora_rec' has no attribute 'Recordings'"):
        agora_rec.Recordings  # type: ignore[attr-defined]  # noqa: B018 - the access is the test
    with pytest.raises(ImportError, match="cannot import name 'Recordings'"):
        exec("from agora_rec import Recordings")  # noqa: S102 - a name that no type checker would let through


def test_a_late_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(agora_rec, "Outcome", raising=False)
    look_up, _ = deferred("agora_rec", {"agora_rec.recording": ("Outcome",)})
    found = look_up("Outcome")
    assert vars(agora_rec)["Outcome"] is found
