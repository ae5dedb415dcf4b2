"""Spans of time, and who has a place when there are not enough for all."""

from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from agora_rec.emulator.channels import EVER
from agora_rec.emulator.spells import Spell, common, limited, mp4_spells, union

SLICE = timedelta(minutes=2)
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


@example((Spell(at(0), at(10)), Spell(at(20), at(30))), 10)  # nothing goes on where one is full
@given(SPELLS.filter(bool), st.integers(1, 30))
def test_mp4_files_are_as_long_as_they_may_be_and_hold_every_slice_once(
    spells: tuple[Spell, ...], minutes: int
):
    length = timedelta(minutes=minutes)
    slices: list[Spell] = []
    for spell in spells:
        begin = spell.since
        while begin < spell.until:
            slices.append(Spell(begin, min(begin + SLICE, spell.until)))
            begin = slices[-1].until
    files = list(mp4_spells(spells, length, SLICE))
    assert files[0].since == spells[0].since
    assert all(file.since < file.until for file in files)
    begins = [file.since for file in files]
    for number, file in enumerate(files):
        after = begins[number + 1] if number + 1 < len(files) else None
        held = [each for each in slices if file.since <= each.since and (after is None or each.since < after)]
        assert held[0].since == file.since
        assert held[-1].since < file.since + length
        assert held[-1].until <= file.until
        if after is not None:
            assert file.until <= after
            assert file.since + length <= after in {each.since for each in slices}
