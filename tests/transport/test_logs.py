"""What the log says of calls: in virtual time, over a wire that plays a script."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from attrs import evolve

from agora_rec.errors import AgoraRecError, Attempt, Subject
from agora_rec.lifecycle import facts
from agora_rec.model import BestFit
from agora_rec.operations import Operation
from agora_rec.transport import Interrupt, Interrupted, LocalBudget, RetryPolicy, Transport
from agora_rec.transport.logs import LEVELS, Sequel
from agora_rec.transport.wire import FailureKind, WireAnswer, WireFailure
from agora_rec.vocabulary import OperationName
from tests.operations import samples
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, UID, stage
from tests.support.reference import load
from tests.transport.scripts import LOCAL, LOST, REFUSED, STALE, ScriptedWire, Step, said, transport_over

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

STARTED = WireAnswer(200, load("responses")["endpoints"]["start"][200]["variants"]["any"].encode(), "req-1")
SAME = {"operation": "start", "cname": "class-42", "uid": 880011, "sid": None, "host": "service.example.com"}

Told = list[tuple[str, str, int]]


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG, "agora_rec"):
        yield


def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of all records of the library."""
    return [vars(record) for record in caplog.records if record.name == "agora_rec"]


def told(caplog: pytest.LogCaptureFixture) -> Told:
    """Level, sequel and number of the attempt of all records about calls."""
    return [(each["levelname"], each["sequel"], each["attempt"]) for each in records(caplog)]


async def call(
    steps: list[Step],
    operation: Operation[Any] = samples.START,
    *,
    transport: Transport | None = None,
    **more: Any,
) -> None:
    """Make a call that may end in any way."""
    sender = transport or transport_over(ScriptedWire(steps))
    with suppress(AgoraRecError, Interrupted):
        await sender.send(operation, **more)


async def test_each_attempt_is_one_record_with_its_parts_as_fields(caplog: pytest.LogCaptureFixture):
    await call([LOST, said(500, 15), STARTED])
    found = records(caplog)
    keys = ("status", "code", "attempt", "outcome", "detail", "sequel", "again_in", "request_id")
    assert [{key: record[key] for key in SAME} for record in found] == [SAME] * 3
    assert [tuple(record[key] for key in keys) for record in found] == [
        (None, None, 1, "unanswered", "ReadError", "again", 1, None),
        (500, 15, 2, "refused", "ServiceUnavailable", "again", 3, None),
        (200, None, 3, "answered", "", "done", None, "req-1"),
    ]
    assert [record["waited"] for record in found] == pytest.approx([0, 1, 3])
    assert {record["resource_id"] for record in found} == {samples.START.subject.resource_id}


async def test_how_long_an_attempt_took_is_told_too(caplog: pytest.LogCaptureFixture):
    async def slowly() -> WireAnswer:
        await anyio.sleep(2)
        return STARTED

    await call([slowly])
    assert [record["seconds"] for record in records(caplog)] == pytest.approx([2])


async def test_messages_can_be_read_without_the_fields(caplog: pytest.LogCaptureFixture):
    await call([LOST, said(500, 15)])
    about = "(cname 'class-42', uid 880011)"
    refused = "refused HTTP 500 code 15 'ServiceUnavailable' in 0.0 s"
    assert [record["message"] for record in records(caplog)] == [
        f"start: service.example.com unanswered 'ReadError' in 0.0 s; again in 1.0 s {about}",
        *[
            f"start: service.example.com {refused}; {then} {about}"
            for then in ("again in 3.0 s", "again in 6.0 s", "again in 9.0 s", "given up after 5 attempts")
        ],
    ]


async def test_a_call_about_nothing_says_nothing_about_it(caplog: pytest.LogCaptureFixture):
    await call([said(401)], samples.NCS_IP)
    (record,) = records(caplog)
    assert record["message"].endswith(" s")
    assert (record["cname"], record["uid"], record["resource_id"]) == (None, None, None)


