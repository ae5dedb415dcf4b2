"""docs/observability.md says what the code does: fields, levels, attributes, metrics."""

import logging
import re
from typing import Any

import pytest

from agora_rec.telemetry import names
from agora_rec.transport.logs import LEVELS
from agora_rec.transport.wire import WireAnswer
from tests.docs.tables import DOCS, quoted, rows
from tests.operations import samples
from tests.support.backends import virtual_time
from tests.telemetry.seen import Seen
from tests.transport.scripts import ScriptedWire, transport_over

anyio_backend = virtual_time

PAGE = "observability.md"
USUAL = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
STARTED = WireAnswer(200, b'{"cname":"c","uid":"1","resourceId":"r","sid":"s"}', "id")


def first_column(heading: str) -> set[str]:
    """All that a table explains."""
    return set[str]().union(*(quoted(row[0]) for row in rows(PAGE, heading)))


def test_what_may_come_of_an_attempt_is_told_with_its_level():
    found = {(row[0].strip("`"), row[1]) for row in rows(PAGE, "`sequel`")}
    assert found == {(sequel.value, logging.getLevelName(level)) for sequel, level in LEVELS.items()}


@pytest.mark.anyio
async def test_the_fields_of_a_record_are_those_of_the_table(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "agora_rec")
    await transport_over(ScriptedWire([STARTED])).send(samples.START)
    (record,) = [each for each in caplog.records if each.name == "agora_rec"]
    assert set(vars(record)) - USUAL == first_column("field")


def constants(prefix: str) -> set[Any]:
    """The names of the library's own space that begin like this."""
    return {value for key, value in vars(names).items() if key.isupper() and str(value).startswith(prefix)}


def test_every_attribute_is_explained():
    calls, attempts = first_column("attribute of a call"), first_column("attribute of an attempt")
    metrics = first_column("metric")
    assert constants("agora_rec.") == {
        each for each in calls | attempts | metrics | {names.WAIT_EVENT} if each.startswith("agora_rec.")
    }
    convention = constants("http.") | constants("server.") | constants("url.") | constants("error.")
    assert convention == {each for each in attempts | metrics if not each.startswith("agora_rec.")}


def test_every_word_for_a_failure_is_explained():
    (line,) = re.findall(r"The words are (.*?);", (DOCS / PAGE).read_text(encoding="utf-8"), re.DOTALL)
    words = {names.NAME_NOT_RESOLVED, names.IDLE_CONNECTION_CLOSED, names.CANCELLED, *names.FAILURES.values()}
    assert quoted(line) == words


@pytest.mark.anyio
async def test_the_metrics_are_of_the_kinds_and_units_told():
    seen = Seen()
    wire = ScriptedWire([WireAnswer(503, b""), STARTED])
    await transport_over(wire, telemetry=seen.telemetry).send(samples.START)
    data = seen.reader.get_metrics_data()
    assert data is not None
    found = {
        (metric.name, metric.unit)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert found == {(row[0].strip("`"), row[1].partition(", ")[2]) for row in rows(PAGE, "metric")}
    assert found == {(name, "{retry}" if name == names.RETRIES else "s") for name in first_column("metric")}
