"""Goals that are met, where commands are judged: a recording that runs, a recording that has ended.

A goal takes whatever calls are needed, joins those that are under way already, and is content when somebody
else has reached it. The caller's deadline or cancellation ends his waiting, never a start or a stop.
"""

from contextlib import suppress

from agora_rec.errors import (
    ApiError,
    IllegalTransition,
    ResourceExpired,
    ServiceUnavailable,
    StartUnconfirmed,
)
from agora_rec.model import StopAnswer
from agora_rec.recording.driver import Driver
from agora_rec.recording.jobs import Job
from agora_rec.vocabulary import Command, OperationName, State


async def reach_started(driver: Driver) -> None:
    """Acquire and start as needed, until the sid is known.

    A resource ID that expired, and a start that the service could not place (500 with 502), are answered
    with a new acquire, once each, as documented. Every other refusal is raised.
    """
    ledger = driver.ledger
    anew: set[type[ApiError]] = {ResourceExpired, ServiceUnavailable}
    while ledger.state is not State.RECORDING:
        try:
            await _step_towards_start(driver)
        except (ResourceExpired, ServiceUnavailable) as error:
            kind = type(error)
            at_start = error.operation is OperationName.START and ledger.state.is_before_start
            if kind not in anew or not at_start:
                raise
            anew.remove(kind)


async def _step_towards_start(driver: Driver) -> None:
    match driver.ledger.state:
        case State.IDLE:
            await _acquire(driver)
        case State.ACQUIRED if driver.ledger.standing.start_refused or driver.is_lapsed:
            await _acquire(driver)
        case State.ACQUIRED:
            await driver.start().wait()
        case State.STARTING:
            await _await_sid(driver)
        case state:
            raise IllegalTransition(Command.START, state)


async def reach_stopped(driver: Driver) -> None:
    """Stop whatever runs or may run; done when the service has acknowledged it, or nothing ever ran.

    Raises:
        AgoraRecError: The recording may still run.
    """
    repeated = False
    while driver.may_need_stop:
        try:
            if driver.stop_job is not None and driver.is_stopping:
                await _await_stop(driver.stop_job)
            elif driver.ledger.standing.stop_requested and driver.ledger.state is State.STARTING:
                # The stop goes out by itself as soon as there is a sid. Only the same start can bring it now.
                repeated = True
                await _await_sid(driver)
            else:
                await _await_stop(driver.stop_or_repeat())
        except StartUnconfirmed:
            if repeated:
                raise
        except ResourceExpired:
            raise  # the service takes no more calls for it, and didn't say that it has ended
        except Exception:
            if driver.ledger.state.may_record or driver.is_unsure_of_stop:
                raise


async def _await_stop(under_way: Job[StopAnswer]) -> None:
    with suppress(IllegalTransition):  # its start was withdrawn or refused; there may be another one by now
        await under_way.wait()


async def _acquire(driver: Driver) -> None:
    under_way = driver.acquire_job
    if under_way is None or under_way.is_done:
        under_way = driver.acquire()
    if under_way.is_left:  # it gives up as soon as it may, and not because of us
        await under_way.finished()
    else:
        await under_way.wait()


async def _await_sid(driver: Driver) -> None:
    under_way = driver.start_job
    if under_way is None or under_way.is_done:
        if driver.is_lapsed:
            raise driver.unconfirmed("the resource ID is too old to ask by repeating the start")
        under_way = driver.repeat_start()
    await under_way.wait()
