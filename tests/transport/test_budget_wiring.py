"""The budget on real event loops: few slots, short waits."""

import anyio
import pytest

from agora_rec.transport.budget import LocalBudget
from agora_rec.vocabulary import Priority

pytestmark = pytest.mark.anyio


async def test_slots_are_spaced_on_a_real_loop():
    budget = LocalBudget(400)
    moments: list[float] = []

    async def caller() -> None:
        await budget.slot(Priority.WATCH)
        moments.append(anyio.current_time())

    async with anyio.create_task_group() as tasks:
        for _ in range(9):
            tasks.start_soon(caller)
    # The first call is on time, the last one not before its own moment (less the resolution of the clock).
    assert moments[-1] - moments[0] >= 8 * 1.05 / 400 - 0.001


async def test_a_cancelled_caller_leaves_and_the_others_go_on():
    budget = LocalBudget(50)
    await budget.slot(Priority.WATCH)
    with anyio.move_on_after(0.002) as scope:
        await budget.slot(Priority.STOP)
    assert scope.cancelled_caught
    assert budget.waiting == 0
    with anyio.fail_after(1):
        await budget.slot(Priority.WATCH)
    assert budget.used == 2
