"""Every error of the library, and the one table that turns the service's answers into them.

    AgoraRecError
      IllegalTransition          command, state; nothing was sent
        Superseded               a stop came first; attempts attached, none on the wire
      InvalidRequest             also a ValueError: every wrong field, with its path; nothing was sent
      SecretsRequired            a found or attached recording needs its mode or token for this
      StartUnconfirmed           a start was sent and its answer lost: something may be running
      RecordingGone              its disappearance is confirmed; only this justifies a new one
      WaitTimedOut               also a TimeoutError: what is known by then is attached
      StoreConflict              another worker has written the checkpoint first
      StoreUnavailable           the store can't be reached
      StoreTooNew                a newer version of this library has written to the store
      LeaseLost                  another worker looks after the recording
      QueueFull                  as many recordings wait for a place in the fleet as may
      FleetClosed                the fleet begins nothing any more
      NotificationRejected       bad signature, too large, or no notification
      NotAcknowledged            before_ack failed or took too long: the service sends it again
      TransportError             no usable answer: attempts attached
      ApiError                   operation, status, code, reason, cname, uid, resource_id, sid, hint
        AuthenticationFailed     401
        ServiceNotEnabled        the App ID is wrong, not enabled or not active
        RateLimited              429
        InvalidParameter         code 2; 8, 401 and 1013, 1028
        AlreadyStarted           201 with code 7
        TaskConflict             53
        AlreadyStopping          49, or 404 with code 501
        WorkerNotFound           404 with code 404
        RouteNotFound            404 of the gateway
        ConcurrencyLimitReached  406 at acquire
        ResourceExpired          433; also raised here, with nothing sent
        ResourceMismatch         432, 1001, 1003
        TokenRejected            109, 110
        PartialContent           206
          RequestNotCompleted    65
          NoRecordedData         435 at stop
          UploadStatusUnknown    any other 206 at stop
        ServiceUnavailable       5xx
        UnexpectedAnswer         not JSON, wrong shape, a redirect

Every error has `maybe_running` (may a recording run because of this call?) and `evidence`. `str(error)`
names the operation, what the service said, what it most likely means and what to do. Nothing here sends,
retries or waits.
"""

from agora_rec.errors.answers import from_refusal, from_unreadable, lookup
from agora_rec.errors.api import (
    AlreadyStarted,
    AlreadyStopping,
    ApiError,
    AuthenticationFailed,
    ConcurrencyLimitReached,
    InvalidParameter,
    NoRecordedData,
    PartialContent,
    RateLimited,
    RequestNotCompleted,
    ResourceExpired,
    ResourceMismatch,
    RouteNotFound,
    ServiceNotEnabled,
    ServiceUnavailable,
    TaskConflict,
    TokenRejected,
    UnexpectedAnswer,
    UploadStatusUnknown,
    WorkerNotFound,
)
from agora_rec.errors.base import AgoraRecError
from agora_rec.errors.fleets import FleetClosed, QueueFull
from agora_rec.errors.local import (
    IllegalTransition,
    InvalidRequest,
    RecordingGone,
    SecretsRequired,
    StartUnconfirmed,
    Superseded,
    TransportError,
    WaitTimedOut,
)
from agora_rec.errors.notifications import NotAcknowledged, NotificationRejected, RejectionReason
from agora_rec.errors.stores import LeaseLost, StoreConflict, StoreTooNew, StoreUnavailable
from agora_rec.errors.table import Row
from agora_rec.errors.values import (
    Attempt,
    DocumentedCause,
    Refusal,
    Retry,
    ScheduleName,
    Subject,
    Violation,
    left_open,
    may_have_started,
)

__all__ = [
    "AgoraRecError",
    "AlreadyStarted",
    "AlreadyStopping",
    "ApiError",
    "Attempt",
    "AuthenticationFailed",
    "ConcurrencyLimitReached",
    "DocumentedCause",
    "FleetClosed",
    "IllegalTransition",
    "InvalidParameter",
    "InvalidRequest",
    "LeaseLost",
    "NoRecordedData",
    "NotAcknowledged",
    "NotificationRejected",
    "PartialContent",
    "QueueFull",
    "RateLimited",
    "RecordingGone",
    "Refusal",
    "RejectionReason",
    "RequestNotCompleted",
    "ResourceExpired",
    "ResourceMismatch",
    "Retry",
    "RouteNotFound",
    "Row",
    "ScheduleName",
    "SecretsRequired",
    "ServiceNotEnabled",
    "ServiceUnavailable",
    "StartUnconfirmed",
    "StoreConflict",
    "StoreTooNew",
    "StoreUnavailable",
    "Subject",
    "Superseded",
    "TaskConflict",
    "TokenRejected",
    "TransportError",
    "UnexpectedAnswer",
    "UploadStatusUnknown",
    "Violation",
    "WaitTimedOut",
    "WorkerNotFound",
    "from_refusal",
    "from_unreadable",
    "left_open",
    "lookup",
    "may_have_started",
]
