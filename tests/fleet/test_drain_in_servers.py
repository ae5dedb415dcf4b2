"""SIGTERM to a web server with an open request: the stops go out at once, not when the server is done."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import hypercorn.asyncio
import hypercorn.config
import pytest
import uvicorn
from attrs import define, field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agora_rec import CloudRecording, Fleet, Spec, drain_on
from agora_rec.emulator import Emulator
from tests.support.asgi import Listening, listening
from tests.support.cloud import a_client, an_emulator, mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET
from tests.support.served import served_emulator

pytestmark = pytest.mark.anyio

Serve = Callable[[Starlette, Listening], Coroutine[Any, Any, None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def sigterm_does_no_harm() -> Iterator[None]:
    """Live on when uvicorn, as it does when it is done, raises the signal again."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.signal(signal.SIGTERM, before)


@define
class Application:
    """It records two channels while it is served, and has a request that takes as long as a test wants."""

    cloud: CloudRecording
    answer: anyio.Event = field(factory=anyio.Event)
    is_asked: anyio.Event = field(factory=anyio.Event)
    has_ended: bool = False

    @property
    def app(self) -> Starlette:
        """What is served."""
        return Starlette(routes=[Route("/", self.slow)], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        """Record."""
        async with Fleet(self.cloud, on_exit="stop", exit_timeout=0.1) as fleet, drain_on(fleet):
            for number in (1, 2):
                await fleet.start(Spec(f"class-{number}", number, mix()))
            yield
        self.has_ended = True

    async def slow(self, _: Request) -> PlainTextResponse:
        """Answer when the test says so."""
        self.is_asked.set()
        await self.answer.wait()
        return PlainTextResponse("done")


async def by_uvicorn(app: Starlette, at: Listening) -> None:
    config = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none")
    await uvicorn.Server(config).serve(sockets=[at.socket.dup()])


async def by_hypercorn(app: Starlette, at: Listening) -> None:
    config = hypercorn.config.Config()
    config.bind = [f"fd://{at.socket.dup().detach()}"]
    config.errorlog = config.accesslog = None
    await hypercorn.asyncio.serve(app, config)  # type: ignore[arg-type] # the same scopes, typed


@pytest.mark.parametrize("serve", [by_uvicorn, by_hypercorn])
async def test_the_stops_go_out_while_the_server_waits_for_a_request(serve: Serve):
    emulator = an_emulator(sync_stop_seconds=0.02, exit_seconds=0.01)
    answers: list[str] = []
    with listening() as at:
        async with a_client(emulator) as cloud:
            application = Application(cloud)

            async def ask() -> None:
                async with httpx.AsyncClient(trust_env=False, timeout=30) as web:
                    answers.append((await web.get(at.url)).text)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve, application.app, at)
                tasks.start_soon(ask)
                await application.is_asked.wait()
                assert len(emulator.running()) == 2
                os.kill(os.getpid(), signal.SIGTERM)
                with anyio.fail_after(20):
                    while emulator.running():  # noqa: ASYNC110 - the emulator is asked, and nobody else
                        await anyio.sleep(0.01)
                assert not application.has_ended
                application.answer.set()
    assert application.has_ended
    assert answers == ["done"]
    assert stops(emulator) == 2


SCRIPT = """
import anyio
from agora_rec import CloudRecording, Fleet, Spec, drain_on
from tests.support.cloud import mix

async def main() -> None:
    async with CloudRecording.from_env() as cloud:
        async with Fleet(cloud, on_exit="wait", exit_timeout=0.5) as fleet, drain_on(fleet):
            async for result in fleet.record(Spec(f"class-{number}", number, mix()) for number in (1, 2)):
                print("unexpected", result)
        print("ended in order:", *fleet.report().states)

anyio.run(main)
"""


async def test_a_program_that_nobody_else_ends_stops_all_and_goes_on_to_its_end():
    emulator = Emulator(customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET)
    with served_emulator(emulator) as (_, url):
        environment = {
            "AGORA_BASE_URL": url,
            "AGORA_APP_ID": emulator.app_id,
            "AGORA_CUSTOMER_ID": CUSTOMER_ID,
            "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        with subprocess.Popen(  # noqa: ASYNC220 - it takes a few milliseconds
            [sys.executable, "-c", SCRIPT], env=os.environ | environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                with anyio.fail_after(60):
                    while len(emulator.running()) < 2:
                        assert process.poll() is None
                        await anyio.sleep(0.02)
                process.terminate()
                said, _ = await anyio.to_thread.run_sync(partial(process.communicate, timeout=60))
            finally:
                process.kill()
    assert process.returncode == 0
    assert said.startswith("ended in order:")
    assert not emulator.running()
    assert stops(emulator) == 2


def stops(emulator: Emulator) -> int:
    """How many stops reached it."""
    return sum(call.operation is not None and call.operation.value == "stop" for call in emulator.calls)
