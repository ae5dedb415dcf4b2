"""A mode survives its way through a checkpoint, and leaves its secrets behind."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given

from agora_rec.codec import BadShape, dump, dump_mode, load, load_mode, mode_from_json, mode_to_json
from agora_rec.model import (
    Individual,
    Mix,
    Mode,
    OtherStorage,
    RecordedFile,
    Subscription,
    TrackType,
    blanked,
    filled,
    missing_secrets,
)
from agora_rec.secret import Secret
from tests.model.samples import FULL_WEB, INDIVIDUAL, MIX, MODES, NOW, S3, STORAGES, WEB
from tests.model.strategies import modes
from tests.support import secrets
from tests.support.reference import load as reference

EVERY: tuple[Mode, ...] = (*MODES, MIX, INDIVIDUAL, WEB)


@pytest.mark.parametrize("mode", EVERY, ids=lambda mode: type(mode).__name__)
def test_a_mode_comes_back_without_its_secrets_and_takes_them_back(mode: Mode):
    text = json.dumps(mode_to_json(mode))
    assert not secrets.shown_in(text)
    found = mode_from_json(json.loads(text))
    assert found == blanked(mode)
    assert missing_secrets(found) == missing_secrets(blanked(mode)) != ()
    assert mode_from_json(json.loads(text), mode) == mode
    assert missing_secrets(filled(found, mode)) == ()
    assert load_mode(dump_mode(mode), mode) == mode


@given(modes())
def test_any_good_mode_comes_back(mode: Mode):
    assert mode_from_json(mode_to_json(mode)) == blanked(mode)
    assert mode_from_json(json.loads(dump_mode(mode)), mode) == mode


def test_what_is_missing_is_named_by_path():
    assert missing_secrets(blanked(FULL_WEB)) == (
        "storage.access_key",
        "storage.secret_key",
        "rtmp_urls[0]",
    )
    assert missing_secrets(FULL_WEB) == ()
    assert missing_secrets(Secret("")) == ("",)


def test_only_what_was_left_behind_is_filled_in():
    mode = attrs.evolve(MIX, storage=STORAGES[0])
    renewed = attrs.evolve(S3, sts_token="new")
    assert filled(mode, attrs.evolve(MIX, storage=renewed)) == mode
    assert filled(blanked(MIX), attrs.evolve(MIX, storage=renewed)) == MIX
    assert filled(blanked(MIX), WEB) == blanked(MIX)
    assert filled(blanked(MIX), attrs.evolve(MIX, storage=STORAGES[1])) == blanked(MIX)
    two = attrs.evolve(FULL_WEB, rtmp_urls=["rtmp://a/1", "rtmp://a/2"])
    assert filled(blanked(two), FULL_WEB).rtmp_urls == (Secret(secrets.RTMP_URL), Secret(""))
    assert filled(blanked(two), attrs.evolve(FULL_WEB, rtmp_urls=None)).rtmp_urls == (Secret(""), Secret(""))


def aliased() -> list[tuple[str, str]]:
    types: dict[str, Any] = reference("requests")["types"]
    return [
        (field["name"], alias)
        for name in ("RecordingConfig", "WebRecorderParam")
        for field in types[name]["fields"]
        for alias in field.get("aliases", ())
    ]


@pytest.mark.parametrize(("name", "alias"), aliased())
def test_other_spellings_are_read_too(name: str, alias: str):
    read = 0
    for mode in MODES:
        text = json.dumps(mode_to_json(mode))
        if f'"{name}"' in text:
            read += 1
            assert mode_from_json(json.loads(text.replace(f'"{name}"', f'"{alias}"')), mode) == mode
    assert read


def test_a_vendor_of_tomorrow_is_read_as_another_one():
    told = mode_to_json(MIX)
    told["parameter"]["storageConfig"]["vendor"] = 77
    found = mode_from_json(told)
    assert isinstance(found.storage, OtherStorage)
    assert found.storage.vendor == 77


NO_PAGE = {"storageConfig": mode_to_json(WEB)["parameter"]["storageConfig"], "extensionServiceConfig": {}}
PAGE_URL = "$.parameter.extensionServiceConfig.extensionServices[web_recorder_service].serviceParam.url"
WRONG: list[tuple[Any, str]] = [
    (None, "$.name"),
    ([], "$"),
    ({"name": "other"}, "$.name"),
    ({"name": ["mix"]}, "$.name"),
    ({"name": "mix"}, "$.parameter"),
    ({"name": "mix", "parameter": {}}, "$.parameter.storageConfig"),
    ({"name": "mix", "parameter": {"storageConfig": {"bucket": "b"}}}, "$.parameter.storageConfig"),
    ({"name": "web", "parameter": NO_PAGE}, PAGE_URL),
]


@pytest.mark.parametrize(("value", "path"), WRONG)
def test_what_is_no_mode_is_refused_by_path(value: Any, path: str):
    with pytest.raises(BadShape) as caught:
        mode_from_json(value)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("mode", "path", "value"),
    [
        (MIX, "storageConfig.vendor", "one"),
        (MIX, "storageConfig.fileNamePrefix", "a"),
        (MIX, "storageConfig.fileNamePrefix", [1]),
        (MIX, "storageConfig.stsExpiration", "soon"),
        (MIX, "recordingConfig.channelType", 9),
        (MIX, "recordingConfig.maxIdleTime", 10**30),
        (MIX, "recordingConfig.subscribeAudioUids", [True]),
        (MIX, "recordingConfig.transcodingConfig.mixedVideoLayout", 9),
        (WEB, "extensionServiceConfig.errorHandlePolicy", "error_hide"),
        (WEB, "recordingFileConfig.avFileType", [1]),
        (INDIVIDUAL, "recordingConfig.streamMode", 1),
    ],
)
def test_a_wrong_field_is_named(mode: Mode, path: str, value: Any):
    told = mode_to_json(mode)
    node: Any = told["parameter"]
    *parents, last = path.split(".")
    for key in parents:
        node = node.setdefault(key, {})
    node[last] = value
    with pytest.raises(BadShape) as caught:
        mode_from_json(told)
    top = f"$.parameter.{path}" if "Layout" not in path else "$.parameter.recordingConfig.transcodingConfig"
    assert caught.value.path.startswith(top)


def test_words_of_tomorrow_in_open_places_are_kept():
    told = mode_to_json(attrs.evolve(WEB, av_file_type=["hls", "webm"]))
    assert mode_from_json(told).av_file_type == ("hls", "webm")


def test_an_empty_subscription_says_nothing_and_is_not_kept():
    told = mode_to_json(Mix(storage=S3, subscription=Subscription()))
    assert mode_from_json(told, MIX) == MIX
    assert isinstance(mode_from_json(mode_to_json(INDIVIDUAL)), Individual)


def test_values_of_ours_are_kept_as_text():
    file = RecordedFile("a.m3u8", track_type=TrackType("new"), uid=0, slice_start_time=NOW)
    assert load(RecordedFile, dump(file)) == file
    long = RecordedFile("a" * 2**21)
    assert load(RecordedFile, dump(long)) == long


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"name": [], "slice_start_time": "soon"}', "\ud800", "[" * 10**5]
)
def test_texts_that_hold_no_value_of_ours_are_refused(text: str):
    with pytest.raises(BadShape):
        load(RecordedFile, text)
    with pytest.raises(BadShape):
        load_mode(text)
