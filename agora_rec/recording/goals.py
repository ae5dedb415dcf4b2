"""Goals that are met, where commands are judged: a recording that runs, a recording that has ended.

A goal takes whatever calls are needed, joins those that are under way already, and is content when somebody
else has reached it. The caller's deadline or cancellation ends his waiting, never a start or a stop.
"""

from collections import Counter
from contextlib import suppress
from typing import Final

from agora_rec.errors import (
    ApiError,
    IllegalTransition,
    ResourceExpired,
    StartUnconfirmed,
    StoreConflict,
    Superseded,
)
from agora_rec.model import StopAnswer
from agora_rec.recording.description import Description
from agora_rec.recording.driver import Driver
from agora_rec.recording.jobs import Job
from agora_rec.recording.remedies import Remedy, Way, remedy_for
from agora_rec.vocabulary import Command, State

OTHERS_START: Final = 10.0
"""Seconds from a start in which its sid may come to another worker, or by event 13 (timing.yaml)."""


async def reach_started(driver: Driver) -> None:
    """Acquire and start as needed, until the sid is known.

    A start that was refused for certain is followed by the ways that are documented for its code: a new
    acquire, at once or after waits, and the alternate uid, if there is one (`remedies.py`). When none is left
    the refusal is raised, and so it is if somebody has wanted a stop meanwhile.
    """
    stops = driver.stops_wanted
    gone: Counter[Remedy] = Counter()
    while not _records(driver):
        try:
            await _step_towards_start(driver)
        except StoreConflict:
            continue  # another worker has acquired or started it: what he knows is known here now
        except Superseded:
            if not _records(driver) or driver.stops_wanted != stops:
                raise  # what waited gave way to a stop, and not to the start of another worker
            continue
        except StartUnconfirmed:
            if not await _comes_from_elsewhere(driver):
                raise
            continue
        except ApiError as error:
            step = _next_step(driver, error, gone)
            if step is None or driver.stops_wanted != stops:
                raise
            refusal = error
        else:
            continue
        if isinstance(step, Description):
            await _acquire(driver, under=step)
        elif step:
            await _pause(driver, step)
            if driver.stops_wanted != stops:
                raise refusal


def _records(driver: Driver) -> bool:
    """Whether the goal is reached, perhaps by somebody else while this one waited."""
    return driver.ledger.state is State.RECORDING


def _next_step(driver: Driver, error: ApiError, gone: Counter[Remedy]) -> Description | float | None:
    """What to do after an error: go on under the alternate uid, or anew after so many seconds.

    None: there is no way on, or something may run.
    """
    if not driver.ledger.state.is_before_start:
        return None
    remedy, description = remedy_for(error), driver.ledger.description
    pauses = _pauses(driver, remedy)
    if gone[remedy] < len(pauses):
        gone[remedy] += 1
        return pauses[gone[remedy] - 1]
    if Way.ALTERNATE not in remedy.ways or description.alternate is None:
        return None
    under = description.under_alternate()
    if under is None:
        error.add_note("agora_rec: the alternate uid was not tried: attach() was given no token for it")
    return under


def _pauses(driver: Driver, remedy: Remedy) -> tuple[float, ...]:
    """Seconds before each start anew under the same uid."""
    if Way.ANEW_AFTER_WAITS in remedy.ways:
        return driver.keeper.retry.start_server
    return (0.0,) if Way.ANEW in remedy.ways else ()


async def _pause(driver: Driver, seconds: float) -> None:
    """Wait before a new acquire, or until somebody else's start is on its way."""
    with driver.keeper.clock.move_on_after(seconds):
        while driver.ledger.state.is_before_start:
            await driver.ledger.change()
    driver.keeper.require_open()


async def _step_towards_start(driver: Driver) -> None:
    before = driver.ledger.standing
    await driver.bring_secrets()
    if driver.ledger.standing is not before:
        return  # look again: somebody else has acquired or started while the secrets came
    match before.state:
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


async def _acquire(driver: Driver, under: Description | None = None) -> None:
    """Have it acquired; another caller or worker may be quicker, so that the state tells how to go on."""
    under_way = driver.acquire_job
    if under_way is None or under_way.is_done:
        under_way = driver.acquire(under=under)
    if under_way.is_left:  # it gives up as soon as it may, and not because of us
        await under_way.finished()
    else:
        try:
            await under_way.wait()
        except Superseded:
            raise
        except IllegalTransition:
            pass


async def _comes_from_elsewhere(driver: Driver) -> bool:
    """Whether a start of just now has brought its sid to another worker, or by a notification."""
    ledger, clock = driver.ledger, driver.keeper.clock
    if not driver.keeper.hears_from_others:
        return False
    sent_at = ledger.standing.start_sent_at
    age = OTHERS_START if sent_at is None else (clock.now() - sent_at).total_seconds()
    if 0.0 <= age < OTHERS_START:
        with clock.move_on_after(OTHERS_START - age):
            while ledger.state is State.STARTING:
                await ledger.news()
    return ledger.state is not State.STARTING


async def _await_sid(driver: Driver) -> None:
    under_way = driver.start_job
    if under_way is None and await _comes_from_elsewhere(driver):
        return
    if under_way is None or under_way.is_done:
        if driver.is_lapsed:
            raise driver.unconfirmed("the resource ID is too old to ask by repeating the start")
        before = driver.ledger.standing
        await driver.bring_secrets()
        if driver.ledger.standing is not before or driver.start_job is not under_way:
            return  # somebody was quicker while the secrets came: look again
        under_way = driver.repeat_start()
    await under_way.wait()
