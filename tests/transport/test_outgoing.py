import base64

import pytest

import agora_rec
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret
from agora_rec.transport.outgoing import basic_authorization, headers_of_get, headers_of_post
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
