"""What a fleet refuses before anything is sent: every wrong field at once, whatever it holds."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from agora_rec import (
    Alternate,
    Checkpoint,
    Fleet,
    InvalidRequest,
    Mix,
    OnExit,
    Replacement,
    Spec,
    Twin,
    codec,
)
from agora_rec.fleet.spec import LONGEST_SPAN, check, spec_of
from agora_rec.store import Plan
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import mix, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TWIN = Twin(uid=2, alternate=Alternate(uid=20))


def a_spec(**more: Any) -> Spec:
    given: dict[str, Any] = {"cname": "class-42", "uid": 1, "mode": mix()}
    return Spec(**(given | more))


def wrong(spec: Any, replacement: Any = None) -> list[str]:
    """The paths of what is wrong."""
    try:
        check(spec, replacement=replacement, now=NOW)
    except InvalidRequest as error:
        return [each.path if each.value and each.rule else "empty" for each in error.violations]
    return []


class NoZone(tzinfo):
    """A time zone that doesn't know how far it is from UTC."""

    def __repr__(self) -> str:
        return "NoZone()"  # the same in each worker of pytest-xdist, which compare the names of tests

    def utcoffset(self, moment: datetime | None) -> None:
        return None

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "none"


@pytest.mark.parametrize(
    "spec",
    [
        a_spec(),
        a_spec(until=timedelta(microseconds=1)),
        a_spec(until=LONGEST_SPAN),
        a_spec(until=NOW + timedelta(seconds=1)),
        a_spec(key="k" * 200),
        a_spec(key="k" * 198, twins=[TWIN]),
        a_spec(key=None, twins=[TWIN, Twin(uid="3")]),
        a_spec(exclude=["another"], twins=(TWIN,)),
    ],
    ids=repr,
)
def test_a_good_spec_passes(spec: Spec) -> None:
    assert wrong(spec) == []


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({"until": datetime(2027, 1, 1)}, ["until"]),  # noqa: DTZ001 - that is the mistake
        ({"until": datetime(2027, 1, 1, tzinfo=NoZone())}, ["until"]),
        ({"until": NOW}, ["until"]),
        ({"until": timedelta(0)}, ["until"]),
        ({"until": timedelta(seconds=-1)}, ["until"]),
        ({"until": timedelta.max}, ["until"]),
        ({"until": 3600}, ["until"]),
        ({"key": ""}, ["key"]),
        ({"key": "k" * 201}, ["key"]),
        ({"key": "k" * 201, "twins": [TWIN]}, ["key"]),
        ({"key": 7, "twins": [TWIN]}, ["key"]),
        ({"key": ["k"]}, ["key"]),
        ({"key": "k" * 199, "twins": [TWIN]}, ["key"]),
        ({"exclude": "abc"}, ["exclude"]),
        ({"exclude": None}, ["exclude"]),
        ({"exclude": 7}, ["exclude"]),
        ({"twins": None}, ["twins"]),
        ({"twins": "ab"}, ["twins"]),
        ({"twins": None, "key": "k"}, ["twins"]),
        ({"twins": [7, TWIN, "x"]}, ["twins[0]", "twins[2]"]),
        ({"twins": [Twin(uid=2), Twin(uid="2")]}, ["twins[1].uid"]),
        ({"twins": [Twin(uid=1)]}, ["twins[0].uid"]),
        ({"twins": [Twin(uid=2, alternate=Alternate(uid=1))]}, ["twins[0].alternate.uid"]),
        ({"alternate": Alternate(uid=2), "twins": [Twin(uid=2)]}, ["twins[0].uid"]),
        ({"alternate": Alternate(uid=1)}, ["alternate.uid"]),
        ({"twins": [Twin(uid=2, alternate=Alternate(uid=2))]}, ["twins[0].alternate.uid"]),
        ({"twins": [Twin(uid=[])]}, ["twins[0].uid"]),  # type: ignore[arg-type]  # that is the mistake
        ({"alternate": 7}, ["alternate"]),
        ({"twins": [Twin(uid=2, alternate=8)]}, ["twins[0].alternate"]),  # type: ignore[arg-type]  # the same
        ({"region": "mars"}, ["region"]),
        ({"announce_start": "yes"}, ["announce_start"]),
        ({"resource_expired_hour": 721}, ["resource_expired_hour"]),
        ({"mode": None}, ["mode"]),
        ({"uid": 0}, ["uid"]),
    ],
    ids=repr,
)
def test_a_wrong_field_is_named_by_its_path(more: dict[str, Any], paths: list[str]) -> None:
    assert wrong(a_spec(**more)) == paths


def test_all_wrong_fields_are_named_at_once() -> None:
    spec = a_spec(
        cname="", uid=-1, mode=7, key="", until=timedelta(0), exclude=3, twins=[1, Twin(uid=0)], region="x"
    )
    assert sorted(wrong(spec, Replacement())) == [
        "alternate",
        "cname",
        "exclude",
        "key",
        "mode",
        "region",
        "twins[0]",
        "twins[1].alternate",
        "twins[1].uid",
        "uid",
        "until",
    ]


@pytest.mark.parametrize("value", [None, 7, "class-42", {"cname": "class-42"}, Checkpoint, mix()])
def test_what_is_no_spec_is_refused(value: object) -> None:
    assert wrong(value) == ["spec"]


