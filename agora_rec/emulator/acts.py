"""What each call does at the service, and what is said to it: the rules of the seven calls.

Every function here takes the office (what the service knows) and an errand (the call) and gives an
outcome, or throws `Refused`. The order of the checks is: body, resource ID, whose it is, is there such
a recording, may it still be controlled, and then what is asked.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

from attrs import define, evolve, field, frozen

from agora_rec.emulator import answers, wire
from agora_rec.emulator.channels import Channel
from agora_rec.emulator.extras import read_extras
from agora_rec.emulator.faults import Upload
from agora_rec.emulator.files.access import read_access
from agora_rec.emulator.layouts import read_layout
from agora_rec.emulator.placement import place
from agora_rec.emulator.plan import (
    Flaw,
    Plan,
    is_refusing,
    read_area,
    read_expiration,
    read_outputs,
    read_plan,
    read_subscription,
)
from agora_rec.emulator.resources import Ids, Resource, is_readable
from agora_rec.emulator.routes import Route
from agora_rec.emulator.schema import SHAPES, BadField, Context, check
from agora_rec.emulator.session import Session, seconds_after
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.wire import (
    Answer,
    JsonObject,
    Refusal,
    Refused,
    flag_of,
    int_of,
    object_of,
    text_of,
    texts_of,
)
from agora_rec.vocabulary import ModeName, OperationName, UploadingStatus

_WEB_SCENE, _POSTPONED_SCENE = 1, 2
_OLD_CONTENT_TYPE: Final = "application/json;charset=utf-8"
_GO_CLIENT: Final = re.compile("AgoraRESTClient +Language/go ")
"""How the User-Agent of Agora's Go client begins."""
_ANY_STORAGE: Final[JsonObject] = {
    "vendor": 6,
    "region": 0,
    "bucket": "?",
    "accessKey": "?",
    "secretKey": "?",
}
"""Stands in for a storageConfig that is looked at later."""


@frozen(kw_only=True)
class Later:
    """An answer that is only known, and only given, at that moment."""

    at: datetime
    tell: Callable[[], Answer]


Outcome: TypeAlias = Answer | Later


@define(eq=False, kw_only=True)
class Errand:
    """One call while it is handled.

    `content` is the body as JSON, None if there is none or it is none. `raced` says that a query and a
    stop of the same recording met. `upload` is a wish of the tests for the upload after this stop. `host`
    is the name by which the call came.
    """

    route: Route
    headers: Mapping[str, str] = field(repr=False)
    content: object = field(repr=False)
    raced: bool = False
    upload: Upload | None = None
    host: str = ""


@define(eq=False)
class Office:
    """What the service knows: resources, recordings, channels."""

    settings: Settings
    ids: Ids
    resources: dict[str, Resource] = field(factory=dict[str, Resource])
    sessions: dict[str, Session] = field(factory=dict[str, Session])
    started: dict[str, Session] = field(factory=dict[str, Session])
    """By resource ID."""
    channels: dict[str, Channel] = field(factory=dict[str, Channel])
    _workers: dict[str, Session] = field(factory=dict[str, Session])
    """Those whose worker may still be there, by sid; tidied when somebody must know."""
    _latest: dict[tuple[str, str, str], Session] = field(factory=dict[tuple[str, str, str], Session])
    """The latest recording of each App ID, channel and uid."""

    def channel(self, cname: str) -> Channel:
        """The channel of that name; one that nobody spoke of has the users of the settings."""
        if cname not in self.channels:
            self.channels[cname] = Channel.populated(cname, self.settings.users)
        return self.channels[cname]

    def areas_of(self, request: JsonObject, app_id: str, now: datetime) -> set[str]:
        """Where those of acquire's `excludeResourceIds` are that run; others don't count."""
        found = (self.started.get(each) for each in texts_of(request, "excludeResourceIds") or ())
        return {
            session.resource.area
            for session in found
            if session is not None and session.resource.app_id == app_id and session.is_running(now)
        }

    def enrol(self, session: Session) -> None:
        """Take up a new recording."""
        self.sessions[session.sid] = session
        self.started[session.resource.resource_id] = session
        self._workers[session.sid] = session
        self._latest[_identity(session.resource)] = session

    def is_taken(self, resource: Resource, now: datetime) -> bool:
        """Whether a worker with the same App ID, channel and uid is still there."""
        latest = self._latest.get(_identity(resource))
        return latest is not None and not latest.is_gone(now)

    def at_work(self, now: datetime) -> tuple[Session, ...]:
        """Those whose worker is still there, in the order of their starts."""
        for sid in [sid for sid, session in self._workers.items() if session.is_gone(now)]:
            del self._workers[sid]
        return tuple(self._workers.values())

    def is_full(self, app_id: str, now: datetime, *, web: bool) -> bool:
        """Whether no more recordings of that kind may run for that App ID."""
        limit = self.settings.web_concurrent_limit if web else self.settings.concurrent_limit
        if len(self._workers) < limit:
            return False
        running = [
            session
            for session in self.at_work(now)
            if session.resource.app_id == app_id and (session.plan.mode is ModeName.WEB) == web
        ]
        return len(running) >= limit


