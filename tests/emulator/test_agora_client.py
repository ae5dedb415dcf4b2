"""Agora's own published client works on the emulator, over TLS, with certificates verified."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from agora_rec.emulator import AcceleratedClock, Call, Emulator, Settings, Unreachable
from tests.emulator.agora_flows import CHANNEL
from tests.emulator.test_answers import shape_of
from tests.support.reference import load
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET
from tests.support.served import served_emulator

ROOT = Path(__file__).resolve().parents[2]
HOSTS: dict[str, Any] = load("hosts")
ANSWERS: dict[str, Any] = load("responses")["endpoints"]
NAMES = [domain["name"] for domain in HOSTS["domains"]]
NAMES += [
    f"{region['prefix']}.{suffix}" for region in HOSTS["regions"] for suffix in ("agora.io", "sd-rtn.com")
]
SPEED = 200
APP_IDS = ("e0" * 16, "e1" * 16, "e2" * 16)
"""One for each mode: the three record the same channel with the same uid."""

pytestmark = pytest.mark.untraced


Ran = tuple[Emulator, Mapping[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The emulator on which the three flows have run, and what the client made of the answers."""
    folder = tmp_path_factory.mktemp("tls")
    authority, nobody = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    for issuer, name in ((authority, "agora.pem"), (nobody, "stranger.pem")):
        issuer.issue_cert(*NAMES).private_key_and_cert_chain_pem.write_to_path(folder / name)
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        clock=AcceleratedClock(SPEED),
        settings=Settings(other_app_ids=frozenset(APP_IDS)),
    )
    emulator.inject(Unreachable(), host="api-us-west-1.agora.io")
    emulator.inject(Unreachable(), host="api-us-west-1.sd-rtn.com")
    with (
        served_emulator(emulator, certificate=folder / "agora.pem") as (_, url),
        served_emulator(certificate=folder / "stranger.pem") as (stranger, its_url),
    ):
        ports = [each.rpartition(":")[2] for each in (url, its_url)]
        process = subprocess.run(
            [sys.executable, "-m", "tests.emulator.agora_flows", *ports, *APP_IDS],
            cwd=ROOT,
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(folder / "authority.pem"), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert process.returncode == 0, process.stderr
    assert stranger.calls == ()
    return emulator, json.loads(process.stdout)


def answers(ran: Ran, mode: str, name: str) -> list[Any]:
    return [answer for call, answer in ran[1][mode] if call == name]


@pytest.mark.parametrize("mode", ["mix", "individual", "web"])
def test_each_mode_goes_from_acquire_to_stop(ran: Ran, mode: str):
    (acquired,) = answers(ran, mode, "acquire")
    assert acquired == CHANNEL | {"resourceId": acquired["resourceId"]}
    started, again = answers(ran, mode, "start")
    assert started == acquired | {"sid": started["sid"]}
    assert again["code"] == 7
    *running, gone = answers(ran, mode, "query")
    assert [answer["serverResponse"]["status"] for answer in running] == [5] * len(running)
    assert gone == [404, 404]
    (stopped,) = answers(ran, mode, "stop")
    assert {name: stopped[name] for name in started} == started
    (session,) = [each for each in ran[0].sessions if each.sid == started["sid"]]
    assert (session.mode, session.uploading_status) == (mode, "uploaded")


def test_what_it_reads_has_the_shape_of_the_documented_answers(ran: Ran):
    variants = {"mix": "mix_hls_mp4", "individual": "individual_snapshot", "web": "web_rtmp"}
    for mode, variant in variants.items():
        for name in ("query", "stop"):
            documented = ANSWERS[name][200]["variants"]
            wanted = documented["web" if (mode, name) == ("web", "stop") else variant]
            sample = json.loads(wanted)["serverResponse"]
            said = answers(ran, mode, name)[0]["serverResponse"]
            assert set(shape_of(said)) == set(shape_of(sample)), (mode, name)  # type: ignore[call-overload]


def test_updates_are_taken_and_bad_ones_refused(ran: Ran):
    for mode in ("mix", "individual", "web"):
        for answer in answers(ran, mode, "update"):
            assert answer == answers(ran, mode, "start")[0]
    taken, refused = answers(ran, "mix", "update_layout")
    assert taken == answers(ran, "mix", "start")[0]
    assert refused == [400, 2]
    first, second = answers(ran, "web", "query")[:2]
    held = [
        answer["serverResponse"]["extensionServiceState"][0]["payload"]["onhold"]
        for answer in (first, second)
    ]
    assert held == [False, True]


def test_it_comes_by_the_names_of_its_region_and_goes_on_to_the_neighbour(ran: Ran):
    def names(calls: tuple[Call, ...], app_id: str) -> set[str]:
        return {call.host.partition(".")[0] for call in calls if f"/{app_id}/" in call.path}

    calls = ran[0].calls
    assert names(calls, APP_IDS[0]) == {"api-eu-west-1"}
    assert names(calls, APP_IDS[1]) == {"api-ap-southeast-1"}
    # The first name of the United States could not be reached once.
    assert names(calls, APP_IDS[2]) == {"api-us-west-1", "api-us-east-1"}
    assert all(call.path.startswith("/eu/v1/") for call in calls if f"/{APP_IDS[0]}/" in call.path)


def test_both_domains_tell_from_where_notifications_come(ran: Ran):
    emulator, said = ran
    hosts = [{"primaryIP": address} for address in emulator.settings.notification_ips]
    assert said["senders"] == [{"data": {"service": {"hosts": hosts}}}] * 2
    assert [call.host for call in emulator.calls if call.operation == "ncs_ip"] == NAMES[1::-1]


def test_a_certificate_that_nobody_vouches_for_is_refused(ran: Ran):
    assert ran[1]["stranger"] == "SSLError"
