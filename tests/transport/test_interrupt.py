import anyio
import pytest

from agora_rec.transport import Interrupt, Interrupted

pytestmark = pytest.mark.anyio


async def test_it_ends_all_waiting_that_goes_on_and_lets_none_begin():
    interrupt = Interrupt()
    ended: list[str] = []

    async def wait(name: str) -> None:
        with pytest.raises(Interrupted), interrupt.waiting():
            await anyio.sleep_forever()
        ended.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait, "a")
        tasks.start_soon(wait, "b")
        await anyio.wait_all_tasks_blocked()
        assert repr(interrupt) == "<Interrupt requested=False waiting=2>"
        interrupt.trigger()
        interrupt.trigger()
    assert sorted(ended) == ["a", "b"]
    entered = False
    with pytest.raises(Interrupted), interrupt.waiting():
        entered = True
    assert not entered
    assert repr(interrupt) == "<Interrupt requested=True waiting=0>"


async def test_without_a_trigger_the_body_just_runs():
    interrupt = Interrupt()
    with interrupt.waiting():
        await anyio.lowlevel.checkpoint()
    assert not interrupt.requested


async def test_a_body_that_ended_while_it_was_triggered_is_interrupted_all_the_same():
    interrupt = Interrupt()
    with pytest.raises(Interrupted) as caught, interrupt.waiting():
        interrupt.trigger()
    assert caught.value.attempts == ()


async def test_an_exception_of_the_body_goes_through():
    interrupt = Interrupt()
    with pytest.raises(ZeroDivisionError), interrupt.waiting():
        raise ZeroDivisionError
    assert repr(interrupt) == "<Interrupt requested=False waiting=0>"


async def test_a_cancellation_from_outside_stays_a_cancellation():
    interrupt = Interrupt()
    with anyio.CancelScope() as outer:
        outer.cancel()
        with interrupt.waiting():
            await anyio.sleep_forever()
    assert outer.cancelled_caught
