"""A fleet with Django, whose recordings outlive deploys: `uvicorn fleet_django:application`."""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agora_rec import (
    AgoraRecError,
    AmazonS3,
    AmazonS3Region,
    Checkpoint,
    CloudRecording,
    Fleet,
    Mix,
    NotificationRejected,
    Recording,
    Secrets,
    Spec,
    SQLiteStore,
    drain_on,
)
from agora_rec.notifications import FilesBackuped, FilesUploaded, Notification

log = logging.getLogger("uvicorn.error")
settings.configure(
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    ALLOWED_HOSTS=["127.0.0.1", "lessons.example.com"],
    ROOT_URLCONF=__name__,
)
storage = AmazonS3(
    region=AmazonS3Region.EU_CENTRAL_1,
    bucket="lessons",
    access_key=os.environ["AGORA_STORAGE_ACCESS_KEY"],
    secret_key=os.environ["AGORA_STORAGE_SECRET_KEY"],
)


async def secrets(_: Checkpoint) -> Secrets:
    """Give what no store holds: an adopted recording may have to be started again."""
    return Secrets(storage=storage)


cloud = CloudRecording.from_env(  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
    store=SQLiteStore(os.environ["RECORDINGS_FILE"]), secrets=secrets
)
fleet = Fleet(cloud, on_exit="release", adopt=True, queue=0)  # no request waits for a place


async def before_ack(notification: Notification, recording: Recording | None) -> None:
    """Save what must not be lost: a row in your database. If this raises, the service sends it again."""
    if recording is not None and isinstance(notification.event, FilesUploaded | FilesBackuped):
        log.info("lesson %s has %d files", recording.key, len(recording.files))


@csrf_exempt  # the service has no cookies; its signature says who it is
@require_POST
async def webhook(request: HttpRequest) -> JsonResponse:
    """Take in what the service sends, and answer 200 when all that comes of it is safe."""
    try:
        await cloud.receive(request.headers, request.body, before_ack=before_ack)
    except NotificationRejected as rejected:
        return JsonResponse({"ok": False, "reason": rejected.reason.value}, status=rejected.reason.status)
    return JsonResponse({"ok": True})  # any other exception becomes a 500, and the service sends it again


@csrf_exempt  # for the sake of this example
@require_http_methods(["POST", "DELETE"])
async def recording(request: HttpRequest, key: str) -> JsonResponse:
    """Have a lesson recorded, for two hours at most (POST), or have that ended, whoever began it (DELETE)."""
    try:
        if request.method == "POST":
            spec = Spec(key, 527841, Mix(storage=storage), key=key, until=timedelta(hours=2))
            started = await fleet.start(spec)
            return JsonResponse({"sid": started.sid})
        found = await cloud.find(key)
        if found is None:
            return JsonResponse({}, status=404)
        outcome = await found.ensure_stopped(wait_upload=False)
    except AgoraRecError as error:  # there is no place, the server ends, or the service refuses
        return JsonResponse({"error": type(error).__name__}, status=503, headers={"Retry-After": "2"})
    return JsonResponse({"state": outcome.state})


@require_GET
async def lessons(_: HttpRequest) -> JsonResponse:
    """Say what has become of the lessons that this process looks after, or has looked after."""
    return JsonResponse(
        {
            str(result.spec.key): {"state": result.state, "files": [file.name for file in result.files]}
            for result in fleet.report().results
        }
    )


urlpatterns = [
    path("agora", webhook),
    path("lessons/<key>/recording", recording),
    path("lessons", lessons),
]
django_application = get_asgi_application()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Django has no hook for the beginning and the end of a server, so all is opened around it."""
    if scope["type"] != "lifespan":
        await django_application(scope, receive, send)
        return
    await receive()  # the server starts
    async with cloud, drain_on(fleet), fleet:
        await send({"type": "lifespan.startup.complete"})
        await receive()  # the server ends
    await send({"type": "lifespan.shutdown.complete"})
