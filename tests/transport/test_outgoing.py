import base64

import pytest

import agora_rec
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret
from agora_rec.transport import outgoing
from agora_rec.transport.outgoing import basic_authorization, headers_of_get, headers_of_post, proxy_for
from tests.support.reference import load
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET


def test_credentials_become_basic_authorization():
    scheme, _, words = basic_authorization(CUSTOMER_ID, CUSTOMER_SECRET).reveal().partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(words).decode() == f"{CUSTOMER_ID}:{CUSTOMER_SECRET}"
    assert basic_authorization(Secret(CUSTOMER_ID), Secret(CUSTOMER_SECRET)).reveal() == f"{scheme} {words}"


@pytest.mark.parametrize(
    ("customer_id", "customer_secret", "paths"),
    [
        ("", CUSTOMER_SECRET, ["customer_id"]),
        ("a:b", CUSTOMER_SECRET, ["customer_id"]),
        (f"{CUSTOMER_ID}\udc80", CUSTOMER_SECRET, ["customer_id"]),
        (CUSTOMER_ID, "", ["customer_secret"]),
        (CUSTOMER_ID, f"{CUSTOMER_SECRET}\ud800", ["customer_secret"]),
        ("", "", ["customer_id", "customer_secret"]),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_unseen(
    customer_id: str, customer_secret: str, paths: list[str]
):
    with pytest.raises(InvalidRequest) as caught:
        basic_authorization(customer_id, customer_secret)
    assert [(each.path, each.value) for each in caught.value.violations] == [(path, "***") for path in paths]


def test_only_a_request_with_a_body_has_the_documented_content_type():
    documented = load("requests")["transport"]["request_headers"]["Content-Type"]["current"]
    assert dict(headers_of_post())["Content-Type"] == documented
    assert "Content-Type" not in dict(headers_of_get())


def test_one_user_agent_names_library_and_version():
    named = [value for name, value in headers_of_post() if name == "User-Agent"]
    assert named == [f"agora-rec/{agora_rec.__version__}"]


def test_answers_are_asked_for_uncompressed():
    assert dict(headers_of_get())["Accept-Encoding"] == "identity"


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

    monkeypatch.setattr(outgoing, "proxy_bypass", proxy_bypass)
    assert proxy_for("https://api.agora.io/v1", {"https": "http://p:1"}) is None
    assert proxy_for("https://api.sd-rtn.com/v1", {"https": "http://p:1"}) == "http://p:1"
