"""The names are the conventions', and say of every call what it is."""

import re

import pytest
from opentelemetry.semconv._incubating.attributes import url_attributes as url_in_development
from opentelemetry.semconv.attributes import (
    error_attributes,
    exception_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.semconv.metrics import http_metrics
from opentelemetry.semconv.schemas import Schemas

from agora_rec.recording.driver import STOP_BOUND
from agora_rec.telemetry import names
from agora_rec.transport.wire import FailureKind
from agora_rec.vocabulary import OperationName
from tests.operations.samples import ALL

CONVENTION = {
    name: value
    for module in (
        url_in_development,
        error_attributes,
        exception_attributes,
        http_attributes,
        server_attributes,
        url_attributes,
        http_metrics,
    )
    for name, value in vars(module).items()
    if name.isupper()
}
OURS = {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("name", sorted(OURS.keys() & CONVENTION.keys()))
def test_a_name_of_the_convention_is_as_the_convention_has_it(name: str):
    assert OURS[name] == CONVENTION[name]


def test_all_that_is_not_in_the_librarys_own_space_is_of_the_convention():
    foreign = {
        name
        for name, value in OURS.items()
        if "." in value and not value.startswith(("agora_rec.", "https:"))
    }
    assert len(foreign) > 10
    assert foreign <= CONVENTION.keys()


def test_the_version_of_the_convention_exists():
    assert names.SCHEMA_URL in {schema.value for schema in Schemas}


@pytest.mark.parametrize("operation", OperationName)
def test_a_template_is_the_path_of_its_call_without_what_varies(operation: OperationName):
    template = names.TEMPLATES[operation]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    found = re.fullmatch(pattern, ALL[operation].path)
    assert found is not None
    known = {"resource_id": ALL[operation].subject.resource_id, "sid": ALL[operation].subject.sid}
    assert {name: text for name, text in found.groupdict().items() if name in known} == {
        name: text for name, text in known.items() if text is not None
    }


def test_every_failure_has_a_word():
    assert set(names.FAILURES) == set(FailureKind)
    words = [*names.FAILURES.values(), names.NAME_NOT_RESOLVED, names.IDLE_CONNECTION_CLOSED, names.CANCELLED]
    assert len(set(words)) == len(words)
    assert all(re.fullmatch("[a-z_]+", word) for word in words)


def test_the_buckets_are_the_advised_ones_and_longer():
    advised = "0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10"
    assert ", ".join(f"{bound:g}" for bound in names.HTTP_BUCKETS) == advised
    assert list(names.LONG_BUCKETS) == sorted(names.LONG_BUCKETS)
    assert max(names.LONG_BUCKETS) == STOP_BOUND
