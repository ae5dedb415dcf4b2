"""How a telemetry comes into a client, and how somebody writes one without OpenTelemetry."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field

from agora_rec import Attempt, CallObserver, CloudRecording, Operation, Telemetry
from agora_rec.emulator import Refuse
from agora_rec.model import AnyAnswer
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import START, a_client, an_emulator, stage
from tests.telemetry.seen import Seen

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]


@define
class Diary:
    """Writes down what it hears."""

    lines: list[str] = field(factory=list)

    @contextmanager
    def observe(self, operation: Operation[AnyAnswer]) -> Generator[CallObserver]:
        self.lines.append(f"{operation.name} begins")
        yield self
        self.lines.append(f"{operation.name} ends")

    def waited(self, seconds: float, pause: float) -> None:
        self.lines.append(f"waited {seconds:g} of {pause:g}")

    @contextmanager
    def attempt(self, host: str) -> Generator[None]:
        self.lines.append(f"asks {host}")
        try:
            yield
        finally:
            self.lines.append("asked")

    def attempted(self, attempt: Attempt) -> None:
        self.lines.append(f"{attempt.outcome.value} {attempt.status}")


async def test_anybody_can_look_on():
    diary = Diary()
    telemetry: Telemetry = diary
    async with stage(client={"telemetry": telemetry}) as on:
        on.emulator.inject(Refuse(503), operation=START)
        await on.started()
    once = ["asks http://127.0.0.1", "answered 200", "asked"]
    assert diary.lines == [
        "acquire begins",
        "waited 0 of 0",
        *once,
        "acquire ends",
        "start begins",
        "waited 0 of 0",
        "asks http://127.0.0.1",
        "unanswered 503",
        "asked",
        "waited 3 of 3",
        *once,
        "start ends",
    ]


async def test_one_telemetry_serves_several_clients():
    seen = Seen()
    emulator = an_emulator()
    async with (
        a_client(emulator, telemetry=seen.telemetry) as one,
        a_client(emulator, telemetry=seen.telemetry) as other,
    ):
        await one.notification_ips()
        await other.notification_ips()
    assert len(seen.calls) == 2


async def test_a_client_from_the_environment_takes_one_too(monkeypatch: pytest.MonkeyPatch):
    seen, emulator = Seen(), an_emulator()
    monkeypatch.setenv("AGORA_APP_ID", emulator.app_id)
    monkeypatch.setenv("AGORA_CUSTOMER_ID", secrets.CUSTOMER_ID)
    monkeypatch.setenv("AGORA_CUSTOMER_SECRET", secrets.CUSTOMER_SECRET)
    async with CloudRecording.from_env(
        base_url=emulator.base_url, transport=emulator.transport(), telemetry=seen.telemetry
    ) as cloud:
        await cloud.notification_ips()
    assert seen.tree() == ["agora_rec ncs_ip", "  GET"]


def printed(code: str) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_without_providers_the_global_ones_are_used_whenever_they_come():
    code = (
        "import anyio\n"
        "from opentelemetry import metrics, trace\n"
        "from agora_rec.telemetry import OpenTelemetry\n"
        "from tests.telemetry.seen import Seen\n"
        "from tests.operations import samples\n"
        "from tests.transport.scripts import LOST, ScriptedWire, transport_over\n"
        "from agora_rec.transport import RetryPolicy\n"
        "telemetry = OpenTelemetry()\n"
        "seen = Seen()\n"
        "trace.set_tracer_provider(seen.tracer_provider)\n"
        "metrics.set_meter_provider(seen.meter_provider)\n"
        "async def main():\n"
        "    try:\n"
        "        await transport_over(ScriptedWire([LOST]), retry=RetryPolicy.never(), telemetry=telemetry)"
        ".send(samples.START)\n"
        "    except Exception:\n"
        "        print(seen.tree(), len(seen.points('agora_rec.call.duration')))\n"
        "anyio.run(main)"
    )
    assert printed(code) == "['agora_rec start', '  POST'] 1"


def test_without_the_extra_the_import_says_what_to_install():
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n"
        "    from agora_rec.telemetry import OpenTelemetry\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert printed(code) == "agora_rec.telemetry needs opentelemetry: pip install 'agora-rec[otel]'"


def test_the_sdk_is_not_needed():
    code = (
        "import sys\n"
        "foreign = ('opentelemetry.sdk', 'opentelemetry.semconv', 'opentelemetry.instrumentation')\n"
        "sys.modules.update(dict.fromkeys(foreign))\n"
        "from agora_rec.telemetry import OpenTelemetry\n"
        "print(OpenTelemetry())"
    )
    assert printed(code) == "OpenTelemetry(identify=True, url_template=True)"
