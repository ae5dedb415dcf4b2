"""Spans of time, and who has a place when there are not enough for all."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agora_rec.emulator.channels import EVER
from agora_rec.emulator.spells import Spell, common, limited, union

UIDS = ("1", "2", "3", "4", "5")


def at(minute: int) -> datetime:
    return EVER + timedelta(minutes=minute)


SPELLS = st.lists(st.tuples(st.integers(0, 19), st.integers(1, 20)), max_size=4).map(
    lambda pairs: union(Spell(at(since), at(since + length)) for since, length in pairs)
)


def inside(spells: tuple[Spell, ...], minute: int) -> bool:
    return any(spell.since <= at(minute) < spell.until for spell in spells)


@given(st.fixed_dictionaries(dict.fromkeys(UIDS, SPELLS)), st.integers(1, 5))
def test_places_are_never_too_many_nor_left_empty_while_somebody_waits(
    wanted: dict[str, tuple[Spell, ...]], places: int
):
    given_places = limited(wanted, places)
    for minute in range(41):
        there = {uid for uid in UIDS if inside(wanted[uid], minute)}
        placed = {uid for uid in UIDS if inside(given_places.get(uid, ()), minute)}
        assert placed <= there
        assert len(placed) == min(places, len(there))


@given(st.fixed_dictionaries(dict.fromkeys(UIDS, SPELLS)), st.integers(1, 5))
def test_who_has_a_place_keeps_it_to_the_end(wanted: dict[str, tuple[Spell, ...]], places: int):
    for uid, spells in limited(wanted, places).items():
        ends = {spell.until for spell in wanted[uid]}
        assert all(spell.until in ends for spell in spells)


@given(SPELLS, SPELLS)
def test_what_is_common_lies_in_both(one: tuple[Spell, ...], other: tuple[Spell, ...]):
    both = common(one, other)
    for minute in range(41):
        assert inside(both, minute) == (inside(one, minute) and inside(other, minute))
