"""The applications in docs/examples: each under a real server, with the webhooks that the emulator sends."""

import hashlib
import hmac
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from attrs import frozen

from agora_rec.emulator import Emulator, Settings
from tests.support.asgi import listening, served
from tests.support.secrets import ACCESS_KEY, CUSTOMER_ID, CUSTOMER_SECRET, SECRET_KEY, WEBHOOK_SECRET
from tests.support.served import served_emulator

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"

pytestmark = [pytest.mark.anyio, pytest.mark.untraced]


@frozen
class Example:
    """One of the applications."""

    module: str
    app: str = "app"
    server: str = "uvicorn"
    webhooks: str = "/agora"
    backend: str = "asyncio"

    def __str__(self) -> str:
        return f"{self.module}-{self.server}-{self.backend}"


EXAMPLES = [
    Example("with_fastapi", webhooks="/agora/"),
    Example("with_starlette"),
    Example("with_starlette", server="hypercorn", backend="trio"),
    Example("with_litestar"),
    Example("with_quart", server="hypercorn"),
    Example("with_django", app="application"),
]


def test_every_example_is_tested():
    assert {example.module for example in EXAMPLES} == {path.stem for path in FOLDER.glob("with_*.py")}


@pytest.fixture(params=EXAMPLES, ids=str)
def example(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def logging_stays_as_it_was() -> Iterator[None]:
    """Frameworks configure logging for the whole process: other tests must not see anything of that."""
    loggers = [
        logging.getLogger(),
        *(logging.getLogger(name) for name in ("agora_rec", "agora_rec.emulator")),
    ]
    before = [(each.level, each.disabled, each.propagate, each.handlers[:]) for each in loggers]
    yield
    for each, (level, disabled, propagate, handlers) in zip(loggers, before, strict=True):
        each.setLevel(level)
        each.disabled, each.propagate, each.handlers[:] = disabled, propagate, handlers


@pytest.fixture
def anyio_backend(example: Example) -> str:
    return example.backend


@contextmanager
def emulated(webhooks_to: str, environment: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A service that sends its webhooks there, and the environment that the examples want."""
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        webhooks_to=webhooks_to,
        webhook_secret=WEBHOOK_SECRET,
        settings=Settings(start_seconds=0.05, upload_seconds=0.2, sync_stop_seconds=0.1),
    )
    with served_emulator(emulator) as (_, url):
        environment.setenv("AGORA_BASE_URL", url)
        environment.setenv("AGORA_APP_ID", emulator.app_id)
        environment.setenv("AGORA_CUSTOMER_ID", CUSTOMER_ID)
        environment.setenv("AGORA_CUSTOMER_SECRET", CUSTOMER_SECRET)
        environment.setenv("AGORA_WEBHOOK_SECRET", WEBHOOK_SECRET)
        environment.setenv("AGORA_STORAGE_ACCESS_KEY", ACCESS_KEY)
        environment.setenv("AGORA_STORAGE_SECRET_KEY", SECRET_KEY)
        environment.setenv("DJANGO_SECRET_KEY", "any")
        yield emulator


def load(example: Example, environment: pytest.MonkeyPatch) -> Any:
    """The application of an example, which is imported anew (Django would not have it twice)."""
    spec = importlib.util.spec_from_file_location(example.module, FOLDER / f"{example.module}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    environment.setitem(sys.modules, example.module, module)
    spec.loader.exec_module(module)
    return getattr(module, example.app)


async def test_the_example_records_a_lesson_and_hears_of_its_files(
    example: Example, monkeypatch: pytest.MonkeyPatch
):
    with listening() as at:
        hooks = f"{at.url}{example.webhooks}"
        with emulated(hooks, monkeypatch) as emulator:
            app = load(example, monkeypatch)
            async with served(app, example.server, at=at) as url, httpx.AsyncClient(base_url=url) as web:
                sid, files = await record_a_lesson(web)
                await refuse_what_is_not_the_services(web, hooks)
    (session,) = emulator.sessions  # the truth, and nobody else asks for it any more
    assert (session.sid, list(session.files)) == (sid, files)
    assert files
    assert not session.running


async def record_a_lesson(web: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Start and stop a recording; gives its sid, and the names of files that came by webhook."""
    recording = "/lessons/class-42/recording"
    assert (await web.delete(recording)).status_code == 404
    started = await web.post(recording)
    assert started.status_code == 200
    assert (await web.post(recording)).json() == started.json()
    assert (await web.get("/lessons/class-42/files")).json() == []
    await anyio.sleep(0.2)  # something to record: the recorder comes after start_seconds
    stopped = await web.delete(recording)
    assert stopped.status_code == 200
    assert stopped.json()["state"] in {"STOPPING", "UPLOADED"}  # the webhook may be as quick as the answer
    return started.json()["sid"], await files_of(web, "class-42")


async def files_of(web: httpx.AsyncClient, lesson: str) -> list[str]:
    """What the application knows of a lesson's files, as soon as it knows something."""
    for _ in range(500):
        names: list[str] = (await web.get(f"/lessons/{lesson}/files")).json()
        if names:
            return names
        await anyio.sleep(0.02)
    return []


async def refuse_what_is_not_the_services(web: httpx.AsyncClient, hooks: str) -> None:
    """Send the application what it must not take in, and something harmless that it must."""
    assert (await web.get(hooks)).status_code == 405
    assert (await web.post(hooks, content=b"{}")).status_code == 401
    assert (await web.post(hooks, content=b"[]", headers=signed(b"[]"))).status_code == 400
    body = b'{"noticeId":"n","productId":3,"eventType":4711,"notifyMs":1,"payload":{}}'
    taken = await web.post(hooks, content=body, headers=signed(body))
    assert (taken.status_code, taken.json()) == (200, {"ok": True})


def signed(body: bytes) -> dict[str, str]:
    """The headers of a request with that body, if it came from the service."""
    return {"Agora-Signature-V2": hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()}
