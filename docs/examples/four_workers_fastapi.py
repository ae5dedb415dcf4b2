"""Lessons, recorded by any of four workers, with FastAPI: `uvicorn four_workers_fastapi:app --workers 4`."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from agora_rec import (
    AgoraRecError,
    AmazonS3,
    AmazonS3Region,
    Checkpoint,
    CloudRecording,
    Mix,
    Recording,
    RedisBudget,
    RedisStore,
    Secrets,
)
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification, NotificationApp

log = logging.getLogger("uvicorn.error")
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)


async def secrets(_: Checkpoint) -> Secrets:
    """Give what no store holds. With an App Certificate: a fresh token for its channel and uid as well."""
    return Secrets(storage=storage)


cloud = CloudRecording.from_env(  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
    store=RedisStore(os.environ["REDIS_URL"]),
    open_within=600,  # uvicorn gives up with all workers when one can't start
    budget=RedisBudget(os.environ["REDIS_URL"], qps=10, workers=8),  # in a deploy, the old four and the new
    secrets=secrets,
)


async def before_ack(notification: Notification, recording: Recording | None) -> None:
    """Save what must not be lost: a row in your database. If this raises, the service sends it again."""
    if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
        log.info("lesson %s has %d files", recording.key, len(recording.files))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open client and store before the first request, and close them after the last one: in each worker."""
    async with cloud:
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/agora", NotificationApp(cloud, before_ack=before_ack))  # for the console: https://.../agora/


@app.exception_handler(AgoraRecError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """Say that it should be asked again: the store is away, the service refuses, or it takes too long."""
    log.warning("%s", error)
    return JSONResponse({"error": type(error).__name__}, status_code=503, headers={"Retry-After": "2"})


@app.post("/lessons/{key}/start")
async def start(key: str) -> dict[str, object]:
    """Have a lesson recorded. Twice, at two workers, at the same time: it is one recording."""
    recording = await cloud.claim(key, cname=key, uid=527841, mode=Mix(storage=storage))
    await recording.ensure_started(deadline=20)
    return shown(recording)


@app.post("/lessons/{key}/stop")
async def stop(key: str) -> dict[str, object]:
    """Have it ended, whoever has started it. Where its files are is said by a webhook."""
    recording = await find(key)
    await recording.ensure_stopped(deadline=20, wait_upload=False)
    return shown(recording)


@app.get("/lessons/{key}")
async def look(key: str) -> dict[str, object]:
    """Say where it stands, and what there is of it."""
    return shown(await find(key))


async def find(key: str) -> Recording:
    """The last recording of a lesson, whether or not it has ended."""
    recording = await cloud.find(key)
    if recording is None:
        raise HTTPException(404)
    return recording


def shown(recording: Recording) -> dict[str, object]:
    """What the browser gets to know."""
    files = [file.name for file in recording.files]
    return {"state": recording.state, "sid": recording.sid, "files": files}
