"""The wheel holds the whole library and nothing else, and works without the sources."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import agora_rec

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
INFO = f"agora_rec-{agora_rec.__version__}.dist-info"

ONLY_OURS = [
    f"-pno:{plugin}" for plugin in ("asyncio", "trio", "xdist", "faker", "hypothesispytest", "sybil")
]

IN_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
import anyio
import agora_rec
from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix
from agora_rec.emulator import Emulator
assert agora_rec.__file__.startswith(sys.argv[1]), agora_rec.__file__

async def main():
    emulator = Emulator()
    async with CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
    ) as cloud:
        region = AmazonS3Region.US_EAST_1
        storage = AmazonS3(region=region, bucket="b", access_key="a", secret_key="s")
        recording = cloud.recording("c", uid=1, mode=Mix(storage=storage))
        await recording.acquire()
        print(recording.state)

anyio.run(main)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: Path):
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("agora_rec", "agora_rec_pytest")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "agora_rec/py.typed" in sources
    information = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert set(zipfile.ZipFile(wheel).namelist()) == sources | {f"{INFO}/{name}" for name in information}


def test_the_wheel_needs_four_packages_and_two_that_httpx_brings(wheel: Path):
    metadata = zipfile.ZipFile(wheel).read(f"{INFO}/METADATA").decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    always = {line.split(":")[1].split(">=")[0].strip() for line in needed if "extra ==" not in line}
    assert always == {"anyio", "attrs", "cattrs", "httpx"} | {"certifi", "httpcore"}


def test_the_wheel_works_without_the_sources(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    command = [sys.executable, "-I", "-c", IN_PROCESS, str(tmp_path / "installed")]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "acquired"), ran.stderr


def test_pytest_finds_the_fixtures_of_the_wheel_by_itself(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    (tmp_path / "test_it.py").write_text("def test_it(agora_emulator): pass\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *ONLY_OURS]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
