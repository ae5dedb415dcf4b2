"""What the reference says about refusals, as answers that can be looked up, and which class each must become.

The classes are written here by hand, away from the table: this is the other half of the comparison.
"""

from collections.abc import Iterator

from attrs import frozen

from agora_rec.vocabulary import OperationName
from tests.support.reference import load

ENDPOINTS = {
    "acquire": OperationName.ACQUIRE,
    "start": OperationName.START,
    "query": OperationName.QUERY,
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
    "stop": OperationName.STOP,
    "ncsIp": OperationName.NCS_IP,
}
OPERATIONS = tuple(OperationName)


@frozen
class Documented:
    """One answer of the reference, and what it says about it."""

    operation: OperationName
    status: int
    code: int | None
    reason: str | None
    error: str
    retry: str
    schedule: str | None
    status_known: bool = True

    def __str__(self) -> str:
        """The name of the case in a test's report."""
        return f"{self.operation}-{self.status}-{self.code or self.reason}"


GENERAL = {
    (400, "appid is invalid"): "ServiceNotEnabled",
    (401, "Unauthorized"): "AuthenticationFailed",
    (401, "Invalid authentication credentials"): "AuthenticationFailed",
    (404, "no Route matched with those values"): "RouteNotFound",
    (429, "API rate limit exceeded"): "RateLimited",
    (401, "invalid appid"): "AuthenticationFailed",
    (500, None): "ServiceUnavailable",
    (502, None): "ServiceUnavailable",
    (503, None): "ServiceUnavailable",
    (504, None): "ServiceUnavailable",
}

BY_ENDPOINT = {
    ("acquire", 400, 2): "InvalidParameter",
    ("acquire", 400, 400): "ServiceNotEnabled",
    ("acquire", 400, 401): "InvalidParameter",
    ("acquire", 400, 405): "ServiceNotEnabled",
    ("acquire", 400, 406): "ConcurrencyLimitReached",
    ("acquire", 500, 500): "ServiceUnavailable",
    ("acquire", 500, 501): "ServiceUnavailable",
    ("acquire", 500, 504): "ServiceUnavailable",
    ("acquire", 400, 62): "ServiceNotEnabled",
    ("acquire", 400, 1013): "InvalidParameter",
    ("start", 201, 7): "AlreadyStarted",
    ("start", 206, 65): "RequestNotCompleted",
    ("start", 400, 2): "InvalidParameter",
    ("start", 400, 53): "TaskConflict",
    ("start", 500, 502): "ServiceUnavailable",
    ("start", 500, 62): "ServiceUnavailable",
    ("start", 500, 15): "ServiceUnavailable",
    ("start", 400, 109): "TokenRejected",
    ("start", 400, 110): "TokenRejected",
    ("start", 400, 432): "ResourceMismatch",
    ("start", 400, 433): "ResourceExpired",
    ("start", 400, 1001): "ResourceMismatch",
    ("start", 400, 1003): "ResourceMismatch",
    ("start", 500, None): "ServiceUnavailable",
    ("query", 206, 65): "RequestNotCompleted",
    ("query", 400, 2): "InvalidParameter",
    ("query", 404, 404): "WorkerNotFound",
    ("query", 504, 62): "ServiceUnavailable",
    ("query", 404, 501): "AlreadyStopping",
    ("query", 400, 1001): "ResourceMismatch",
    ("query", 400, 1003): "ResourceMismatch",
    ("query", 400, 433): "ResourceExpired",
    ("query", 500, None): "ServiceUnavailable",
    ("update", 206, 65): "RequestNotCompleted",
    ("update", 400, 2): "InvalidParameter",
    ("update", 404, 404): "WorkerNotFound",
    ("update", 504, 62): "ServiceUnavailable",
    ("update", 400, 432): "ResourceMismatch",
    ("updateLayout", 206, 65): "RequestNotCompleted",
    ("updateLayout", 400, 2): "InvalidParameter",
    ("updateLayout", 404, 404): "WorkerNotFound",
    ("updateLayout", 504, 62): "ServiceUnavailable",
    ("updateLayout", 400, 1028): "InvalidParameter",
    ("updateLayout", 400, 432): "ResourceMismatch",
    ("stop", 206, 65): "RequestNotCompleted",
    ("stop", 206, 435): "NoRecordedData",
    ("stop", 206, None): "UploadStatusUnknown",
    ("stop", 206, 50): "UploadStatusUnknown",
    ("stop", 400, 2): "InvalidParameter",
    ("stop", 400, 49): "AlreadyStopping",
    ("stop", 404, 404): "WorkerNotFound",
    ("stop", 504, 62): "ServiceUnavailable",
    ("stop", 404, 501): "AlreadyStopping",
    ("stop", 400, 432): "ResourceMismatch",
    ("stop", 400, 1001): "ResourceMismatch",
    ("stop", 400, 1003): "ResourceMismatch",
    ("ncsIp", 401, None): "AuthenticationFailed",
}

