"""The pure core: what is sent when and how often, whatever the receiver says."""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.emulator import Delivery, DeliveryAttempt, DeliveryState, Reception, WebhookSwitches
from agora_rec.emulator.webhooks.schedule import Letter, Schedule
from tests.emulator.webhooks.notices import BEGIN, Told, after, told

FAILURES = [each for each in Reception if each is not Reception.ACCEPTED]


@frozen
class Sent:
    """One attempt, as it went out."""

    at: datetime
    notice: Told
    copy: int
    notice_id: str
    notify_ms: int


@define
class Run:
    """Notices through a schedule, one attempt after another; first they end as a list says, then well."""

    switches: WebhookSwitches
    seed: int = 0
    receptions: list[Reception] = field(factory=list[Reception])
    seconds: float = 0.0
    schedule: Schedule = field(init=False)
    sent: list[Sent] = field(factory=list[Sent], init=False)

    def __attrs_post_init__(self) -> None:
        self.schedule = Schedule(self.switches, self.seed)

    def play(self, notices: list[Told]) -> "Run":
        """Take notices as they happen, and send what is due, until nothing is left."""
        waiting = list(notices)
        while True:
            moments = [each for each in (self.schedule.next_due(), *(one.at for one in waiting[:1])) if each]
            if not moments:
                return self
            now = min(moments)
            happened = [one for one in waiting if one.at <= now]
            waiting = waiting[len(happened) :]
            self.schedule.take(happened)
            while (letter := self.schedule.pick(now)) is not None:
                self.attempt(letter, now)

    def attempt(self, letter: Letter, now: datetime) -> None:
        """Send one, and tell the schedule how it went."""
        body = json.loads(letter.write(now, with_sid=self.switches.sid_in_envelope))
        assert (body["productId"], body["eventType"]) == (3, letter.notice.event_type)
        assert body["payload"] == letter.notice.payload
        assert isinstance(letter.notice, Told)
        self.sent.append(Sent(now, letter.notice, letter.copy, body["noticeId"], body["notifyMs"]))
        reception = self.receptions.pop(0) if self.receptions else Reception.ACCEPTED
        self.schedule.note(letter, an_attempt(letter, now, reception, self.seconds))

    @property
    def numbers(self) -> list[int]:
        """The notices in the order in which they went out."""
        return [each.notice.number for each in self.sent]

    @property
    def seconds_after(self) -> list[float]:
        """When they went out."""
        return [(each.at - BEGIN).total_seconds() for each in self.sent]


def an_attempt(letter: Letter, at: datetime, reception: Reception, seconds: float = 0.0) -> DeliveryAttempt:
    return DeliveryAttempt(at=at, notify_ms=letter.notify_ms, seconds=seconds, reception=reception)


def play(*seconds: float, receptions: Any = (), seed: int = 0, took: float = 0.0, **switches: Any) -> Run:
    run = Run(WebhookSwitches(**switches), seed, list(receptions), took)
    return run.play(told(*seconds))


def test_what_happens_is_sent_at_once_and_in_order():
    run = play(0, 0, 2.5)
    assert (run.numbers, run.seconds_after) == ([1, 2, 3], [0, 0, 2.5])
    assert [each.state for each in run.schedule.deliveries] == [DeliveryState.DELIVERED] * 3


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_is_sent_three_times_more_with_growing_gaps_and_then_dropped(failure: Reception):
    run = play(0, receptions=[failure] * 9, took=10)
    assert run.seconds_after == [0, 10, 30, 100]
    (delivery,) = run.schedule.deliveries
    assert delivery.state is DeliveryState.DROPPED
    assert [each.reception for each in delivery.attempts] == [failure] * 4


def test_a_resend_keeps_its_notice_id_and_has_another_moment_of_sending():
    run = play(0, receptions=[Reception.REFUSED] * 3)
    assert run.seconds_after == [0, 0, 10, 70]
    assert len({each.notice_id for each in run.sent}) == 1
    assert len({each.notify_ms for each in run.sent}) == 4, "even of those sent in the same millisecond"


