"""Whatever bytes come in, the end is a value or `BadShape`, soon, and nothing of a body's content is told."""

import copy
import json
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.codec import BadShape, decode, load, load_mode, mode_from_json, refusal
from agora_rec.codec.parsing import MAX_BYTES, MAX_DEPTH, parse
from agora_rec.codec.shape import MAX_ITEMS, kind
from agora_rec.errors import Refusal
from agora_rec.model import (
    AcquireAnswer,
    AnyAnswer,
    NcsIpAnswer,
    QueryAnswer,
    RecordedFile,
    StartAnswer,
    StopAnswer,
    UpdateAnswer,
    UpdateLayoutAnswer,
)
from tests.codec.test_answers import TYPES, full_answer, paths
from tests.support import secrets
from tests.support.reference import load as reference

ANSWERS: tuple[type[AnyAnswer], ...] = (
    AcquireAnswer,
    StartAnswer,
    QueryAnswer,
    UpdateAnswer,
    UpdateLayoutAnswer,
    StopAnswer,
    NcsIpAnswer,
)


def settled(read: Callable[[], object]) -> object:
    """A value, or the BadShape that was raised; anything else is an error of the test."""
    try:
        return read()
    except BadShape as bad:
        return bad


def settle(data: bytes) -> None:
    """Read bytes in every way."""
    for answer_type in ANSWERS:
        assert isinstance(settled(partial(decode, answer_type, data)), answer_type | BadShape)
    assert isinstance(settled(partial(refusal, 400, data)), Refusal | BadShape)


@given(st.binary(max_size=200))
def test_any_bytes_end_well(data: bytes):
    settle(data)


SAMPLES = [
    text
    for endpoint in reference("responses")["endpoints"].values()
    for text in endpoint[200]["variants"].values()
]


@given(st.data())
def test_damaged_answers_end_well(data: st.DataObject):
    body = bytearray(data.draw(st.sampled_from(SAMPLES)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    settle(bytes(body))


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_answers_with_any_value_in_any_place_end_well(data: st.DataObject):
    endpoint = data.draw(st.sampled_from(list(TYPES)))
    body = copy.deepcopy(full_answer(endpoint))  # its parts are shared by all examples
    path = data.draw(st.sampled_from(list(paths(body))))
    node = body
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = data.draw(values)
    settle(json.dumps(body).encode())


@given(values)
def test_any_json_as_a_mode_ends_well(value: Any):
    for told in (value, {"name": "mix", "parameter": value}, {"name": "web", "parameter": value}):
        with pytest.raises(BadShape):
            mode_from_json(told)


@given(st.text(max_size=50))
def test_any_text_of_a_checkpoint_ends_well(text: str):
    for read in (lambda: load(RecordedFile, text), lambda: load_mode(text)):
        with pytest.raises(BadShape):
            read()


def query(file_list: str) -> bytes:
    return f'{{"serverResponse":{{"fileList":{file_list}}}}}'.encode()


HOSTILE: dict[str, bytes] = {
    "too large": b'{"a":"' + b"x" * MAX_BYTES + b'"}',
    "deep lists": b'{"serverResponse":{"fileList":' + b"[" * 200_000 + b"]" * 200_000 + b"}}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deeper than the parser's limit would be": b'{"a":' * 500 + b"1" + b"}" * 500,
    "too many files": query(json.dumps(["a"] * (MAX_ITEMS + 1))),
    "a long name": query(json.dumps("a" * 70_000)),
    "a huge number": b'{"serverResponse":{"status":' + b"9" * 5_000 + b"}}",
    "a large number": b'{"serverResponse":{"status":' + b"9" * 100 + b"}}",
    "an infinite number": b'{"serverResponse":{"status":1e999}}',
    "NaN": b'{"serverResponse":{"status":NaN}}',
    "infinity": b'{"serverResponse":{"status":-Infinity}}',
    "not UTF-8": b'{"serverResponse":{"fileList":"\xff\xfe"}}',
    "UTF-16": '{"serverResponse":{}}'.encode("utf-16"),
    "half a character": query('"\\ud800"'),
    "cut": b'{"serverResponse":{"fileList":"a',
    "two": b'{"serverResponse":{}}{"serverResponse":{}}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_refused(name: str):
    with pytest.raises(BadShape):
        decode(QueryAnswer, HOSTILE[name])


def senders(*addresses: object) -> bytes:
    hosts = [{"primaryIP": address} for address in addresses]
    return json.dumps({"data": {"service": {"hosts": hosts}}}).encode()


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),  # noqa: S104
        *("169.254.169.254", "224.0.0.1", "232.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99"),
        *("::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "ff0e::1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "2600::1%eth0", "2600::1%x;\nallow all", "fe80::1%1", "2001:db8::/32"),
        *("0.0.0.0/0", "8.8.8.8/0", "8.8.8.8 ", "8.8.8.8\n", "08.8.8.8", "134744072", "\u0668.8.8.8"),
        *("", "all", 134744072, None, ["8.8.8.8"]),
    ],
)
def test_what_would_open_a_firewall_is_no_address_of_the_service(address: object):
    with pytest.raises(BadShape) as caught:
        decode(NcsIpAnswer, senders("192.0.2.10", address))
    assert caught.value.path == "$.data.service.hosts[].primaryIP[1]"


