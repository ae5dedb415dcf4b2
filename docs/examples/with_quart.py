"""Lessons that are recorded, with Quart: `hypercorn with_quart:app`. Webhooks are taken in by a handler."""

import os
from collections.abc import AsyncGenerator

from quart import Quart, abort, request
from quart.typing import ResponseReturnValue

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, NotificationRejected, Recording
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification

cloud = CloudRecording.from_env()  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)
files: dict[str, list[str]] = {}  # in place of your database

app = Quart(__name__)
app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
app.config["BODY_TIMEOUT"] = 1  # the service waits ten seconds for its answer, and before_ack may take eight


async def before_ack(notification: Notification, recording: Recording | None) -> None:
    """Save what must not be lost. If this raises, the service sends the notification again."""
    if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
        files[recording.cname] = [file.name for file in recording.files]


@app.while_serving
async def client() -> AsyncGenerator[None]:
    """Open the client before the first request, and close it after the last one."""
    async with cloud:
        yield


@app.post("/agora")
async def webhook() -> ResponseReturnValue:
    """Take in what the service sends, and answer 200 when all that comes of it is safe."""
    # The body as it came: JSON that is written anew has another signature.
    body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    try:
        await cloud.receive(request.headers, body, before_ack=before_ack)
    except NotificationRejected as rejected:
        return {"ok": False, "reason": rejected.reason.value}, rejected.reason.status
    return {"ok": True}  # any other exception becomes a 500, and the service sends it again


@app.post("/lessons/<name>/recording")
async def start(name: str) -> ResponseReturnValue:
    """Have a lesson recorded."""
    recording = running(name) or cloud.recording(name, uid=527841, mode=Mix(storage=storage))
    await recording.ensure_started()
    return {"sid": recording.sid}


@app.delete("/lessons/<name>/recording")
async def stop(name: str) -> ResponseReturnValue:
    """Have it ended. Where its files are is said by a webhook."""
    recording = running(name)
    if recording is None:
        abort(404)
    outcome = await recording.ensure_stopped(wait_upload=False)
    return {"state": outcome.state.name}


@app.get("/lessons/<name>/files")
async def names(name: str) -> ResponseReturnValue:
    """What there is of it."""
    return files.get(name, [])


def running(name: str) -> Recording | None:
    """The recording of a lesson, if there is one that has not ended."""
    return next((one for one in cloud.recordings if one.cname == name), None)
