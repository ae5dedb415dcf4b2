"""The emulator, asked by schemathesis and by programmes of our own; its description judges each answer.

The only module that knows schemathesis (the extra `schema`).
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from random import Random
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import requests
import schemathesis
from anyio.from_thread import start_blocking_portal
from attrs import define, field
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister
from schemathesis.python.asgi import get_client

from agora_rec.emulator import AcceleratedClock, Emulator, SessionView, Settings, SteppedClock
from agora_rec.emulator.app import AsgiApp
from agora_rec.emulator.schema.forms import UID
from tests.schema.generation import Tossed
from tests.schema.judge import Answered, Asked, Judge
from tests.schema.programme import DESCRIPTION, LOCAL, PLAIN, caller, play, receiver
from tests.schema.validation import Document

Way = Literal["schemathesis", "schemathesis on a socket", "programmes"]

_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "ignored_auth",
)
"""Those of schemathesis that hold for this service: it answers 404, not 405, and forgets what has ended."""
_OURS: Final = "as_described"
_RENEWED_AFTER: Final = 400
"""Cases after which there is a new emulator in process, so that not all of its places are taken."""
_SECONDS_MAX: Final = 10
"""An answer that takes longer hangs."""
_EXAMPLES: dict[Way, int] = {"schemathesis": 50, "schemathesis on a socket": 12}
"""Cases for each operation, and scenarios, in one round."""
_PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
_STEPS: Final = 25
"""How many calls follow on the beginning of a programme."""
_ONCE: Final = ("examples", "coverage")
"""What enumerates, and would only be repeated after the first round."""
_CHOSEN: Final[tuple[str, ...]] = ()
"""Which operations are asked; all if none is named."""
_LED_OF: Final = 4
"""All cases but one in so many are led to something that is there."""
_RESOURCE_ID: Final = "[A-Za-z0-9_-]{192}"
_SID_FORM: Final = "[0-9a-f]{32}"
_ABOUT_RECORDINGS: Final = ("recording", "fail_over")
_ITS_NAME: Final = "testserver"
"""By which schemathesis calls what it asks in process."""
_SID: Final = "/sid/"
_GOOD: Final = (200, 206)


class HastyClock(SteppedClock):
    """A clock that nobody waits for, and that can be moved from outside."""

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        if seconds > 0:
            self.advance(seconds)
        await anyio.lowlevel.checkpoint()


def _emulator(**options: Any) -> Emulator:
    """An emulator without a rate limit, for a great many recordings."""
    settings = Settings(latency=0, concurrent_limit=10_000, web_concurrent_limit=10_000)
    return Emulator(qps=None, settings=settings, control_hosts=[_ITS_NAME], **options)


@define
class Report:
    """What came of it. `deep` are cases that reached a recording which was there."""

    way: Way
    cases: int = 0
    by_operation: Counter[str] = field(factory=Counter[str])
    by_status: Counter[int] = field(factory=Counter[int])
    by_phase: Counter[str] = field(factory=Counter[str])
    recordings: int = 0
    deep: int = 0
    slowest: float = 0.0
    slowest_case: str = ""
    seconds: float = 0.0
    faults: dict[str, str] = field(factory=dict[str, str])
    """Each kind of fault, with a command that shows one of them."""

    def add(self, other: "Report") -> None:
        """Count what another process has done, too."""
        self.cases += other.cases
        self.by_operation += other.by_operation
        self.by_status += other.by_status
        self.by_phase += other.by_phase
        self.recordings += other.recordings
        self.deep += other.deep
        self.faults |= other.faults
        self.seconds += other.seconds
        if other.slowest > self.slowest:
            self.slowest, self.slowest_case = other.slowest, other.slowest_case


@define
class _InProcess:
    """An emulator in process, as programs on this machine see it."""

    wrap: Callable[[AsgiApp], AsgiApp]
    emulator: Emulator = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin with a new one."""
        self.emulator = _emulator(clock=HastyClock(), webhooks_to=receiver)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            raise NotImplementedError
        await self.wrap(self.emulator.app)({**scope, "client": LOCAL}, receive, send)


def run(
    way: Way, *, cases: int, seed: int = 0, wrap: Callable[[AsgiApp], AsgiApp] = lambda app: app
) -> Report:
    """Ask so many things at least; `wrap` may put something before the emulator in process."""
    report = Report(way)
    began = time.monotonic()
    if way == "programmes":
        anyio.run(_play, report, cases, seed)
    elif way == "schemathesis on a socket":
        emulator = _emulator(clock=AcceleratedClock(60))
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulator.serve()) as served:
            _Session(report, served.url, lambda: emulator).run(cases, seed)
    else:
        target = _InProcess(wrap)
        _Session(report, "http://127.0.0.1", lambda: target.emulator, target).run(cases, seed)
    report.seconds = time.monotonic() - began
    return report


