"""Waiting for what the service will say: that it records, that it has ended, where its files are.

Everything here may be cancelled at any time. It sends queries; and once more a stop of which a checkpoint
says that it was to be sent, if nobody knows whether it ever was.
"""

import logging
from typing import Final

from agora_rec.errors import IllegalTransition, RecordingGone, UploadStatusUnknown, WaitTimedOut
from agora_rec.recording import watching
from agora_rec.recording.driver import Driver
from agora_rec.vocabulary import Command, OperationName, State

log: Final = logging.getLogger("agora_rec")

UPLOAD_GRACE: Final = 60.0
"""Seconds to wait for news of the files after the end is known."""


async def until_started(driver: Driver, timeout: float) -> None:  # noqa: ASYNC109 - not only a deadline
    """Wait for the confirmation; see `Recording.wait_started`."""
    ledger = driver.ledger
    _require_begun(driver)
    looks = watching.Looks(driver.keeper.clock)
    with driver.keeper.clock.move_on_after(timeout) as scope:
        while ledger.state is State.STARTING:
            await ledger.change()
        looks = watching.looks_for_start(driver)
        await watching.confirm(driver, looks)
    if ledger.standing.confirmed_at is not None:
        return
    watching.conclude(driver, looks)  # the verdict may be due at the very end of the timeout
    if scope.cancelled_caught:
        raise timed_out(driver, "a confirmation that it records", timeout)
    if ledger.sid and not ledger.standing.stop_sent:
        cause = "; ".join(sorted(ledger.standing.reasons))
        raise RecordingGone(subject=ledger.subject(OperationName.QUERY), cause=cause)
    raise IllegalTransition(Command.QUERY, ledger.state, note="it did not start, or was stopped")


async def until_finished(driver: Driver, timeout: float) -> None:  # noqa: ASYNC109 - not only a deadline
    """Wait for the end and the files; see `Recording.wait_finished`."""
    _require_begun(driver)
    with driver.keeper.clock.move_on_after(timeout):
        while not driver.ledger.state.is_end:
            await _next_step_to_the_end(driver)
    if not driver.ledger.state.is_end:
        raise timed_out(driver, "its end and its files", timeout)


def _require_begun(driver: Driver) -> None:
    if driver.ledger.state.is_before_start:
        raise IllegalTransition(Command.QUERY, driver.ledger.state, note="nobody has started it")


async def news_of_files(driver: Driver) -> None:
    """Wait for a minute at most while nobody knows where the files are."""
    with driver.keeper.clock.move_on_after(UPLOAD_GRACE):
        while driver.ledger.state is State.STOPPING:
            await driver.ledger.change()


def timed_out(driver: Driver, waited_for: str, seconds: float | None) -> WaitTimedOut:
    """The end of waiting, with what is known."""
    return WaitTimedOut(
        subject=driver.ledger.subject(OperationName.QUERY),
        waited_for=waited_for,
        state=driver.ledger.state,
        seconds=seconds or 0.0,
        files=driver.ledger.standing.files,
    )


async def _next_step_to_the_end(driver: Driver) -> None:
    ledger = driver.ledger
    if driver.is_unsure_of_stop:  # made from a checkpoint: perhaps nobody has ever sent it
        driver.stop_or_repeat()
    if driver.stop_job is not None and driver.is_stopping:
        await driver.stop_job.finished()
    elif ledger.state is State.RECORDING:
        try:
            await watching.watch(driver)
        except RecordingGone as gone:
            log.warning("%s", gone, extra=ledger.log_fields)
    elif ledger.state is State.STOPPING:
        await news_of_files(driver)
        if ledger.state is State.STOPPING:
            raise UploadStatusUnknown(subject=ledger.subject(OperationName.STOP), files=ledger.standing.files)
    else:
        await ledger.change()