def test_the_gaps_are_counted_from_the_end_of_an_attempt():
    run = play(0, receptions=[Reception.TIMED_OUT, Reception.REFUSED], took=10, retry_gaps=(1, 2))
    assert run.seconds_after == [0, 11, 23]


def test_without_gaps_there_are_no_resends():
    run = play(0, receptions=[Reception.REFUSED], retry_gaps=())
    assert (run.numbers, run.schedule.deliveries[0].state) == ([1], DeliveryState.DROPPED)


@pytest.mark.parametrize(("shared", "ids"), [(True, 1), (False, 2)])
def test_the_redundant_channel_sends_everything_twice(shared: bool, ids: int):  # noqa: FBT001 - a parameter
    run = play(0, redundant=True, copies_share_id=shared)
    assert [each.copy for each in run.sent] == [1, 2]
    assert len({each.notice_id for each in run.sent}) == ids


def test_one_copy_fails_without_the_other():
    run = play(0, redundant=True, receptions=[Reception.REFUSED] + [Reception.ACCEPTED] * 2)
    assert [(each.copy, len(each.attempts)) for each in run.schedule.deliveries] == [(1, 2), (2, 1)]


def test_types_that_nobody_chose_never_come_and_are_in_no_record():
    notices = [Told(1, after(0), 40), Told(2, after(1), 33), Told(3, after(2), 31)]
    run = Run(WebhookSwitches(subscribed={40, 31})).play(notices)
    assert run.numbers == [1, 3]
    assert [each.number for each in run.schedule.deliveries] == [1, 3]
    assert run.schedule.taken == 3


def test_types_can_be_lost_and_the_record_says_so():
    notices = [Told(1, after(0), 40), Told(2, after(1), 31)]
    run = Run(WebhookSwitches(lost={31}, redundant=True)).play(notices)
    assert run.numbers == [1, 1]
    lost = [each for each in run.schedule.deliveries if each.event_type == 31]
    assert [(each.state, each.attempts, each.due) for each in lost] == [(DeliveryState.LOST, (), None)] * 2


def test_loss_is_as_likely_as_it_says_and_the_copies_don_t_share_it():
    run = play(*([0] * 1000), loss=0.3, redundant=True)
    assert 1300 < len(run.sent) < 1500
    copies: dict[int, set[int]] = defaultdict(set)
    for each in run.sent:
        copies[each.notice.number].add(each.copy)
    assert {frozenset(each) for each in copies.values()} == {
        frozenset({1}),
        frozenset({2}),
        frozenset({1, 2}),
    }
    assert play(0, 0, loss=1).sent == []


def test_delays_are_between_their_bounds_and_differ():
    run = play(*([0] * 200), delay=(2, 5))
    assert run.seconds_after == sorted(run.seconds_after)
    assert run.numbers != sorted(run.numbers)
    assert 2 <= run.seconds_after[0] < 2.5
    assert 4.5 < run.seconds_after[-1] <= 5


def test_reordering_lets_so_many_overtake_and_no_more():
    run = play(*range(300), reorder=3, reorder_seconds=100)
    places = {number: place for place, number in enumerate(run.numbers, 1)}
    assert run.numbers != sorted(run.numbers)
    assert {places[number] - number for number in places} == set(range(-3, 4))


def test_nothing_is_held_back_for_longer_than_it_says():
    run = play(0, 1000, 2000, 3000, reorder=1, reorder_seconds=5, seed=3)
    assert run.numbers == [1, 2, 3, 4]
    late = [at - happened for at, happened in zip(run.seconds_after, range(0, 4000, 1000), strict=True)]
    assert set(late) == {0, 5}


def test_what_is_held_back_goes_with_the_one_that_overtakes_it():
    run = play(*(each / 10 for each in range(40)), reorder=1, reorder_seconds=60)
    held = [each for each in run.sent[:-1] if each.at > each.notice.at]
    assert held
    assert {round((each.at - each.notice.at).total_seconds(), 3) for each in held} == {0.1}


