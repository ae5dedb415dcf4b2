"""What values do with their arguments, and what they don't."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import attrs
import pytest

from agora_rec.model import (
    ALL_STREAMS,
    AmazonS3,
    AmazonS3Region,
    Custom,
    Individual,
    LayoutRegion,
    Mix,
    PostponedAudioMix,
    Scene,
    Snapshots,
    StopRequest,
    SubscribeUidGroup,
    Subscription,
    Update,
    Web,
    normal_uid,
    scene_of,
)
from agora_rec.secret import Secret
from tests.model.samples import INDIVIDUAL, KEYS, MIX, S3, STARTS, VALUES, WEB
from tests.support import secrets

RIGHT_UIDS: list[tuple[object, int]] = [
    (1, 1),
    ("1", 1),
    (4294967295, 4294967295),
    ("4294967295", 4294967295),
]
WRONG_UIDS: list[object] = [
    0, -1, 2**32, "0", "4294967296", "", "abc", "+1", "-1", " 1", "1 ", "1.0", "01", "0x1", "1_0",
    "\u0661", "\u00b2", "1" * 5000, 10**5000, True, 1.0, None, b"1", [1], "\ud800",
]  # fmt: skip


@pytest.mark.parametrize(("uid", "number"), RIGHT_UIDS)
def test_a_uid_is_a_number_however_it_is_spelt(uid: Any, number: int):
    assert normal_uid(uid) == number
    assert StopRequest(cname="c", uid=uid).uid == number


@pytest.mark.parametrize("uid", WRONG_UIDS, ids=lambda uid: repr(uid)[:12] if uid != 10**5000 else "huge")
def test_what_is_no_uid_is_refused_and_kept_for_the_validation(uid: Any):
    with pytest.raises(ValueError, match="from 1 to 4294967295"):
        normal_uid(uid)
    assert StopRequest(cname="c", uid=uid).uid is uid


def test_lists_become_tuples_and_good_uids_numbers():
    lists = Subscription(subscribe_audio_uids=[ALL_STREAMS], subscribe_video_uids=["11", 12, "x"])
    assert lists.subscribe_audio_uids == (ALL_STREAMS,)
    assert lists.subscribe_video_uids == (11, 12, "x")
    assert Mix(storage=S3, av_file_type=["hls"]).av_file_type == ("hls",)
    assert Snapshots().file_type == Snapshots(file_type=["jpg"]).file_type == ("jpg",)
    region = LayoutRegion(x_axis=0, y_axis=0, width=1, height=1)
    assert Custom(regions=[region]).regions == (region,)
    assert AmazonS3(region=AmazonS3Region.EU_WEST_1, file_name_prefix=["a"], **KEYS).file_name_prefix == (
        "a",
    )


@pytest.mark.parametrize("junk", [None, 3, "text", {"a": 1}, object()])
def test_what_is_no_list_is_kept_for_the_validation(junk: Any):
    kept: tuple[object, ...] = (
        Subscription(subscribe_audio_uids=junk).subscribe_audio_uids,
        Custom(regions=junk).regions,
        Snapshots(file_type=junk).file_type,
    )
    assert all(value is junk for value in kept)


def test_push_urls_are_hidden_even_if_they_are_no_list():
    assert Update(rtmp_urls=None).rtmp_urls is None
    assert Update(rtmp_urls=[secrets.RTMP_URL]).rtmp_urls == (Secret(secrets.RTMP_URL),)
    assert secrets.RTMP_URL not in repr(Update(rtmp_urls=secrets.RTMP_URL))


def test_parts_of_the_canvas_have_six_decimals():
    region = LayoutRegion(x_axis=1 / 3, y_axis=0, width=2 / 3, height=1)
    assert (region.x_axis, region.width, region.height) == (0.333333, 0.666667, 1.0)
    nan = float("nan")
    odd: Any = LayoutRegion(x_axis=nan, y_axis=1.23456789, width="1", height=True)  # type: ignore[arg-type]
    assert (odd.x_axis is nan, odd.y_axis, odd.width, odd.height) == (True, 1.23456789, "1", True)


class NoOffset(tzinfo):
    """A zone that doesn't know its offset."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


def test_an_expiry_is_kept_in_utc_and_whole_seconds():
    noon = datetime(2026, 6, 17, 12, tzinfo=UTC)
    for given in (
        noon,
        int(noon.timestamp()),
        noon.astimezone(timezone(timedelta(hours=8))),
        noon + timedelta(milliseconds=5),
    ):
        kept = AmazonS3(region=AmazonS3Region.EU_WEST_1, sts_expiration=given, **KEYS).sts_expiration
        assert kept == noon
        assert kept is not None
        assert kept.tzinfo is UTC
    far = datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))
    odd: Any
    for odd in (None, datetime(2026, 1, 1), True, -1, 10**20, "soon", far, noon.replace(tzinfo=NoOffset())):  # noqa: DTZ001
        assert AmazonS3(region=AmazonS3Region.EU_WEST_1, sts_expiration=odd, **KEYS).sts_expiration is odd


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_immutable_and_equal_by_content(value: Any):
    name = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, None)
    assert attrs.evolve(value) == value
    assert hash(attrs.evolve(value)) == hash(value)


def test_the_scene_follows_from_the_mode():
    postponed = Individual(
        storage=S3, subscribe_uid_group=SubscribeUidGroup.UP_TO_2, postponed=PostponedAudioMix()
    )
    assert [scene_of(mode) for mode in (MIX, INDIVIDUAL, WEB, postponed)] == [
        Scene.RTC,
        Scene.RTC,
        Scene.WEB,
        Scene.POSTPONED,
    ]


def test_screenshots_alone_are_known_as_such():
    alone = attrs.evolve(INDIVIDUAL, snapshots=Snapshots())
    assert alone.snapshots_only
    assert not attrs.evolve(alone, av_file_type=["hls"]).snapshots_only
    assert not INDIVIDUAL.snapshots_only


def test_a_start_announces_itself():
    start = STARTS[0]
    assert start.parameter.mode is start.mode
    assert start.parameter.token == start.token


def test_each_mode_has_the_services_name_for_it():
    assert [mode.name for mode in (Mix, Individual, Web)] == ["mix", "individual", "web"]