def _identity(resource: Resource) -> tuple[str, str, str]:
    return resource.app_id, resource.cname, resource.uid


def act(office: Office, errand: Errand, now: datetime) -> Outcome:
    """Carry out one call.

    Raises:
        Refused: the service says no.
    """
    return _ACTS[errand.route.operation](office, errand, now)


def _success(body: JsonObject) -> Answer:
    return Answer(200, wire.dump(body))


def _ncs_ip(office: Office, errand: Errand, now: datetime) -> Outcome:  # noqa: ARG001 - the form of an act
    hosts = [{"primaryIP": address} for address in office.settings.notification_ips]
    return _success({"data": {"service": {"hosts": hosts}}})


def _checked_body(office: Office, errand: Errand, shape: str, now: datetime) -> JsonObject:
    """The body of a POST, or code 2."""
    settings = office.settings
    if not _is_json(errand, settings):
        raise Refused(wire.BAD_FORM_OLDER if settings.older_form_code else wire.BAD_PARAMETER)
    mode = errand.route.mode
    if mode is not None and mode not in set(ModeName):
        raise Refused(wire.BAD_PARAMETER)
    by_go_client = _GO_CLIENT.match(errand.headers.get("user-agent", "")) is not None
    context = Context(mode=mode, now=now, settings=settings, by_go_client=by_go_client)
    try:
        return check(SHAPES, shape, errand.content, context)
    except BadField as bad:
        raise Refused(bad.refusal or _describe(errand.route.operation, bad.path)) from None


def _is_json(errand: Errand, settings: Settings) -> bool:
    given = errand.headers.get("content-type", "")
    if settings.older_content_type and given != _OLD_CONTENT_TYPE:
        return False
    is_said = given.partition(";")[0].strip().lower() == "application/json"
    return is_said and errand.content is not None


def _describe(operation: OperationName, path: str) -> Refusal:
    name = path.removeprefix("clientRequest.")
    if operation is OperationName.ACQUIRE and name == "resourceExpiredHour":
        return wire.BAD_PARAMETER.because("Acquire: invalid resourceExpiredHour value!")
    if name in {"", "uid"}:
        return wire.BAD_PARAMETER
    word = operation.value.title().replace("_", "")
    return wire.BAD_PARAMETER.because(f"{word}: invalid {name} value!")


def _acquire(office: Office, errand: Errand, now: datetime) -> Outcome:
    settings = office.settings
    body = _checked_body(office, errand, "AcquireBody", now)
    cname, uid = text_of(body, "cname") or "", text_of(body, "uid") or ""
    request = object_of(body, "clientRequest")
    scene = int_of(request, "scene", 0)
    app_id = errand.route.app_id or ""
    if app_id in settings.inactive_app_ids:
        raise Refused(wire.NOT_ACTIVE)
    if office.is_full(app_id, now, web=scene == _WEB_SCENE):
        raise Refused(wire.TOO_MANY_RECORDINGS)
    resource = Resource(
        resource_id=office.ids.resource_id(),
        app_id=app_id,
        cname=cname,
        uid=uid,
        acquired_at=now,
        scene=scene,
        hours=int_of(request, "resourceExpiredHour", 72),
        region=text_of(request, "region") or None,
        area=place(request, errand.host, office.areas_of(request, app_id, now), settings.nearest_area),
        announced=_digest(request["startParameter"]) if "startParameter" in request else None,
    )
    office.resources[resource.resource_id] = resource
    told: JsonObject = {"cname": cname, "uid": uid, "resourceId": resource.resource_id}
    return _success(_oldest(told) if settings.oldest_answers else told)