def test_what_is_late_anyway_is_overtaken_too_and_comes_no_earlier():
    on_time = play(*(each / 10 for each in range(40)), reorder=2, reorder_seconds=60, seed=9)
    late = play(*(each / 10 for each in range(40)), reorder=2, reorder_seconds=60, seed=9, delay=(20, 20))
    assert on_time.numbers != sorted(on_time.numbers)
    assert late.numbers == on_time.numbers
    assert min((each.at - each.notice.at).total_seconds() for each in late.sent) == 20
    delayed, mixed = (
        {each.notice.number: each.at for each in play(*range(40), delay=(2, 9), reorder=reorder).sent}
        for reorder in (0, 2)
    )
    assert all(mixed[number] >= delayed[number] for number in delayed), (
        "each is as late as it would be anyway"
    )
    assert mixed != delayed
    assert on_time.schedule._held[:-2] == [], "only the last ones may still wait to be overtaken"


def test_what_is_lost_overtakes_nobody():
    notices = [Told(1, after(0)), Told(2, after(1), 31), Told(3, after(2)), Told(4, after(9))]
    run = Run(WebhookSwitches(reorder=1, reorder_seconds=60, lost={31}), seed=5).play(notices)
    first = next(each for each in run.sent if each.notice.number == 1)
    assert first.at == after(2), "it waited for the third, not for the second"


def test_a_resend_isn_t_hurried_by_those_who_should_have_overtaken_it():
    run = play(0, 6, 7, 8, reorder=1, reorder_seconds=5, seed=5, receptions=[Reception.REFUSED] * 2)
    first = [at for each, at in zip(run.sent, run.seconds_after, strict=True) if each.notice.number == 1]
    assert first == [5, 5, 15], "held back, refused twice, and the second gap is kept"


def test_the_same_seed_gives_the_same_deliveries():
    options: Any = {"loss": 0.2, "delay": (0, 9), "reorder": 4, "redundant": True, "copies_share_id": False}
    times = [each / 3 for each in range(60)]
    once, again, other = (play(*times, seed=seed, **options) for seed in (7, 7, 8))
    assert once.sent == again.sent
    assert once.sent != other.sent


def test_what_a_notice_draws_doesn_t_depend_on_switches_and_answers_of_others():
    quiet = play(*range(50), loss=0.3)
    noisy = play(*range(50), loss=0.3, redundant=True, reorder=5, receptions=[Reception.REFUSED] * 40)
    lost = [each.number for each in quiet.schedule.deliveries if each.state is DeliveryState.LOST]
    assert lost == [
        each.number
        for each in noisy.schedule.deliveries
        if each.state is DeliveryState.LOST and each.copy == 1
    ]


receptions = st.lists(st.sampled_from(Reception), max_size=60)
switch_values = st.fixed_dictionaries(
    {
        "redundant": st.booleans(),
        "copies_share_id": st.booleans(),
        "loss": st.sampled_from([0.0, 0.3, 1.0]),
        "lost": st.sets(st.sampled_from([31, 40])),
        "delay": st.sampled_from([(0, 0), (0, 3), (20, 20)]),
        "reorder": st.integers(0, 4),
        "reorder_seconds": st.sampled_from([0, 5]),
        "subscribed": st.none() | st.sets(st.sampled_from([31, 40])),
        "retry_gaps": st.sampled_from([(), (0,), (0, 10, 60), (1, 2, 3)]),
    }
)
happenings = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([11, 31, 40])), max_size=12)


@given(switch_values, happenings, receptions, st.integers(0, 99), st.sampled_from([0.0, 10.0]))
def test_what_holds_for_every_delivery(
    values: Any, happened: list[tuple[int, int]], answers: list[Reception], seed: int, took: float
):
    switches = WebhookSwitches(**values)
    ordered = sorted(happened, key=lambda each: each[0])
    notices = [Told(number, after(at), kind) for number, (at, kind) in enumerate(ordered, 1)]
    run = Run(switches, seed, answers, took).play(notices)
    deliveries = {(each.number, each.copy): each for each in run.schedule.deliveries}
    wanted = {
        (each.number, copy)
        for each in notices
        if switches.subscribed is None or each.event_type in switches.subscribed
        for copy in ((1, 2) if switches.redundant else (1,))
    }
    assert set(deliveries) == wanted
    assert run.schedule.is_over(len(notices))
    for key, delivery in deliveries.items():
        attempts = [each for each in run.sent if (each.notice.number, each.copy) == key]
        check_delivery(delivery, attempts, switches, took)
    ids = {(each.number, each.copy if not switches.copies_share_id else 1) for each in deliveries.values()}
    assert len({each.notice_id for each in deliveries.values()}) == len(ids)


