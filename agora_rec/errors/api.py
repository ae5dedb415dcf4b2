"""Errors that the service answers with. Which answer becomes which class is in `table.py`."""

# ruff: noqa: N818 - the names are what the service says, and promised in the design

from typing import ClassVar, Final, final

from attrs import Factory, define, field

from agora_rec.errors.base import (
    DEADLINE_CAME,
    AboutRecording,
    AgoraRecError,
    HasAttempts,
    tell,
    tell_attempts,
)
from agora_rec.errors.text import sentence, shown, shown_or_none
from agora_rec.errors.values import Attempt, Retry, ScheduleName, Subject, left_open, may_have_started
from agora_rec.vocabulary import UploadingStatus

CAUSES_OF_404: Final = (
    "idle: nobody, or no host, was in the channel for max_idle_time (often a wrong cname or channel_type)",
    "the service's check after the start found the storage (bucket, keys, region) or the transcoding wrong",
    "the token is missing, wrong, expired, or for another uid",
    "somebody else in the channel has the same uid: they push each other out",
    "the App ID, the sid or the resource ID in the URL is wrong",
    "high availability is moving the recording to another server: up to 90 s",
    "web: the page did not load in ready_timeout, it needs what can't be recorded, or its hours are over",
)
"""The documented causes of a 404 soon after a start (errors.yaml `causes_of_404_soon_after_start`)."""


def _usual_meaning(error: "ApiError") -> str:
    return type(error).usual_meaning


def _usual_hint(error: "ApiError") -> str:
    return type(error).usual_hint


