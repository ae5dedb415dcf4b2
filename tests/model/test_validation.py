"""Each rule finds its fault, names it by path, and finds nothing else."""

from typing import Any

import attrs
import pytest
from hypothesis import given

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.model import (
    Alternate,
    AmazonS3Region,
    ApsaraVideoVod,
    Custom,
    Encryption,
    Individual,
    Mix,
    Mode,
    StartRequest,
    StopRequest,
    Subscription,
    Vertical,
    validation,
)
from agora_rec.model.validation.rules import url
from agora_rec.model.validation.tables import RULES, WantedRecording
from agora_rec.model.validation.walk import shown
from agora_rec.vocabulary import Region
from tests.model.faults import (
    FAULTS,
    GCM2,
    INVALID,
    NAMES,
    UIDS_33,
    UPDATES,
    change,
    mix,
    picture,
    place,
    s3,
    wrong,
)
from tests.model.samples import LAYOUTS, MIX, NOW, S3, STORAGES, VALUES
from tests.model.strategies import layouts, modes
from tests.support.reference import load


@given(modes())
def test_good_modes_pass(mode: Mode):
    assert validation.check(StartRequest(mode=mode, **NAMES), now=NOW) == ()
    assert validation.check_recording(mode=mode, now=NOW, token="t", **NAMES) == ()


@given(layouts())
def test_good_layouts_pass(layout: Any):
    assert validation.check_layout(layout) == ()


@pytest.mark.parametrize(("value", "expected"), FAULTS)
def test_each_fault_is_found_at_its_place_and_nothing_else(value: Any, expected: list[str]):
    assert sorted(wrong(value)) == sorted(expected)


WANTED = WantedRecording(mode=MIX, **NAMES)
OTHER = Alternate(uid=880012)
ONE_OF_EACH: list[Any] = [*{type(value): value for value in VALUES}.values(), WANTED, OTHER]
FIELDS = [(value, name) for value in ONE_OF_EACH for name in RULES[type(value)]]


IDS = [f"{type(value).__name__}-{name}" for value, name in FIELDS]


@pytest.mark.parametrize(("value", "name"), FIELDS, ids=IDS)
def test_no_field_takes_just_anything_and_none_only_if_it_may_be_left_out(value: Any, name: str):
    assert name in wrong(change(value, **{name: object()}))
    missing = validation.check(change(value, **{name: None}))
    needed = {violation.path for violation in missing if violation.rule.startswith("needed: ")}
    left_out = attrs.fields_dict(type(value))[name].default is None
    assert needed == (set() if left_out else {name})


@pytest.mark.parametrize("storage", STORAGES, ids=lambda storage: type(storage).__name__)
def test_every_storage_keeps_to_the_rules_of_all(storage: Any):
    assert wrong(change(storage, file_name_prefix=["a" * 100, "b" * 100])) == ["file_name_prefix"]
    assert wrong(change(storage, bucket="")) == ["bucket"]
    if hasattr(storage, "sts_token"):
        assert wrong(change(storage, sts_expiration=None)) == ["sts_expiration"]
        assert wrong(change(storage, sts_expiration=NOW)) == ["sts_expiration"]


def test_everything_wrong_is_told_at_once_by_the_names_of_the_call():
    mode = mix(
        storage=s3(bucket="", secret_key=""),
        av_file_type=["mp4"],
        max_idle_time=1,
        encryption=Encryption(decryption_mode=GCM2, secret="x"),
        subscription=Subscription(subscribe_audio_uids=[1], unsubscribe_audio_uids=UIDS_33),
        transcoding=picture(width=4000, height=4000, layout=Custom(regions=[place()] * 18)),
    )
    with pytest.raises(InvalidRequest) as caught:
        validation.require_recording("ä", 2**32, mode, "", "US", 0, [""], Alternate(uid=0))  # type: ignore[arg-type]  # the point
    assert {violation.path for violation in caught.value.violations} == {
        "cname",
        "uid",
        "alternate.uid",
        "alternate.token",
        "mode.storage.bucket",
        "mode.storage.secret_key",
        "mode.av_file_type",
        "mode.max_idle_time",
        "mode.encryption.salt",
        "mode.subscription.unsubscribe_audio_uids",
        "mode.transcoding.width",
        "mode.transcoding.layout.regions",
        "token",
        "region",
        "resource_expired_hour",
        "exclude[0]",
    }
    for violation in caught.value.violations:
        assert str(violation) in str(caught.value)


