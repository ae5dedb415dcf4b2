"""The application under trial, run by several workers: recordings by key, and nothing else. No framework.

What its settings are stands in the environment; see `trial.py`. Every error of the library is answered 503,
and its users ask again; what is no error of the library is a fault, and answered 500.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agora_rec import AmazonS3, AmazonS3Region, Checkpoint, CloudRecording, Mix, Recording, Secrets
from agora_rec.errors import AgoraRecError
from agora_rec.notifications import NotificationApp
from tests.support.secrets import ACCESS_KEY, SECRET_KEY
from tests.workers.planted import spoilt
from tests.workers.stores import open_to

UID: Final = 527841
STORAGE: Final = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1, bucket="lessons", access_key=ACCESS_KEY, secret_key=SECRET_KEY
)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def secrets(_: Checkpoint) -> Secrets:
    """The same keys for all."""
    return Secrets(storage=STORAGE)


store = spoilt(open_to(os.environ["TRIAL_STORE"]), os.environ.get("TRIAL_MISTAKE"))
cloud = CloudRecording.from_env(store=store, open_within=60, secrets=secrets, qps=None)
webhooks = NotificationApp(cloud)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request, or one life of the server."""
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["path"] == "/agora":
        await webhooks(scope, receive, send)
    else:
        status, answer = await answered(scope["method"], scope["path"])
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"x-worker", str(os.getpid()).encode())]
        headers += [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def live(receive: Receive, send: Send) -> None:
    """Open store and client before the first request, and close them after the last one.

    uvicorn ends all workers where one fails to start; so a store whose server is away is waited for.
    """
    await receive()
    async with cloud:
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def answered(method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Do what a request wants."""
    _, key, *what = path.split("/")
    try:
        recording = await WANTED[method, "/".join(what)](key)
    except AgoraRecError as error:
        return 503, {"error": type(error).__name__, "says": str(error)}
    if recording is None:
        return 404, {}
    files = [file.name for file in recording.files]
    return 200, {"state": recording.state.value, "sid": recording.sid, "files": files}


async def start(key: str) -> Recording | None:
    """Have it recorded."""
    recording = await cloud.claim(key, cname=key, uid=UID, mode=Mix(storage=STORAGE))
    await recording.ensure_started()
    return recording


async def stop(key: str) -> Recording | None:
    """Have it ended."""
    recording = await cloud.find(key)
    if recording is not None:
        await recording.ensure_stopped(wait_upload=False)
    return recording


async def look(key: str) -> Recording | None:
    """Say what is known."""
    return await cloud.find(key)


WANTED: Final[dict[tuple[str, str], Callable[[str], Awaitable[Recording | None]]]] = {
    ("POST", "start"): start,
    ("POST", "stop"): stop,
    ("GET", ""): look,
}
