"""docs/fleets.md says what the code does: states, incidents, ways to end."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from agora_rec import IncidentKind, OnExit, ResultState
from agora_rec.fleet import admission, beginning, entry, fleet
from agora_rec.fleet.adoption import ADOPT_EVERY
from agora_rec.recording.watching import FIRST_LOOK, WATCH_EVERY
from agora_rec.supervision import duties, renewal, rota, supervisor
from tests.docs.tables import DOCS, rows

PAGE = "fleets.md"
MINUTE = 60.0


def listed(numbers: Iterable[float]) -> str:
    """Numbers as the page lists them."""
    return ", ".join(f"{number:.0f}" for number in numbers)


@pytest.mark.parametrize(
    "said",
    [
        f"{fleet.LIMIT} to begin with, and {fleet.WEB_LIMIT} web pages",
        f"the default lets {fleet.QUEUE:,} wait",
        f"the last {fleet.RESULTS_KEPT:,} that are over",
        f"at most {entry.FAILURES_KEPT}",
        f"`exit_timeout` ({fleet.EXIT_TIMEOUT:.0f} s)",
        f"or after {listed(admission.LIMIT_AGAIN)} s",
        f"is repeated after {listed(beginning.START_AGAIN)} s",
        f"again after {listed(supervisor.STOP_AGAIN)} s",
        f"again after {listed(each / MINUTE for each in renewal.AGAIN_AFTER)}\n  minutes",
        f"queried after {FIRST_LOOK:.0f} s",
    ],
)
def test_numbers_are_those_of_the_code(said: str):
    assert said in (DOCS / PAGE).read_text(encoding="utf-8")


def test_numbers_in_words_are_those_of_the_code():
    assert fleet.START_WITHIN == 10 * MINUTE
    assert ADOPT_EVERY == MINUTE
    assert WATCH_EVERY == 2 * MINUTE
    assert rota.HEARD_FOR * WATCH_EVERY == 10 * MINUTE
    assert rota.WATCH_RATE == 1 / 2
    assert timedelta(hours=1) == renewal.RENEW_EVERY
    assert timedelta(minutes=10) == renewal.BEFORE_THE_END
    assert duties.LIFETIME_MARGIN == 60 * MINUTE


def test_every_state_of_a_result_is_explained_and_whether_it_is_the_last():
    told = [(row[0].strip("`"), row[1]) for row in rows(PAGE, "state")]
    assert told == [(state.name, "yes" if state.is_final else "no") for state in ResultState]


def test_every_incident_is_explained():
    assert [row[0].strip("`") for row in rows(PAGE, "incident")] == [kind.name for kind in IncidentKind]


def test_every_way_to_end_is_explained():
    assert [row[0].strip('`"') for row in rows(PAGE, "`on_exit`")] == [way.value for way in OnExit]
