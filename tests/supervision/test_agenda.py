"""The heap of moments against a plain dictionary of them: nobody is late, nobody is lost."""

from math import inf

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.supervision.agenda import Agenda


@define(eq=False)
class Item:
    """Somebody."""

    number: int
    due: float = inf


moments = st.integers(0, 40).map(float) | st.just(inf)
steps = st.lists(
    st.tuples(st.just("note"), st.integers(0, 4), moments)
    | st.tuples(st.just("drop"), st.integers(0, 4), st.just(0.0))
    | st.tuples(st.just("pass"), st.integers(0, 15), moments),
    max_size=40,
)


@given(steps)
def test_whoever_is_due_is_taken_in_order_and_nobody_else(steps: list[tuple[str, int, float]]):
    agenda, items, now = Agenda[Item](), [Item(number) for number in range(5)], 0.0
    model: dict[int, float] = {}
    for what, number, moment in steps:
        if what == "note":
            due = now + moment
            known = min(model.values(), default=inf)
            is_first = agenda.note(items[number], due)
            assert not (is_first and due >= known), "another one is due before"
            if due < model.get(number, inf):
                model[number] = due
        elif what == "drop":
            agenda.drop(items[number])
            model.pop(number, None)
        else:
            now += number
            taken: list[int] = []
            for item in agenda.take_due(now):
                taken.append(item.number)
                assert item.due == inf, "whoever was taken waits for nothing"
                if moment > 0 and taken.count(item.number) == 1 and item.number % 2:
                    agenda.note(item, now + moment)  # as the supervisor does
            expected = {each: at for each, at in model.items() if at <= now}
            assert [model[each] for each in taken] == sorted(expected.values())
            assert set(taken) == set(expected)
            for each in taken:
                del model[each]
                if moment > 0 and each % 2 and moment < inf:
                    model[each] = now + moment
        assert agenda.next_due <= min(model.values(), default=inf), "it would sleep too long"
        assert {item.number: item.due for item in items if item.due < inf} == model


def test_of_those_that_are_due_at_once_the_first_noted_is_first():
    agenda, items = Agenda[Item](), [Item(number) for number in range(3)]
    for number in (2, 0, 1):
        agenda.note(items[number], 5.0)
    assert [item.number for item in agenda.take_due(5.0)] == [2, 0, 1]


def test_only_what_comes_before_all_others_has_to_wake_anybody():
    agenda, one, other = Agenda[Item](), Item(1), Item(2)
    assert agenda.note(one, 10.0)
    assert not agenda.note(one, 11.0)
    assert not agenda.note(other, 10.0)
    assert agenda.note(other, 9.0)
    assert one.due == 10.0


def test_what_was_noted_and_came_earlier_or_not_at_all_takes_no_room_for_ever():
    agenda, items = Agenda[Item](), [Item(number) for number in range(10)]
    for moment in range(10_000, 0, -1):
        agenda.note(items[moment % 10], float(moment))
        agenda.drop(items[(moment + 1) % 10])
    assert len(agenda._heap) < 200
    assert [item.number for item in agenda.take_due(1e9)] == [
        item.number for item in items if item.number == 1
    ]
