"""What errors are made of: attempts, what a call was about, what the service said, wrong fields.

Plain values without behaviour of their own, and the one rule that decides whether a start that was not
plainly successful may have started something. The exceptions are in `local.py` and `api.py`, the table in
`table.py`.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, unique
from typing import Final, Literal, Protocol

from attrs import field, frozen

from agora_rec.errors.text import escaped, shown, shown_or_none
from agora_rec.vocabulary import AttemptOutcome, Certainty, OperationName, UploadingStatus

ScheduleName = Literal["backoff_general", "start_5xx", "code_65", "query_404", "query_5xx"]
"""The documented schedules of waits before a retry (errors.yaml `schedules`); their numbers are elsewhere."""


@unique
class Retry(Enum):
    """Whether the identical request may be sent again."""

    SAME = "same"
    """It may, and it can succeed."""
    LATER = "later"
    """It may, but only after the cause has gone (load, a quota)."""
    NEVER = "never"
    """It would fail again, or do harm."""


@frozen(kw_only=True)
class Attempt:
    """One attempt to make a call.

    `seconds` is how long it took, `at` when it began (UTC), `waited` how many seconds it had waited before: a
    pause, if it repeats another one, and the budget's slot. `status` and `code` are the answer's, None where
    there is none. `detail` says in words what went wrong (the name of the network error); never a secret.
    `request_id` is the service's own ID of its answer: its support asks for it.
    """

    host: str
    outcome: AttemptOutcome
    seconds: float
    at: datetime
    waited: float = 0.0
    status: int | None = None
    code: int | None = None
    detail: str = field(default="", repr=shown)
    request_id: str | None = field(default=None, repr=shown_or_none)

    def __str__(self) -> str:
        """Host, outcome, answer and time in one short line."""
        answer = "" if self.status is None else f" HTTP {self.status}"
        code = "" if self.code is None else f" code {self.code}"
        detail = f" {shown(self.detail)}" if self.detail else ""
        outcome = self.outcome.value.replace("_", " ")
        return f"{escaped(self.host, 80)} {outcome}{answer}{code}{detail} in {self.seconds:.1f} s"


@frozen(kw_only=True)
class Subject:
    """What a call is about: the operation, and the recording as far as it is known."""

    operation: OperationName
    cname: str | None = field(default=None, repr=shown_or_none)
    uid: int | None = None
    resource_id: str | None = field(default=None, repr=shown_or_none)
    sid: str | None = field(default=None, repr=shown_or_none)

    def __str__(self) -> str:
        """Names the recording, not the operation; empty when nothing is known of it."""
        known = (
            None if self.cname is None else f"cname {shown(self.cname, 80)}",
            None if self.uid is None else f"uid {self.uid}",
            # Real resource IDs have hundreds of characters: a part is enough to recognise them.
            None if self.resource_id is None else f"resource ID {shown(self.resource_id, 40)}",
            None if self.sid is None else f"sid {shown(self.sid, 64)}",
        )
        return ", ".join(part for part in known if part is not None)


@frozen(kw_only=True)
class Refusal:
    """What the service said when it was not a plain success, whatever the shape of its body.

    `reason` is the service's `reason` or the gateway's `message`. `sid`, `resource_id` and `uploading_status`
    are there when the body had them; `has_files` says whether it had a list of files that is not empty.
    """

    status: int
    code: int | None = None
    reason: str | None = field(default=None, repr=shown_or_none)
    resource_id: str | None = field(default=None, repr=shown_or_none)
    sid: str | None = field(default=None, repr=shown_or_none)
    uploading_status: UploadingStatus | None = None
    has_files: bool = False


@frozen
class Violation:
    """One wrong field of a request.

    `path` is the Python path from the call (`mode.transcoding.layout.regions[17].x_axis`), `value` a short
    repr of what was given, with secrets masked, `rule` what would be right.
    """

    path: str
    value: str
    rule: str

    def __str__(self) -> str:
        """Path, value and rule in one line."""
        return f"{escaped(self.path)} = {escaped(self.value)}: {escaped(self.rule)}"


class DocumentedCause(Protocol):
    """A cause that the service's documents name, as errors need to know it: `agora_rec.Cause` is one.

    `str()` of it is one line: how sure it is if it isn't certain, its name, its evidence and the moment.
    """

    @property
    def name(self) -> str:
        """Its name: a `CauseName`."""
        ...

    @property
    def certainty(self) -> Certainty:
        """How sure it is."""
        ...

    @property
    def evidence(self) -> tuple[object, ...]:
        """What speaks for it, oldest first."""
        ...

    @property
    def meaning(self) -> str:
        """What it means, by the documents."""
        ...

    @property
    def then(self) -> str:
        """What to do."""
        ...

    @property
    def source(self) -> str:
        """Where the documents' facts stand."""
        ...


_FAILED_STARTS: Final = frozenset({(500, 15), (500, 502)})
"""Statuses and codes of a 5xx to a start which say that nothing was started; all other 5xx leave it open."""

_RUNS_PERHAPS: Final = frozenset({7, 62, 65})
"""Codes that leave a start open under every status: started before, timed out inside, not completed."""

_GAVE_UP: Final = frozenset({408, 499})
"""Statuses of a proxy that stopped waiting: the service may have gone on."""

_CLIENT_ERRORS: Final = range(400, 500)


def may_have_started(operation: OperationName, status: int, code: int | None) -> bool:
    """Whether a recording may run because of a call that was answered like this.

    Only a start starts anything. A 4xx is a definite refusal (but for a proxy's 408 and 499), and so is a
    5xx that says that the start failed. Everything else leaves it open, or says that one runs: 201, 206, a
    timeout inside the service (62), a gateway's 5xx, a success that can't be read.
    """
    if operation is not OperationName.START:
        return False
    if code in _RUNS_PERHAPS or status in _GAVE_UP:
        return True
    return status not in _CLIENT_ERRORS and (status, code) not in _FAILED_STARTS


def left_open(operation: OperationName, attempts: Iterable[Attempt]) -> bool:
    """Whether a recording may run because of one of these attempts to make one call."""
    return any(_leaves_open(operation, attempt) for attempt in attempts)


def _leaves_open(operation: OperationName, attempt: Attempt) -> bool:
    if operation is not OperationName.START or attempt.outcome is AttemptOutcome.NOT_SENT:
        return False
    if attempt.outcome is AttemptOutcome.UNANSWERED or attempt.status is None:
        return True
    return may_have_started(operation, attempt.status, attempt.code)
