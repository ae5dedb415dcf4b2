"""Lessons that are recorded: `uvicorn --factory lessons:create_app`. Its tests are beside it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException

from agora_rec import AgoraRecError, AmazonS3, AmazonS3Region, CloudRecording, Mix, Recording
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification, NotificationApp


def create_app(cloud: CloudRecording | None = None) -> FastAPI:
    """The application; a test gives it the client, and in production it comes from the environment."""
    cloud = cloud or CloudRecording.from_env()
    storage = AmazonS3(
        region=AmazonS3Region.EU_CENTRAL_1,
        bucket="lessons",
        access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
        secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
    )
    files: dict[str, list[str]] = {}  # in place of your database

    async def before_ack(notification: Notification, recording: Recording | None) -> None:
        if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
            files[recording.cname] = [file.name for file in recording.files]

    def running(name: str) -> Recording | None:
        return next((one for one in cloud.recordings if one.cname == name), None)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with cloud:
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/agora", NotificationApp(cloud, before_ack=before_ack))

    @app.post("/lessons/{name}")
    async def start(name: str) -> dict[str, str | None]:
        """Have a lesson recorded."""
        recording = running(name) or cloud.recording(name, uid=527841, mode=Mix(storage=storage))
        try:
            await recording.ensure_started()
        except AgoraRecError as error:
            raise HTTPException(503, f"not recorded: {error.__class__.__name__}") from error
        return {"sid": recording.sid}

    @app.delete("/lessons/{name}")
    async def stop(name: str) -> dict[str, str]:
        """Have it ended. Where its files are is said by a webhook."""
        recording = running(name)
        if recording is None:
            raise HTTPException(404)
        outcome = await recording.ensure_stopped(wait_upload=False)
        return {"state": outcome.state}

    @app.get("/lessons/{name}/files")
    async def names(name: str) -> list[str]:
        """What there is of it."""
        return files.get(name, [])

    return app
