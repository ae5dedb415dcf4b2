"""`Recording`, as users hold it: the service's calls as commands, goals, waiting, and `async with`.

This class decides nothing about the lifecycle and sends nothing itself; it waits for jobs on behalf of its
callers, and knows whether somebody still wants what it started.
"""

import logging
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from agora_rec import operations
from agora_rec.errors import WaitTimedOut, WorkerNotFound
from agora_rec.lifecycle import Change
from agora_rec.model import (
    AcquireAnswer,
    Layout,
    Mode,
    QueryAnswer,
    RecordedFile,
    StartAnswer,
    StopAnswer,
    Storage,
    Subscription,
    Update,
    UpdateAnswer,
    UpdateLayoutAnswer,
    UpdateLayoutRequest,
    UpdateRequest,
    validation,
)
from agora_rec.model.notification import Notification
from agora_rec.recording import goals, waiting
from agora_rec.recording.changes import Changes
from agora_rec.recording.description import Description
from agora_rec.recording.driver import Driver
from agora_rec.recording.events import Events
from agora_rec.recording.heard import PROGRESS_DONE
from agora_rec.recording.hearing import Hearing
from agora_rec.recording.jobs import Job
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.outcome import Outcome, outcome_of
from agora_rec.secret import Secret
from agora_rec.store import Checkpoint
from agora_rec.vocabulary import Command, Priority, State

if TYPE_CHECKING:
    from agora_rec.recording.explaining import Explanation

A = TypeVar("A")
S = TypeVar("S", UpdateAnswer, UpdateLayoutAnswer)
log: Final = logging.getLogger("agora_rec")