def check_delivery(delivery: Delivery, sent: list[Sent], switches: WebhookSwitches, took: float) -> None:
    assert delivery.state.is_over
    assert delivery.due is None
    assert [each.at for each in delivery.attempts] == [each.at for each in sent]
    if delivery.state is DeliveryState.LOST:
        assert sent == []
        assert switches.loss or delivery.event_type in switches.lost
        return
    assert 1 <= len(sent) <= switches.attempts_max
    assert delivery.event_type not in switches.lost
    late = (sent[0].at - delivery.at).total_seconds()
    assert switches.delay[0] <= late
    assert late <= switches.delay[1] + (switches.reorder_seconds if switches.reorder else 0)
    assert {each.notice_id for each in sent} == {delivery.notice_id}
    stamps = [each.notify_ms for each in sent]
    assert stamps == sorted(set(stamps)), "each later than the one before"
    gaps = [(b.at - a.at).total_seconds() - took for a, b in pairwise(sent)]
    assert gaps == list(switches.retry_gaps[: len(gaps)])
    accepted = [each.reception is Reception.ACCEPTED for each in delivery.attempts]
    assert not any(accepted[:-1]), "nothing is sent again that was accepted"
    assert (delivery.state is DeliveryState.DELIVERED) == accepted[-1]
    assert accepted[-1] or len(sent) == switches.attempts_max


def test_what_waits_is_bounded_and_nothing_is_lost_by_that():
    schedule = Schedule(WebhookSwitches(), open_max=3)
    notices = told(*range(9))
    schedule.take(notices)
    assert (schedule.taken, schedule.has_room) == (3, False)
    assert not schedule.is_over(1)
    now = after(60)
    seen: list[int] = []
    while (letter := schedule.pick(now)) is not None:
        seen.append(letter.notice.number)
        schedule.note(letter, an_attempt(letter, now, Reception.ACCEPTED))
        schedule.take(notices[schedule.taken :])
    assert seen == list(range(1, 10))


def test_records_of_what_is_over_are_bounded_and_can_be_forgotten():
    run = Run(WebhookSwitches())
    run.schedule = Schedule(WebhookSwitches(), kept_max=5)
    run.play(told(*range(9)))
    assert [each.number for each in run.schedule.deliveries] == [5, 6, 7, 8, 9]
    run.schedule.forget()
    assert run.schedule.deliveries == ()


def test_a_record_says_how_things_stand():
    schedule = Schedule(WebhookSwitches())
    schedule.take(told(0))

    def state() -> tuple[DeliveryState, datetime | None]:
        (delivery,) = schedule.deliveries
        return delivery.state, delivery.due

    assert state() == (DeliveryState.WAITING, after(0))
    letter = schedule.pick(after(0))
    assert letter is not None
    assert state() == (DeliveryState.UNDERWAY, None)
    assert schedule.pick(after(99)) is None
    letter.write(after(0), with_sid=False)
    schedule.note(letter, an_attempt(letter, after(0), Reception.REFUSED, seconds=2))
    assert state() == (DeliveryState.WAITING, after(2))
    assert schedule.pick(after(2) - timedelta(microseconds=1)) is None


def test_a_record_hides_what_is_secret_in_a_payload():
    schedule = Schedule(WebhookSwitches())
    payload = {"details": {"msgName": "rtmp_publish_status", "rtmpUrl": "rtmp://live.example.org/app/key"}}
    schedule.take([Told(1, after(0), 100, payload)])
    (delivery,) = schedule.deliveries
    assert delivery.payload == {"details": {"msgName": "rtmp_publish_status", "rtmpUrl": "***"}}
    letter = schedule.pick(after(0))
    assert letter is not None
    assert b"app/key" in letter.write(after(0), with_sid=False)