async def _play(report: Report, cases: int, seed: int) -> None:
    """Programmes of calls, each with a seed of its own and a new emulator."""
    while report.cases < cases and not report.faults:
        async with caller(settings=Settings(latency=0)) as me:
            try:
                await play(me, Tossed(Random(seed)), steps=_STEPS)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is found
                report.faults[f"{type(error).__name__} in the programme with seed {seed}"] = str(error)
        for (name, status), count in me.tally.items():
            report.cases += count
            report.by_operation[name] += count
            report.by_status[status] += count
            if status in _GOOD:
                report.recordings += count * name.startswith("start_")
                report.deep += count * ("{sid}" in me.operations[name][1])
        report.slowest, report.slowest_case = max((report.slowest, report.slowest_case), me.slowest)
        seed += 1


@define
class _Session:
    report: Report
    url: str
    emulator: Callable[[], Emulator]
    app: _InProcess | None = None

    def run(self, cases: int, seed: int) -> None:
        """Rounds of cases, each with another seed, until there are enough."""
        left = frozenset(_PHASES)
        while self.report.cases < cases and not self.report.faults:
            self._round(seed, left)
            sys.stderr.write(f"{self.report.way}, seed {seed}: {self.report.cases:,} cases by now\n")
            left -= frozenset(_ONCE)
            seed += 1

    def _round(self, seed: int, phases: frozenset[str]) -> None:
        emulator = self.emulator()
        customer = {"username": emulator.customer_id, "password": emulator.customer_secret}
        config = SchemathesisConfig.from_dict(
            {
                "base-url": self.url,
                "auth": {"openapi": {"customer": customer}},
                "seed": seed,
                "request-timeout": _SECONDS_MAX,
                "generation": {
                    "max-examples": _EXAMPLES[self.report.way],
                    "database": "none",
                    "no-shrink": True,
                },
                "phases": {name: {"enabled": name in phases} for name in _PHASES},
                "checks": {"enabled": False, **{name: {"enabled": True} for name in (*_CHECKS, _OURS)}},
            }
        )
        schema: Any = (
            schemathesis.openapi.from_url(f"{self.url}{DESCRIPTION}", config=config)
            if self.app is None
            else schemathesis.openapi.from_asgi(DESCRIPTION, self.app, config=config)
        )
        schema.hook(map_body)
        guide = _Guide(self.url, self.emulator, self.app)
        if _CHOSEN:
            schema = schema.include(operation_id=list(_CHOSEN))
        judge = Judge(Document(schema.raw_schema))
        with _plugged_in(guide.lead, lambda response: self._judge(judge, response)):
            for event in from_schema(schema).execute():
                self._note(event)

    def _judge(self, judge: Judge, response: Any) -> list[str]:
        """What is wrong with an answer. Injected faults are forgotten: what they do, no description says."""
        request = response.request
        asked = asked_of(request)
        found = judge.operation(asked.method, asked.path)
        if found is not None and found[0]["operationId"] == "inject":
            self.emulator().clear_faults()
        headers = {name: values[0] for name, values in response.headers.items()}
        return judge.faults(asked, Answered(response.status_code, headers, response.content))

    def _note(self, event: Any) -> None:
        """Count what was asked, and keep what was wrong."""
        report = self.report
        if isinstance(event, events.NonFatalError | events.FatalError):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            report.faults.setdefault(f"{type(error).__name__} {getattr(event, 'label', '')}", str(error))
        if not isinstance(event, events.ScenarioFinished):
            return
        for number, interaction in event.recorder.interactions.items():
            response, case = interaction.response, event.recorder.cases[number].value
            name = case.operation.definition.raw["operationId"]
            report.cases += 1
            report.by_operation[name] += 1
            report.by_phase[event.phase.value] += 1
            if response is None:
                report.faults.setdefault(f"{name}: no answer", case.as_curl_command())
            else:
                self._note_answer(name, response)
            for check in event.recorder.checks.get(number, ()):
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    what = f"{check.name} {name}: {failure.title}"
                    report.faults.setdefault(what, f"{failure.message}\n{case.as_curl_command()}")

    def _note_answer(self, name: str, response: Any) -> None:
        report = self.report
        report.by_status[response.status_code] += 1
        good = response.status_code in _GOOD
        report.recordings += good and name.startswith("start_")
        report.deep += good and _SID in response.request.url
        if response.elapsed > report.slowest:
            report.slowest, report.slowest_case = response.elapsed, name


@define
class _Guide:
    """Leads most cases to things that are there: random IDs would only ever meet 404.

    What is wrong stays as it is.
    """

    url: str
    emulator: Callable[[], Emulator]
    app: _InProcess | None
    _cases: int = 0

    def lead(self, case: Any) -> None:
        """Put a running recording, or a resource ID for one, where a right one stands."""
        places, name = case.path_parameters, case.operation.definition.raw["operationId"]
        self._cases += 1
        if self.app is not None and self._cases % _RENEWED_AFTER == 0:
            self.app.renew()
        if not isinstance(places, dict) or self._cases % _LED_OF == 0:
            return
        emulator, mode = self.emulator(), name.rpartition("_")[2]
        if _is_like(_RESOURCE_ID, places.get("resourceid")) and _is_like(
            _SID_FORM, places.get("sid", "0" * 32)
        ):
            if "sid" in places:
                recording = self._running(emulator, mode)
                known = {"resourceid": recording.resource_id, "sid": recording.sid}
                self._rename(case.body, recording.cname, recording.uid)
            else:
                who = {"cname": f"class-{self._cases}", "uid": str(self._cases)}
                known = {"resourceid": self._acquired(emulator, mode, who)}
                self._rename(case.body, **who)
            case.path_parameters = {**places, **known}
        elif name in _ABOUT_RECORDINGS:
            case.path_parameters = {**places, "sid": self._running(emulator, "mix").sid}

    def _rename(self, body: Any, cname: str, uid: str) -> None:
        if isinstance(body, dict) and _is_like(UID.pattern, body.get("uid")) and body.get("cname"):
            body |= {"cname": cname, "uid": uid}

    def _running(self, emulator: Emulator, mode: str) -> SessionView:
        """A recording of that mode that runs; the latest, or a new one."""
        found = [each for each in emulator.running() if each.mode == mode]
        if found:
            return found[-1]
        who = {"cname": f"class-{self._cases}", "uid": str(self._cases)}
        path = f"resourceid/{self._acquired(emulator, mode, who)}/mode/{mode}/start"
        sid = self._post(emulator, path, {**who, "clientRequest": PLAIN[mode]})["sid"]
        return next(each for each in emulator.running() if each.sid == sid)

    def _acquired(self, emulator: Emulator, mode: str, who: dict[str, str]) -> str:
        request = {"scene": 1} if mode == "web" else {}
        resource_id: str = self._post(emulator, "acquire", {**who, "clientRequest": request})["resourceId"]
        return resource_id

    def _post(self, emulator: Emulator, path: str, body: Any) -> Any:
        whose = (emulator.customer_id, emulator.customer_secret)
        url = f"{self.url}/v1/apps/{emulator.app_id}/cloud_recording/{path}"
        with requests.Session() if self.app is None else get_client(self.app) as http:
            answer = http.post(url, json=body, auth=whose)
        answer.raise_for_status()
        return answer.json()


def _is_like(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def map_body(_: Any, body: Any) -> Any:
    """The same body with 1 where there was 1.0: the service has types, and takes no such integer."""
    if isinstance(body, dict):
        return {name: map_body(_, item) for name, item in body.items()}
    if isinstance(body, list):
        return [map_body(_, item) for item in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


def asked_of(request: Any) -> Asked:
    """What requests has sent."""
    parts = urlsplit(request.url)
    body = request.body or b""
    return Asked(
        method=request.method,
        path=parts.path,
        query=parts.query,
        headers={name.lower(): _text(value) for name, value in request.headers.items()},
        body=body.encode() if isinstance(body, str) else body,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


@contextmanager
def _plugged_in(lead: Callable[[Any], None], faults: Callable[[Any], list[str]]) -> Generator[None]:
    """Have schemathesis show us each case before it is sent, and ask our judge beside its own checks."""

    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        lead(case)

    def as_described(ctx: Any, response: Any, case: Any) -> None:
        found = faults(response)
        if found:
            raise AssertionError("; ".join(found))

    schemathesis.check(as_described)
    schemathesis.hook(before_call)
    try:
        yield
    finally:
        CHECKS.unregister(_OURS)
        unregister(before_call)
