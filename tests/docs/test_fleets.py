"""docs/fleets.md says what the code does: states, incidents, ways to end."""

from agora_rec import IncidentKind, OnExit, ResultState
from tests.docs.tables import rows

PAGE = "fleets.md"


def test_every_state_of_a_result_is_explained_and_whether_it_is_the_last():
    told = [(row[0].strip("`"), row[1]) for row in rows(PAGE, "state")]
    assert told == [(state.name, "yes" if state.is_final else "no") for state in ResultState]


def test_every_incident_is_explained():
    assert [row[0].strip("`") for row in rows(PAGE, "incident")] == [kind.name for kind in IncidentKind]


def test_every_way_to_end_is_explained():
    assert [row[0].strip('`"') for row in rows(PAGE, "`on_exit`")] == [way.value for way in OnExit]