@define(slots=False, eq=False)
class ApiError(AgoraRecError, AboutRecording, HasAttempts):
    """The service answered, and not with success; also what has no class of its own.

    `status` and `code` are the answer's numbers (None where there is none), `reason` its text, whole and as
    it came. `meaning` and `hint` are ours: what it most likely means here, and what to do. `retry` and
    `schedule` say whether the identical request may be sent again, and after which documented waits;
    `deadline_came` whether a deadline kept it from being sent again.
    """

    usual_meaning: ClassVar[str] = "the service refused the call for a cause that is not documented"
    usual_hint: ClassVar[str] = "look at code and reason; report them if they say nothing to you"

    subject: Subject
    status: int | None = field(default=None, kw_only=True)
    code: int | None = field(default=None, kw_only=True)
    reason: str | None = field(default=None, kw_only=True, repr=shown_or_none)
    meaning: str = field(default=Factory(_usual_meaning, takes_self=True), kw_only=True, repr=False)
    hint: str = field(default=Factory(_usual_hint, takes_self=True), kw_only=True, repr=False)
    retry: Retry = field(default=Retry.NEVER, kw_only=True)
    schedule: ScheduleName | None = field(default=None, kw_only=True)
    attempts: tuple[Attempt, ...] = field(default=(), kw_only=True)
    deadline_came: bool = field(default=False, kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Whether this answer, or an earlier attempt of the same call, may have started a recording."""
        answered = self.status is not None and may_have_started(self.operation, self.status, self.code)
        return answered or left_open(self.operation, self.attempts)

    def message(self) -> str:
        """The operation, what the service said, what it most likely means here, and what to do."""
        about = str(self.subject)
        return tell(
            f"{self.operation.value}{f' ({about})' if about else ''}: {self._said()}.",
            sentence(self.meaning),
            sentence(self.hint),
            self._more(),
            # One attempt is the answer itself.
            tell_attempts(self.attempts) if len(self.attempts) > 1 else "",
            DEADLINE_CAME if self.deadline_came else "",
        )

    def _said(self) -> str:
        if self.status is None:
            return "nothing was sent"
        code = "" if self.code is None else f", code {self.code}"
        reason = ", no reason given" if self.reason is None else f", {shown(self.reason)}"
        return f"the service said HTTP {self.status}{code}{reason}"

    def _more(self) -> str:
        return ""


@final
class AuthenticationFailed(ApiError):
    """HTTP 401: the customer ID, its secret or the App ID was not accepted."""


@final
class ServiceNotEnabled(ApiError):
    """The App ID can't record: wrong, without cloud recording, or not active; no request of it will succeed.

    It has a class of its own (beside `AuthenticationFailed` and `InvalidParameter`) since neither credentials
    nor fields are wrong, and only the owner of the account can put it right.
    """


@final
class RateLimited(ApiError):
    """HTTP 429: more calls per second than this App ID may make."""


@final
class InvalidParameter(ApiError):
    """The service found a header, the URL or a field of the body wrong; `reason` may say which."""


@final
class AlreadyStarted(ApiError):
    """201 with code 7: this resource ID was started before. `sid` is the body's, if it had one."""


@final
class TaskConflict(ApiError):
    """Code 53: a recording with this cname and uid runs, under another resource ID."""


@final
class AlreadyStopping(ApiError):
    """Code 49, or 404 with code 501: the recording is on its way out already.

    Both say the same: the service still knows the task, and it is exiting. So the older 404 with 501 is here,
    and not a `WorkerNotFound`, which proves nothing by itself and is asked again.
    """


@final
class WorkerNotFound(ApiError):
    """404 with code 404: no such recording now. It never came up, has ended, or is being moved (`causes`)."""

    causes: ClassVar[tuple[str, ...]] = CAUSES_OF_404

    def _more(self) -> str:
        listed = "; ".join(f"({number}) {cause}" for number, cause in enumerate(self.causes, start=1))
        return f"Documented causes soon after a start: {listed}."


@final
class RouteNotFound(ApiError):
    """404 of the gateway: the method or the path is wrong. It says nothing about any recording."""


@final
class ConcurrencyLimitReached(ApiError):
    """Code 406 at acquire: as many recordings run as this App ID may have at once."""


@final
class ResourceExpired(ApiError):
    """The resource ID is too old: five minutes for a start, its `resource_expired_hour` for the rest.

    Also raised without asking the service, when a start comes too late: then `status` is None and nothing was
    sent.
    """

    usual_meaning = "the resource ID is older than five minutes"
    usual_hint = "acquire and start anew, within two seconds of each other"


@final
class ResourceMismatch(ApiError):
    """Codes 432, 1001, 1003: App ID, cname, uid or sid don't fit the resource ID, or it can't be read."""


@final
class TokenRejected(ApiError):
    """Codes 109 and 110: the channel token is expired or wrong."""


@define(slots=False, eq=False)
class PartialContent(ApiError):
    """HTTP 206: the call was taken in, and its result is not the whole one.

    `uploading_status` is the body's own, if it had one; `has_files` says whether the body listed files.
    """

    uploading_status: UploadingStatus | None = field(default=None, kw_only=True)
    has_files: bool = field(default=False, kw_only=True)


@final
class RequestNotCompleted(PartialContent):
    """206 with code 65: the request got through, no answer came in time; it may have been carried out."""


@final
class NoRecordedData(PartialContent):
    """206 with code 435 to a stop: it has ended, and there are no files, for nobody sent a stream."""


@final
@define(slots=False, eq=False)
class UploadStatusUnknown(PartialContent):
    """The recording has ended and it is not known where its files are, yet or for good.

    From a stop (206), or from a wait for the end whose events never came: then `status` is None, and `files`
    and `evidence` hold all that is known.
    """

    usual_meaning = "the recording has stopped, and whether its files are uploaded is not known"
    usual_hint = (
        "wait for the events 31 (uploaded) and 32 (backuped), or look into the bucket: the names follow from "
        "cname and sid"
    )

    files: tuple[object, ...] = field(default=(), kw_only=True)

    def _said(self) -> str:
        said = "no event said where the files are" if self.status is None else super()._said()
        status = (
            "" if self.uploading_status is None else f", uploading status {shown(self.uploading_status, 40)}"
        )
        return f"{said}{status}"

    def _more(self) -> str:
        return f"Files known: {len(self.files)}." if self.files else ""


@final
class ServiceUnavailable(ApiError):
    """A 5xx: the service or what stands before it failed. It says nothing about a recording that runs."""


@final
class UnexpectedAnswer(ApiError):
    """An answer that can't be read: not JSON, of a wrong shape, a redirect, a status that means nothing here.

    `reason` says what was wrong with it.
    """

    usual_meaning = "something else than the service answered, or its answers have changed"
    usual_hint = "look at proxies and base_url between here and the service; report it if there are none"