@pytest.mark.parametrize(
    ("operation", "steps", "expected"),
    [
        (samples.START, [STARTED], [("DEBUG", "done", 1)]),
        (samples.START, [said(201, 7)], [("DEBUG", "done", 1)]),
        (samples.STOP, [said(206, 435)], [("DEBUG", "done", 1)]),
        (samples.QUERY, [said(404, 404)], [("INFO", "refused", 1)]),
        (samples.START, [said(400, 2)], [("INFO", "refused", 1)]),
        (samples.START, [said(503), said(400, 2)], [("INFO", "again", 1), ("INFO", "refused", 2)]),
        (samples.QUERY, [said(503)], [("INFO", "again", 1), ("WARNING", "given_up", 2)]),
        (samples.START, [said(302)], [("WARNING", "given_up", 1)]),
        (samples.START, [LOCAL], [("WARNING", "given_up", 1)]),
        (samples.START, [REFUSED, STARTED], [("INFO", "again", 1), ("DEBUG", "done", 2)]),
        (samples.START, [STALE, STARTED], [("DEBUG", "anew", 1), ("DEBUG", "done", 2)]),
    ],
)
async def test_the_level_says_what_comes_of_an_attempt(
    caplog: pytest.LogCaptureFixture, operation: Operation[Any], steps: list[Step], expected: Told
):
    await call(steps, operation)
    assert told(caplog) == expected


async def test_what_is_given_up_with_nothing_left_to_repeat_is_a_warning(caplog: pytest.LogCaptureFixture):
    await call([], transport=transport_over(ScriptedWire([said(429)]), retry=RetryPolicy.never()))
    assert told(caplog) == [("WARNING", "given_up", 1)]
    assert records(caplog)[0]["message"].endswith("given up after 1 attempt (cname 'class-42', uid 880011)")


@pytest.mark.parametrize(
    ("steps", "attempts", "expected"),
    [
        ([STARTED], 0, []),
        ([said(503)], 1, [("INFO", "again", 1)]),
    ],
)
async def test_a_deadline_in_the_queue_is_given_up_with_a_warning(
    caplog: pytest.LogCaptureFixture, steps: list[Step], attempts: int, expected: Told
):
    budget = LocalBudget(0.1)
    if not attempts:
        await budget.slot(samples.START.priority)
    deadline = anyio.current_time() + 5
    await call([], transport=transport_over(ScriptedWire(steps), budget=budget), deadline=deadline)
    assert told(caplog) == [*expected, ("WARNING", "given_up", attempts)]
    last = records(caplog)[-1]
    plural = "" if attempts else "s"
    assert f"no slot before its deadline; given up after {attempts} attempt{plural}" in last["message"]
    assert last["waited"] == pytest.approx(5)
    assert (last["host"], last["status"], last["seconds"], last["again_in"]) == (None, None, None, None)


async def test_a_call_that_is_not_needed_any_more_is_no_news(caplog: pytest.LogCaptureFixture):
    interrupt = Interrupt()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: call([said(503)], samples.QUERY, interrupt=interrupt))
        await anyio.sleep(2)
        interrupt.trigger()
    assert told(caplog) == [("INFO", "again", 1), ("DEBUG", "withdrawn", 1)]
    assert records(caplog)[1]["waited"] == pytest.approx(2)
    assert "query: not needed any more while it waited" in records(caplog)[1]["message"]


async def test_a_cancelled_attempt_is_told(caplog: pytest.LogCaptureFixture):
    async def never() -> WireAnswer:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.move_on_after(1):
        await call([never])
    assert told(caplog) == [("INFO", "cut", 1)]
    assert "unanswered 'cancelled' in 1.0 s" in records(caplog)[0]["message"]


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
async def test_what_nobody_wants_to_know_is_not_logged(caplog: pytest.LogCaptureFixture, level: int):
    interrupt = Interrupt()
    interrupt.trigger()
    caplog.set_level(level, "agora_rec")
    await call([LOST, STARTED])
    await call([said(503)], samples.QUERY)
    await call([STARTED], interrupt=interrupt)
    await call([STARTED], deadline=anyio.current_time() - 1)
    wanted = {logging.INFO: 4, logging.WARNING: 2, logging.ERROR: 0}
    assert len(records(caplog)) == wanted[level]


