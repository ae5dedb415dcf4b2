"""A web handler that gives up after a while: Starlette under uvicorn, over real sockets on both sides."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, OperationName, Recording, State
from agora_rec.emulator import Emulator, Settings, SlowAnswer
from tests.support import secrets

pytestmark = pytest.mark.anyio

PATIENCE = 0.2
"""Seconds that the handler waits; the service takes three times as long."""
SERVICE_TAKES = 3 * PATIENCE


@pytest.fixture
def anyio_backend() -> str:
    """Uvicorn runs on asyncio only."""
    return "asyncio"


class Server(uvicorn.Server):
    """uvicorn without its hands on the process's signals, and saying when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    server = Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    task = asyncio.create_task(server.serve())
    try:
        await server.listening.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


def application(emulator: Emulator, base_url: str, recordings: dict[str, Recording]) -> Starlette:
    storage = AmazonS3(
        region=AmazonS3Region.EU_WEST_1,
        bucket="b",
        access_key=secrets.ACCESS_KEY,
        secret_key=secrets.SECRET_KEY,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with CloudRecording(
            emulator.app_id,
            customer_id=emulator.customer_id,
            customer_secret=emulator.customer_secret,
            base_url=base_url,
            qps=None,
        ) as app.state.cloud:
            yield

    async def start(request: Request) -> JSONResponse:
        recording = request.app.state.cloud.recording(
            request.path_params["cname"], 880011, Mix(storage=storage)
        )
        recordings[recording.cname] = recording
        await recording.acquire()
        try:
            async with asyncio.timeout(PATIENCE):
                await recording.start()
        except TimeoutError:
            return JSONResponse({"state": recording.state}, status_code=504)
        return JSONResponse({"state": recording.state})

    async def stop(request: Request) -> JSONResponse:
        cname = request.path_params["cname"]
        (recording,) = [one for one in request.app.state.cloud.recordings if one.cname == cname]
        answer = await recording.stop()
        return JSONResponse({"files": [file.name for file in answer.files]})

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/start/{cname}", start, methods=["POST"]),
            Route("/stop/{cname}", stop, methods=["POST"]),
        ],
    )


async def test_a_handler_that_times_out_in_mid_start_loses_nothing() -> None:
    emulator = Emulator(qps=None, settings=Settings(latency=0.0, start_seconds=0.0, upload_seconds=0.0))
    recordings: dict[str, Recording] = {}
    emulator.inject(SlowAnswer(SERVICE_TAKES), operation=OperationName.START, times=2)
    async with (
        emulator.serve() as service,
        served(application(emulator, service.url, recordings)) as url,
        httpx.AsyncClient(base_url=url) as browser,
    ):
        wanted = await browser.post("/start/wanted")
        assert wanted.status_code == 504
        assert wanted.json() == {"state": "starting"}
        assert recordings["wanted"].sid is None, "the handler's answer came after the service's"

        left = await browser.post("/start/left")
        assert left.status_code == 504

        with anyio.fail_after(10):
            async for change in recordings["wanted"].changes():
                if change.after is State.RECORDING:
                    break
        stopped = await browser.post("/stop/wanted")
        assert stopped.json()["files"] == [f"{recordings['wanted'].sid}_wanted.m3u8"]
        assert [session.cname for session in emulator.running()] == ["left"]

    assert emulator.running() == (), "the start that nobody wanted any more outlived the client"
    assert recordings["left"].state is State.UPLOADED
    starts = [call.cname for call in emulator.calls if call.operation is OperationName.START]
    assert starts == ["wanted", "left"]
