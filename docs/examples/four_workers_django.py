"""The same with Django, on one machine: `uvicorn four_workers_django:application --workers 4`."""

import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from agora_rec import (
    AgoraRecError,
    AmazonS3,
    AmazonS3Region,
    Checkpoint,
    CloudRecording,
    Mix,
    NotificationRejected,
    Recording,
    RedisBudget,
    Secrets,
    SQLiteStore,
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
    """Give what no store holds. With an App Certificate: a fresh token for its channel and uid as well."""
    return Secrets(storage=storage)


cloud = CloudRecording.from_env(  # AGORA_APP_ID, ..., AGORA_WEBHOOK_SECRET
    store=SQLiteStore(os.environ["RECORDINGS_FILE"]),
    open_within=600,  # uvicorn gives up with all workers when one can't start
    budget=RedisBudget(os.environ["REDIS_URL"], qps=10, workers=8),  # in a deploy, the old four and the new
    secrets=secrets,
)


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


def answered(
    view: Callable[[str], Awaitable[Recording | None]],
) -> Callable[..., Coroutine[Any, Any, JsonResponse]]:
    """Make a view of it. What fails should be asked again: the store is away, or the service refuses."""

    @wraps(view)
    async def answer(_: HttpRequest, key: str) -> JsonResponse:
        try:
            recording = await view(key)
        except AgoraRecError as error:
            log.warning("%s", error)
            return JsonResponse({"error": type(error).__name__}, status=503, headers={"Retry-After": "2"})
        if recording is None:
            return JsonResponse({}, status=404)
        files = [file.name for file in recording.files]
        return JsonResponse({"state": recording.state, "sid": recording.sid, "files": files})

    return answer


@csrf_exempt  # for the sake of this example
@require_POST
@answered
async def start(key: str) -> Recording | None:
    """Have a lesson recorded. Twice, at two workers, at the same time: it is one recording."""
    recording = await cloud.claim(key, cname=key, uid=527841, mode=Mix(storage=storage))
    await recording.ensure_started(deadline=20)
    return recording


@csrf_exempt  # for the sake of this example
@require_POST
@answered
async def stop(key: str) -> Recording | None:
    """Have it ended, whoever has started it. Where its files are is said by a webhook."""
    recording = await cloud.find(key)
    if recording is not None:
        await recording.ensure_stopped(deadline=20, wait_upload=False)
    return recording


@require_GET
@answered
async def look(key: str) -> Recording | None:
    """Say where it stands, and what there is of it."""
    return await cloud.find(key)


urlpatterns = [
    path("agora", webhook),
    path("lessons/<key>/start", start),
    path("lessons/<key>/stop", stop),
    path("lessons/<key>", look),
]
django_application = get_asgi_application()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Open the client in each worker: Django has no hook for the beginning and the end of a server."""
    if scope["type"] != "lifespan":
        await django_application(scope, receive, send)
        return
    await receive()  # the server starts
    async with cloud:
        await send({"type": "lifespan.startup.complete"})
        await receive()  # the server ends
    await send({"type": "lifespan.shutdown.complete"})
