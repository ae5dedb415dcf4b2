"""Every name that spans and metrics bear: those of OpenTelemetry's conventions, and our own.

Data alone, and OpenTelemetry is not imported. The convention's names are those of its stable part for HTTP
clients (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), but for `url.template`, which is in
development; a test compares them with `opentelemetry-semantic-conventions`, which isn't needed otherwise.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agora_rec.transport.wire import FailureKind
from agora_rec.vocabulary import OperationName

SCOPE: Final = "agora_rec"
"""The name of the instrumentation scope; its version is the library's."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.38.0"
"""The version of the conventions that the names are from."""

HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
URL_FULL: Final = "url.full"
URL_TEMPLATE: Final = "url.template"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"

HTTP_CLIENT_REQUEST_DURATION: Final = "http.client.request.duration"
HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds that the convention advises, in seconds."""

OPERATION: Final = "agora_rec.operation"
CNAME: Final = "agora_rec.cname"
UID: Final = "agora_rec.uid"
RESOURCE_ID: Final = "agora_rec.resource_id"
SID: Final = "agora_rec.sid"
OUTCOME: Final = "agora_rec.outcome"
CODE: Final = "agora_rec.code"
REQUEST_ID: Final = "agora_rec.request_id"
ATTEMPTS: Final = "agora_rec.attempts"
WAITED_QUEUE: Final = "agora_rec.waited.queue"
WAITED_PAUSES: Final = "agora_rec.waited.pauses"

WAIT_EVENT: Final = "agora_rec.wait"
EXCEPTION_EVENT: Final = "exception"

CALL_DURATION: Final = "agora_rec.call.duration"
QUEUE_WAIT: Final = "agora_rec.queue.wait"
RETRIES: Final = "agora_rec.call.retries"
LONG_BUCKETS: Final = (*HTTP_BUCKETS, 30.0, 60.0, 120.0)
"""Bounds for what may wait and repeat: a stop goes on for two minutes."""

WITHDRAWN: Final = "withdrawn"
CANCELLED: Final = "cancelled"
NAME_NOT_RESOLVED: Final = "name_not_resolved"
IDLE_CONNECTION_CLOSED: Final = "idle_connection_closed"

FAILURES: Final[Mapping[FailureKind, str]] = MappingProxyType(
    {
        FailureKind.CONNECT: "no_connection",
        FailureKind.TIMEOUT: "timeout",
        FailureKind.LOST: "connection_lost",
        FailureKind.GARBLED: "not_http",
        FailureKind.TOO_LARGE: "answer_too_large",
        FailureKind.LOCAL: "not_sendable",
    }
)
"""What `error.type` says of an attempt without an answer. A name that doesn't resolve has a word of its own,
and so has a connection that the server had closed while it was idle: that is nobody's trouble."""

_APP: Final = "/v1/apps/{app_id}/cloud_recording"
_RESOURCE: Final = f"{_APP}/resourceid/{{resource_id}}"
_SESSION: Final = f"{_RESOURCE}/sid/{{sid}}/mode/{{mode}}"

TEMPLATES: Final[Mapping[OperationName, str]] = MappingProxyType(
    {
        OperationName.ACQUIRE: f"{_APP}/acquire",
        OperationName.START: f"{_RESOURCE}/mode/{{mode}}/start",
        OperationName.QUERY: f"{_SESSION}/query",
        OperationName.UPDATE: f"{_SESSION}/update",
        OperationName.UPDATE_LAYOUT: f"{_SESSION}/updateLayout",
        OperationName.STOP: f"{_SESSION}/stop",
        OperationName.NCS_IP: "/v1/ncs/ip",
    }
)
"""The paths of the calls, without what tells one recording from another."""
