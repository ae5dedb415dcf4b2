"""Whatever arrives: a notification that can be shown, compared and kept, or `NotificationRejected`.

`tests.fuzz.target` says what must hold; a fuzzer that is guided by coverage looks for the same in a session
of its own (docs/testing.md).
"""

import copy
import json
import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.errors import NotificationRejected, RejectionReason
from agora_rec.notifications import Notification, UnknownEvent, parse, verify
from tests.fuzz import corpus
from tests.fuzz.mutation import JUNK, Pairs, twist, write
from tests.fuzz.target import LARGEST, SECRETS, WAYS, Delivery, delivery, feed, sha1, sha256, tried
from tests.support.secrets import RTMP_URL, shown_in

pytestmark = pytest.mark.untraced

ways = st.integers(0, len(WAYS) - 1)
seeds = st.integers(0, 2**64)
bodies = st.sampled_from(corpus.bodies())

EVERY_TYPE: tuple[Any, ...] = (None, True, 0, -1.5, "", "text", [], [None], {}, {"a": {"b": []}})
"""A value of each type of JSON, the empty ones included."""


def signed(body: bytes) -> Delivery:
    """A request as the service makes it."""
    return Delivery([("Agora-Signature-V2", sha256(body))], body, signed=True)


@given(ways, st.binary(max_size=300))
def test_any_bytes_signed_in_any_way_end_well(way: int, data: bytes):
    feed(delivery(bytes([way]) + data))


@given(ways, bodies, st.data())
def test_damaged_bodies_end_well(way: int, body: bytes, data: st.DataObject):
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    feed(delivery(bytes([way]) + damaged))


@given(ways, bodies, seeds)
def test_bodies_with_junk_in_some_places_end_well(way: int, body: bytes, seed: int):
    feed(delivery(bytes([way]) + twist(body, Random(seed))))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all parts."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield (*path, key)
        yield from places(part, (*path, key))