@pytest.mark.parametrize(
    ("replacement", "paths"),
    [
        (None, []),
        (Replacement(most=0), []),
        (Replacement(), ["alternate", "twins[1].alternate"]),
        (Replacement(most=-1), ["replacement.most"]),
        (Replacement(most=True), ["replacement.most"]),
        (Replacement(most=2.0, lifetime=1), ["replacement.most", "replacement.lifetime"]),  # type: ignore[arg-type]
        ("always", ["replacement"]),
    ],
    ids=repr,
)
def test_a_replacement_needs_another_uid_for_each_recorder(replacement: Any, paths: list[str]) -> None:
    assert wrong(a_spec(twins=[TWIN, Twin(uid=3)]), replacement) == paths


def test_tokens_are_in_no_repr() -> None:
    twin = Twin(uid=2, token=secrets.TOKEN)
    spec = a_spec(token=secrets.TOKEN, twins=[twin])
    assert secrets.TOKEN not in repr(spec)


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"on_exit": "never"}, "on_exit"),
        ({"on_exit": []}, "on_exit"),
        ({"on_exit": "release"}, "on_exit"),
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"web_limit": 1.0}, "web_limit"),
        ({"queue": -1}, "queue"),
        ({"results": None}, "results"),
        ({"adopt": "yes"}, "adopt"),
        ({"replacement": "always"}, "replacement"),
        ({"replacement": Replacement(most=-1)}, "replacement.most"),
        ({"start_within": -1}, "start_within"),
        ({"upload_timeout": float("inf")}, "upload_timeout"),
        ({"exit_timeout": float("nan")}, "exit_timeout"),
        ({"exit_timeout": "30"}, "exit_timeout"),
        ({"exit_timeout": False}, "exit_timeout"),
    ],
    ids=repr,
)
async def test_a_wrong_argument_of_a_fleet_is_named(more: dict[str, Any], path: str) -> None:
    async with stage() as on:
        given: dict[str, Any] = {"on_exit": "wait"} | more
        with pytest.raises(InvalidRequest) as raised:
            Fleet(on.cloud, **given)
        assert [each.path for each in raised.value.violations] == [path]


async def test_all_wrong_arguments_are_named_at_once_and_on_exit_must_be_said() -> None:
    async with stage() as on:
        with pytest.raises(InvalidRequest) as raised:
            Fleet(on.cloud, on_exit="later", limit=-1, queue=None, start_within="x", adopt=None)  # type: ignore[arg-type]
        paths = {each.path for each in raised.value.violations}
        assert paths == {"on_exit", "limit", "queue", "start_within", "adopt"}
        with pytest.raises(TypeError, match="on_exit"):
            Fleet(on.cloud)  # type: ignore[call-arg]
        assert Fleet(on.cloud, on_exit=OnExit.STOP).on_exit == "stop"


async def test_a_fleet_that_isnt_open_does_nothing() -> None:
    async with stage() as on:
        fleet = Fleet(on.cloud, on_exit="wait")
        for call in (fleet.start(a_spec()), anext(fleet.record([a_spec()]))):
            with pytest.raises(RuntimeError, match="not open"):
                await call
        with pytest.raises(RuntimeError, match="not open"):
            _ = fleet._roster.supervisor
        async with fleet:
            with pytest.raises(RuntimeError, match="opened once"):
                await fleet.__aenter__()
        assert fleet.report().results == ()
        assert not on.emulator.calls


async def test_more_twins_than_places_would_wait_for_ever_and_are_refused() -> None:
    async with stage() as on, Fleet(on.cloud, on_exit="stop", limit=2) as fleet:
        with pytest.raises(InvalidRequest) as raised:
            await fleet.start(a_spec(twins=[TWIN, Twin(uid=3)]))
        assert [each.path for each in raised.value.violations] == ["twins"]
        assert not on.emulator.calls


def a_checkpoint(uid: int, **more: Any) -> Checkpoint:
    return Checkpoint(
        id=f"r{uid}", cname="class-42", uid=uid, mode=codec.dump_mode(mix()), saved_at=NOW, **more
    )


@pytest.mark.parametrize(
    ("checkpoint", "until", "other"),
    [
        (a_checkpoint(1), None, None),
        (a_checkpoint(1, plan=Plan(until=NOW, lasts=5.0, other_uid=9)), NOW, 9),
        (a_checkpoint(1, plan=Plan(lasts=5.0)), timedelta(seconds=5), None),
        (a_checkpoint(1, plan=Plan(other_uid=1)), None, None),
        (a_checkpoint(1, alternate_uid=8, plan=Plan(other_uid=9)), None, 8),
    ],
)
def test_a_spec_is_made_of_what_a_checkpoint_says(checkpoint: Checkpoint, until: Any, other: Any) -> None:
    spec = spec_of(checkpoint, a_checkpoint(2, plan=Plan(other_uid=3)))
    assert (spec.until, spec.uid, type(spec.mode)) == (until, 1, Mix)
    assert spec.alternate == (None if other is None else Alternate(uid=other))
    assert spec.twins == [Twin(uid=2, alternate=Alternate(uid=3))]
