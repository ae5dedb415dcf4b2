"""`agora-rec emulator --webhooks-to`: options, the secret, what arrives, and the report at the end."""

import hashlib
import hmac
import json
import queue
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import trustme
from click.testing import CliRunner

from agora_rec.cli.commands import command
from agora_rec.cli.webhooks import emulator_arguments, report
from agora_rec.emulator import Delivery, DeliveryAttempt, DeliveryState, Emulator, Reception
from tests.cli.processes import agora_rec
from tests.emulator.webhooks.notices import after
from tests.support.reference import load
from tests.support.secrets import NEEDLE, WEBHOOK_SECRET

NOTHING = {
    "webhooks_to": None,
    "webhooks_ca": None,
    "redundant": False,
    "own_notice_ids": False,
    "loss": None,
    "lost": (),
    "delay": None,
    "reorder": None,
    "subscribed": (),
    "retry_gaps": (),
}
"""What click gives where no option was given."""


@contextmanager
def a_receiver() -> Generator[tuple[str, "queue.Queue[tuple[dict[str, str], bytes]]"]]:
    """A server in a thread that takes whatever comes."""
    came: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.put((dict(self.headers.items()), body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", came
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("given", [True, False], ids=["own secret", "invented secret"])
def test_notifications_arrive_signed_with_a_secret_that_was_given_or_is_printed(given: bool):  # noqa: FBT001 - a parameter
    environment = {"AGORA_WEBHOOK_SECRET": WEBHOOK_SECRET if given else ""}
    with (
        a_receiver() as (url, came),
        agora_rec(
            "emulator", "--port", "0", "--webhooks-to", f"{url}/{NEEDLE}", environment=environment
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        printed = dict(process.stdout.readline().strip().split("=", 1) for _ in range(4 if given else 5))
        assert ("AGORA_WEBHOOK_SECRET" in printed) != given
        secret = WEBHOOK_SECRET if given else printed["AGORA_WEBHOOK_SECRET"]
        record(printed)
        headers, body = came.get(timeout=20)
        assert headers["Agora-Signature-V2"] == hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert json.loads(body)["payload"]["cname"] == "class-42"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        said = process.stderr.read()
    assert "Notifications: " in said, "how many were through by then is a matter of luck"
    assert NEEDLE not in said


def record(printed: dict[str, str]) -> None:
    """Start a recording at the served emulator."""
    base = f"/v1/apps/{printed['AGORA_APP_ID']}/cloud_recording"
    auth = (printed["AGORA_CUSTOMER_ID"], printed["AGORA_CUSTOMER_SECRET"])
    with httpx.Client(base_url=printed["AGORA_BASE_URL"] + base, auth=auth, trust_env=False) as http:
        head = {"cname": "class-42", "uid": "880011"}
        resource_id = http.post("/acquire", json={**head, "clientRequest": {}}).json()["resourceId"]
        request = json.loads(load("requests")["examples"]["start_mix_hls"])["clientRequest"]
        started = http.post(
            f"/resourceid/{resource_id}/mode/mix/start", json={**head, "clientRequest": request}
        )
        assert started.status_code == 200, started.text


TO = ("--webhooks-to", "https://example.org")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--redundant"], "need --webhooks-to"),
        (["--lose", "31"], "need --webhooks-to"),
        (["--webhooks-to", "http://example.org/hooks"], "no longer supported"),
        ([*TO, "--loss", "2"], "webhooks.loss = 2.0"),
        ([*TO, "--delay", "3", "1"], "webhooks.delay"),
        (
            ["--webhooks-to", "https://example.org", "--retry-gap", "3", "--retry-gap", "1"],
            "webhooks.retry_gaps",
        ),
        ([*TO, "--loss", "much"], "--loss"),
        (["--webhooks-to", f"https://me:{NEEDLE}@example.org"], "password"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(options: list[str], said: str):
    result = CliRunner().invoke(command, ["emulator", *options])
    assert result.exit_code == 2
    assert said in result.output
    assert NEEDLE not in result.output


def test_certificates_that_are_none_are_wrong_usage(tmp_path: Path):
    path = tmp_path / "authority.pem"
    path.write_text("no certificate")
    options = ["--webhooks-to", "https://example.org", "--webhooks-ca", str(path)]
    result = CliRunner().invoke(command, ["emulator", *options])
    assert result.exit_code == 2
    assert "--webhooks-ca" in result.output


def test_the_options_are_the_switches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGORA_WEBHOOK_SECRET", WEBHOOK_SECRET)
    path = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(path)
    given: dict[str, Any] = {
        "app_id": "f0",
        "webhooks_to": "https://example.org",
        "webhooks_ca": path,
        "redundant": True,
        "own_notice_ids": True,
        "loss": 0.1,
        "lost": (31, 32),
        "delay": (0.0, 3.0),
        "reorder": 2,
        "subscribed": (40, 31),
        "retry_gaps": (0.0, 1.0),
    }
    emulator = Emulator(**emulator_arguments(given))
    assert given == {"app_id": "f0"}, "what is not about notifications is left"
    switches = emulator.webhooks
    assert (switches.redundant, switches.copies_share_id, switches.loss) == (True, False, 0.1)
    assert (switches.lost, switches.subscribed) == (frozenset({31, 32}), frozenset({40, 31}))
    assert (switches.delay, switches.reorder, switches.retry_gaps) == ((0, 3), 2, (0, 1))
    assert emulator.webhooks_to == "https://example.org"
    assert emulator.webhook_secret == WEBHOOK_SECRET
    assert emulator.webhooks_verify is not None
    assert len(emulator.webhooks_verify.get_ca_certs()) == 1


def test_without_options_the_defaults_are_the_services(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("AGORA_WEBHOOK_SECRET", raising=False)
    assert emulator_arguments(dict(NOTHING)) == {}
    arguments = emulator_arguments(NOTHING | {"webhooks_to": "https://example.org"})
    emulator = Emulator(**arguments)
    assert emulator.webhooks == Emulator().webhooks
    assert emulator.webhook_secret == Emulator().webhook_secret
    assert emulator.webhooks_verify is None


def test_the_table_of_options_is_that_of_the_command():
    emulator = command.commands["emulator"]
    assert isinstance(emulator, click.Command)
    assert set(NOTHING) <= {option.name for option in emulator.params}


def a_delivery(state: DeliveryState, *receptions: tuple[Reception, int | None]) -> Delivery:
    attempts = tuple(
        DeliveryAttempt(at=after(0), notify_ms=0, seconds=0, reception=reception, status=status)
        for reception, status in receptions
    )
    return Delivery(
        number=1,
        copy=1,
        notice_id="n-1",
        event_type=40,
        at=after(0),
        payload={},
        state=state,
        due=None,
        attempts=attempts,
    )


def test_the_report_counts_what_became_of_them():
    assert report(()) == "Notifications: none."
    fine = a_delivery(DeliveryState.DELIVERED, (Reception.ACCEPTED, 200))
    late = a_delivery(DeliveryState.DELIVERED, (Reception.REFUSED, 503), (Reception.ACCEPTED, 200))
    gone = a_delivery(DeliveryState.DROPPED, (Reception.REFUSED, 503), (Reception.TIMED_OUT, None))
    assert report((fine, late, gone)) == (
        "Notifications: 2 delivered, 1 dropped; failed attempts: 2 refused 503, 1 timed out."
    )
