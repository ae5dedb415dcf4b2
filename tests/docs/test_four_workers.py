"""The applications of docs/workers.md as they are run: uvicorn's workers, a real Valkey, real deliveries."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import frozen

from agora_rec.emulator import Emulator, Settings
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, WEBHOOK_SECRET
from tests.support.served import environment_of, served_emulator
from tests.support.valkey import served_valkey
from tests.support.worker_processes import WorkerProcesses, free_port

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"

pytestmark = [pytest.mark.anyio, pytest.mark.untraced]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@frozen
class Example:
    """One of the applications."""

    app: str
    webhooks: str
    workers: int

    def __str__(self) -> str:
        return self.app.partition(":")[0]


EXAMPLES = [
    Example("four_workers_fastapi:app", "/agora/", workers=4),
    Example("four_workers_django:application", "/agora", workers=2),
]


def test_every_example_is_tested():
    assert {str(example) for example in EXAMPLES} == {path.stem for path in FOLDER.glob("four_*.py")}


@contextmanager
def surroundings(port: int, webhooks: str, directory: Path) -> Iterator[tuple[Emulator, Mapping[str, str]]]:
    """A service that sends its webhooks there, a Valkey, and the environment that the examples want."""
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        qps=None,
        webhooks_to=f"http://127.0.0.1:{port}{webhooks}",
        webhook_secret=WEBHOOK_SECRET,
        settings=Settings(start_seconds=0.05, upload_seconds=0.4, sync_stop_seconds=0.1, exit_seconds=0.1),
    )
    with served_valkey() as valkey, served_emulator(emulator) as (_, url):
        more = {
            "AGORA_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "DJANGO_SECRET_KEY": "any",
            "RECORDINGS_FILE": str(directory / "recordings.db"),
            "REDIS_URL": valkey.url,
        }
        yield emulator, environment_of(emulator, url, **more)


async def ask(url: str, method: str, path: str) -> tuple[int, Any]:
    """Ask over a connection of its own, which may lead to any worker."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as web:
        answer = await web.request(method, path)
        return answer.status_code, answer.json()


async def ask_all(url: str, method: str, path: str, times: int) -> list[tuple[int, Any]]:
    """Ask the same at the same time."""
    answers: list[tuple[int, Any]] = []

    async def ask_once() -> None:
        answers.append(await ask(url, method, path))

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(ask_once)
    return answers


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_a_lesson_outlives_the_workers_that_started_it(example: Example, tmp_path: Path):
    port = free_port()

    def processes(workers: int) -> WorkerProcesses:
        return WorkerProcesses(
            example.app,
            workers=workers,
            log=tmp_path / "log",
            port=port,
            environment=environment,
            directory=FOLDER,
        )

    with surroundings(port, example.webhooks, tmp_path) as (emulator, environment):
        async with processes(example.workers) as workers:
            assert (await ask(workers.url, "POST", "/lessons/class-42/stop"))[0] == 404
            started = await ask_all(workers.url, "POST", "/lessons/class-42/start", 4)
            (session,) = emulator.running()
            assert {(status, told["sid"]) for status, told in started} == {(200, session.sid)}
            workers.kill(workers.pids[0])
            assert workers.deploy() in {0, -signal.SIGTERM}
            assert [one.sid for one in emulator.running()] == [session.sid], "a deploy ends no recording"
        async with processes(1) as workers:
            status, told = await ask(workers.url, "GET", "/lessons/class-42")
            assert (status, told["state"], told["sid"]) == (200, "recording", session.sid)
            stopped = await ask_all(workers.url, "POST", "/lessons/class-42/stop", 2)
            assert [status for status, _ in stopped] == [200, 200]
            with anyio.fail_after(20):
                while told["state"] != "uploaded":
                    _, told = await ask(workers.url, "GET", "/lessons/class-42")
                    await anyio.sleep(0.05)
            (session,) = emulator.sessions
            assert told["files"] == list(session.files)
            assert told["files"]
            assert not session.running
            assert workers.deploy() in {0, -signal.SIGTERM}
    assert "lesson class-42 has 1 files" in workers.said
    assert "Traceback" not in workers.said, workers.said
