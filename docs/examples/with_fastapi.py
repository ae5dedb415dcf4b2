"""Lessons that are recorded, with FastAPI: `uvicorn with_fastapi:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, Recording
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification, NotificationApp

cloud = CloudRecording.from_env()  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)
files: dict[str, list[str]] = {}  # in place of your database


async def before_ack(notification: Notification, recording: Recording | None) -> None:
    """Save what must not be lost. If this raises, the service sends the notification again."""
    if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
        files[recording.cname] = [file.name for file in recording.files]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Open the client before the first request, and close it after the last one."""
    async with cloud:
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/agora", NotificationApp(cloud, before_ack=before_ack))  # for the console: https://.../agora/


@app.post("/lessons/{name}/recording")
async def start(name: str) -> dict[str, str | None]:
    """Have a lesson recorded."""
    recording = running(name) or cloud.recording(name, uid=527841, mode=Mix(storage=storage))
    await recording.ensure_started()
    return {"sid": recording.sid}


@app.delete("/lessons/{name}/recording")
async def stop(name: str) -> dict[str, str]:
    """Have it ended. Where its files are is said by a webhook."""
    recording = running(name)
    if recording is None:
        raise HTTPException(404)
    outcome = await recording.ensure_stopped(wait_upload=False)
    return {"state": outcome.state.name}


@app.get("/lessons/{name}/files")
async def names(name: str) -> list[str]:
    """What there is of it."""
    return files.get(name, [])


def running(name: str) -> Recording | None:
    """The recording of a lesson, if there is one that has not ended."""
    return next((one for one in cloud.recordings if one.cname == name), None)
