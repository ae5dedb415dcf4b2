"""The emulator's own table of events against the reference, and every event that it plays against its row."""

import pytest

from agora_rec.emulator import EventType, Notice
from agora_rec.emulator.events import EVENTS, RANKS
from tests.emulator.event_rules import REFERENCE, ROWS, check_notice
from tests.emulator.programmes import PROGRAMMES, play
from tests.support.reference import load

pytestmark = pytest.mark.anyio

NEVER_PLAYED = {46, 47, 81}


def test_every_event_whose_form_is_known_is_played():
    assert {int(event_type) for event_type in EventType} == set(ROWS) - NEVER_PLAYED
    assert set(EVENTS) == set(EventType)
    seen_only = {number for number, row in ROWS.items() if row.get("observed_only")}
    # The one that others saw and that has an obvious cause: a token that runs out. And the one that would
    # name files whose names are in no document.
    assert (seen_only - {34}) | {81} == NEVER_PLAYED
    assert "not documented" in load("files")["names"]["postponed_transcoding"]["mp4"]


@pytest.mark.parametrize("event_type", EventType, ids=lambda each: each.name)
def test_a_row_says_what_the_reference_says(event_type: EventType):
    name, service_type = EVENTS[event_type]
    row = ROWS[int(event_type)]
    assert service_type == row["serviceType"]
    assert name in row["example"]
    if event_type is not EventType.HA_REGISTERED:
        assert name == row["name"]


@pytest.mark.parametrize("name", PROGRAMMES)
async def test_what_is_told_has_the_documented_form(name: str):
    notices = await play(name)
    assert notices
    for notice in notices:
        check_notice(notice, web=notice.payload["serviceScene"] == "web_record")


async def test_everything_that_can_be_told_is_told_somewhere():
    told = {notice.event_type for name in PROGRAMMES for notice in await play(name)}
    assert told == set(EventType)


@pytest.mark.parametrize("order", ["mix_or_individual", "web", "idle_exit", "failover"])
def test_what_happens_at_one_moment_is_told_in_the_typical_order(order: str):
    """All but progress, which stands in it more than once."""
    typical = [EventType(number) for number in REFERENCE["typical_order"][order]]
    once = [event_type for event_type in typical if event_type is not EventType.UPLOADING_PROGRESS]
    assert [RANKS[event_type] for event_type in once] == sorted(RANKS[event_type] for event_type in once)


def told(notices: tuple[Notice, ...]) -> list[int]:
    return [int(notice.event_type) for notice in notices]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("mix", "mix_or_individual"),
        ("individual", "mix_or_individual"),
        ("web", "web"),
        ("idle", "idle_exit"),
    ],
)
async def test_a_recording_that_goes_well_is_told_in_the_typical_order(name: str, order: str):
    typical = iter(REFERENCE["typical_order"][order])
    wanted = next(typical)
    for event_type in told(await play(name)):
        if event_type == wanted:
            wanted = next(typical, None)
    assert wanted is None
