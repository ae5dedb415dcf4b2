"""What the client refuses to send, the emulator refuses too; so it is never the kinder one.

The other way round the client lets through what a newer service may know, and nothing else.
"""

import json
from typing import Any, Final

import attrs
import pytest
from hypothesis import given, settings

from agora_rec import model
from agora_rec.codec import encode
from agora_rec.emulator import Settings
from agora_rec.emulator.schema import SHAPES, BadField, Context, check
from tests.model.faults import FAULTS, NAMES, UPDATES
from tests.model.samples import MIX, NOW
from tests.model.strategies import layouts, modes

SHAPE_OF: Final[dict[type, str]] = {
    model.AcquireRequest: "AcquireBody",
    model.StartRequest: "StartBody",
    model.UpdateRequest: "UpdateBody",
    model.UpdateLayoutRequest: "UpdateLayoutBody",
    model.StopRequest: "StopBody",
}
PART_OF_MIX: Final[dict[type, str]] = {
    model.Encryption: "encryption",
    model.Subscription: "subscription",
    model.Transcoding: "transcoding",
    model.ApsaraVideoVod: "vod",
    **dict.fromkeys(
        (model.AmazonS3, model.AlibabaCloud, model.TencentCloud, model.QiniuCloud, model.S3Compatible),
        "storage",
    ),
}
LAYOUTS: Final = (model.Floating, model.BestFit, model.Vertical, model.Custom)
PATHS_OF_THE_CLIENT_ALONE: Final = {
    # A recording's name is compared with the one that acquire took, and that was checked there.
    ("StopRequest", "cname"),
    # What is announced is compared with what comes.
    ("AcquireRequest", "scene"),
    ("AcquireRequest", "start_parameter"),
    ("AcquireRequest", "start_parameter.mode.storage.region"),
    # An empty text is no text at the service, and a text in a list is sent as a list of one.
    ("AcquireRequest", "region"),
    ("StartRequest", "token"),
    ("Mix", "private_params"),
    ("Subscription", "subscribe_audio_uids"),
    # Texts that no service could mean, of which the reference says nothing.
    ("AmazonS3", "bucket"),
    # Types of Python that become right numbers in JSON.
    ("AmazonS3", "region"),
    ("AmazonS3", "sts_expiration"),
    # A date without a token does nothing.
    ("AmazonS3", "sts_token"),
}


def request_of(value: Any) -> Any:
    """The request that such a value is sent in; None where it is none that can be sent alone."""
    kind = type(value)
    if kind in SHAPE_OF:
        return value
    if kind in {model.Mix, model.Individual, model.Web}:
        return model.StartRequest(mode=value, **NAMES)
    if kind in PART_OF_MIX:
        return model.StartRequest(mode=attrs.evolve(MIX, **{PART_OF_MIX[kind]: value}), **NAMES)
    if kind in LAYOUTS:
        return model.UpdateLayoutRequest(layout=value, **NAMES)
    if kind is model.LayoutRegion:
        return model.UpdateLayoutRequest(layout=model.Custom(regions=[value]), **NAMES)
    return None


def sent(value: Any) -> tuple[str, str | None, Any] | None:
    """Shape, mode and body of what a faulty value comes to; None where it can't be written down at all."""
    request = request_of(value)
    if request is None:
        return None
    try:
        body = json.loads(encode(request).reveal())
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    mode = request.mode.name.value if isinstance(request, model.StartRequest) else None
    return SHAPE_OF[type(request)], mode, body


def is_the_clients_alone(value: Any, paths: list[str]) -> bool:
    return {(type(value).__name__, path) for path in paths} <= PATHS_OF_THE_CLIENT_ALONE


FAULTY = [(value, paths, written) for value, paths in FAULTS if paths and (written := sent(value))]
WRONG = [written for value, paths, written in FAULTY if not is_the_clients_alone(value, paths)]
BY_RECORDING = {"subscription.subscribe_video_uids", "subscription.unsubscribe_audio_uids", "rtmp_urls"}
"""What was started decides over these in an update, and the emulator looks at that afterwards."""
WRONG_UPDATES = [
    (change, mode)
    for change, mode, paths in UPDATES
    if mode is not None and isinstance(change, model.Update) and set(paths) - BY_RECORDING
]


NEWER: Final = {"storageConfig.vendor", "snapshotConfig.captureInterval"}
"""What the client lets through for the sake of a newer service, or of an older page."""


def refused_field(shape: str, mode: str, body: Any) -> str | None:
    try:
        check(SHAPES, shape, body, Context(mode=mode, now=NOW, settings=Settings()))
    except BadField as bad:
        return bad.path.removeprefix("clientRequest.")
    return None


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_the_emulator_refuses_what_the_client_refuses(number: int):
    shape, mode, body = WRONG[number]
    assert refused_field(shape, mode or "mix", body) is not None


def test_most_of_the_clients_faults_are_tried():
    assert len(WRONG) > len(FAULTY) * 0.75
    assert len(WRONG_UPDATES) > 3


@pytest.mark.parametrize(("change", "mode"), WRONG_UPDATES)
def test_the_emulator_refuses_updates_that_the_client_refuses(change: model.Update, mode: model.Mode):
    body = json.loads(encode(model.UpdateRequest(change=change, **NAMES)).reveal())
    assert refused_field("UpdateBody", mode.name.value, body) is not None


@settings(max_examples=60, deadline=None)
@given(modes())
def test_the_emulator_takes_what_the_client_sends(mode: model.Mode):
    body = json.loads(encode(model.StartRequest(mode=mode, **NAMES)).reveal())
    assert refused_field("StartBody", mode.name.value, body) in {None, *NEWER}


@settings(max_examples=60, deadline=None)
@given(layouts())
def test_the_emulator_takes_the_layouts_that_the_client_sends(layout: model.Layout):
    body = json.loads(encode(model.UpdateLayoutRequest(layout=layout, **NAMES)).reveal())
    assert refused_field("UpdateLayoutBody", "mix", body) is None