def test_a_list_without_an_end_and_one_without_a_beginning_are_none():
    for hosts in (senders(), senders(*["8.8.8.8"] * (MAX_ITEMS + 1)), senders(*["8.8.8.8"] * 100_000)):
        with pytest.raises(BadShape):
            decode(NcsIpAnswer, hosts)


def test_addresses_of_the_internet_and_of_documents_are_read():
    said = ("8.8.8.8", "198.51.100.1", "203.0.113.255", "2600::1", "2001:db8::9", "::ffff:8.8.4.4")
    read = decode(NcsIpAnswer, senders(*said)).addresses
    assert list(map(str, read)) == [*said[:-1], "8.8.4.4"]


def test_what_is_within_the_bounds_is_read():
    assert len(decode(QueryAnswer, query(json.dumps(["a"] * MAX_ITEMS))).files) == MAX_ITEMS
    deep = b'{"serverResponse":{},"x":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert decode(QueryAnswer, deep) == QueryAnswer()
    with pytest.raises(BadShape, match="deeper"):
        parse(b'{"x":' + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH + b"}")
    wide = b'{"serverResponse":{},"x":[' + b"{}," * 100 + b"{}]}"
    assert decode(QueryAnswer, wide) == QueryAnswer()


def test_the_last_of_two_equal_keys_counts_and_a_mark_at_the_beginning_does_not():
    assert decode(AcquireAnswer, b'{"resourceId":"a","resourceId":"b"}').resource_id == "b"
    assert decode(AcquireAnswer, b'\xef\xbb\xbf{"resourceId":"a"}').resource_id == "a"


def test_a_page_of_a_proxy_is_told_in_short():
    page = b"<html>\n  <h1>502 Bad Gateway</h1> " + b"x" * 1000
    with pytest.raises(BadShape) as caught:
        decode(QueryAnswer, page)
    assert "<html> <h1>502 Bad Gateway</h1>" in str(caught.value)
    assert len(caught.value.problem) <= 200


@pytest.mark.parametrize("end", ["", '"]}]}}]}'])
def test_the_content_of_a_bad_answer_is_told_nowhere(end: str):
    url = secrets.RTMP_URL
    service = '{"serviceName":"rtmp_publish_service","payload":{"outputs":[{"rtmpUrl":"' + url
    body = ('{"serverResponse":{"status":"x","extensionServiceState":[' + service + end).encode()
    for read in (lambda: decode(QueryAnswer, body), lambda: refusal(400, b"[" + body)):
        with pytest.raises(BadShape) as caught:
            read()
        error = caught.value
        told = "".join(traceback.TracebackException.from_exception(error).format())
        assert not secrets.shown_in(told)
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        ours = [frame for frame in frames if "agora_rec/codec" in frame.f_code.co_filename]
        assert ours
        assert not any(secrets.shown_in(repr(frame.f_locals)) for frame in ours)
        assert error.__cause__ is None
        assert error.__context__ is None


def test_kinds_are_told_in_words():
    assert [kind(value) for value in ({}, [], "", True, None, 1, 1.5, object())] == [
        "an object",
        "a list",
        "a text",
        "a boolean",
        "null",
        "a number",
        "a number",
        "no JSON",
    ]
