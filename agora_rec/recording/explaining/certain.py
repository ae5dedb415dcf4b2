"""What the service says, or this library has done: one row for each cause, the most specific first. Data.

`tests/recording/explaining/` compares the rows with the reference; how a row is applied stands in `rules.py`.
"""

from typing import Final

from agora_rec.lifecycle import FactKey
from agora_rec.model import RtmpStatus
from agora_rec.model import events as e
from agora_rec.recording.explaining import advice
from agora_rec.recording.explaining.questions import (
    abnormal_part,
    error,
    heard,
    in_backup,
    left_with,
    moves,
    moves_used_up,
    nobody_sent,
    not_initialised,
    other_error,
    page_limit,
    stop_failed,
    stopped_with,
    transcoding_failed,
)
from agora_rec.recording.explaining.rules import Rule
from agora_rec.recording.explaining.values import CauseName

_CODES: Final = "errors.yaml event_codes."

CERTAIN: Final[tuple[Rule, ...]] = (
    Rule(
        name=CauseName.STORAGE_MISCONFIGURED,
        find=error(e.ErrorModule.UPLOADER, e.UploaderErrorCode.STORAGE_MISCONFIGURED),
        meaning="the service's check, after it had accepted the start, found the third-party storage wrong: "
        "vendor, region, bucket or keys",
        then=advice.STORAGE,
        source=f"{_CODES}event_1_errorCode.module_1_uploader.32",
    ),
    Rule(
        name=CauseName.STORAGE_TOKEN_EXPIRED,
        find=heard(e.StsExpired),
        meaning="the storage's temporary token has run out: what isn't uploaded yet can't be",
        then="renew it by update(storage=...) in time: every 60 minutes, for recordings over an hour",
        source="events.yaml events.34; timing.yaml times.sts_refresh_every",
        explains=False,
    ),
    Rule(
        name=CauseName.TOKEN_EXPIRED,
        find=error(e.ErrorModule.RECORDER, e.RecorderErrorCode.TOKEN_EXPIRED),
        meaning="the channel token has expired, and the recorder can't be in the channel",
        then=advice.MAKE_ANOTHER + "; it can't be renewed while it records, so it must outlive the recording",
        source=f"{_CODES}event_1_errorCode.module_0_recorder.known.109",
    ),
    Rule(
        name=CauseName.TOKEN_WRONG,
        find=error(e.ErrorModule.RECORDER, e.RecorderErrorCode.TOKEN_WRONG),
        meaning="the channel token is wrong, or made for another channel or uid",
        then=advice.MAKE_ANOTHER,
        source=f"{_CODES}event_1_errorCode.module_0_recorder.known.110",
    ),
    Rule(
        name=CauseName.PAGE_NOT_RECORDABLE,
        find=page_limit,
        meaning="the page uses what can't be recorded (WebGL, a video that is too large, too much "
        "bandwidth): the recording stops at once",
        then="take that out of the page, then start anew",
        source=f"{_CODES}event_71_code.2; events.yaml enums.limitType",
    ),
    Rule(
        name=CauseName.PAGE_NOT_READY,
        find=stopped_with(e.WebStopCode.PAGE_LOAD_TIMEOUT),
        meaning="the page didn't say that it is ready within ready_timeout ({ready} s), was loaded again, "
        "and didn't either",
        then="let the page say that it is ready, or give it a longer ready_timeout; " + advice.SEE_PAGE,
        source=f"{_CODES}event_71_code.4; timing.yaml times.page_load_reload",
    ),
    Rule(
        name=CauseName.PAGE_UNREACHABLE,
        find=stopped_with(e.WebStopCode.ACCESS_URL_FAILED),
        meaning="the page could not be opened",
        then="compare the url, and whether the page is open to the internet; then start anew",
        source=f"{_CODES}event_71_code.5",
    ),
    Rule(
        name=CauseName.ENGINE_FAILED,
        find=stopped_with(e.WebStopCode.START_ENGINE_FAILED),
        meaning="the engine that shall show the page didn't start",
        then="start anew; report it if it stays like that",
        source=f"{_CODES}event_71_code.3",
    ),
    Rule(
        name=CauseName.PAGE_RECORDER_FAILED,
        find=stopped_with(e.WebStopCode.RECORDER_ERROR),
        meaning="the recorder of the page can't go on",
        then="start anew; report it if it stays like that",
        source=f"{_CODES}event_71_code.6",
    ),
    Rule(
        name=CauseName.MAX_RECORDING_HOUR,
        find=stopped_with(e.WebStopCode.MAX_RECORDING_HOUR),
        meaning="the page was recorded for max_recording_hour ({page_hours} h), and that was all",
        then="give it more hours the next time, up to 720",
        source=f"{_CODES}event_71_code.1; timing.yaml ranges.maxRecordingHour",
    ),
    Rule(
        name=CauseName.RECORDER_NOT_INITIALISED,
        find=not_initialised,
        meaning="the recorder could not be initialised",
        then="query it: it may go on elsewhere; if it doesn't, start with another uid",
        source="events.yaml enums.leaveCode.0",
    ),
    Rule(
        name=CauseName.START_TIMED_OUT,
        find=error(e.ErrorModule.SERVICE, e.ServiceErrorCode.START_TIMED_OUT),
        meaning="the service itself didn't start in time",
        then="query it; if it isn't known, start with another uid",
        source=f"{_CODES}event_1_errorCode.module_2_service.52",
    ),
    Rule(
        name=CauseName.UPLOAD_FAILED,
        find=error(e.ErrorModule.UPLOADER, e.UploaderErrorCode.UPLOAD_FAILED),
        meaning="an upload to your storage failed",
        then="look whether the storage takes files, and wait for the news: what can't be stored there goes "
        "to Agora's backup first",
        source=f"{_CODES}event_1_errorCode.module_1_uploader.47",
    ),
    Rule(
        name=CauseName.FILES_NOT_PROCESSED,
        find=error(e.ErrorModule.UPLOADER, e.UploaderErrorCode.FILES_NOT_PROCESSED),
        meaning="the uploader could not process the files",
        then="report it with the resource ID and the sid",
        source=f"{_CODES}event_1_errorCode.module_1_uploader.51",
    ),
    Rule(
        name=CauseName.UPLOAD_TIMED_OUT,
        find=error(e.ErrorModule.SERVICE, e.ServiceErrorCode.UPLOAD_TIMED_OUT),
        meaning="the upload took too long for the service",
        then="look whether the storage takes files; " + advice.WAIT_FOR_FILES,
        source=f"{_CODES}event_1_errorCode.module_2_service.50",
    ),
    Rule(
        name=CauseName.IDLE,
        find=left_with(e.LeaveCode.NO_USERS),
        meaning="nobody (in a live channel: no host) was in the channel for max_idle_time ({idle} s), so "
        "it ended by itself",
        then="if somebody should have been there, compare cname and channel_type; make max_idle_time "
        "longer than planned breaks (300 s is recommended)",
        source="events.yaml enums.leaveCode.4; timing.yaml ranges.maxIdleTime",
    ),
    Rule(
        name=CauseName.NOBODY_SENT,
        find=nobody_sent,
        meaning="nobody sent a stream: it has stopped, and there are no files",
        then="take it as an end; if files were expected, compare cname, channel_type and token",
        source="errors.yaml by_endpoint.stop (http 206, code 435)",
    ),
    Rule(
        name=CauseName.OUT_OF_CONTROL,
        find=lambda known: known.changes(FactKey.OUT_OF_CONTROL),
        meaning="the resource ID's hours ({hours} h) are over: no call is taken for it any more, and it may "
        "still run",
        then="wait for its end, or have everybody leave the channel: it ends after max_idle_time ({idle} s); "
        "acquire for longer the next time (resource_expired_hour, up to 720)",
        source="errors.yaml by_endpoint.query (http 400, code 433); timing.yaml ranges.resourceExpiredHour",
    ),
    Rule(
        name=CauseName.FATAL_ERROR,
        find=other_error(fatal=True),
        meaning="a fatal error; the documents list no meaning for its code. It may have ended the recording",
        then="query it: only that tells; report the numbers if it has ended",
        source=f"{_CODES}event_1_errorLevel.5",
    ),
    Rule(
        name=CauseName.PART_ABNORMAL,
        find=abnormal_part,
        meaning="a part of the recording (40: recorder, 30: uploader) started with a status other than 0, "
        "which is abnormal",
        then="query it: only that tells whether it records",
        source="events.yaml enums.details_status",
    ),
    Rule(
        name=CauseName.FAILOVERS_USED_UP,
        find=moves_used_up,
        meaning="it has been moved three times; a fourth failure of a server isn't recovered",
        then="if it matters, start another one with another uid beside it",
        source="timing.yaml times.failovers_max",
        explains=False,
    ),
    Rule(
        name=CauseName.FAILED_OVER,
        find=moves,
        meaning="the service moved it to another server: for up to 90 s it was not recorded and not found, "
        "and files may be lost",
        then="look for files with the prefix bak<n>_; stop and update send the uid of the beginning",
        source="events.yaml events.12; timing.yaml times.failover_total",
        explains=False,
    ),
    Rule(
        name=CauseName.ABNORMAL_EXIT,
        find=lambda known: known.abnormal_exits,
        meaning="the service's task has ended abnormally, for instance because of a wrong parameter: no "
        "files are to be expected",
        then="look at the causes beside this one; then start anew",
        source=f"{_CODES}event_11_exitStatus.1; events.yaml enums.status.20",
        explains=False,
    ),
    Rule(
        name=CauseName.STOP_FAILED,
        find=stop_failed,
        meaning="a stop was refused, or not answered, to the end of its repetitions: it may still run",
        then="stop it again: ensure_stopped(), or agora-rec stop",
        source="errors.yaml by_endpoint.stop",
        explains=False,
    ),
    Rule(
        name=CauseName.PUSH_FAILED,
        find=heard(e.RtmpPublishStatus, lambda event: event.status == RtmpStatus.DISCONNECTED),
        meaning="the push to the CDN could not connect; that ends no recording",
        then="change the address: update(rtmp_urls=...)",
        source="events.yaml enums.rtmp_status.disconnected",
        explains=False,
    ),
    Rule(
        name=CauseName.EXTENSION_FAILED,
        find=heard(e.ExtensionServiceError),
        meaning="an extension service failed; that ends no recording",
        then="look at that service's own account of it",
        source=f"{_CODES}event_201_errorCode",
        explains=False,
    ),
    Rule(
        name=CauseName.TRANSCODING_FAILED,
        find=transcoding_failed,
        meaning="what was to be made of the files afterwards was not made of all of them; the files "
        "themselves are there",
        then="look whether the files can be read in your storage; work on them yourself",
        source="events.yaml events.81, events.90, events.1001",
        explains=False,
    ),
    Rule(
        name=CauseName.IN_BACKUP,
        find=in_backup,
        meaning="at least one file could not be stored in your bucket, and went to Agora's backup, which "
        "passes it on by itself",
        then="look whether the storage takes files; call Agora's support if they can't be played 5 minutes "
        "later",
        source="events.yaml events.32; timing.yaml times.backup_playable_after",
        explains=False,
    ),
)
