"""The applications of docs/fleets.md: under real servers, ended by a real SIGTERM, judged by the emulator."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
import uvicorn

from agora_rec import CloudRecording, RedisStore
from agora_rec.emulator import Emulator, Settings
from tests.support.asgi import listening
from tests.support.cloud import mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, WEBHOOK_SECRET
from tests.support.served import environment_of, served_emulator
from tests.support.valkey import served_valkey
from tests.support.worker_processes import WorkerProcesses, free_port

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "examples"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_every_example_is_tested():
    tested = {"fleet_fastapi", "fleet_django", "fleet_supervisor"}
    assert {path.stem for path in FOLDER.glob("fleet_*.py")} == tested


@contextmanager
def surroundings(webhooks_to: str | None = None) -> Iterator[tuple[Emulator, Mapping[str, str]]]:
    """A service that sends its webhooks there, and the environment that the examples want."""
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        qps=None,
        webhooks_to=webhooks_to,
        webhook_secret=WEBHOOK_SECRET,
        settings=Settings(start_seconds=0.05, upload_seconds=0.1, exit_seconds=0.1),
    )
    with served_emulator(emulator) as (_, url):
        more = {"AGORA_WEBHOOK_SECRET": WEBHOOK_SECRET, "DJANGO_SECRET_KEY": "any"}
        yield emulator, environment_of(emulator, url, **more)


def sent(emulator: Emulator, operation: str) -> int:
    """How many calls of a kind reached it."""
    return sum(call.operation is not None and call.operation.value == operation for call in emulator.calls)


async def lessons_of(web: httpx.AsyncClient) -> dict[str, Any]:
    """What the application says of its lessons."""
    told: dict[str, Any] = (await web.get("/lessons")).json()
    return told


async def until_uploaded(web: httpx.AsyncClient, key: str) -> list[str]:
    """The names of a lesson's files, as soon as the application's fleet knows them."""
    with anyio.fail_after(20):
        while True:
            lesson = (await lessons_of(web)).get(key)
            if lesson is not None and lesson["state"] == "uploaded":
                names: list[str] = lesson["files"]
                return names
            await anyio.sleep(0.02)


async def test_fastapi_records_lessons_and_a_signal_stops_those_that_run(monkeypatch: pytest.MonkeyPatch):
    files: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again when it is done
    try:
        with listening() as at, surroundings(f"{at.url}/agora/") as (emulator, environment):
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            spec = importlib.util.spec_from_file_location("fleet_fastapi", FOLDER / "fleet_fastapi.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, "fleet_fastapi", module)
            spec.loader.exec_module(module)
            config = uvicorn.Config(module.app, lifespan="on", log_config=None, access_log=False, ws="none")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(uvicorn.Server(config).serve, sockets=[at.socket.dup()]))
                async with httpx.AsyncClient(base_url=at.url, trust_env=False, timeout=30) as web:
                    assert (await web.delete("/lessons/class-1/recording")).status_code == 404
                    started = await web.post("/lessons/class-1/recording")
                    assert (await web.post("/lessons/class-1/recording")).json() == started.json()
                    await web.post("/lessons/class-2/recording")
                    assert [one.running for one in emulator.sessions] == [True, True]
                    assert (await web.delete("/lessons/class-1/recording")).status_code == 200
                    files = await until_uploaded(web, "class-1")
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert files == list(emulator.sessions[0].files)
    assert [one.running for one in emulator.sessions] == [False, False]
    assert sent(emulator, "stop") == 2


async def test_django_releases_lessons_in_a_deploy_and_the_next_process_adopts_them(tmp_path: Path):
    port = free_port()
    with surroundings(f"http://127.0.0.1:{port}/agora") as (emulator, environment):

        def processes(workers: int) -> WorkerProcesses:
            return WorkerProcesses(
                "fleet_django:application",
                workers=workers,
                log=tmp_path / "log",
                port=port,
                environment={**environment, "RECORDINGS_FILE": str(tmp_path / "recordings.db")},
                directory=FOLDER,
            )

        async with processes(2) as before:
            async with httpx.AsyncClient(base_url=before.url, trust_env=False, timeout=30) as web:
                assert (await web.post("/lessons/class-1/recording")).status_code == 200
                assert (await web.delete("/lessons/class-2/recording")).status_code == 404
            assert before.deploy() in {0, -signal.SIGTERM}
        (session,) = emulator.running()
        async with (
            processes(1) as after,
            httpx.AsyncClient(base_url=after.url, trust_env=False, timeout=30) as web,
        ):
            told: dict[str, Any] = {}
            with anyio.fail_after(20):
                while "class-1" not in told:
                    told = await lessons_of(web)
                    await anyio.sleep(0.02)
            assert told["class-1"]["state"] == "recording"
            assert (await web.post("/lessons/class-1/recording")).json() == {"sid": session.sid}
            assert (await web.delete("/lessons/class-1/recording")).status_code == 200
            files = await until_uploaded(web, "class-1")
            assert after.deploy() in {0, -signal.SIGTERM}
    (session,) = emulator.sessions
    assert files == list(session.files)
    assert files
    assert not session.running
    assert (sent(emulator, "start"), sent(emulator, "stop")) == (1, 1)
    assert "Traceback" not in after.said, after.said


async def test_one_process_looks_after_what_all_workers_have_begun():
    with served_valkey() as valkey, surroundings() as (emulator, environment):
        client = CloudRecording(
            emulator.app_id,
            customer_id=CUSTOMER_ID,
            customer_secret=CUSTOMER_SECRET,
            base_url=environment["AGORA_BASE_URL"],
            store=RedisStore(valkey.url),
        )
        async with client as worker:
            lesson = await worker.claim("class-1", cname="class-1", uid=1, mode=mix())
            await lesson.ensure_started()
        with subprocess.Popen(  # noqa: ASYNC220 - it takes a few milliseconds
            [sys.executable, FOLDER / "fleet_supervisor.py"],
            env=os.environ | environment | {"REDIS_URL": valkey.url, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        ) as supervisor:
            try:
                with anyio.fail_after(60):
                    while not sent(emulator, "query"):
                        assert supervisor.poll() is None
                        await anyio.sleep(0.02)
                supervisor.terminate()
                _, said = await anyio.to_thread.run_sync(partial(supervisor.communicate, timeout=60))
            finally:
                supervisor.kill()
    assert supervisor.returncode == 0, said
    assert "released: 1" in said
    assert [one.sid for one in emulator.running()] == [lesson.sid]
    assert sent(emulator, "stop") == 0
