"""Whether a notification is the service's own: the published vectors, and everything that must be refused."""

import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.datastructures import Headers

from agora_rec import InvalidRequest, NotificationRejected, RejectionReason, Secret
from agora_rec.notifications import verify
from agora_rec.notifications.body import MAX_BYTES
from tests.support import secrets
from tests.support.reference import load
from tests.support.secrets import exposures, shown_in

SIGNATURES = load("events")["signature"]
VECTORS = [*SIGNATURES["published_vectors"], *SIGNATURES["own_vectors"]]
V1, V2 = "Agora-Signature", "Agora-Signature-V2"
BODY = json.dumps({"eventType": 100, "payload": {"details": {"rtmpUrl": secrets.RTMP_URL}}}).encode()
OURS = Secret(secrets.WEBHOOK_SECRET)


def sign(digest: str, body: bytes = BODY, secret: str = secrets.WEBHOOK_SECRET) -> str:
    return hmac.digest(secret.encode(), body, digest).hex()


def refused(*args: Any, **kwargs: Any) -> str:
    """The detail of the rejection for its signature that must come."""
    with pytest.raises(NotificationRejected) as caught:
        verify(*args, **kwargs)
    error = caught.value
    assert error.reason is RejectionReason.BAD_SIGNATURE
    assert (error.__cause__, error.__context__) == (None, None)
    assert not any(shown_in(text) for _, text in exposures(error))
    return error.detail


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"][:10])
def test_the_vectors_of_the_reference_are_accepted(vector: dict[str, Any]):
    body = vector["body"].encode()
    assert len(body) == vector["bytes"]
    verify(vector["secret"], {V2: vector["sha256"]}, body, accept_sha1=False)
    verify(vector["secret"], {V1: vector["sha1"]}, body)
    verify(vector["secret"], {V1: vector["sha1"], V2: vector["sha256"]}, body)


@pytest.mark.parametrize("sample", SIGNATURES["wrong_samples_in_docs"]["samples"], ids=["java", "others"])
def test_samples_that_the_docs_print_with_the_digests_of_another_body_are_refused(sample: dict[str, Any]):
    secret, body = SIGNATURES["wrong_samples_in_docs"]["secret"], sample["body"].encode()
    for name, digest in ((V1, "sha1"), (V2, "sha256")):
        assert "does not fit" in refused(secret, {name: sample["printed"][digest]}, body)
        verify(secret, {name: sample["computed"][digest]}, body)
    assert "has 40 characters" in refused(secret, {V2: sample["printed"]["sha1"]}, body)


def test_json_that_was_written_anew_does_not_fit():
    vector = SIGNATURES["own_vectors"][1]
    anew = json.dumps(json.loads(vector["body"])).encode()
    assert "does not fit" in refused(vector["secret"], {V2: vector["sha256"]}, anew)


BOTH = {V1: sign("sha1"), V2: sign("sha256")}
FORMS: dict[str, Any] = {
    "a mapping": BOTH,
    "in lower case": {name.lower(): value for name, value in BOTH.items()},
    "in upper case": {name.upper(): value for name, value in BOTH.items()},
    "among others": {"Content-Type": "application/json", "X" * 15: "x", "X" * 18: "y", **BOTH},
    "of Starlette": Headers(BOTH),
    "of ASGI": [(name.lower().encode(), value.encode()) for name, value in BOTH.items()],
    "pairs of texts": list(BOTH.items()),
    "an iterator": iter(BOTH.items()),
    "with bytes of Latin-1": [(b"\xe4" * 18, b"\xff"), *BOTH.items()],
}


@pytest.mark.parametrize("headers", FORMS.values(), ids=FORMS)
def test_headers_may_come_in_the_form_that_a_framework_gives_them(headers: Any):
    verify(OURS, headers, BODY)


def test_a_bytearray_is_a_body_too():
    body: Any = bytearray(BODY)
    verify(OURS, BOTH, body)


def test_the_newer_signature_alone_decides_where_it_is_there():
    wrong = "0" * 64
    assert "does not fit" in refused(OURS, {V1: sign("sha1"), V2: wrong}, BODY)
    assert "has 0 characters" in refused(OURS, {V1: sign("sha1"), V2: ""}, BODY)
    for other in ("", "0" * 40, "x" * 10**6):
        verify(OURS, {V1: other, V2: sign("sha256")}, BODY)
    verify(OURS, [(V1, "0" * 40), (V1, "1" * 40), (V2, sign("sha256"))], BODY)


def test_the_older_signature_is_accepted_unless_told_otherwise():
    verify(OURS, {V1: sign("sha1")}, BODY)
    assert "not accepted" in refused(OURS, {V1: sign("sha1")}, BODY, accept_sha1=False)
    verify(OURS, BOTH, BODY, accept_sha1=False)