def test_the_bucket_must_lie_in_the_region_to_record_in():
    fault = "mode.storage.region"
    found = validation.check_recording(mode=MIX, region=Region.CN, **NAMES)
    assert found == (Violation(fault, "<AmazonS3Region.EU_WEST_1: 4>", "in CN, the region to record in"),)
    for good in (None, Region.EU, Region("JP")):
        assert validation.check_recording(mode=MIX, region=good, **NAMES) == ()
    number = mix(storage=s3(region=4))
    assert [v.path for v in validation.check_recording(mode=number, region=Region.CN, **NAMES)] == [fault]


@pytest.mark.parametrize(("update", "mode", "expected"), UPDATES)
def test_what_can_be_updated_depends_on_the_start(update: Any, mode: Mode | None, expected: list[str]):
    assert [v.path for v in validation.check_update(update, mode=mode, now=NOW)] == expected
    if expected:
        with pytest.raises(InvalidRequest):
            validation.require_update(update, mode=mode, now=NOW)
    else:
        validation.require_update(update, mode=mode, now=NOW)


def test_layouts_are_judged_under_their_name():
    validation.require_layout(LAYOUTS[3])
    for layout, path in (
        (Vertical(max_resolution_uid="x"), "layout.max_resolution_uid"),
        ("floating", "layout"),
        (None, "layout"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            validation.require_layout(layout)  # type: ignore[arg-type]  # the point
        assert [violation.path for violation in caught.value.violations] == [path]


def test_what_is_no_request_is_refused_as_such():
    with pytest.raises(InvalidRequest, match="a request of agora_rec"):
        validation.require("start")  # type: ignore[arg-type]  # the point
    validation.require(StopRequest(**NAMES))


def test_an_expiry_is_judged_only_when_the_time_is_known():
    past = s3(sts_token="t", sts_expiration=NOW)
    assert wrong(past, now=None) == []
    assert wrong(past) == ["sts_expiration"]


class Subclass(Mix):
    """What a user might make of a mode; the codec couldn't write it."""


def test_a_class_of_the_users_own_is_no_mode():
    own = Subclass(storage=S3)
    assert [v.path for v in validation.check_recording(mode=own, **NAMES)] == ["mode"]


SHOWN: list[tuple[object, str]] = [
    (None, "None"),
    (5, "5"),
    (1.5, "1.5"),
    (True, "True"),
    ("a", "'a'"),
    ("a" * 1000, f"'{'a' * 60}'"),
    ("\ud800" * 60, "'" + ("\\ud800" * 20)[:119] + "..."),
    (10**5000, "<int>"),
    (10**200, "1" + "0" * 119 + "..."),
    (b"secret", "<bytes>"),
    (object(), "<object>"),
    (AmazonS3Region.US_EAST_1, "<AmazonS3Region.US_EAST_1: 0>"),
    (["a"], "<list of 1>"),
    ({"a": 1}, "<dict of 1>"),
    (("a", 1, ("b",)), "('a', 1, <tuple of 1>)"),
    (("a",) * 5, "<tuple of 5>"),
    (S3, "<AmazonS3>"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN, ids=[text[:9] for _, text in SHOWN])
def test_values_are_shown_in_short(value: object, text: str):
    assert shown(value) == text
    assert shown(value, secret=True) in {"***", "None"}
    assert "'" not in shown(value, opaque=True)


def test_urls_need_a_host_and_their_scheme():
    rule = url("rtmp", "rtmps")
    assert rule.holds("rtmps://a/b")
    assert rule.holds("RTMP://a/b")
    bad: list[object] = [
        "rtmp:",
        "rtmp://",
        "rtmp:///x",
        "http://a",
        "//a",
        "rtmp://a b",
        "rtmp://a\tb",
        "",
        None,
    ]
    assert not any(map(rule.holds, bad))


def test_every_invalid_case_of_the_reference_that_one_value_can_show_is_refused():
    cases = [case["change"] for case in load("requests")["invalid_cases"]]
    for begin, value in INVALID:
        assert any(case.startswith(begin) for case in cases), begin
        assert wrong(value)
    assert (
        len(cases) - len(INVALID) == 4
    )  # differs from acquire (twice), too old, wrong keys: not ours to see


def test_subscribe_uid_group_must_be_given():
    with pytest.raises(TypeError, match="subscribe_uid_group"):
        Individual(storage=S3)  # type: ignore[call-arg]  # the point
    with pytest.raises(TypeError, match="secret_key"):
        ApsaraVideoVod(access_key="a", region_id="r", title="t")  # type: ignore[call-arg]  # the point