def _oldest(told: JsonObject) -> JsonObject:
    """What was told of a new recording before it was said whose it is."""
    return {name: value for name, value in told.items() if name not in {"cname", "uid"}}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _check_resource(office: Office, errand: Errand) -> Resource | None:
    """The resource of the URL; None if the service no longer knows it."""
    route = errand.route
    # No document gives update and updateLayout the codes 1001 and 1003: what is not found there is 404.
    told = route.operation not in {OperationName.UPDATE, OperationName.UPDATE_LAYOUT}
    if not is_readable(route.resource_id or ""):
        raise Refused(wire.RESOURCE_UNREADABLE if told else wire.NO_WORKER)
    resource = office.resources.get(route.resource_id or "")
    if resource is not None and resource.app_id != route.app_id:
        raise Refused(wire.RESOURCE_FOREIGN if told else wire.NO_WORKER)
    return resource


def _check_identity(resource: Resource, body: JsonObject) -> None:
    if (text_of(body, "cname"), text_of(body, "uid")) != (resource.cname, resource.uid):
        raise Refused(wire.MISMATCH)


def _start(office: Office, errand: Errand, now: datetime) -> Outcome:
    body, flaw = _checked_start(office, errand, now)
    resource = _check_resource(office, errand)
    if resource is None:
        # Readable and forgotten: it can only have expired.
        raise Refused(wire.RESOURCE_EXPIRED)
    _check_identity(resource, body)
    expired = now >= seconds_after(resource.acquired_at, office.settings.resource_seconds)
    earlier = office.started.get(resource.resource_id)
    if earlier is not None and (earlier.is_running(now) or not expired):
        _note_misfit(earlier, now)
        raise Refused(_already_started(office, earlier))
    if expired:
        raise Refused(wire.RESOURCE_EXPIRED)
    _check_announced(resource, errand)
    mode = ModeName(errand.route.mode or "")
    plan = read_plan(mode, object_of(body, "clientRequest"), office.settings)
    plan = evolve(plan, flaw=plan.flaw or flaw)
    _check_scene(resource, plan, errand)
    _check_area(resource, plan.area, OperationName.START)
    if plan.token_refusal is not None and office.settings.tokens_checked_at_start:
        raise Refused(plan.token_refusal)
    if office.is_taken(resource, now):
        raise Refused(wire.TASK_CONFLICT)
    if office.is_full(resource.app_id, now, web=mode is ModeName.WEB):
        raise Refused(wire.NO_CAPACITY)
    session = Session(
        sid=office.ids.sid(),
        resource=resource,
        plan=plan,
        started_at=now,
        settings=office.settings,
        channel=office.channel(resource.cname),
        extras=read_extras(object_of(body, "clientRequest")),
        subscriptions=[(now, plan.subscription)],
        holds=[] if plan.web is None else [(now, plan.web.onhold)],
        pushes=[] if plan.web is None or plan.web.outputs is None else [(now, plan.web.outputs)],
        tokens=[(now, plan.token_runs_out)],
        refusing=[(now, plan.bucket in office.settings.backup_buckets)],
        access=read_access(object_of(object_of(body, "clientRequest"), "storageConfig")),
    )
    office.enrol(session)
    told = answers.recording(resource, session.sid)
    return _success(_oldest(told) if office.settings.oldest_answers else told)


def _check_area(resource: Resource, area: str | None, operation: OperationName) -> None:
    """Where acquire named a region, the storage lies in it, as far as it is known where that is."""
    if resource.region is not None and area is not None and area != resource.region:
        raise Refused(_describe(operation, "storageConfig.region"))


def _checked_start(office: Office, errand: Errand, now: datetime) -> tuple[JsonObject, Flaw | None]:
    """The body of a start, and what the check that comes later will find wrong in it."""
    try:
        return _checked_body(office, errand, "StartBody", now), None
    except Refused:
        if not office.settings.configs_checked_later:
            raise
        content = wire.as_object(errand.content) or {}
        request = object_of(content, "clientRequest")
        stored = {**request, "storageConfig": _ANY_STORAGE} if "storageConfig" in request else request
        for found, flaw in (
            (stored, Flaw.STORAGE),
            (_without_transcoding(request), Flaw.IMAGE),
            (_without_transcoding(stored), Flaw.STORAGE),
        ):
            milder = evolve(errand, content={**content, "clientRequest": found})
            with suppress(Refused):
                return _checked_body(office, milder, "StartBody", now), flaw
        raise


def _without_transcoding(request: JsonObject) -> JsonObject:
    recording = object_of(request, "recordingConfig")
    kept = {name: value for name, value in recording.items() if name != "transcodingConfig"}
    return {**request, "recordingConfig": kept} if recording else request


def _note_misfit(session: Session, now: datetime) -> None:
    """A call does not fit the recording's status: its worker, if there is one, tells so (event 3)."""
    if not (session.is_gone(now) or session.is_moving(now)):
        session.misfits.append(now)


def _already_started(office: Office, earlier: Session) -> Refusal:
    if not office.settings.repeated_start_with_sid:
        return wire.ALREADY_STARTED
    extra = {"resourceId": earlier.resource.resource_id, "sid": earlier.sid}
    return Refusal(status=201, code=7, reason=wire.ALREADY_STARTED.reason, extra=extra)


def _check_announced(resource: Resource, errand: Errand) -> None:
    if resource.announced is None:
        return
    given = (wire.as_object(errand.content) or {})["clientRequest"]
    if _digest(given) != resource.announced:
        raise Refused(wire.BAD_PARAMETER.because("request_hash mismatch!"))


def _check_scene(resource: Resource, plan: Plan, errand: Errand) -> None:
    """Web is scene 1 and nothing else is; scene 2 is individual with its policy, and only that has it."""
    fits = (plan.mode is ModeName.WEB) == (resource.scene == _WEB_SCENE)
    if resource.scene == _POSTPONED_SCENE:
        fits = plan.mode is ModeName.INDIVIDUAL and plan.postponed
    elif plan.postponed:
        fits = False
    if not fits:
        raise Refused(_describe(errand.route.operation, "scene"))


def _find_session(office: Office, errand: Errand, body: JsonObject | None, now: datetime) -> Session:
    """The recording that a call is about, if it may still be controlled."""
    route = errand.route
    resource = _check_resource(office, errand)
    if resource is not None and body is not None:
        _check_identity(resource, body)
    session = office.sessions.get(route.sid or "")
    told = route.operation in {OperationName.QUERY, OperationName.STOP}
    if session is not None and session.resource is not resource:
        raise Refused(wire.RESOURCE_FOREIGN if told else wire.NO_WORKER)
    if session is None or session.is_gone(now) or session.is_moving(now):
        raise Refused(wire.NO_WORKER)
    if route.mode != session.plan.mode:
        raise Refused(_describe(route.operation, "mode"))
    if now >= session.expires_at:
        raise Refused(wire.RESOURCE_EXPIRED)
    if not session.is_running(now):
        if not told:
            # An exiting worker takes no more changes.
            raise Refused(wire.NO_WORKER)
        if office.settings.exiting_refused:
            raise Refused(wire.EXITING)
    return session


def _query(office: Office, errand: Errand, now: datetime) -> Outcome:
    if errand.route.mode not in set(ModeName):
        raise Refused(wire.BAD_PARAMETER)
    session = _find_session(office, errand, None, now)
    body = answers.recording(session.resource, session.sid)
    return _success({**body, "serverResponse": answers.query(session, now)})