# Codes of the older pages: where they may come (None: in every call) and what they become there.
CONTROL = ("query", "update", "updateLayout", "stop")
LEGACY: dict[int, tuple[tuple[str, ...] | None, str]] = {
    2: (None, "InvalidParameter"),
    7: (("start",), "AlreadyStarted"),
    8: (None, "InvalidParameter"),
    15: (("start",), "ServiceUnavailable"),
    49: (("stop",), "AlreadyStopping"),
    50: (("stop",), "UploadStatusUnknown"),
    53: (("start",), "TaskConflict"),
    62: (
        ("acquire",),
        "ServiceNotEnabled",
    ),  # the old meaning; the new one has its own rows, all with a status
    65: (None, "RequestNotCompleted"),
    101: (None, "ApiError"),  # "not an API code"
    109: (None, "TokenRejected"),
    110: (None, "TokenRejected"),
    404: (CONTROL, "WorkerNotFound"),
    432: (None, "ResourceMismatch"),
    433: (None, "ResourceExpired"),
    435: (("stop",), "NoRecordedData"),
    501: (CONTROL, "AlreadyStopping"),  # "not acquire's 501"
    1001: (None, "ResourceMismatch"),
    1003: (None, "ResourceMismatch"),
    1013: (None, "InvalidParameter"),
    1028: (("updateLayout",), "InvalidParameter"),
}

# Where a call has a row of its own for any 5xx, it is narrower than the general row of the status.
OWN_SCHEDULES = {OperationName.START: "start_5xx", OperationName.QUERY: "query_5xx"}


def general() -> Iterator[Documented]:
    """The rows that hold for every call, for each of the seven."""
    for row in load("errors")["general"]:
        assert row["endpoints"] == "any"
        assert row["code"] is None
        for operation in OPERATIONS:
            own = OWN_SCHEDULES.get(operation) if row["http"] >= 500 else None
            yield Documented(
                operation=operation,
                status=row["http"],
                code=None,
                reason=row["message"],
                error=GENERAL[row["http"], row["message"]],
                retry=row["retry"],
                schedule=own or row["schedule"],
                status_known=row.get("http_known", True),
            )


def by_endpoint() -> Iterator[Documented]:
    """The rows of one call."""
    for endpoint, rows in load("errors")["by_endpoint"].items():
        for row in rows:
            yield Documented(
                operation=ENDPOINTS[endpoint],
                status=row["http"],
                code=row["code"],
                reason=row["reason"],
                error=BY_ENDPOINT[endpoint, row["http"], row["code"]],
                retry=row["retry"],
                schedule=row["schedule"],
                status_known=row.get("http_known", True),
            )


def legacy() -> Iterator[Documented]:
    """The codes of the older pages; where these give no status it is taken for a 400."""
    for code, row in load("errors")["legacy_codes"].items():
        endpoints, error = LEGACY[code]
        for operation in OPERATIONS if endpoints is None else [ENDPOINTS[each] for each in endpoints]:
            yield Documented(
                operation=operation,
                status=row.get("http", 400),
                code=code,
                reason=None,
                error=error,
                retry=row.get("retry", ""),
                schedule=None,
                status_known=row.get("http_known", "http" in row),
            )


def everything() -> list[Documented]:
    """All of the reference's answers."""
    return [*general(), *by_endpoint(), *legacy()]
