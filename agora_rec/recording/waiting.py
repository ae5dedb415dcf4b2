"""Waiting for what the service will say: that it records, that it has ended, where its files are.

Everything here may be cancelled at any time. It sends queries; and once more a stop of which a checkpoint
says that it was to be sent, if nobody knows whether it ever was.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from agora_rec.errors import (
    IllegalTransition,
    InvalidRequest,
    RecordingGone,
    UploadStatusUnknown,
    Violation,
    WaitTimedOut,
)
from agora_rec.errors.text import shown
from agora_rec.model.events import (
    RecordingError,
    UploadingProgress,
    WebCapabilityLimit,
    WebRecorderStopped,
)
from agora_rec.recording import watching
from agora_rec.recording.driver import Driver
from agora_rec.transport.spans import is_deadline
from agora_rec.vocabulary import Certainty, Command, OperationName, State

log: Final = logging.getLogger("agora_rec")

UPLOAD_GRACE: Final = 60.0
"""Seconds to wait for news of the files where no notification is to be expected any more."""

REASONS_WITHIN: Final = 6.0
"""Seconds for which the reason of an end is waited for. The documents have no number for the way of an event;
this one lets other workers' events come through the store (`ledger.STORE_LOOK_EVERY`)."""

_REASONS: Final = (RecordingError, WebRecorderStopped, WebCapabilityLimit)
_GRACE: Final = timedelta(seconds=UPLOAD_GRACE)
_NORMAL: Final = timedelta(minutes=20)  # timing.yaml `upload_normal`
_PROGRESS: Final = timedelta(minutes=1)  # timing.yaml `uploading_progress_every`


def require_deadline(name: str, seconds: object) -> None:
    """Refuse what nobody can wait for, before anything is sent.

    Raises:
        InvalidRequest: It is no number of seconds.
    """
    if not is_deadline(seconds):
        raise InvalidRequest((Violation(name, shown(repr(seconds), 40), "seconds (infinity: for ever)"),))


@contextmanager
def explained(driver: Driver) -> Generator[None]:
    """Attach to the error of a wait what the service has said, and what explains it (`HasCauses`).

    An answer of the service's own gets a note of what explains it best, if anything does that is more than a
    guess.
    """
    try:
        yield
    except (RecordingGone, UploadStatusUnknown, WaitTimedOut) as error:
        from agora_rec.recording.explaining import explain  # noqa: PLC0415 - it is large

        known = explain(driver.ledger.checkpoint(), at=driver.keeper.clock.now())
        if not isinstance(error, UploadStatusUnknown):
            error.with_causes(said=known.said, causes=known.causes, evidence=known.notifications)
        elif known.causes and known.causes[0].certainty is not Certainty.POSSIBLE:
            error.add_note(f"agora_rec: {known.causes[0]}; recording.explain() tells more")
        raise


async def until_started(driver: Driver, timeout: float) -> None:  # noqa: ASYNC109 - not only a deadline
    """Wait for the confirmation; see `Recording.wait_started`."""
    ledger = driver.ledger
    _require_begun(driver)
    looks = watching.Looks(driver.keeper.clock)
    if watching.is_settled(driver):
        return
    with driver.keeper.clock.move_on_after(timeout) as scope:
        while ledger.state is State.STARTING:
            await ledger.news()
        looks = watching.looks_for_start(driver)
        await watching.confirm(driver, looks)
        if _left_by_itself(driver):
            await _reasons(driver)
    if watching.is_confirmed(driver, looks):
        return
    watching.conclude(driver, looks)  # the verdict may be due at the very end of the timeout
    if scope.cancelled_caught and watching.runs(driver):
        if ledger.standing.confirmed_at is not None and looks.saw is None:
            return  # nobody could be asked, or there was no time to; and an event has said that it records
        raise timed_out(driver, "a confirmation that it records", timeout)
    if _left_by_itself(driver):
        cause = "; ".join(sorted(ledger.standing.reasons))
        raise RecordingGone(subject=ledger.subject(OperationName.QUERY), cause=cause)
    raise IllegalTransition(Command.QUERY, ledger.state, note="it did not start, or was stopped")


def _left_by_itself(driver: Driver) -> bool:
    """Whether it had begun, and runs no more, and no stop of ours was sent."""
    ledger = driver.ledger
    return bool(ledger.sid) and ledger.state is not State.RECORDING and not ledger.standing.stop_sent


async def _reasons(driver: Driver) -> None:
    """Give the events of an end some time, where an answer was faster: they alone name a wrong parameter."""
    ledger = driver.ledger
    if not driver.keeper.expects_notifications:
        return
    with driver.keeper.clock.move_on_after(REASONS_WITHIN):
        while not any(isinstance(each.event, _REASONS) for each in ledger.heard.notifications):
            await ledger.news()


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


async def news_of_files(driver: Driver, seconds: float | None = None) -> None:
    """Wait while nobody knows where the files are.

    Args:
        driver: The recording's.
        seconds: How long at most; None: as long as the documented times give hope. That is a minute after
            the service's task has exited; where notifications come, twenty minutes after the recorder left,
            or longer while the upload makes progress; where none come, a minute from now.
    """
    clock = driver.keeper.clock
    began = clock.now()
    while driver.ledger.state is State.STOPPING:
        until = hope(driver, began) if seconds is None else began + timedelta(seconds=seconds)
        left = (until - clock.now()).total_seconds()
        if left <= 0.0:
            return
        with clock.move_on_after(left):
            await driver.ledger.news()


def hope(driver: Driver, began: datetime, *, normal: timedelta = _NORMAL) -> datetime:
    """Until when news of the files may be expected, by a wait that began then.

    Args:
        driver: The recording's.
        began: Since when somebody waits.
        normal: How long an upload takes at most when all goes well.
    """
    standing, heard = driver.ledger.standing, driver.ledger.heard.notifications
    moments = [began + _GRACE]
    if standing.exited_at is not None:
        moments.append(standing.exited_at + _GRACE)
    elif driver.keeper.expects_notifications or heard:
        moments.append((standing.left_at or began) + normal)
        # While it makes progress there is hope, however long it takes.
        progress = [each.sent_at for each in heard if isinstance(each.event, UploadingProgress)]
        moments.extend(each + 2 * _PROGRESS for each in progress if each is not None)
    return max(moments)


def timed_out(driver: Driver, waited_for: str, seconds: float | None) -> WaitTimedOut:
    """The end of waiting, with what is known."""
    return WaitTimedOut(
        subject=driver.ledger.subject(OperationName.QUERY),
        waited_for=waited_for,
        state=driver.ledger.state,
        seconds=seconds or 0.0,
        files=driver.ledger.standing.files,
        evidence=driver.ledger.heard.notifications,
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
            raise UploadStatusUnknown(
                subject=ledger.subject(OperationName.STOP),
                files=ledger.standing.files,
                evidence=ledger.heard.notifications,
            )
    else:
        await ledger.news()
