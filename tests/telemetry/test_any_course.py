"""What holds of spans and points whatever happens to a call."""

from contextlib import suppress

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from trio.testing import MockClock

from agora_rec.errors import AgoraRecError
from agora_rec.transport import Interrupt, Interrupted, LocalBudget, Unpaced
from agora_rec.transport.wire import WireAnswer, WireFailure
from agora_rec.vocabulary import AttemptOutcome
from tests.operations import samples
from tests.telemetry.seen import Seen, told
from tests.transport.scripts import (
    LOCAL,
    LOST,
    REFUSED,
    STALE,
    UNRESOLVED,
    ScriptedWire,
    said,
    transport_over,
)

pytestmark = pytest.mark.untraced

STARTED = WireAnswer(200, b'{"cname":"c","uid":"1","resourceId":"r","sid":"s"}')
ENDS: list[WireAnswer | WireFailure] = [
    STARTED, LOST, REFUSED, STALE, UNRESOLVED, LOCAL,
    said(500, 15), said(503), said(429), said(206, 65), said(201, 7), said(400, 2), WireAnswer(200, b"?"),
]  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ENDS), st.sampled_from([0.0, 0.3, 7.0, 20.0])), min_size=1)
MOMENTS = st.none() | st.floats(0.1, 30)


class SlowWire(ScriptedWire):
    """Takes its time for each step of the script."""

    def taking(self, seconds: list[float]) -> "SlowWire":
        """Take so long for each of them."""
        self.times = seconds
        return self

    async def exchange(self, *args: object, **kwargs: object) -> WireAnswer:
        number = min(len(self.asked), len(self.times) - 1)
        try:
            return await super().exchange(*args, **kwargs)  # type: ignore[arg-type]  # as they came
        finally:
            await trio.sleep(self.times[number])


async def play(
    seen: Seen, wire: SlowWire, *, paced: bool, cut: float | None, triggered: float | None
) -> bool:
    """Make a call that may be cancelled or interrupted; whether it succeeded."""
    budget = LocalBudget(0.2) if paced else Unpaced()
    transport = transport_over(wire, budget=budget, telemetry=seen.telemetry)
    interrupt = Interrupt()
    success = False
    async with trio.open_nursery() as nursery:
        if triggered is not None:
            nursery.start_soon(trigger, interrupt, triggered)
        with suppress(AgoraRecError, Interrupted), trio.move_on_after(cut or 1e6):
            await transport.send(samples.START, interrupt=interrupt)
            success = True
        nursery.cancel_scope.cancel()
    assert not get_current_span().get_span_context().is_valid
    return success


async def trigger(interrupt: Interrupt, seconds: float) -> None:
    await trio.sleep(seconds)
    interrupt.trigger()


@settings(max_examples=150)
@given(STEPS, st.booleans(), MOMENTS, MOMENTS)
def test_each_call_is_one_span_and_one_point_and_so_is_each_attempt(
    steps: list[tuple[WireAnswer | WireFailure, float]],
    paced: bool,  # noqa: FBT001 - a drawn value
    cut: float | None,
    triggered: float | None,
):
    seen = Seen()
    wire = SlowWire([step for step, _ in steps]).taking([seconds for _, seconds in steps])

    async def main() -> bool:
        return await play(seen, wire, paced=paced, cut=cut, triggered=triggered)

    success = trio.run(main, clock=MockClock(autojump_threshold=0))
    (call,) = seen.calls
    attempts = seen.attempts
    assert call.kind is SpanKind.INTERNAL
    assert len(seen.spans) == 1 + len(attempts)
    assert len(attempts) == len(wire.asked) == told(call)["agora_rec.attempts"]
    assert call.context is not None
    assert {span.parent.span_id for span in attempts if span.parent} <= {call.context.span_id}
    counts = [told(span).get("http.request.resend_count") for span in attempts]
    assert counts == [number or None for number in range(len(attempts))]
    for span in seen.spans:
        assert (span.status.status_code is StatusCode.ERROR) == ("error.type" in told(span))
    outcome = told(call)["agora_rec.outcome"]
    assert outcome in {*(each.value for each in AttemptOutcome), "withdrawn", "cancelled"}
    if success:
        assert outcome == "answered"
        assert call.status.status_code is StatusCode.UNSET
    assert [count for count, _ in seen.points("agora_rec.call.duration").values()] == [1]
    assert sum(count for count, _ in seen.points("http.client.request.duration").values()) == len(attempts)
    assert sum(seen.points("agora_rec.call.retries").values()) == max(0, len(attempts) - 1)
