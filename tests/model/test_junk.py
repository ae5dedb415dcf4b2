"""Whatever stands in whatever field: violations, never a crash, and no secret shown."""

import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.codec import encode
from agora_rec.errors import InvalidRequest
from agora_rec.model import (
    AnyRequest,
    RtmpOutputState,
    StartRequest,
    StopRequest,
    Update,
    UpdateRequest,
    validation,
)
from agora_rec.secret import Secret
from tests.model.samples import CHANGES, MODES, NOW, STARTS, VALUES
from tests.model.strategies import junk
from tests.support import secrets

CLASSES: dict[str, Any] = {type(value).__name__: value for value in VALUES}


def settle(value: Any) -> None:
    """Judge a value in every way; anything but violations is an error of the test."""
    found = validation.check(value, now=NOW)
    for violation in found:
        assert violation.path
        assert violation.rule
        assert len(violation.value) <= 600
        assert not secrets.shown_in(str(violation))
    if isinstance(value, Update):
        for mode in MODES:
            validation.check_update(value, mode=mode, now=NOW)


@given(st.data())
def test_junk_in_any_field_of_any_value_is_at_most_a_violation(data: st.DataObject):
    value = CLASSES[data.draw(st.sampled_from(sorted(CLASSES)))]
    names = [attribute.name for attribute in attrs.fields(type(value))]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    settle(attrs.evolve(value, **{name: data.draw(junk) for name in chosen}))


@given(st.data())
def test_values_in_wrong_places_are_at_most_violations(data: st.DataObject):
    others = st.sampled_from(VALUES)
    value: Any = data.draw(others)
    names = [attribute.name for attribute in attrs.fields(type(value))]
    anything = others | st.lists(others, max_size=3) | junk
    settle(attrs.evolve(value, **{data.draw(st.sampled_from(names)): data.draw(anything)}))


@given(st.tuples(*[junk] * 8))
def test_a_description_of_junk_is_told_with_every_path(parts: tuple[Any, ...]):
    with pytest.raises(InvalidRequest) as caught:
        validation.require_recording(*parts, now=NOW)
    paths = {violation.path for violation in caught.value.violations}
    assert "mode" in paths


@given(junk)
def test_junk_as_update_layout_or_request_is_a_violation(value: Any):
    assert validation.check_update(value) != ()
    assert validation.check_layout(value) != ()
    assert validation.check(value) != ()


def hidden_fields() -> list[tuple[str, str]]:
    """The fields of every class that hold secrets."""
    return [
        (name, attribute.name)
        for name, value in CLASSES.items()
        for attribute in attrs.fields(type(value))
        if isinstance(getattr(value, attribute.name), Secret) or attribute.name == "rtmp_urls"
    ]


def test_the_secret_fields_are_those_of_the_contract():
    assert {name for _, name in hidden_fields()} == {
        "access_key",
        "secret_key",
        "sts_token",
        "secret",
        "salt",
        "token",
        "rtmp_urls",
        "callback_seed",
    }


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_no_value_shows_a_secret(value: Any):
    assert not secrets.shown_in(" ".join([repr(value), str(value)]))
    assert not secrets.shown_in(str(validation.check(value)))
    assert not secrets.shown_in(repr(attrs.asdict(value, recurse=False)))


SHAPES: list[Callable[[str], Any]] = [
    lambda text: text,
    lambda text: [text],
    lambda text: {"key": text},
    lambda text: (text, 5),
]


@pytest.mark.parametrize(("name", "attribute"), hidden_fields())
@pytest.mark.parametrize(
    "shape", [str, lambda text: [text], lambda text: {"key": text}, lambda text: (text, 5)]
)
def test_a_secret_in_a_wrong_shape_is_not_shown_either(name: str, attribute: str, shape: Any):
    value = attrs.evolve(CLASSES[name], **{attribute: shape(f"{secrets.NEEDLE} ä\ud800")})
    assert not secrets.shown_in(repr(value))
    assert not secrets.shown_in(str(validation.check(value)))


@pytest.mark.parametrize("place", ["mode", "storage", "rtmp_urls", "subscription"])
def test_a_secret_in_a_wrong_place_is_not_shown(place: str):
    parts: Any = {"accessKey": secrets.ACCESS_KEY}
    told = (
        validation.check(StartRequest(cname="c", uid=1, mode=parts))
        if place == "mode"
        else validation.check_update(attrs.evolve(CHANGES[0], **{place: parts}))
    )
    assert told
    assert not secrets.shown_in(str(told))


def test_an_answer_that_repeats_a_push_url_does_not_show_it():
    assert not secrets.shown_in(repr(RtmpOutputState(rtmp_url=secrets.RTMP_URL)))


def exposed(error: BaseException) -> bool:
    """Whether any frame of the library holds a secret in its locals."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(
        secrets.shown_in(repr(frame.f_locals))
        for frame in frames
        if "/agora_rec/" in frame.f_code.co_filename
    )


def test_no_traceback_of_a_refused_request_shows_a_secret():
    requests: list[AnyRequest] = [
        attrs.evolve(STARTS[0], cname="ä"),
        UpdateRequest(cname="ä", uid=1, change=CHANGES[0]),
        StopRequest(cname="ä", uid=1),
    ]
    for request in requests:
        with pytest.raises(InvalidRequest) as caught:
            validation.require(request)
        assert not exposed(caught.value)
    with pytest.raises(InvalidRequest) as caught:
        validation.require_recording("ä", 1, MODES[0], secrets.TOKEN)
    assert not exposed(caught.value)


def test_no_traceback_of_a_request_that_can_not_be_written_shows_a_secret():
    with pytest.raises(TypeError) as caught:
        encode(attrs.evolve(STARTS[0], cname=object()))  # type: ignore[arg-type]  # the point
    assert not exposed(caught.value)