def replaced(delivered: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """A copy with junk at that place."""
    changed = copy.deepcopy(delivered)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = junk
    return changed


@pytest.mark.parametrize("number", range(len(corpus.deliveries())))
def test_a_field_of_a_wrong_type_never_costs_the_notification(number: int):
    delivered = corpus.deliveries()[number]
    for path in places(delivered):
        for junk in EVERY_TYPE:
            read = feed(signed(json.dumps(replaced(delivered, path, junk)).encode()))
            if path == ("eventType",):
                assert read is None or isinstance(read.event, UnknownEvent)
            else:
                assert read is not None
                assert read.event_type == read.event.event_type == delivered["eventType"]


@pytest.mark.parametrize("number", range(len(corpus.deliveries())))
def test_a_missing_field_never_costs_the_notification(number: int):
    delivered = corpus.deliveries()[number]
    for path in places(delivered):
        if path != ("eventType",):
            without = replaced(delivered, path, None)
            assert feed(signed(json.dumps(without).encode())) is not None


@given(st.sampled_from(corpus.deliveries()), st.sampled_from(JUNK), st.data())
def test_any_junk_in_any_place_ends_well(delivered: Any, junk: Any, data: st.DataObject):
    path = data.draw(st.sampled_from(list(places(delivered))))
    feed(signed(write(_as_pairs(replaced(delivered, path, junk))).encode()))


def _as_pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return Pairs((key, _as_pairs(part)) for key, part in value.items())
    return [_as_pairs(part) for part in value] if type(value) is list else value


BODY = corpus.bodies()[0]
header_names = st.sampled_from(
    ("Agora-Signature-V2", "agora-signature-v2", "AGORA-SIGNATURE", "Agora-Signature", "Content-Type", "")
) | st.text(max_size=20)
header_values = st.sampled_from((sha256(BODY), sha1(BODY), sha256(BODY).upper(), "")) | st.text(max_size=64)


def in_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


names_or_bytes = header_names | header_names.map(in_bytes)
values_or_bytes = header_values | header_values.map(in_bytes) | st.binary(max_size=64)


def as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


@given(st.lists(st.tuples(names_or_bytes, values_or_bytes), max_size=4))
def test_only_the_right_signature_is_taken(headers: list[tuple[str | bytes, str | bytes]]):
    def said(name: str) -> list[str]:
        return [as_text(value) for found, value in headers if as_text(found).lower() == name]

    newer, older = said("agora-signature-v2"), said("agora-signature")
    right = newer == [sha256(BODY)] if newer else older == [sha1(BODY)]
    feed(Delivery(headers, BODY, signed=right))


@given(st.dictionaries(header_names, header_values, max_size=4))
def test_headers_may_be_a_mapping(headers: dict[str, str]):
    given_as_pairs = tried(lambda: verify(SECRETS, list(headers.items()), BODY))
    assert repr(tried(lambda: verify(SECRETS, headers, BODY))) == repr(given_as_pairs)


IN_PAYLOAD = ('{"eventType":40,"payload":{"newer":', "}}")
IN_DETAILS = ('{"eventType":40,"payload":{"details":{"newer":', "}}}")
IN_FILES = ('{"eventType":31,"payload":{"details":{"fileList":', "}}}")

HUGE: dict[str, tuple[tuple[str, str], str, str, str]] = {
    # around it, its beginning, what is repeated, its end
    "a long text": (IN_PAYLOAD, '"', "x", '"'),
    "a text of wide characters": (IN_PAYLOAD, '"', "\U0001f600", '"'),
    "a text of escapes": (IN_PAYLOAD, '"', "\\ud800", '"'),
    "addresses of pushes": (IN_DETAILS, '"', "rtmp://a ", '"'),
    "objects": (IN_PAYLOAD, "[", "{},", "0]"),
    "objects in details": (IN_DETAILS, "[", "{},", "0]"),
    "lists in details": (IN_DETAILS, "[", "[],", "0]"),
    "numbers": (IN_DETAILS, "[", "1e9,", "0]"),
    "files": (IN_FILES, "[", '{"fileName":"a"},', '"b"]'),
    "names of files": (IN_FILES, "[", '"a",', '"b"]'),
    "one field again and again": (IN_DETAILS, "{", '"a":[],', '"a":0}'),
    "a number of many digits": (IN_DETAILS, "", "9", ""),
    "lists in lists": (IN_DETAILS, "", "[", ""),
    "objects in objects": (IN_DETAILS, "", '{"a":', ""),
}
"""Bodies that are as large as can be, and mean."""


def huge(name: str) -> bytes:
    """One of them."""
    (before, after), begin, unit, end = HUGE[name]
    rest = LARGEST - len((before + begin + end + after).encode())
    return (before + begin + unit * (rest // len(unit.encode())) + end + after).encode()


BYTES_PER_BYTE = 100
"""How much memory a byte of a body may take while it is read: an empty object, kept, is the dearest."""


@pytest.mark.parametrize("name", HUGE)
def test_memory_is_bounded_by_the_size_of_a_body(name: str):
    body = huge(name)
    assert LARGEST - 100 < len(body) <= LARGEST
    parse(BODY)
    tracemalloc.start()
    try:
        read = tried(lambda: parse(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BYTES_PER_BYTE * len(body)
    assert isinstance(read, Notification) or read.reason is RejectionReason.MALFORMED


def test_what_is_larger_is_not_looked_at():
    body = b"{" + b" " * LARGEST
    feed(signed(body))
    for look in (lambda: verify(SECRETS, [("Agora-Signature-V2", sha256(body))], body), lambda: parse(body)):
        with pytest.raises(NotificationRejected) as caught:
            look()
        assert caught.value.reason is RejectionReason.TOO_LARGE


@given(st.sampled_from(corpus.deliveries()), st.data())
def test_the_address_of_a_push_is_shown_in_no_field_that_is_kept_as_it_is(
    delivered: Any, data: st.DataObject
):
    path = data.draw(st.sampled_from([("payload", "newer"), ("payload", "details", "newer"), ("newer",)]))
    grown = replaced(
        delivered, path, data.draw(st.sampled_from([RTMP_URL, [RTMP_URL], {"rtmpUrl": RTMP_URL}]))
    )
    read = feed(signed(json.dumps(grown).encode()))
    assert read is not None
    assert not shown_in(repr(read))
