"""What is told of things that happen: in words, and without secrets."""

from datetime import UTC, datetime

from agora_rec.errors import SecretsRequired
from agora_rec.supervision import Incident, IncidentKind
from agora_rec.supervision.incidents import told
from tests.support import secrets


def test_an_incident_says_what_has_happened():
    incident = Incident(at=datetime(2026, 1, 1, tzinfo=UTC), kind=IncidentKind.LOST, text="it is gone")
    assert str(incident) == "lost: it is gone"


def test_of_errors_that_are_not_ours_only_the_kind_is_told():
    assert told(OSError(f"refused for {secrets.SECRET_KEY}")) == "OSError was raised"


def test_our_own_errors_tell_what_they_say():
    error = SecretsRequired("the mode")
    assert told(error) == str(error)
