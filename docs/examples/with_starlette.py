"""Lessons that are recorded, with Starlette: `uvicorn with_starlette:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

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
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Open the client before the first request, and close it after the last one."""
    async with cloud:
        yield


async def start(request: Request) -> JSONResponse:
    """Have a lesson recorded."""
    name = request.path_params["name"]
    recording = running(name) or cloud.recording(name, uid=527841, mode=Mix(storage=storage))
    await recording.ensure_started()
    return JSONResponse({"sid": recording.sid})


async def stop(request: Request) -> JSONResponse:
    """Have it ended. Where its files are is said by a webhook."""
    recording = running(request.path_params["name"])
    if recording is None:
        raise HTTPException(404)
    outcome = await recording.ensure_stopped(wait_upload=False)
    return JSONResponse({"state": outcome.state.name})


async def names(request: Request) -> JSONResponse:
    """What there is of it."""
    return JSONResponse(files.get(request.path_params["name"], []))


def running(name: str) -> Recording | None:
    """The recording of a lesson, if there is one that has not ended."""
    return next((one for one in cloud.recordings if one.cname == name), None)


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/agora", NotificationApp(cloud, before_ack=before_ack)),
        Route("/lessons/{name}/recording", start, methods=["POST"]),
        Route("/lessons/{name}/recording", stop, methods=["DELETE"]),
        Route("/lessons/{name}/files", names),
    ],
)
