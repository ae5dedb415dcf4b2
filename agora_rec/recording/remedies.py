"""What may follow on a start that was refused for certain: documented ways on, as data.

Only goals go these ways (`goals.py`); a bare `start()` raises what it was refused with. A start that may have
worked is never among them: it stays STARTING, and nothing but the same start can clear it up.
"""

from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from attrs import frozen

from agora_rec.errors import ApiError, ResourceExpired
from agora_rec.vocabulary import OperationName

_EXPIRED: Final = 433


@unique
class Way(Enum):
    """A way on after a refusal. When the first of a code's ways is used up, a goal goes the second one."""

    ANEW = "acquire and start anew, once and at once"
    ANEW_AFTER_WAITS = "acquire and start anew, after each of the waits of a start's 5xx"
    ALTERNATE = "acquire and start under the alternate uid"


@frozen
class Remedy:
    """The ways that a refusal leaves open, and why these and no others (errors.yaml `then`)."""

    ways: tuple[Way, ...]
    why: str


_PARAMETERS: Final = Remedy((), "the request is wrong, and would be under another uid")
_TOKEN: Final = Remedy((), "another uid would hide that the recording's own token is no good")
_MISMATCH: Final = Remedy((), "something mixes up recordings: that must be found, not got round")

REMEDIES: Final[Mapping[int, Remedy]] = MappingProxyType(
    {
        15: Remedy((Way.ALTERNATE,), "the start failed each time: then another uid is the documented way on"),
        502: Remedy(
            (Way.ANEW_AFTER_WAITS, Way.ALTERNATE),
            "no worker was found: a new acquire each time (status page), after 3, 6 and 9 s, then another "
            "uid (best practices)",
        ),
        433: Remedy((Way.ANEW,), "only the resource ID was too old"),
        53: Remedy(
            (),
            "the recording that runs may be yours: a second one under another uid would record all twice",
        ),
        2: _PARAMETERS,
        109: _TOKEN,
        110: _TOKEN,
        432: _MISMATCH,
        1001: _MISMATCH,
        1003: _MISMATCH,
    }
)
"""The ways on after a refused start, by its code."""

OTHERWISE: Final = Remedy((), "credentials, rate or network are at fault: the uid is not")
"""For what has no row; a start that never left this machine is among it."""


def remedy_for(error: ApiError) -> Remedy:
    """The ways on after an error that a start was refused with; none if it is no start's."""
    if error.operation is not OperationName.START:
        return OTHERWISE
    code = _EXPIRED if isinstance(error, ResourceExpired) else error.code  # ours comes without a code
    return OTHERWISE if code is None else REMEDIES.get(code, OTHERWISE)
