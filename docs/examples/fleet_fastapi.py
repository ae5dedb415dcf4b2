"""A fleet in one web process, with FastAPI: `uvicorn fleet_fastapi:app`. SIGTERM stops all recordings."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from agora_rec import (
    AgoraRecError,
    Alternate,
    AmazonS3,
    AmazonS3Region,
    CloudRecording,
    Fleet,
    Mix,
    Recording,
    Replacement,
    Spec,
    drain_on,
)
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification, NotificationApp

log = logging.getLogger("uvicorn.error")
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)
cloud = CloudRecording.from_env()  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
fleet = Fleet(
    cloud,
    on_exit="stop",
    exit_timeout=5,  # a server that ends takes no webhooks: no use in waiting for them
    queue=0,  # no request waits for a place
    replacement=Replacement(),
)


async def before_ack(notification: Notification, recording: Recording | None) -> None:
    """Save what must not be lost: a row in your database. If this raises, the service sends it again."""
    if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
        log.info("lesson %s has %d files", recording.key, len(recording.files))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open all before the first request. SIGTERM drains the fleet at once; this ends after the last one."""
    async with cloud, drain_on(fleet), fleet:
        yield
    for result in fleet.report().results:
        log.info("lesson %s: %s", result.spec.key, result.state)


app = FastAPI(lifespan=lifespan)
app.mount("/agora", NotificationApp(cloud, before_ack=before_ack))  # for the console: https://.../agora/


@app.exception_handler(AgoraRecError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """Say that it should be asked again: there is no place, the server ends, or the service refuses."""
    return JSONResponse({"error": type(error).__name__}, status_code=503, headers={"Retry-After": "2"})


@app.post("/lessons/{key}/recording")
async def start(key: str) -> dict[str, str | None]:
    """Have a lesson recorded, for two hours at most. Asked for twice it is one recording."""
    recording = await fleet.start(
        Spec(
            key,
            527841,
            Mix(storage=storage),
            key=key,
            until=timedelta(hours=2),
            alternate=Alternate(uid=527842),  # for a recording that takes the place of a lost one
        )
    )
    return {"sid": recording.sid}


@app.delete("/lessons/{key}/recording")
async def stop(key: str) -> dict[str, str]:
    """Have it ended. The fleet follows it until its files are known."""
    result = await fleet.stop(key)
    if result is None:
        raise HTTPException(404)
    return {"state": result.state}


@app.get("/lessons")
async def lessons() -> dict[str | None, dict[str, object]]:
    """Say what has become of all lessons."""
    return {
        result.spec.key: {"state": result.state, "files": [file.name for file in result.files]}
        for result in fleet.report().results
    }
