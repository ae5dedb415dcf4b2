"""What points to a cause, and what the documents name for a case like this: one row for each. Data.

Rows that are only possible are for recordings that aren't there, or ended abnormally without an explanation.
"""

from typing import Final

from agora_rec.lifecycle import RESOURCE_ID_LIFETIME
from agora_rec.model import events as e
from agora_rec.recording.explaining import advice
from agora_rec.recording.explaining.questions import (
    being_moved,
    gap,
    heard,
    left_with,
    no_news,
    not_confirmed,
    not_registered,
    other_error,
    start_open,
    stop_open,
    stop_remembered,
    stopped_elsewhere,
    upload_slow,
    vanished,
)
from agora_rec.recording.explaining.rules import Rule
from agora_rec.recording.explaining.values import CauseName
from agora_rec.vocabulary import Certainty

_CODES: Final = "errors.yaml event_codes."
_LIKELY, _POSSIBLE = Certainty.LIKELY, Certainty.POSSIBLE


def _soon(row: int) -> str:
    return f"errors.yaml causes_of_404_soon_after_start[{row}]"


UNCERTAIN: Final[tuple[Rule, ...]] = (
    Rule(
        name=CauseName.START_UNCONFIRMED,
        certainty=_LIKELY,
        find=start_open,
        meaning="a start was sent, and no answer with a sid has come: something may be running",
        then="ensure_started() sends the same start again while the resource ID is valid ("
        f"{int(RESOURCE_ID_LIFETIME.total_seconds() // 60)} minutes); any event brings the sid too. Don't "
        "start another one with the same cname and uid",
        source="timing.yaml retry_safety.start_after_lost_answer",
    ),
    Rule(
        name=CauseName.STOP_REMEMBERED,
        certainty=_LIKELY,
        find=stop_remembered,
        meaning="a stop needs the sid: it is sent as soon as that is known",
        then="wait for it, or call ensure_stopped()",
        source="timing.yaml retry_safety.start_after_lost_answer",
    ),
    Rule(
        name=CauseName.STOP_UNCONFIRMED,
        certainty=_LIKELY,
        find=stop_open,
        meaning="a stop was written down, and whether it was sent, and has worked, nobody knows",
        then="ensure_stopped(), or agora-rec stop, sends it again; a repeated stop does no harm",
        source="timing.yaml retry_safety.same_request_safe",
    ),
    Rule(
        name=CauseName.STOPPED_ELSEWHERE,
        certainty=_LIKELY,
        find=stopped_elsewhere,
        meaning="it left as it was told to, and no worker with this store has told it: somebody else "
        "stopped it, or removed it from the channel",
        then="look for another program with the same account",
        source="events.yaml enums.leaveCode.16, enums.web_stop_code.0",
    ),
    Rule(
        name=CauseName.INTERRUPTED,
        certainty=_LIKELY,
        find=left_with(e.LeaveCode.SIG),
        meaning="the recorder's process was interrupted: usually it is moved to another server, within 90 s",
        then="query it: only that tells",
        source="events.yaml enums.leaveCode.2; timing.yaml times.failover_total",
    ),
    Rule(
        name=CauseName.GAP,
        certainty=_LIKELY,
        find=gap,
        meaning="a stream was interrupted, and is missing in the files for so long",
        then="look at its sender's network, and at failovers",
        source="events.yaml events.42",
    ),
    Rule(
        name=CauseName.OTHER_ERROR,
        certainty=_LIKELY,
        find=other_error(fatal=False),
        meaning="an error that is not fatal, and whose code the documents don't list",
        then="keep an eye on the recording; report the numbers if something is missing",
        source=f"{_CODES}event_1_errorLevel",
    ),
    Rule(
        name=CauseName.UPLOADED_AGAIN,
        certainty=_LIKELY,
        find=heard(e.RecordingWarning, lambda event: event.cause is not None),
        meaning="slices had to be uploaded again (code 31: to your storage, 32: to Agora's backup)",
        then="look whether the storage takes files, and whether its keys are still good",
        source=f"{_CODES}event_2_warnCode.module_1_uploader",
    ),
    Rule(
        name=CauseName.PAGE_RELOADED,
        certainty=_LIKELY,
        find=heard(e.WebRecorderReloaded),
        meaning="the page was loaded again, since its sound was lost or it was not ready in time",
        then=advice.SEE_PAGE,
        source="events.yaml enums.reload_reason",
    ),
    Rule(
        name=CauseName.NOT_CONFIRMED,
        certainty=_LIKELY,
        find=not_confirmed,
        meaning="no answer and no event has said that it records: it has not started, or is gone; or "
        "nobody has asked",
        then="query it, or wait_started(): the verdict needs answers that deny it",
        source="timing.yaml times.start_confirmed_within",
    ),
    Rule(
        name=CauseName.UPLOAD_SLOW,
        certainty=_LIKELY,
        find=upload_slow,
        meaning="the upload is not over; normally it is 20 minutes after the end, in trouble it takes 24 "
        "hours or longer",
        then=advice.WAIT_FOR_FILES,
        source="timing.yaml times.upload_normal, times.upload_abnormal",
    ),
    Rule(
        name=CauseName.NO_NEWS_OF_FILES,
        certainty=_LIKELY,
        find=no_news,
        meaning="the files are somewhere, in the bucket or in the backup: the event that says where was "
        "lost, or isn't chosen in the console",
        then="look into the bucket; choose events 31 and 32 in the console",
        source="events.yaml events.11, guarantees.arrival",
    ),
    # What the documents name for a recording that isn't there, or ended abnormally.
    Rule(
        name=CauseName.BEING_MOVED,
        certainty=_POSSIBLE,
        find=being_moved,
        meaning="the service may be moving it to another server: it isn't found for up to 90 s",
        then="ask again after 5, 10 and 15 s; wait_finished() does",
        source=_soon(5),
    ),
    Rule(
        name=CauseName.CHECK_FAILED,
        certainty=_POSSIBLE,
        find=vanished(),
        meaning="the service's check after the start may have found the storage (bucket, keys, region) or "
        "the transcoding wrong",
        then=advice.STORAGE,
        source=_soon(1),
    ),
    Rule(
        name=CauseName.IDLE,
        certainty=_POSSIBLE,
        find=vanished(lambda known: not known.is_web),
        meaning="nobody (in a live channel: no host) may have been in the channel for max_idle_time "
        "({idle} s); often cname or channel_type is wrong",
        then="compare cname and channel_type with those of the users",
        source=_soon(0),
    ),
    Rule(
        name=CauseName.TOKEN_SUSPECTED,
        certainty=_POSSIBLE,
        find=vanished(lambda known: not known.is_web),
        meaning="the token may be missing, wrong, expired, or for another uid",
        then="see whether the project's App Certificate is on; " + advice.MAKE_ANOTHER,
        source=_soon(2),
    ),
    Rule(
        name=CauseName.UID_TAKEN,
        certainty=_POSSIBLE,
        find=vanished(lambda known: not known.is_web),
        meaning="somebody else in the channel may have the same uid: they push each other out",
        then="give the recorder a uid that nobody else has",
        source=_soon(3),
    ),
    Rule(
        name=CauseName.PAGE_SUSPECTED,
        certainty=_POSSIBLE,
        find=vanished(lambda known: known.is_web),
        meaning="the page may not have loaded in ready_timeout, may need what can't be recorded, or its "
        "hours ({page_hours} h) may be over",
        then=advice.SEE_PAGE,
        source=_soon(6),
    ),
    Rule(
        name=CauseName.IDS_WRONG,
        certainty=_POSSIBLE,
        find=lambda known: known.not_found if known.vanished else (),
        meaning="the App ID, the sid or the resource ID may be those of another recording",
        then="compare them with what acquire and start answered",
        source=_soon(4),
    ),
    Rule(
        name=CauseName.NOT_REGISTERED,
        certainty=_POSSIBLE,
        find=not_registered,
        meaning="it may not survive the loss of its server, unless event 13 just isn't sent to you",
        then="if it matters, start another one with another uid beside it",
        source="timing.yaml times.event_13_within",
    ),
)