def test_a_notification_without_a_signature_is_refused():
    others: list[Any] = [{}, [], {"Content-Type": "application/json"}, {"X-" + V2: sign("sha256")}]
    for headers in others:
        assert "neither Agora-Signature-V2 nor Agora-Signature is there" in refused(OURS, headers, BODY)


WRONG: dict[str, Any] = {
    "the other digest": {V2: sign("sha256")[:40] + "0" * 24},
    "in upper case": {V2: sign("sha256").upper()},
    "too short": {V2: sign("sha256")[:-1]},
    "with a blank": {V2: " " + sign("sha256")},
    "endless": {V2: sign("sha256") * 100_000},
    "no ASCII": {V2: "ä" * 64},
    "half characters": {V2: "\udc80" * 64},
    "no text": [(V2.encode(), b"\xff\x00" * 32)],
    "in digits of another script": {V2: "\u0661" * 64},
    "an older one as the newer one": {V2: sign("sha1")},
    "a newer one as the older one": {V1: sign("sha256")},
    "of another body": {V2: sign("sha256", BODY + b" ")},
    "of another secret": {V2: sign("sha256", secret="another")},
    "of no secret": {V2: sign("sha256", secret="")},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_wrong_signature_is_refused(headers: Any):
    assert refused(OURS, headers, BODY)


@pytest.mark.parametrize("name", [V1, V2])
def test_a_signature_that_is_there_twice_is_refused(name: str):
    right = BOTH[name]
    for second in (right, "0" * len(right)):
        pairs = [(name, right), (name.lower(), second)]
        assert f"more than one {name}" in refused(OURS, pairs, BODY)
        raw = [(key.lower().encode(), value.encode()) for key, value in pairs]
        assert f"more than one {name}" in refused(OURS, Headers(raw=raw), BODY)


def test_one_of_several_secrets_is_enough_while_they_are_changed():
    headers = {V2: sign("sha256", secret="the new one")}
    verify(["the old one", Secret("the new one")], headers, BODY)
    verify((each for each in ("the new one", "the old one")), headers, BODY)
    assert "does not fit" in refused(("the old one", "an older one"), headers, BODY)


def test_secrets_are_taken_as_text_whatever_their_characters():
    for secret in ("größe 会议", "\udc80"):
        raw = secret.encode(errors="surrogatepass")
        verify(secret, {V2: hmac.digest(raw, BODY, "sha256").hex()}, BODY)


def test_comparing_takes_the_same_time_wherever_the_difference_is(monkeypatch: pytest.MonkeyPatch):
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    verify(["x", OURS, "y"], BOTH, BODY)
    assert [given for _, given in compared] == 3 * [BOTH[V2].encode()]
    assert {(type(right), len(right)) for right, _ in compared} == {(bytes, 64)}


def test_a_body_beyond_all_bounds_is_not_even_hashed(monkeypatch: pytest.MonkeyPatch):
    verify(OURS, {V2: sign("sha256", b"x" * MAX_BYTES)}, b"x" * MAX_BYTES)
    monkeypatch.setattr(hmac, "digest", None)
    with pytest.raises(NotificationRejected, match="262145 bytes, more than 262144") as caught:
        verify(OURS, BOTH, b"x" * (MAX_BYTES + 1))
    assert caught.value.reason is RejectionReason.TOO_LARGE


def unending() -> Iterator[tuple[str, str]]:
    yield V2, sign("sha256")
    raise ValueError(secrets.NEEDLE)


MISUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no secret": ({"secret": ()}, "webhook_secret"),
    "an empty secret": ({"secret": ""}, "webhook_secret"),
    "an empty one among others": ({"secret": [OURS, Secret("")]}, "webhook_secret"),
    "bytes for a secret": ({"secret": b"secret"}, "webhook_secret"),
    "nothing for a secret": ({"secret": None}, "webhook_secret"),
    "a text for a body": ({"body": BODY.decode()}, "body"),
    "JSON for a body": ({"body": {"eventType": 1}}, "body"),
    "nothing for headers": ({"headers": None}, "headers"),
    "no pairs": ({"headers": [V2]}, "headers"),
    "pairs of numbers": ({"headers": [(1, 2)]}, "headers"),
    "lists of values": ({"headers": {V2: [BOTH[V2]]}}, "headers"),
    "headers that fail": ({"headers": unending()}, "headers"),
}


@pytest.mark.parametrize(("wrong", "path"), MISUSED.values(), ids=MISUSED)
def test_a_misuse_is_named(wrong: dict[str, Any], path: str):
    arguments: dict[str, Any] = {"secret": OURS, "headers": BOTH, "body": BODY}
    with pytest.raises(InvalidRequest) as caught:
        verify(**(arguments | wrong))
    (violation,) = caught.value.violations
    assert violation.path == path
    assert not shown_in(f"{caught.value} {caught.value!r}")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