async def test_what_nobody_reads_is_not_even_made(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def formatted(_: object) -> str:
        raise AssertionError

    monkeypatch.setattr(Attempt, "__str__", formatted)
    caplog.set_level(logging.ERROR, "agora_rec")
    await call([LOST, STARTED])
    caplog.set_level(logging.DEBUG, "agora_rec")
    with pytest.raises(AssertionError):
        await call([LOST, STARTED])


async def test_every_record_has_the_same_fields(caplog: pytest.LogCaptureFixture):
    await call([LOST, STARTED])
    await call([STARTED], deadline=anyio.current_time() - 1)
    assert len({frozenset(record) for record in records(caplog)}) == 1


def test_every_sequel_has_a_level():
    assert set(LEVELS) == set(Sequel)


HOSTILE = "class\r\n2026-01-01 WARNING forged\x1b[2J\u2028\ud800" + "x" * 5000
HOSTILE_FAILURE = WireFailure(FailureKind.LOST, f"ReadError: {HOSTILE}", sent=True)


@pytest.mark.parametrize(
    "step", [HOSTILE_FAILURE, WireAnswer(503, HOSTILE.encode(errors="replace"), HOSTILE), said(503)]
)
async def test_no_text_of_others_can_forge_a_line_or_fill_the_log(
    caplog: pytest.LogCaptureFixture, step: Step
):
    subject = Subject(operation=OperationName.QUERY, cname=HOSTILE, uid=7, resource_id=HOSTILE, sid=HOSTILE)
    await call([step], evolve(samples.QUERY, subject=subject))
    found = records(caplog)
    assert len(found) in {2, 4}
    for record in found:
        texts = [value for value in record.values() if isinstance(value, str)]
        ours = [text for text in texts if "class" in text or "ReadError" in text]
        assert ours
        assert all(text.isprintable() for text in ours)
        assert all(len(text) < 1100 for text in ours)
        text = record["message"]
        assert text.isprintable()
        assert len(text) < 600


async def test_a_resource_id_of_real_length_is_told_whole(caplog: pytest.LogCaptureFixture):
    whole = "r" * 700
    await call([LOST], evolve(samples.QUERY, subject=evolve(samples.QUERY.subject, resource_id=whole)))
    assert {record["resource_id"] for record in records(caplog)} == {whole}


async def test_a_healthy_recording_is_quiet(caplog: pytest.LogCaptureFixture):
    async with stage() as on:
        recording = on.recording()
        async with recording:
            await recording.wait_started()
            await recording.update_layout(BestFit())
            await recording.query()
        assert (await recording.wait_finished()).in_bucket
    levels = {record["levelname"] for record in records(caplog)}
    assert levels == {"DEBUG"}
    assert {record.get("sequel", "done") for record in records(caplog)} == {"done"}


async def test_a_name_from_a_foreign_checkpoint_can_forge_no_line(caplog: pytest.LogCaptureFixture):
    async with stage() as on:
        checkpoint = on.recording(CNAME, UID).checkpoint()
        hostile = on.cloud.attach(evolve(checkpoint, cname=HOSTILE, id="other"))
        hostile._ledger.absorb(facts.Acquired(resource_id="r"))
        hostile._ledger.absorb(facts.StartSent())
        hostile._ledger.absorb(facts.Started(sid=HOSTILE))
    found = records(caplog)
    assert [record["state"] for record in found] == ["acquired", "starting", "recording"]
    assert all(f"{record['message']}{record['cname']}{record['sid']}".isprintable() for record in found)
    assert all(len(record["message"]) < 600 for record in found)
