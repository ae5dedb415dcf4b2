"""The rules of single fields are those of the reference: ranges, sets, lengths, what is required."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from agora_rec.codec.conversion import FIELDS
from agora_rec.model import (
    AcquireRequest,
    AlibabaAudioModeration,
    Alternate,
    AmazonS3,
    ApsaraVideoVod,
    CombinationPolicy,
    Custom,
    Encryption,
    Individual,
    LayoutRegion,
    Mix,
    MixedVideoLayout,
    PostponedAudioMix,
    PostponedTranscoding,
    S3Compatible,
    Snapshots,
    StartParameter,
    StopRequest,
    Subscription,
    Transcoding,
    TransMode,
    Update,
    UserBackground,
    Vendor,
    Vertical,
    Web,
    converters,
)
from agora_rec.model.validation.rules import Rule
from agora_rec.model.validation.tables import MAX_PIXELS, MAX_PREFIX, RULES, WantedRecording
from tests.model.samples import VALUES
from tests.support.reference import load

REFERENCE: dict[str, Any] = load("requests")

CLASSES: dict[str, tuple[type[Any], ...]] = {
    "AcquireClientRequest": (AcquireRequest,),
    "StartClientRequest": (StartParameter, Mix, Individual),
    "StorageConfig": (AmazonS3,),
    "StorageExtensionParams": (AmazonS3, S3Compatible),
    "RecordingConfig": (Mix, Individual, Encryption, Subscription),
    "TranscodingConfig": (Transcoding, Custom, Vertical),
    "LayoutRegion": (LayoutRegion,),
    "UserBackground": (UserBackground,),
    "RecordingFileConfig": (Mix, Web),
    "SnapshotConfig": (Snapshots,),
    "ExtensionServiceConfig": (Web,),
    "WebRecorderParam": (Web,),
    "RtmpPublishParam": (Web,),
    "AliyunVodParam": (ApsaraVideoVod,),
    "AliyunVideoData": (ApsaraVideoVod,),
    "AliyunScanParam": (AlibabaAudioModeration,),
    "AliyunScanApiData": (AlibabaAudioModeration,),
    "TransContainer": (PostponedTranscoding, PostponedAudioMix),
    "TransAudio": (PostponedAudioMix,),
    "UpdateClientRequest": (Update,),
    "LayoutClientRequest": (Custom, Vertical),
    "StopClientRequest": (StopRequest,),
    "AcquireBody": (AcquireRequest,),
}
"""Where the fields of each type of the reference live."""


def attributes(type_name: str, field: dict[str, Any]) -> Iterator[tuple[type[Any], str, Rule]]:
    """Our attributes for a field of the reference: those whose path ends with its name."""
    for cls in CLASSES.get(type_name, ()):
        for name, wire in FIELDS[cls].items():
            keys = [key.partition("[")[0] for key in wire.path.split(".")]
            if name in RULES[cls] and field["name"] in keys[-1:] + keys[-2:-1] * ("[]" in wire.path):
                yield cls, name, RULES[cls][name]


def told(key: str) -> list[tuple[str, dict[str, Any]]]:
    """All fields of the reference that say something of this kind."""
    types = REFERENCE["types"].items()
    return [(name, field) for name, row in types for field in row["fields"] if key in field]


def name_of(value: Any) -> str:
    return value["name"] if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(("type_name", "field"), told("range"), ids=name_of)
def test_each_range_is_that_of_the_reference(type_name: str, field: dict[str, Any]):
    low, high = field["range"]
    if field["name"] == "captureInterval":
        low = 1  # the sources disagree, 5 or 1; see Snapshots
    found = list(attributes(type_name, field))
    assert found
    for _, _, rule in found:
        step = 0.1 if field["type"] == "float" else 1
        assert rule.holds(low)
        assert rule.holds(high)
        assert not rule.holds(low - step)
        assert not rule.holds(high + step)
        assert not rule.holds(True)
        assert rule.holds(low + 0.5) == (field["type"] == "float")


SETS_ELSEWHERE = {
    "vendor",
    "mixedVideoLayout",
    "combinationPolicy",
    "transMode",
    "serviceName",
    "errorHandlePolicy",
}
"""Sets that are classes or constants here, or that depend on the class; see the tests below."""


@pytest.mark.parametrize(
    ("type_name", "field"), [row for row in told("enum") if row[1]["name"] not in SETS_ELSEWHERE], ids=name_of
)
def test_each_set_is_that_of_the_reference(type_name: str, field: dict[str, Any]):
    wanted = set(field["enum"])
    found = list(attributes(type_name, field))
    assert found
    tried = [*range(-1, 20)] if field["type"] == "integer" else [*wanted, "", "other", "48001"]
    held = {value for _, _, rule in found for value in tried if rule.holds(value)}
    assert held == wanted
    for _, _, rule in found:
        assert not any(rule.holds(value) for value in (True, 0.0, 1.0, None, b"", [], object()))


def test_the_sets_that_are_classes_are_those_of_the_reference():
    sets = {field["name"]: field for _, field in told("enum")}
    assert set(Vendor) == set(sets["vendor"]["enum"]) | set(sets["vendor"]["legacy_enum"])
    assert set(MixedVideoLayout) == set(sets["mixedVideoLayout"]["enum"])
    assert set(CombinationPolicy) == set(sets["combinationPolicy"]["enum"])
    assert set(TransMode) == set(sets["transMode"]["enum"])


def test_each_policy_is_taken_where_the_reference_has_it():
    def held(cls: type[Any], name: str) -> list[str]:
        return [word for word in ("error_abort", "error_ignore") if RULES[cls][name].holds(word)]

    assert held(Web, "error_handle_policy") == ["error_abort"]
    assert held(Web, "recorder_error_handle_policy") == ["error_abort"]
    assert held(Web, "rtmp_error_handle_policy") == ["error_ignore"]
    assert held(ApsaraVideoVod, "service_error_handle_policy") == ["error_abort", "error_ignore"]


@pytest.mark.parametrize(("type_name", "field"), told("allowed"), ids=name_of)
def test_each_choice_of_lists_is_that_of_the_reference(type_name: str, field: dict[str, Any]):
    found = list(attributes(type_name, field))
    assert found
    for _, _, rule in found:
        assert all(rule.holds(tuple(words)) for words in field["allowed"])
        for wrong in ((), ("mp4",), ("mp4", "hls"), ("hls", "mp4", "hls"), ("png",), (1,), "hls"):
            assert not rule.holds(wrong)
    assert not RULES[Individual]["av_file_type"].holds(("hls", "mp4"))
    assert RULES[Individual]["av_file_type"].holds(("hls",))


@pytest.mark.parametrize(("type_name", "field"), told("max_items"), ids=name_of)
def test_each_length_of_a_list_is_that_of_the_reference(type_name: str, field: dict[str, Any]):
    found = list(attributes(type_name, field))
    if type_name in {"AudioUidList", "VideoUidList", "RtmpPublishConfig"}:
        found = [(Update, "rtmp_urls", RULES[Update]["rtmp_urls"])] if "Rtmp" in type_name else found
        found = found or [(Subscription, name, rule) for name, rule in RULES[Subscription].items()]
    assert found
    assert {rule.most for _, _, rule in found} == {field["max_items"]}


NEEDED_NOT: dict[str, str] = {
    "channelType": "required and with a default: ours is sent",
    "fileType": "one value: sent by itself",
    "sse": "required in the table, left out in the docs' samples",
    "tag": "the same",
    "endpoint": "required where it is an attribute of its own",
    "async_stop": "False is not sent",
    "outputs": "required inside of a service that may be left out",
}


def test_what_the_reference_requires_is_required_and_nothing_else():
    for type_name, row in REFERENCE["types"].items():
        for field in row["fields"]:
            for cls, name, rule in attributes(type_name, field):
                if field["name"] in NEEDED_NOT or name not in attrs.fields_dict(cls):
                    continue
                required = attrs.fields_dict(cls)[name].default is attrs.NOTHING
                assert required is not rule.optional, (cls, name)
                if field["required"] in {True, False}:
                    assert required is field["required"], (cls, name)


def test_every_attribute_of_every_value_has_a_rule_and_every_rule_an_attribute():
    classes: set[type[Any]] = {type(value) for value in VALUES}
    assert classes | {WantedRecording, Alternate} == set(RULES)
    for cls in RULES:
        assert set(RULES[cls]) == set(attrs.fields_dict(cls)), cls


def test_the_limits_are_those_of_the_reference():
    limits = load("timing")["ranges"]
    assert limits["resolution"]["max_pixels"] == MAX_PIXELS
    assert limits["fileNamePrefix"]["max"] == MAX_PREFIX
    assert RULES[Subscription]["subscribe_audio_uids"].most == limits["subscription_list"]["max"]
    assert RULES[Custom]["regions"].most == limits["recorded_video_users"]["max"]
    assert limits["uid"]["max"] == converters.MAX_UID
    cname = RULES[AcquireRequest]["cname"]
    assert cname.holds("c" * limits["cname"]["max"])
    assert not cname.holds("c" * (limits["cname"]["max"] + 1))


def test_the_channels_name_has_the_references_characters_and_no_others():
    told_rule = next(row for row in REFERENCE["value_rules"]["cname"] if isinstance(row, dict))
    letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
    words = told_rule["allowed_characters"].split()
    assert words[:4] == ["a-z", "A-Z", "0-9", "space"]
    allowed = {*letters, *letters.upper(), *digits, " ", *words[4:]}
    rule = RULES[AcquireRequest]["cname"]
    assert {chr(code) for code in range(0x250) if rule.holds(chr(code))} == allowed
    assert not any(rule.holds(value) for value in ("", "a\n", "日本", None, 5, b"a"))
