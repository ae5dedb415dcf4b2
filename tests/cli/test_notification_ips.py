"""`agora-rec notification-ips`, over real sockets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from agora_rec.cli.commands import command
from agora_rec.emulator import Emulator, Refuse, Settings
from agora_rec.vocabulary import OperationName
from tests.cli.processes import agora_rec
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, shown_in
from tests.support.served import served_emulator

ADDRESSES = ("198.51.100.7", "192.0.2.11", "2001:db8::5", "192.0.2.10", "198.51.100.7")


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    """An emulator on a port."""
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        qps=None,
        settings=Settings(notification_ips=ADDRESSES),
    )
    with served_emulator(emulator) as served:
        yield served


@pytest.fixture
def environment(service: tuple[Emulator, str]) -> dict[str, str]:
    emulator, url = service
    return {
        "AGORA_APP_ID": emulator.app_id,
        "AGORA_CUSTOMER_ID": CUSTOMER_ID,
        "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
        "AGORA_BASE_URL": url,
    }


def invoke(*arguments: str, environment: dict[str, str]) -> Result:
    """The command in this process."""
    result = CliRunner().invoke(command, ["notification-ips", *arguments], env=environment)
    assert not shown_in(result.output)
    return result


def test_a_program_reads_an_address_a_line_and_nothing_else(environment: dict[str, str]):
    with agora_rec("notification-ips", environment=environment) as process:
        out, err = process.communicate(timeout=30)
    assert out == "192.0.2.10\n192.0.2.11\n198.51.100.7\n2001:db8::5\n"
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_json_has_the_times_too(environment: dict[str, str], arguments: tuple[str, ...]):
    began = datetime.now(UTC).replace(microsecond=0)
    told = json.loads(invoke(*arguments, environment=environment).stdout)
    assert list(told) == ["addresses", "asked_at", "refresh_before"]
    assert told["addresses"] == ["192.0.2.10", "192.0.2.11", "198.51.100.7", "2001:db8::5"]
    asked_at = datetime.fromisoformat(told["asked_at"])
    assert began <= asked_at <= datetime.now(UTC)
    assert datetime.fromisoformat(told["refresh_before"]) - asked_at == timedelta(hours=24)


def test_networks_hold_what_is_told_and_no_more(environment: dict[str, str]):
    told = invoke("--format", "networks", environment=environment).stdout
    assert told == "192.0.2.10/31\n198.51.100.7/32\n2001:db8::5/128\n"


def test_nginx_lets_these_through_and_nobody_else(environment: dict[str, str]):
    first, *lines = invoke("--format", "nginx", environment=environment).stdout.splitlines()
    assert first.startswith("# asked at 20")
    assert lines == [
        "allow 192.0.2.10;",
        "allow 192.0.2.11;",
        "allow 198.51.100.7;",
        "allow 2001:db8::5;",
        "deny all;",
    ]


def test_the_base_url_may_be_an_option(environment: dict[str, str]):
    url = environment.pop("AGORA_BASE_URL")
    assert invoke("--base-url", url, environment=environment).exit_code == 0


def test_what_is_not_told_is_said_elsewhere(service: tuple[Emulator, str], environment: dict[str, str]):
    emulator, _ = service
    emulator.inject(Refuse(status=401), operation=OperationName.NCS_IP)
    result = invoke("--format", "nginx", environment=environment)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "AuthenticationFailed: ncs_ip" in result.stderr


def test_missing_credentials_are_wrong_usage(environment: dict[str, str]):
    result = invoke(environment=environment | {"AGORA_CUSTOMER_ID": ""})
    assert result.exit_code == 2
    assert "AGORA_CUSTOMER_ID" in result.stderr


def test_a_proxy_that_is_none_is_wrong_usage(environment: dict[str, str]):
    elsewhere = {"AGORA_BASE_URL": "https://example.com", "ALL_PROXY": "gopher://127.0.0.1"}
    result = invoke(environment=environment | elsewhere)
    assert result.exit_code == 2
    assert "proxy" in result.stderr
