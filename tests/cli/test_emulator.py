"""`agora-rec emulator`, in a process of its own."""

import json
import signal
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme
from click.testing import CliRunner

from agora_rec.cli.commands import command, emulator_command
from agora_rec.emulator import Emulator
from tests.cli.processes import agora_rec, line_with
from tests.emulator.stage import example
from tests.support.secrets import CUSTOMER_SECRET


def settings_of(lines: Callable[[], str]) -> dict[str, str]:
    """The four lines that it prints."""
    return dict(lines().strip().split("=", 1) for _ in range(4))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_an_environment_serves_and_ends_on_request(end: signal.Signals):
    with agora_rec("emulator", "--port", "0", "--app-id", "f0" * 16, "--speed", "3000") as process:
        assert process.stdout is not None
        printed = settings_of(process.stdout.readline)
        assert list(printed) == [
            "AGORA_BASE_URL",
            "AGORA_APP_ID",
            "AGORA_CUSTOMER_ID",
            "AGORA_CUSTOMER_SECRET",
        ]
        assert printed["AGORA_APP_ID"] == "f0" * 16
        assert printed["AGORA_BASE_URL"].startswith("http://127.0.0.1:")
        base = f"{printed['AGORA_BASE_URL']}/v1/apps/{printed['AGORA_APP_ID']}/cloud_recording"
        url = f"{base}/acquire"
        body = {"cname": "c", "uid": "1", "clientRequest": {}}
        credentials = (printed["AGORA_CUSTOMER_ID"], printed["AGORA_CUSTOMER_SECRET"])
        answer = httpx.post(url, json=body, auth=credentials)
        assert answer.status_code == 200
        resource_id = json.loads(answer.content)["resourceId"]
        time.sleep(0.11)  # more than the five minutes for which it is good
        start = f"{base}/resourceid/{resource_id}/mode/mix/start"
        body = {"cname": "c", "uid": "1", "clientRequest": example("start_mix_hls")}
        assert httpx.post(start, json=body, auth=credentials).json()["code"] == 433
        assert httpx.post(start, json=body, auth=("who", "ever")).status_code == 401
        told = httpx.get(f"{printed['AGORA_BASE_URL']}/_emulator/api/calls?limit=1").json()
        assert (told["calls"][0]["status"], told["more"]) == (401, True)
        process.send_signal(end)
        assert process.wait(10) == 0
        assert process.stderr is not None
        said = process.stderr.read()
        assert "it records test pictures only" in said
        assert f"What it does: {printed['AGORA_BASE_URL']}/_emulator/" in said


@pytest.mark.parametrize("own_file", [True, False])
def test_it_serves_https(tmp_path: Path, own_file: bool):  # noqa: FBT001 - a parameter of the test
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    if own_file:
        certificate.private_key_pem.write_to_path(key)
        chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        options = ["--tls-cert", str(chain), "--tls-key", str(key)]
    else:
        certificate.private_key_and_cert_chain_pem.write_to_path(chain)
        options = ["--tls-cert", str(chain)]
    with agora_rec("emulator", "--port", "0", *options) as process:
        url = line_with(process, "AGORA_BASE_URL").strip().partition("=")[2]
        assert url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        assert httpx.get(f"{url}/v1/ncs/ip", verify=context).status_code == 401
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/v1/ncs/ip")


def test_the_control_api_can_be_left_out_and_called_by_a_name():
    with agora_rec("emulator", "--port", "0", "--control", "off") as process:
        url = line_with(process, "AGORA_BASE_URL").strip().partition("=")[2]
        assert httpx.get(f"{url}/_emulator/").json() == {"message": "no Route matched with those values"}
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "What it does" not in process.stderr.read()
    with agora_rec("emulator", "--port", "0", "--control", "everybody", "--control-host", "box") as process:
        url = line_with(process, "AGORA_BASE_URL").strip().partition("=")[2]
        for host, status in (("box", 200), ("fox", 403)):
            assert httpx.get(f"{url}/_emulator/", headers={"host": host}).status_code == status
    result = CliRunner().invoke(command, ["emulator", "--control-host", "http://box"])
    assert (result.exit_code, "control_hosts" in result.output) == (2, True)


def test_storages_elsewhere_are_named_with_their_urls():
    given = ["--endpoint", "storage.test=http://127.0.0.1:9000", "--endpoint", "s3.lan=https://s3.lan/?a=b"]
    context = emulator_command.make_context("emulator", given)
    assert context.params["endpoints"] == {
        "storage.test": "http://127.0.0.1:9000",
        "s3.lan": "https://s3.lan/?a=b",
    }


@pytest.mark.parametrize(
    "wrong", ["storage.test", "=http://127.0.0.1", "storage.test=127.0.0.1:9000", "s3.lan:9=http://s3.lan:9"]
)
def test_a_storage_without_name_or_url_is_wrong_usage(wrong: str):
    result = CliRunner().invoke(command, ["emulator", "--endpoint", wrong])
    assert (result.exit_code, "host name without a port, and its URL" in result.output) == (2, True)


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(command, ["emulator", "--port", port])
    assert result.exit_code == 1
    assert "Address already in use" in result.output


def test_the_secret_of_a_real_account_in_the_environment_is_not_its_own_and_never_printed():
    with agora_rec(
        "emulator", "--port", "0", environment={"AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET}
    ) as process:
        line = line_with(process, "AGORA_CUSTOMER_SECRET")
    assert line == f"AGORA_CUSTOMER_SECRET={Emulator().customer_secret}\n"


@pytest.mark.parametrize("rate", ["nan", "inf", "0"])
def test_a_rate_that_is_none_is_wrong_usage(rate: str):
    result = CliRunner().invoke(command, ["emulator", "--qps", rate])
    assert result.exit_code == 2
    assert "--qps" in result.output


def test_a_certificate_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "chain.pem").write_text("no certificate")
    result = CliRunner().invoke(command, ["emulator", "--tls-cert", str(tmp_path / "chain.pem")])
    assert result.exit_code == 1
    assert "chain.pem" in result.output


def test_a_key_without_a_certificate_is_said(tmp_path: Path):
    key = tmp_path / "key.pem"
    key.touch()
    result = CliRunner().invoke(command, ["emulator", "--tls-key", str(key)])
    assert result.exit_code == 2
    assert "--tls-key needs --tls-cert" in result.output