def _update(office: Office, errand: Errand, now: datetime) -> Outcome:
    body = _checked_body(office, errand, "UpdateBody", now)
    session = _find_session(office, errand, body, now)
    request = object_of(body, "clientRequest")
    subscribe = object_of(request, "streamSubscribe")
    for name, medium in (("audioUidList", "audio"), ("videoUidList", "video")):
        if name in subscribe and medium not in session.plan.media:
            raise Refused(_describe(OperationName.UPDATE, f"streamSubscribe.{name}"))
    if "rtmpPublishConfig" in request and not session.pushes:
        raise Refused(_describe(OperationName.UPDATE, "rtmpPublishConfig"))
    storage = object_of(request, "storageConfig")
    if storage:
        _check_area(session.resource, read_area(storage), OperationName.UPDATE)
    if "streamSubscribe" in request:
        audio, video = object_of(subscribe, "audioUidList"), object_of(subscribe, "videoUidList")
        session.subscriptions.append((now, read_subscription(audio, video, session.plan.media)))
    if "webRecordingConfig" in request:
        session.holds.append((now, flag_of(object_of(request, "webRecordingConfig"), "onhold")))
    if "rtmpPublishConfig" in request:
        session.pushes.append((now, read_outputs(object_of(request, "rtmpPublishConfig"))))
    if storage:
        session.tokens.append((now, read_expiration(storage)))
        session.refusing.append((now, is_refusing(storage, office.settings)))
        session.access = read_access(storage) or session.access
    return _success(answers.recording(session.resource, session.sid))


def _update_layout(office: Office, errand: Errand, now: datetime) -> Outcome:
    if errand.route.mode in {ModeName.INDIVIDUAL, ModeName.WEB}:
        raise Refused(_describe(OperationName.UPDATE_LAYOUT, "mode"))
    try:
        body = _checked_body(office, errand, "UpdateLayoutBody", now)
    except Refused:
        if office.settings.older_layout_code:
            raise Refused(wire.INVALID_LAYOUT_OLDER) from None
        raise
    session = _find_session(office, errand, body, now)
    session.layouts.append((now, read_layout(object_of(body, "clientRequest"))))
    return _success(answers.recording(session.resource, session.sid))


def _stop(office: Office, errand: Errand, now: datetime) -> Outcome:
    body = _checked_body(office, errand, "StopBody", now)
    session = _find_session(office, errand, body, now)
    if not session.is_running(now):
        _note_misfit(session, now)
        raise Refused(wire.EXITING_ALREADY)
    session.stop_at = now
    if errand.upload is not None:
        session.upload_seconds = errand.upload.seconds
        session.upload_fails = errand.upload.backuped
    if flag_of(object_of(body, "clientRequest"), "async_stop") != office.settings.async_stop_swapped:
        return Later(at=now, tell=lambda: _stopped(session, errand, now, waited=False))
    # Where there is nothing to upload, there is nothing to wait for.
    waits = (
        min(session.upload_takes, office.settings.sync_stop_seconds) if session.listed_tracks(now) else 0.0
    )
    at = seconds_after(now, waits)
    return Later(at=at, tell=lambda: _stopped(session, errand, at, waited=True))


def _stopped(session: Session, errand: Errand, at: datetime, *, waited: bool) -> Answer:
    """What a stop is told when it has waited as long as it would."""
    head = answers.recording(session.resource, session.sid)
    unknown: JsonObject = {"uploadingStatus": str(UploadingStatus.UNKNOWN)}
    if not session.listed_tracks(at):
        return wire.refusal_answer(
            wire.NO_RECORDED_DATA, wire.Subject(operation=errand.route.operation), session.settings
        )
    if errand.raced:
        return Answer(206, wire.dump({**head, "serverResponse": unknown}))
    if not waited:
        said = answers.stop(session, at, UploadingStatus.UNKNOWN)
        return _success({**head, "serverResponse": said})
    if session.is_upload_slow:
        code = session.settings.slow_stop_code
        extra: JsonObject = {} if code is None else {"code": code}
        return Answer(206, wire.dump({**head, **extra, "serverResponse": unknown}))
    word = UploadingStatus.BACKUPED if session.backup_since(at) else UploadingStatus.UPLOADED
    return _success({**head, "serverResponse": answers.stop(session, at, word)})


_ACTS: Final[Mapping[OperationName, Callable[[Office, Errand, datetime], Outcome]]] = {
    OperationName.ACQUIRE: _acquire,
    OperationName.START: _start,
    OperationName.QUERY: _query,
    OperationName.UPDATE: _update,
    OperationName.UPDATE_LAYOUT: _update_layout,
    OperationName.STOP: _stop,
    OperationName.NCS_IP: _ncs_ip,
}
