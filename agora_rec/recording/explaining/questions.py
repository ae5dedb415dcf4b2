"""What the rules ask: one question each, of what is known of a recording; the answer is the evidence.

Each question is a function, or makes one. Nothing is judged here: what the answers mean stands in the tables.
"""

from collections.abc import Callable
from typing import Any, Final

from agora_rec.lifecycle import FactKey
from agora_rec.model import events as e
from agora_rec.recording.explaining import telling
from agora_rec.recording.explaining.known import Found, Known
from agora_rec.recording.explaining.values import Evidence
from agora_rec.recording.heard import PROGRESS_DONE
from agora_rec.vocabulary import State

FAILOVERS_MAX: Final = 3
"""How many failovers a recording survives (timing.yaml `failovers_max`)."""
REGISTERED_WITHIN: Final = 10.0
"""Seconds from a start until event 13 (timing.yaml `event_13_within`)."""
CONFIRMED_WITHIN: Final = 90.0
"""Seconds from a start until it is confirmed, or gone (timing.yaml `start_confirmed_within`)."""
FAILOVER_SECONDS: Final = 90.0
"""How long a recording isn't found that is being moved (timing.yaml `failover_total`)."""
UPLOAD_REPORTED: Final = 60.0
"""Seconds after the exit from when on news of the files are missing; they usually come before it."""
UPLOAD_NORMAL: Final = 1200.0
"""Seconds from the end until all files are there, normally (timing.yaml `upload_normal`)."""

_LISTED: Final = frozenset(
    {
        (e.ErrorModule.RECORDER, 109),
        (e.ErrorModule.RECORDER, 110),
        (e.ErrorModule.UPLOADER, 32),
        (e.ErrorModule.UPLOADER, 47),
        (e.ErrorModule.UPLOADER, 51),
        (e.ErrorModule.SERVICE, 50),
        (e.ErrorModule.SERVICE, 52),
    }
)
"""The errors that have a row of their own."""


def error(module: e.ErrorModule, code: int) -> Callable[[Known], Found]:
    """Whether this error was reported."""
    return lambda known: known.events(
        e.RecordingError, lambda event: (event.module, event.error_code) == (module, code)
    )


def other_error(*, fatal: bool) -> Callable[[Known], Found]:
    """Whether an error was reported that has no row of its own."""

    def is_one(event: e.RecordingError) -> bool:
        level = event.error_level
        is_fatal = level is not None and level >= e.ErrorLevel.FATAL
        return (event.module, event.error_code) not in _LISTED and is_fatal is fatal

    return lambda known: known.events(e.RecordingError, is_one)


def stopped_with(code: e.WebStopCode) -> Callable[[Known], Found]:
    """Whether the recorder of the page stopped with this code."""
    return lambda known: known.events_of_the_last_instance(
        e.WebRecorderStopped, lambda event: event.code == code
    )


def left_with(bit: e.LeaveCode) -> Callable[[Known], Found]:
    """Whether the recorder left with this bit in its leave code."""
    return lambda known: known.events_of_the_last_instance(
        e.RecorderLeft, lambda event: event.leave_code is not None and bool(event.leave_code & bit)
    )


def heard(kind: type[e.Event], where: Callable[[Any], bool] = lambda _: True) -> Callable[[Known], Found]:
    """Whether such an event was reported."""
    return lambda known: known.events(kind, where)


def page_limit(known: Known) -> Found:
    """Whether the page did what can't be recorded: event 72, and the stop that follows it."""
    return known.events(e.WebCapabilityLimit) + stopped_with(e.WebStopCode.CAPABILITY_LIMIT)(known)


def not_initialised(known: Known) -> Found:
    """Whether the recorder left since it could not be initialised."""
    return known.events_of_the_last_instance(
        e.RecorderLeft, lambda event: event.leave_code == e.LeaveCode.INIT
    )


def nobody_sent(known: Known) -> Found:
    """Whether there are no files since nobody sent a stream."""
    if not known.standing.no_data or known.standing.files:
        return ()
    return known.changes(FactKey.NO_RECORDED_DATA) or (Evidence(what="the stop was answered with code 435"),)


def moves(known: Known) -> Found:
    """Whether it was moved to another server: as told, or else as noticed."""
    told = known.events(e.SessionFailover)
    if told:
        return told
    return tuple(
        Evidence(at=move.sent_at, what=f"notified of by the recorder with uid {move.uid}")
        for move in known.standing.moves
    )


def moves_used_up(known: Known) -> Found:
    """Whether it was moved as often as it can be."""
    return moves(known) if len(known.standing.moves) >= FAILOVERS_MAX else ()


