"""What webhooks are answered: statuses, bodies, and how loud the log is about each. Only data.

The service takes 200 with a JSON body for "received" and everything else for "send it again" (events.yaml
delivery). Bodies are fixed texts: nothing of what came in goes out again.
"""

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from agora_rec.errors import RejectionReason


@frozen
class Answer:
    """One answer. `reason` is a word for programs, and None where all is well; `level` is the log's."""

    status: int
    reason: str | None = None
    level: int = logging.WARNING
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def body(self) -> bytes:
        """The JSON text."""
        told = {"ok": True} if self.reason is None else {"ok": False, "reason": self.reason}
        return json.dumps(told, separators=(",", ":")).encode()


ACKNOWLEDGED: Final = Answer(200, level=logging.DEBUG)
NOT_ALLOWED: Final = Answer(405, "method_not_allowed", logging.INFO, ((b"allow", b"POST"),))
TOO_SLOW: Final = Answer(408, "too_slow", logging.INFO)
NOT_ACKNOWLEDGED: Final = Answer(503, "not_acknowledged", logging.ERROR)
TOO_LATE: Final = Answer(503, "too_late", logging.ERROR)

REFUSALS: Final[Mapping[RejectionReason, Answer]] = MappingProxyType(
    {
        RejectionReason.MALFORMED: Answer(RejectionReason.MALFORMED.status, "malformed"),
        RejectionReason.BAD_SIGNATURE: Answer(
            RejectionReason.BAD_SIGNATURE.status,
            "bad_signature",
            headers=((b"www-authenticate", b"Agora-Signature-V2"),),  # HTTP wants a 401 to name a scheme
        ),
        RejectionReason.TOO_LARGE: Answer(RejectionReason.TOO_LARGE.status, "too_large", logging.INFO),
    }
)
TOO_LARGE: Final = REFUSALS[RejectionReason.TOO_LARGE]
