"""Proxies and certificates: what the environment says, read when a client opens."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from agora_rec.errors import InvalidRequest
from agora_rec.transport import Hosts, environment, open_transport
from agora_rec.transport.environment import proxies_of, proxy_for, trust
from agora_rec.vocabulary import Area
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET

KEYS: dict[str, Any] = {"customer_id": CUSTOMER_ID, "customer_secret": CUSTOMER_SECRET}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *map(str.upper, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "proxies", "proxy"),
    [
        ("https://api.agora.io/v1", {}, None),
        ("https://api.agora.io/v1", {"https": "http://p:1"}, "http://p:1"),
        ("https://api.agora.io/v1", {"all": "http://p:2"}, "http://p:2"),
        ("https://api.agora.io/v1", {"https": "p:3"}, "http://p:3"),
        ("https://api.agora.io/v1", {"http": "http://p:1"}, None),
        ("http://127.0.0.1:80/v1", {"http": "http://p:1"}, None),
        ("https://localhost/v1", {"https": "http://p:1"}, None),
    ],
)
def test_proxies_of_the_environment_are_used_but_never_for_this_machine(
    url: str, proxies: dict[str, str], proxy: str | None
):
    assert proxy_for(url, proxies) == proxy


@pytest.mark.parametrize(("exempt", "proxy"), [("agora.io", None), ("sd-rtn.com", "http://p:1")])
def test_hosts_that_the_environment_exempts_are_reached_directly(
    monkeypatch: pytest.MonkeyPatch, exempt: str, proxy: str | None
):
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", exempt)
    assert proxy_for("https://api.agora.io/v1", {"https": "http://p:1"}) == proxy


def test_exempt_hosts_are_asked_for_as_every_system_can_tell_them(monkeypatch: pytest.MonkeyPatch):
    # On macOS and Windows urllib's function takes the host alone.
    def proxy_bypass(host: str) -> bool:
        return host == "api.agora.io"

    monkeypatch.setattr(environment, "proxy_bypass", proxy_bypass)
    assert proxy_for("https://api.agora.io/v1", {"https": "http://p:1"}) is None
    assert proxy_for("https://api.sd-rtn.com/v1", {"https": "http://p:1"}) == "http://p:1"


def test_the_hosts_that_are_reached_through_a_proxy_are_known_beforehand(monkeypatch: pytest.MonkeyPatch):
    hosts = Hosts.of_area(Area.EU).candidates
    assert proxies_of(hosts) == {}
    monkeypatch.setenv("all_proxy", "http://p:1")
    monkeypatch.setenv("no_proxy", "sd-rtn.com")
    found = {host: proxy.reveal() for host, proxy in proxies_of(hosts).items()}
    assert found == {host: "http://p:1" for host in hosts if "agora.io" in host}
    assert proxies_of(("http://127.0.0.1:80",)) == {}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("proxy", "shown", "rule"),
    [
        (
            f"ftp://user:{CUSTOMER_SECRET}@127.0.0.1:9",
            "'ftp://127.0.0.1:9'",
            "http, https, socks5 or socks5h",
        ),
        (f"http://user:{CUSTOMER_SECRET}@host:port", "'***'", "http, https"),
        (f"socks5://user:{CUSTOMER_SECRET}@host", "'socks5://host'", "pip install"),
    ],
    ids=["ftp", "port", "socks"],
)
async def test_a_proxy_that_cannot_be_used_is_named_when_the_client_opens_and_without_its_password(
    proxy: str, shown: str, rule: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("https_proxy", proxy)
    transport = open_transport(**KEYS)
    with pytest.raises(InvalidRequest) as caught:
        await transport.__aenter__()
    (violation,) = caught.value.violations
    assert (violation.path, violation.value) == ("https_proxy", shown)
    assert rule in violation.rule


@pytest.mark.anyio
async def test_an_https_proxy_is_verified_by_the_same_authorities_as_the_hosts(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("https_proxy", "https://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/bundle.pem")
    with pytest.raises(InvalidRequest, match="SSL_CERT_FILE"):
        await open_transport(**KEYS).__aenter__()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_cannot_be_read_are_named_when_the_client_opens(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, "/no/such/thing")
    with pytest.raises(InvalidRequest) as caught:
        await open_transport(**KEYS).__aenter__()
    (violation,) = caught.value.violations
    assert (violation.path, violation.value) == (name, "'/no/such/thing'")
    assert "PEM" in violation.rule


@pytest.mark.anyio
async def test_certificates_are_not_read_where_none_are_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/thing")
    async with open_transport(**KEYS, base_url="http://127.0.0.1:1"):
        pass


def test_a_bundle_without_certificates_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(InvalidRequest, match="SSL_CERT_FILE"):
        trust()


def test_the_bundle_is_the_named_one_or_else_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    usual = trust()
    assert len(usual.get_ca_certs()) > 50
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    in_folder = trust()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    named = trust()
    assert len(named.get_ca_certs()) == 1
    for context in (usual, in_folder, named):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