class Recording:
    """One recording of one channel: made by `CloudRecording.recording`, driven from here.

    `acquire`, `start`, `query`, `update`, `update_layout` and `stop` are the service's calls: judged, and
    refused with `IllegalTransition` where the state forbids them. `ensure_started` and `ensure_stopped` are
    goals: met with whatever calls are needed, and content if they are met already. Cancelling any of them
    ends the waiting only: a start or a stop that is under way goes on to its answer, which is then found in
    `state`.

    Several tasks may use one recording. As a context manager it belongs to one of them: whoever leaves its
    block first stops it for all.
    """

    __slots__ = ("__weakref__", "_claimed", "_clock", "_driver", "_ledger", "_starters", "is_visited")

    def __init__(self, ledger: Ledger, *, is_visited: bool = False) -> None:
        self._ledger = ledger
        self.is_visited: bool = is_visited
        """Whether it was made for the occasion of a notification, and its client doesn't hold it."""
        self._clock = ledger.keeper.clock
        self._driver = Driver(ledger)
        self._starters = 0
        self._claimed = True
        ledger.on_news = self._learnt

    def __repr__(self) -> str:
        return (
            f"<Recording {self.cname!r} uid={self.uid} {self.state.value}"
            f" resource_id={self.resource_id!r} sid={self.sid!r}>"
        )

    @property
    def hearing(self) -> Hearing:
        """How notifications come in."""
        return Hearing(self._driver)

    @property
    def id(self) -> str:
        """This library's own name for it, by which stores know it."""
        return self._ledger.description.id

    @property
    def driver(self) -> Driver:
        """What drives it: for whoever supervises it (`agora_rec.supervision`), and for nobody else."""
        return self._driver

    @property
    def key(self) -> str | None:
        """What its users call it, if it was claimed under a key."""
        return self._ledger.description.key

    @property
    def cname(self) -> str:
        """The channel's name; for `Web` any name that tells recordings apart."""
        return self._ledger.description.cname

    @property
    def uid(self) -> int:
        """The recorder's uid, as acquired: update and stop must send it.

        It changes once at most and before anything runs, when the alternate uid is taken. A failover doesn't
        change it: see `instance_uid`.
        """
        return self._ledger.description.uid

    @property
    def instance_uid(self) -> int:
        """The uid of the recorder in the channel now; after a failover another one than `uid`."""
        known = self._ledger.standing.instance_uid
        return self.uid if known is None else known

    @property
    def mode(self) -> Mode:
        """How it is recorded; without secrets if it came from a checkpoint and nobody brought them."""
        return self._ledger.description.mode

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._ledger.state

    @property
    def resource_id(self) -> str | None:
        """The resource ID in use, once acquired."""
        return self._ledger.standing.resource_id

    @property
    def sid(self) -> str | None:
        """The service's name for it, once known."""
        return self._ledger.standing.sid

    @property
    def files(self) -> tuple[RecordedFile, ...]:
        """The files that the service has named so far, by name."""
        return self._ledger.standing.files

    @property
    def no_data(self) -> bool:
        """Whether it ended in order without files, because nobody sent a stream."""
        return self._ledger.standing.no_data and not self.files

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was refused, left or failed, as far as that was said."""
        return tuple(sorted(self._ledger.standing.reasons))

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """What the service has said of it by webhook: the last 20, in the order in which they came."""
        return self._ledger.heard.notifications

    @property
    def progress(self) -> float | None:
        """How much of what is recorded is uploaded, from 0.0 to 1.0; None: nobody has said.

        The service reports it once a minute while it records and uploads (event 33). It never falls.
        """
        if self.state is State.UPLOADED:
            return 1.0
        progress = self._ledger.heard.progress
        return None if progress is None else progress / PROGRESS_DONE

    @property
    def history(self) -> tuple[Change, ...]:
        """The transitions so far, oldest first; the last 200 are kept."""
        return self._ledger.history.items

    @property
    def outcome(self) -> Outcome:
        """What is known now of how it ended."""
        return outcome_of(self._ledger)

    async def acquire(self) -> AcquireAnswer:
        """Acquire a resource ID, good for one start within five minutes (best within two seconds).

        Raises:
            IllegalTransition: It has one already, or has begun.
            ConcurrencyLimitReached: As many recordings run as the account allows.
            ApiError: Any other refusal.
            TransportError: No usable answer; nothing runs because of it.
        """
        self._ledger.keeper.require_open()
        await self._driver.bring_secrets()
        return await self._driver.acquire().wait()

    async def start(self) -> StartAnswer:
        """Start recording. The answer means accepted; `wait_started` confirms that it records.

        If the caller is cancelled, the start goes on; the recording stays in `cloud.recordings`, and is
        stopped when the client closes unless somebody has used it in between.

        Raises:
            IllegalTransition: It isn't ACQUIRED.
            ResourceExpired: More than five minutes after the acquire: nothing was sent; acquire again.
            StartUnconfirmed: No answer says whether it runs; the state stays STARTING.
            SecretsRequired: It came from a checkpoint, and nobody brought its mode or token.
            TaskConflict: Another recording with this cname and uid runs.
            Superseded: A stop came before anything was sent.
            ApiError: Any other refusal; nothing runs.
            TransportError: Nothing reached the service.
        """
        self._ledger.keeper.require_open()
        with self._starter():
            await self._driver.bring_secrets()
            return await self._driver.start().wait()

    async def query(self) -> QueryAnswer:
        """Ask how it is doing. A 404 (`WorkerNotFound`) proves nothing by itself: it may be a failover.

        Raises:
            IllegalTransition: It isn't RECORDING; never query after a stop.
            Superseded: A stop came first.
            ApiError: The service refused.
            TransportError: No usable answer.
        """
        self._wanted()
        return await self._driver.query(Priority.CONFIRM).wait()

    async def refresh(self) -> None:
        """Learn what other workers know; and if it records, as far as is known, ask the service.

        That the service doesn't know it (404) proves nothing by itself, and is not raised.

        Raises:
            Superseded: A stop came first.
            ApiError: The service refused.
            TransportError: No usable answer.
            Exception: Whatever the store raises.
        """
        self._wanted()
        await self._ledger.refresh()
        if self.state is State.RECORDING:
            with suppress(WorkerNotFound):
                await self._driver.query(Priority.CONFIRM).wait()

    async def update(
        self,
        *,
        subscription: Subscription | None = None,
        onhold: bool | None = None,
        rtmp_urls: "tuple[str | Secret, ...] | None" = None,
        storage: Storage | None = None,
    ) -> UpdateAnswer:
        """Change what is recorded while it runs. Each update replaces the settings of the one before.

        Args:
            subscription: Whose audio and video is recorded; not for `Web`.
            onhold: True pauses a page's recording, False resumes it; `Web` only.
            rtmp_urls: Where a page's recording is pushed, at most one; `Web` only, if it was started with
                one.
            storage: The whole storage again, with a renewed STS token.

        Raises:
            InvalidRequest: Every wrong field, before anything is sent.
            IllegalTransition: It isn't RECORDING.
            Superseded: A stop came first.
            ApiError: The service refused.
            TransportError: No usable answer.
        """
        change = Update(subscription=subscription, onhold=onhold, rtmp_urls=rtmp_urls, storage=storage)
        del rtmp_urls  # they hold the stream's key, and no traceback may show it
        self._wanted()
        self._driver.judge(Command.UPDATE)
        validation.require_update(change, mode=self.mode, now=self._clock.now())
        request = UpdateRequest(cname=self.cname, uid=self.uid, change=change)
        operation = operations.update(*self._driver.address, request)
        return await self._driver.change(Command.UPDATE, operation).wait()

    async def update_layout(self, layout: Layout) -> UpdateLayoutAnswer:
        """Change the picture; `Mix` only. It is replaced as a whole: what is left out gets its default.

        Raises:
            InvalidRequest: Every wrong field, before anything is sent.
            IllegalTransition: It isn't RECORDING, or not a `Mix`.
            Superseded: A stop came first.
            ApiError: The service refused.
            TransportError: No usable answer.
        """
        self._wanted()
        self._driver.judge(Command.UPDATE_LAYOUT)
        validation.require_layout(layout)
        request = UpdateLayoutRequest(cname=self.cname, uid=self.uid, layout=layout)
        operation = operations.update_layout(*self._driver.address, request)
        return await self._driver.change(Command.UPDATE_LAYOUT, operation).wait()

    async def stop(self, *, async_stop: bool = False) -> StopAnswer:
        """Stop recording. Commands that wait end with `Superseded`; one that is on the wire ends first.

        While the start is on its way the stop is remembered, and sent as soon as the sid is known.

        Args:
            async_stop: True: the service answers at once, and where the files are comes by webhook. False: it
                waits for the upload, up to 20 s.

        Raises:
            IllegalTransition: It isn't RECORDING or STARTING; or the start was withdrawn or refused
                meanwhile.
            StartUnconfirmed: The start's answer is lost, so there is no sid to stop; the stop stays
                remembered.
            UploadStatusUnknown: Stopped (206); where the files are is not known yet.
            NoRecordedData: Stopped (206 with 435); nobody sent a stream.
            AlreadyStopping: It was stopping by itself, or by somebody else's stop.
            WorkerNotFound: The service has not known it for longer than a failover takes.
            ApiError: The service refused; it may still run.
            TransportError: No usable answer; it may still run.
        """
        self._wanted()
        return await self._driver.stop(async_stop=async_stop).wait()

    async def ensure_started(self, deadline: float | None = None) -> None:
        """Have it record: acquires and starts as needed, joins a start that is under way, or does nothing.

        A start that was refused for certain is followed by new acquires or by the alternate uid, where that
        is the documented way on and nobody wants it stopped meanwhile; a start that may have worked is not.

        Args:
            deadline: Seconds from now after which the caller stops waiting; the start goes on.

        Raises:
            InvalidRequest: The deadline is no number of seconds; nothing was sent.
            WaitTimedOut: The deadline is over.
            IllegalTransition: It is stopping, or has ended.
            StartUnconfirmed, ApiError, TransportError, SecretsRequired: As from `acquire` and `start`.
        """
        self._ledger.keeper.require_open()
        waiting.require_deadline("deadline", deadline)
        with self._starter():
            with self._clock.move_on_after(deadline) as scope:
                await goals.reach_started(self._driver)
            if scope.cancelled_caught:
                raise waiting.timed_out(self._driver, "a start", deadline)

    async def ensure_stopped(self, deadline: float | None = None, *, wait_upload: bool = True) -> Outcome:
        """Have it ended, whatever its state; 206, "no recorded data" and "stopped already" are outcomes.

        Args:
            deadline: Seconds from now after which the caller stops waiting; the stop goes on.
            wait_upload: Whether to wait for news of the files (a minute at most) if the stop's answer has
                none.

        Returns:
            What is known; `in_bucket` is None while nobody knows where the files are.

        Raises:
            InvalidRequest: The deadline is no number of seconds; nothing was sent.
            WaitTimedOut: The deadline is over.
            AgoraRecError: It may still run.
        """
        self._wanted()
        waiting.require_deadline("deadline", deadline)
        with self._clock.move_on_after(deadline) as scope:
            await self.stop_behind().wait()
            if wait_upload:
                await waiting.news_of_files(self._driver, waiting.UPLOAD_GRACE)
        if scope.cancelled_caught and self._driver.may_need_stop:
            raise waiting.timed_out(self._driver, "its end", deadline)
        return self.outcome

    async def wait_started(self, timeout: float = 90.0) -> None:  # noqa: ASYNC109 - the promised name
        """Wait until the service confirms that it records (status 4 or 5): first asked 5 s after the sid.

        Events that say so (40 above all) are evidence, and count by themselves only where no query is
        answered until the timeout: what is wrong with the parameters, the service finds later.

        Args:
            timeout: Seconds; the verdict that it is gone takes 90 from the sid on, and needs three answers
                that deny it.

        Raises:
            RecordingGone: It ended, or the service has not known it for 90 s. `said` and `causes` have what
                the service said by notification, and the documented causes, most likely first.
            IllegalTransition: It was stopped, or nobody has started it.
            InvalidRequest: The timeout is no number of seconds.
            WaitTimedOut: Not confirmed in time. That is not an end: the state stays as it is. `said` and
                `causes` have what is known.
        """
        self._wanted()
        waiting.require_deadline("timeout", timeout)
        with waiting.explained(self._driver):
            await waiting.until_started(self._driver, timeout)

    async def wait_finished(self, timeout: float = 1800.0) -> Outcome:  # noqa: ASYNC109 - the promised name
        """Wait until it has ended and its files are known; looks at it every two minutes while it runs.

        Where the files are, the stop's answer says, or a notification. Without notifications (`receive`)
        nothing more is to come after an answer that doesn't know: the wait gives it a minute. With them it
        waits for 20 minutes after the recorder has left (timing.yaml `upload_normal`), longer while the
        upload makes progress, and for a minute once the service has reported its exit.

        Args:
            timeout: Seconds.

        Returns:
            The outcome, in state UPLOADED, BACKUPED or FAILED.

        Raises:
            UploadStatusUnknown: It has ended, and no news of its files came in that time; what is known is
                attached, and the notifications as `evidence`.
            IllegalTransition: Nobody has started it.
            InvalidRequest: The timeout is no number of seconds.
            WaitTimedOut: The time is over; what is known is attached.
        """
        self._wanted()
        waiting.require_deadline("timeout", timeout)
        with waiting.explained(self._driver):
            await waiting.until_finished(self._driver, timeout)
        return self.outcome

    def changes(self) -> AsyncIterator[Change]:
        """Follow the transitions from now on; ends when the recording has ended, or the client closes."""
        self._wanted()
        return Changes(self._ledger)

    def events(self) -> AsyncIterator[Notification]:
        """Follow what the service says about it by webhook, whichever worker receives it.

        Begins with what is kept (see `notifications`) and goes on in the order of arrival, each notification
        once; `sequence` and `sent_at` tell the order of happening. Ends when the recording has ended and its
        exit was reported or nothing more came for a minute, or when the client closes.
        """
        self._wanted()
        return Events(self._ledger)

    def explain(self) -> "Explanation":
        """Say why it stands where it stands: the documented causes that fit, with their evidence.

        Made of what is known here: state and history, the attempts that failed, the last notifications, and
        what should have come by now and didn't. Nothing is asked; `refresh` first to know more.
        """
        from agora_rec.recording.explaining import explain  # noqa: PLC0415 - few need it, and it is large

        return explain(self.checkpoint(), at=self._clock.now())

    def checkpoint(self) -> Checkpoint:
        """What another process needs to go on with it; holds no secrets."""
        return self._ledger.checkpoint()

    async def __aenter__(self) -> Self:
        """Acquire and start; what was started is stopped if this is cancelled or fails."""
        try:
            await self.ensure_started()
        except BaseException:
            self.stop_behind()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, unless the end is known. Raises only if it may still run and the body raised nothing."""
        if not self._driver.may_need_stop:
            self._driver.stops_wanted += 1
            return
        try:
            await self.stop_behind().wait()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"agora_rec: recording {self._ledger.description.label} may still run: {failure}")

    @property
    def is_abandoned(self) -> bool:
        """Whether all who waited for its start left before the answer, and nobody has used it since.

        Where other workers find it by its key, somebody else may want it: then it never is.
        """
        if self.key is not None and self._ledger.keeper.is_store_shared:
            return False
        return not self._claimed and not self._starters and self._driver.may_need_stop

    def hand_over(self) -> None:
        """Let it go on though nobody here waits for it any more: somebody else will look after it."""
        self._claimed = True

    def stop_behind(self) -> Job[None]:
        """Begin to stop what runs or may run, whether anybody waits for it or not."""
        self._driver.stops_wanted += 1
        if self.state.may_record and not self._ledger.standing.stop_requested:
            self._driver.stop()  # at once, so that from here on nothing else is sent
        job: Job[None] = Job()
        self._ledger.keeper.spawn(job, self._reach_stopped)
        return job

    async def _reach_stopped(self) -> None:
        try:
            await goals.reach_stopped(self._driver)
        except Exception:
            label, fields = self._ledger.description.label, self._ledger.log_fields
            log.exception("recording %s may still run: its stop failed", label, extra=fields)
            raise

    def learn_secrets(self, description: Description) -> None:
        """Take the description with its secrets, brought by a later `attach`; see `Ledger.learn_secrets`."""
        self._ledger.learn_secrets(description)

    def client_closed(self) -> None:
        """Wake those who wait for news: there will be none."""
        self._ledger.close()

    def _wanted(self) -> None:
        self._ledger.keeper.require_open()
        self._claimed = True

    @contextmanager
    def _starter(self) -> Generator[None]:
        """Note a caller who waits for the start, and whether he gets to know what came of it."""
        if not self._starters:
            self._claimed = False
        self._starters += 1
        try:
            yield
            self._claimed = True
        except WaitTimedOut:
            raise
        except Exception:
            self._claimed = True
            raise
        finally:
            self._starters -= 1
            if self.is_abandoned:
                self._ledger.keeper.left_behind(self)

    def _learnt(self, change: Change | None) -> None:
        if change is not None:
            self._moved(change)
        self._driver.learnt()

    def _moved(self, change: Change) -> None:
        if change.after.is_unfinished:
            if not self.is_visited:
                self._ledger.keeper.keep(self)
        else:
            self._ledger.keeper.forget(self)
        self._driver.moved(change)
        if self.is_visited and self._driver.is_stopping:
            # From here on it is driven here, so whoever asks for it must get this one.
            self.is_visited = False
            self._ledger.keeper.keep(self)
