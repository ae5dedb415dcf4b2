"""What is kept of notifications, and by what they are recognised. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from agora_rec import Checkpoint
from agora_rec.model.events import RecorderStarted, SessionExit, UnknownEvent, UploadingProgress
from agora_rec.model.notification import Notification
from agora_rec.recording.heard import KEYS_KEPT, NOTIFICATIONS_KEPT, Heard, identity
from agora_rec.testing.store_contract import a_checkpoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def said(number: int = 0, **more: Any) -> Notification:
    """A notification; each number another one."""
    given: dict[str, Any] = {
        "notice_id": f"notice-{number}",
        "event_type": 40,
        "cname": "class",
        "uid": 7,
        "sid": "sid",
        "sequence": number,
        "sent_at": NOW + timedelta(seconds=number),
        "event": RecorderStarted(),
    }
    return Notification(**(given | more))


@pytest.mark.parametrize(
    "again",
    [
        {"notified_at": NOW},
        {"notice_id": "copied"},
        {"notice_id": ""},
        {"sid": None},
        {"sequence": 99},
        {"duplicate": True},
    ],
    ids="-".join,
)
def test_a_notification_is_recognised_by_its_id_or_by_what_happened(again: dict[str, Any]) -> None:
    assert set(identity(said())) & set(identity(evolve(said(), **again)))


@pytest.mark.parametrize(
    "other",
    [
        {"uid": 8},
        {"sequence": 1},
        {"event_type": 41},
        {"sent_at": NOW + timedelta(milliseconds=1)},
        {"sid": "x"},
    ],
    ids="-".join,
)
def test_two_events_are_two(other: dict[str, Any]) -> None:
    assert not set(identity(said())) & set(identity(evolve(said(), notice_id="other", **other)))


def test_where_nothing_tells_when_it_happened_what_it_says_decides() -> None:
    bare: dict[str, Any] = {"notice_id": "", "sequence": None, "sent_at": None}
    one, two = said(**bare, event=SessionExit()), said(**bare, event=SessionExit(msg_name="x"))
    assert identity(one) == identity(evolve(one))
    assert not set(identity(one)) & set(identity(two))


def test_of_what_belongs_to_nothing_there_is_no_identity() -> None:
    assert identity(Notification(event_type=1, event=UnknownEvent(event_type=1))) == ()


@pytest.mark.parametrize("text", ["", "x" * 100_000, "\ud800", "a\nb"])
def test_an_identity_is_short_whatever_somebody_sends(text: str) -> None:
    for key in identity(said(notice_id=text, sid=text)):
        assert len(key) == 18
        key.encode()


def test_the_last_ones_are_kept_and_counted() -> None:
    heard = Heard()
    for number in range(NOTIFICATIONS_KEPT + 5):
        assert heard.keep(said(number), identity(said(number)))
        assert not heard.keep(said(number), identity(said(number)))
    assert heard.notifications == tuple(said(number) for number in range(5, NOTIFICATIONS_KEPT + 5))
    assert heard.kept.total == NOTIFICATIONS_KEPT + 5
    assert heard.kept.since(heard.kept.total) == ()
    assert heard.kept.since(heard.kept.total - 2) == heard.notifications[-2:]
    assert heard.kept.since(0) == heard.notifications


def test_what_has_no_identity_is_always_new() -> None:
    heard = Heard()
    assert [heard.keep(said(), ()) for _ in range(2)] == [True, True]


def test_identities_are_bounded() -> None:
    heard = Heard()
    for number in range(KEYS_KEPT):
        heard.settle(identity(said(number)))
    assert len(heard.keys) == KEYS_KEPT
    assert heard.is_settled(identity(said(KEYS_KEPT - 1)))
    assert not heard.is_settled(identity(said(0)))


def test_what_is_known_already_is_no_news() -> None:
    heard = Heard()
    heard.settle(("a",))
    before = heard.revision
    heard.settle(("a",))
    heard.settle(())
    assert heard.revision == before


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_progress_never_falls(order: tuple[int, ...]) -> None:
    heard = Heard()
    for number in order:
        heard.keep(said(number, event=UploadingProgress(progress=number * 1000)), (str(number),))
    heard.keep(said(9, event=UploadingProgress()), ("9",))
    assert heard.progress == 3000


def with_heard(*numbers: int, **more: Any) -> Checkpoint:
    notifications = tuple(map(said, numbers))
    keys = tuple(key for each in notifications for key in identity(each))
    return a_checkpoint("1", notifications=notifications, heard=keys, **more)


def test_what_two_workers_have_heard_becomes_one() -> None:
    one, two = Heard.of(with_heard(1, 2, progress=10)), Heard.of(with_heard(2, 3, progress=20))
    one.merge(with_heard(2, 3, progress=20))
    two.merge(with_heard(1, 2, progress=10))
    for heard in (one, two):
        assert {each.notice_id for each in heard.notifications} == {"notice-1", "notice-2", "notice-3"}
        assert all(heard.is_settled(identity(said(number))) for number in (1, 2, 3))
        assert heard.progress == 20


def test_a_checkpoint_keeps_all_of_it() -> None:
    checkpoint = with_heard(1, 2, progress=8750)
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint
