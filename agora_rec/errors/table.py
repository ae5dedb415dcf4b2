"""The one table: (operation, status, code) -> which error, whether to try again, what it means, what to do.

Numbers are not unique at this service. 404 is a status and a code, acquire has codes that look like statuses,
and 501 means one thing at acquire and another elsewhere: so the key has all three parts. Data only:
`answers.py` looks answers up, the narrowest row first. `tests/errors/test_table.py` compares every row with
the reference.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from agora_rec.errors import api
from agora_rec.errors.values import Retry, ScheduleName
from agora_rec.vocabulary import OperationName

ANY: Final = None
"""In the place of an operation: all of them. In the place of a code: every code without a row, and none."""

SUCCESS, CLIENT_ERROR, SERVER_ERROR = 2, 4, 5
"""In the place of a status: all of that class. Also used where the documents give a code without a status."""

ACQUIRE, START, QUERY, STOP = (
    OperationName.ACQUIRE,
    OperationName.START,
    OperationName.QUERY,
    OperationName.STOP,
)
UPDATE, UPDATE_LAYOUT = OperationName.UPDATE, OperationName.UPDATE_LAYOUT


@frozen
class Row:
    """What one answer becomes: the error, whether and how to try again, what it means, and then what."""

    error: type[api.ApiError]
    retry: Retry
    schedule: ScheduleName | None
    meaning: str
    then: str


Key = tuple[OperationName | None, int, int | str | None]
"""Operation, status or class of statuses, and code. The gateway gives no code: there the beginning of its
message, in lower case, takes the code's place."""

_SAME, _LATER = Retry.SAME, Retry.LATER


def _never(error: type[api.ApiError], meaning: str, then: str) -> Row:
    return Row(error, Retry.NEVER, None, meaning, then)


def _backoff(meaning: str, then: str) -> Row:
    return Row(api.ServiceUnavailable, Retry.SAME, "backoff_general", meaning, then)


_REPORT: Final = "if it stays like that, report it with the resource ID and the sid"
_ENABLE: Final = "enable cloud recording for this App ID, or correct the App ID"
_MISMATCH: Final = "cname or uid are not those of the resource ID"
_SAME_NAMES: Final = "send the cname and the uid that were given to acquire"
_BAD_REQUEST: Final = "a header, the URL or the body is wrong"
_CORRECT: Final = "correct the request; the reason may say where"

_AGAIN: Final = (
    "start again with the same resource ID while it is valid; only then acquire and start anew: code 53 "
    "says then that the first start had worked"
)
_SWITCH: Final = "call again: another host is asked where there is one; then " + _REPORT
_PROXY_FAILED: Final = _backoff("a proxy before the service failed", _SWITCH)

_GENERAL: Final[dict[Key, Row]] = {
    # The gateway: these answers come before the recording service is reached.
    (ANY, 400, "appid is invalid"): _never(
        api.ServiceNotEnabled, "the App ID is wrong, or cloud recording is not enabled for it", _ENABLE
    ),
    (ANY, 401, "unauthorized"): _never(
        api.AuthenticationFailed,
        "the request carried no credentials",
        "send customer_id and customer_secret; look whether a proxy strips the Authorization header",
    ),
    (ANY, 401, "invalid authentication credentials"): _never(
        api.AuthenticationFailed,
        "the customer ID or its secret is wrong, or they don't belong to this App ID",
        "correct customer_id and customer_secret, and see that they belong to this App ID",
    ),
    (ANY, CLIENT_ERROR, "invalid appid"): _never(
        api.AuthenticationFailed, "the App ID is wrong", "correct the App ID"
    ),
    (ANY, 401, ANY): _never(
        api.AuthenticationFailed,
        "the customer ID, its secret or the App ID was not accepted",
        "correct the credentials",
    ),
    (ANY, 404, "no route matched"): _never(
        api.RouteNotFound,
        "the method or the path is wrong; it says nothing about any recording",
        "correct base_url; if it is right, this is a bug of the library: report it",
    ),
    (ANY, 429, ANY): Row(
        api.RateLimited,
        _LATER,
        None,
        "more calls per second than this App ID may make (10 to begin with), counted over all processes",
        "slow down: lower qps, or share one budget between the workers; ask the service for a higher limit",
    ),
    # Codes of the older pages, which name no endpoint for them.
    (ANY, 400, 2): _never(api.InvalidParameter, _BAD_REQUEST, _CORRECT),
    (ANY, CLIENT_ERROR, 8): _never(
        api.InvalidParameter,
        "the Content-Type, the method or the URL is wrong, or the body is not JSON",
        "look whether a proxy changes requests; report it if there is none",
    ),
    (ANY, 206, 65): Row(
        api.RequestNotCompleted, _SAME, "code_65", "the request got through, no answer came in time", _REPORT
    ),
    (ANY, CLIENT_ERROR, 109): _never(
        api.TokenRejected, "the channel token has expired", "make a new token, then acquire and start anew"
    ),
    (ANY, CLIENT_ERROR, 110): _never(
        api.TokenRejected,
        "the channel token is wrong, or made for another channel or uid",
        "make the token for this cname and this uid, then acquire and start anew",
    ),
    (ANY, CLIENT_ERROR, 432): _never(api.ResourceMismatch, _MISMATCH, _SAME_NAMES),
    (ANY, CLIENT_ERROR, 433): _never(
        api.ResourceExpired,
        "the resource ID's time (resource_expired_hour) is over",
        "it can't be controlled any more: wait for its end (max_idle_time), and acquire for longer next time",
    ),
    (ANY, CLIENT_ERROR, 1001): _never(
        api.ResourceMismatch, "the resource ID can't be read", "send it exactly as acquire gave it"
    ),
    (ANY, CLIENT_ERROR, 1003): _never(
        api.ResourceMismatch,
        "the App ID or the sid does not belong to the resource ID",
        "use the App ID, the resource ID and the sid of one and the same recording",
    ),
    (ANY, CLIENT_ERROR, 1013): _never(
        api.InvalidParameter,
        "the cname is too long or has characters that are not allowed",
        "use a cname of fewer than 64 bytes and documented characters",
    ),
    # What has no row: the nearest class, by status.
    (ANY, 206, ANY): Row(
        api.PartialContent,
        _SAME,
        "code_65",
        "the call was taken in, and its result is not the whole one",
        "query the recording, and wait for its events",
    ),
    (ANY, 502, ANY): _PROXY_FAILED,
    (ANY, 503, ANY): _PROXY_FAILED,
    (ANY, 504, ANY): _backoff("the gateway waited in vain for the service", _SWITCH),
    (ANY, SERVER_ERROR, ANY): _backoff("the service failed, and doesn't say why", _REPORT),
    (ANY, CLIENT_ERROR, ANY): _never(api.ApiError, api.ApiError.usual_meaning, api.ApiError.usual_hint),
    # A success that can't be read: every operation may be repeated (timing.yaml `retry_safety`), start too:
    # with the same resource ID it answers 201 then.
    (ANY, SUCCESS, ANY): Row(
        api.UnexpectedAnswer,
        _SAME,
        "backoff_general",
        "the service took the call in, but its answer can't be read",
        api.UnexpectedAnswer.usual_hint,
    ),
}

OTHERWISE: Final = _never(
    api.UnexpectedAnswer, api.UnexpectedAnswer.usual_meaning, api.UnexpectedAnswer.usual_hint
)
"""Statuses that mean nothing here; redirects are among them, for they are not followed."""

_ACQUIRE: Final[dict[Key, Row]] = {
    (ACQUIRE, 400, 400): _never(
        api.ServiceNotEnabled, "the App ID is wrong, or cloud recording is not enabled for it", _ENABLE
    ),
    (ACQUIRE, 400, 401): _never(
        api.InvalidParameter, "the cname has a character that is not allowed", "correct the cname"
    ),
    (ACQUIRE, 400, 405): _never(
        api.ServiceNotEnabled,
        "the App is not active, for instance unpaid",
        "check the account",
    ),
    (ACQUIRE, 400, 406): Row(
        api.ConcurrencyLimitReached,
        _LATER,
        None,
        "as many recordings run as this App ID may have at once",
        "wait until others have ended; look for recordings that were left running; ask for a higher limit",
    ),
    (ACQUIRE, 500, 500): _backoff("the service failed", _REPORT),
    (ACQUIRE, 500, 501): _backoff("the service has no capacity at the moment", _REPORT),
    (ACQUIRE, 500, 504): _backoff("the service found no place in time", _REPORT),
    (ACQUIRE, CLIENT_ERROR, 62): _never(
        api.ServiceNotEnabled, "cloud recording is not enabled for this App ID", _ENABLE
    ),
}

_START: Final[dict[Key, Row]] = {
    (START, 201, ANY): _never(
        api.AlreadyStarted,
        "this resource ID has been started before, and a recording runs",
        "treat it as started: the sid is in the first answer, in this one if you are lucky, or in any event",
    ),
    (START, 206, 65): Row(
        api.RequestNotCompleted,
        _SAME,
        "code_65",
        "the start got through and was not answered in time; a recording may be running",
        _AGAIN,
    ),
    (START, 400, 2): _never(
        api.InvalidParameter,
        "a header, the URL or the body is wrong, or the body is not what acquire announced (announce_start)",
        _CORRECT,
    ),
    (START, 400, 53): _never(
        api.TaskConflict,
        "another recording with this cname and uid runs, under another resource ID",
        "use the one that runs, or acquire and start with another uid",
    ),
    (START, 500, 502): _never(
        api.ServiceUnavailable,
        "the service has no capacity for this start; nothing was started",
        "acquire and start anew, then with another uid: ensure_started() does, if it was given an alternate",
    ),
    (START, 500, 62): Row(
        api.ServiceUnavailable,
        _SAME,
        "start_5xx",
        "the start timed out inside the service; a recording may be running",
        _AGAIN,
    ),
    (START, 500, 15): Row(
        api.ServiceUnavailable,
        _SAME,
        "start_5xx",
        "the start failed (seen in practice, not documented)",
        "check the storage and the token, then acquire and start with another uid: ensure_started() does, "
        "if it was given an alternate",
    ),
    (START, SERVER_ERROR, ANY): Row(
        api.ServiceUnavailable,
        _SAME,
        "start_5xx",
        "the service failed; a recording may be running",
        "acquire and start with another uid once it is certain that none runs",
    ),
    (START, CLIENT_ERROR, 432): _never(
        api.ResourceMismatch,
        "a parameter is wrong, or App ID, cname or uid are not those of the resource ID",
        "send what was given to acquire; compare the parameters with the documents",
    ),
    (START, CLIENT_ERROR, 433): _never(
        api.ResourceExpired, api.ResourceExpired.usual_meaning, api.ResourceExpired.usual_hint
    ),
}

_NO_WORKER: Final = (
    "no such recording now: it never came up, has ended, or is being moved to another server (up to 90 s)"
)
_NO_WORKER_THEN: Final = (
    "ask again after 5, 10 and 15 s; if it stays like that, see files and events, and start with another uid"
)
_TIMED_OUT: Final = "the call timed out inside the service; that says nothing about the recording"
_EXITING: Final = _never(
    api.AlreadyStopping,
    "the service is exiting: the recording has been stopped",
    "don't ask any more: wait for the end by wait_finished() or its events",
)

_QUERY_AND_UPDATES: Final[dict[Key, Row]] = {
    (operation, status, code): row
    for operation in (QUERY, UPDATE, UPDATE_LAYOUT)
    for (status, code), row in {
        (404, 404): Row(api.WorkerNotFound, _SAME, "query_404", _NO_WORKER, _NO_WORKER_THEN),
        (CLIENT_ERROR, 501): _EXITING,
    }.items()
}

_QUERY: Final[dict[Key, Row]] = {
    (QUERY, SERVER_ERROR, ANY): Row(
        api.ServiceUnavailable,
        _SAME,
        "query_5xx",
        "the service failed to answer; that says nothing about the recording",
        "keep watching: this is no sign that the recording has gone",
    ),
}

_UPDATES: Final[dict[Key, Row]] = {
    (UPDATE, 400, 2): _never(
        api.InvalidParameter,
        "a header, the URL or the body is wrong, or the lists don't fit the recording's stream types",
        _CORRECT,
    ),
    (UPDATE, 504, 62): _backoff(_TIMED_OUT, _REPORT),
    (UPDATE_LAYOUT, 504, 62): _backoff(_TIMED_OUT, _REPORT),
    (UPDATE_LAYOUT, CLIENT_ERROR, 1028): _never(
        api.InvalidParameter, "the layout is wrong", "correct the layout"
    ),
}

_STOP: Final[dict[Key, Row]] = {
    (STOP, 206, 65): Row(
        api.RequestNotCompleted,
        _SAME,
        "code_65",
        "the stop got through and was not answered in time; it may be under way",
        "stop again; code 49 or a 404 means then that it has stopped",
    ),
    (STOP, 206, 435): _never(
        api.NoRecordedData,
        "nobody sent a stream: the recording has stopped, and there are no files",
        "take it as an end, not as a failure; if files were expected, compare cname, channel_type and token",
    ),
    (STOP, 206, 50): _never(
        api.UploadStatusUnknown,
        "the recording has stopped, and its upload takes longer than a synchronous stop waits (20 s)",
        api.UploadStatusUnknown.usual_hint,
    ),
    (STOP, 206, ANY): _never(
        api.UploadStatusUnknown,
        "the recording has stopped; the upload is slow, or a query ran at the same time",
        api.UploadStatusUnknown.usual_hint,
    ),
    (STOP, 400, 49): _never(
        api.AlreadyStopping,
        "the recording is exiting already: stopped before, idle, or removed from the channel",
        "don't stop it again: wait for the end by wait_finished() or its events",
    ),
    (STOP, 404, 404): Row(
        api.WorkerNotFound,
        _SAME,
        "query_404",
        "no such recording now: it has ended, or is being moved to another server (up to 90 s)",
        "stop again for 100 s, in case it is being moved; then take it as ended",
    ),
    (STOP, 504, 62): _backoff(
        "the stop timed out inside the service; the recording may still run",
        "stop again, or query: a 404 means that it has stopped",
    ),
    (STOP, CLIENT_ERROR, 501): _EXITING,
}

TABLE: Final[Mapping[Key, Row]] = MappingProxyType(
    {**_GENERAL, **_ACQUIRE, **_START, **_QUERY_AND_UPDATES, **_QUERY, **_UPDATES, **_STOP}
)
