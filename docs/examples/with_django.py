"""Lessons that are recorded, with Django: `uvicorn with_django:application`. A whole project in one file."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, NotificationRejected, Recording
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification

settings.configure(
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    ALLOWED_HOSTS=["127.0.0.1", "lessons.example.com"],
    ROOT_URLCONF=__name__,
)

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


@csrf_exempt  # the service has no cookies; its signature says who it is
async def webhook(request: HttpRequest) -> JsonResponse | HttpResponseNotAllowed:
    """Take in what the service sends, and answer 200 when all that comes of it is safe."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        await cloud.receive(request.headers, request.body, before_ack=before_ack)
    except NotificationRejected as rejected:
        return JsonResponse({"ok": False, "reason": rejected.reason.value}, status=rejected.reason.status)
    return JsonResponse({"ok": True})  # any other exception becomes a 500, and the service sends it again


@csrf_exempt  # for the sake of this example
async def recording(request: HttpRequest, name: str) -> JsonResponse:
    """Have a lesson recorded (POST), or have that ended (DELETE)."""
    found = next((one for one in cloud.recordings if one.cname == name), None)
    if request.method == "POST":
        found = found or cloud.recording(name, uid=527841, mode=Mix(storage=storage))
        await found.ensure_started()
        return JsonResponse({"sid": found.sid})
    if found is None:
        return JsonResponse({}, status=404)
    outcome = await found.ensure_stopped(wait_upload=False)  # where its files are is said by a webhook
    return JsonResponse({"state": outcome.state.name})


async def names(_: HttpRequest, name: str) -> JsonResponse:
    """What there is of it."""
    return JsonResponse(files.get(name, []), safe=False)


urlpatterns = [
    path("agora", webhook),
    path("lessons/<name>/recording", recording),
    path("lessons/<name>/files", names),
]
django_application = get_asgi_application()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Django has no hook for the beginning and the end of a server, so the client is opened around it."""
    if scope["type"] != "lifespan":
        await django_application(scope, receive, send)
        return
    await receive()  # the server starts
    async with cloud:
        await send({"type": "lifespan.startup.complete"})
        await receive()  # the server ends
    await send({"type": "lifespan.shutdown.complete"})