def abnormal_part(known: Known) -> Found:
    """Whether a part of it said at its start that all is not well."""

    def is_abnormal(event: e.RecorderStarted | e.UploaderStarted) -> bool:
        return event.status is not None and not event.status.is_normal

    return known.events(e.RecorderStarted, is_abnormal) + known.events(e.UploaderStarted, is_abnormal)


def stop_failed(known: Known) -> Found:
    """Whether the last thing that happened is a stop that failed."""
    last = known.last_change
    is_last = known.state is State.RECORDING and last is not None and last.fact is FactKey.STOP_FAILED
    return (telling.of_change(last),) if is_last and last is not None else ()


def transcoding_failed(known: Known) -> Found:
    """Whether what was to be made of the files was made of all of them."""
    bad = {e.TranscodingResult.FAIL, e.TranscodingResult.PARTIAL_SUCCESS}
    worse = {e.PostponedResult.FAILED, e.PostponedResult.PARTIAL_SUCCESS}
    return (
        *known.events(e.DownloadFailed),
        *known.events(e.TranscoderCompleted, lambda event: event.result in bad),
        *known.events(e.PostponedTranscodingFinished, lambda event: event.result in worse),
    )


def in_backup(known: Known) -> Found:
    """Whether files of it are in the backup."""
    if known.state is not State.BACKUPED:
        return ()
    return known.events(e.FilesBackuped) or known.changes(FactKey.BACKUPED)


def start_open(known: Known) -> Found:
    """Whether nobody knows what came of its start."""
    return known.changes(FactKey.START_SENT)[-1:] if known.state is State.STARTING else ()


def stop_remembered(known: Known) -> Found:
    """Whether a stop waits for its sid."""
    if known.state is not State.STARTING or not known.standing.stop_requested:
        return ()
    return (Evidence(what="a stop was asked for while the start was on its way"),)


def stop_open(known: Known) -> Found:
    """Whether nobody knows what came of its stop."""
    if known.state is not State.STOPPING or known.standing.left_at is not None:
        return ()
    return known.changes(FactKey.STOP_SENT)[-1:]


def stopped_elsewhere(known: Known) -> Found:
    """Whether it left as if it had been told to, and we have told it nothing, and nothing went wrong."""
    went_wrong = known.abnormal_exits or known.events(e.RecordingError)
    if known.standing.stop_requested or known.was_stopped or went_wrong:
        return ()
    return left_with(e.LeaveCode.CLIENT_LEAVE)(known) + stopped_with(e.WebStopCode.OK)(known)


def gap(known: Known) -> Found:
    """Whether a stream was interrupted."""
    return known.events(
        e.SliceStarted,
        lambda event: (
            event.started_at is not None
            and event.discontinued_at is not None
            and event.started_at > event.discontinued_at
        ),
    )


def not_confirmed(known: Known) -> Found:
    """Whether nothing has proved in time that it records."""
    if known.state is not State.RECORDING or known.standing.confirmed_at is not None:
        return ()
    return known.missing("nothing has said that it records", known.standing.start_sent_at, CONFIRMED_WITHIN)


def is_not_up(known: Known) -> bool:
    """Whether its upload is not over, as far as is known."""
    return known.state is State.STOPPING and known.standing.left_at is not None


def upload_slow(known: Known) -> Found:
    """How far its upload is, and whether that takes longer than it should."""
    if not is_not_up(known):
        return ()
    reports = known.events(
        e.UploadingProgress, lambda event: event.progress is not None and event.progress < PROGRESS_DONE
    )
    late = known.missing("no news that all files are stored", known.standing.left_at, UPLOAD_NORMAL)
    return (*reports[-1:], *late)


def no_news(known: Known) -> Found:
    """Whether it has exited, and nobody says where its files are."""
    if not is_not_up(known):
        return ()
    return known.missing(
        "the task has exited, and neither event 31 nor 32 came", known.standing.exited_at, UPLOAD_REPORTED
    )


def not_registered(known: Known) -> Found:
    """Whether event 13 is missing while it runs; what was over at once need not have had one."""
    if (
        not known.hears_all
        or known.state is not State.RECORDING
        or known.events(e.HighAvailabilityRegistered)
    ):
        return ()
    return known.missing("no event 13", known.standing.start_sent_at, REGISTERED_WITHIN)


def being_moved(known: Known) -> Found:
    """Whether it isn't found, for no longer than a failover takes."""
    found = known.not_found
    if known.state is not State.RECORDING or not found or known.is_past(found[0].at, FAILOVER_SECONDS):
        return ()
    return found


def vanished(where: Callable[[Known], bool] = lambda _: True) -> Callable[[Known], Found]:
    """Whether it isn't there, or ended abnormally, and is of such a kind."""
    return lambda known: known.vanished if where(known) else ()
