"""Fleets with mistakes, each breaking one promise: a trial that doesn't notice is worth nothing."""

from collections.abc import Mapping
from typing import Any, Final

import anyio

from agora_rec import CloudRecording, Result
from agora_rec.model import StopAnswer
from agora_rec.operations import Operation
from agora_rec.vocabulary import OperationName, UploadingStatus
from tests.fleets.plan import FIRST_UID, Plan

DOUBLED: Final = "class-1"
FORGOTTEN: Final = "class-2"
LOST: Final = "class-3"
"""Whom mistakes befall."""
_OTHER_UIDS: Final = 1_000_000


class Mistakes:
    """What is done wrong; here nothing is."""

    cloud: type[CloudRecording] = CloudRecording

    def limit(self, plan: Plan) -> int:
        """How many the fleet runs at once."""
        return plan.believed or plan.limit

    def tells(self, result: Result) -> bool:
        """Whether a result is told."""
        return True


class NoLimit(Mistakes):
    """The fleet knows no limit."""

    def limit(self, plan: Plan) -> int:
        return plan.recordings


class ResultLost(Mistakes):
    """One result is lost on its way."""

    def tells(self, result: Result) -> bool:
        return result.spec.cname != LOST


class _Doubling(CloudRecording):
    async def send(self, operation: Operation[Any], **more: Any) -> Any:
        answer = await super().send(operation, **more)
        subject = operation.subject
        is_first = subject.uid is not None and subject.uid < _OTHER_UIDS
        if (operation.name, subject.cname) == (OperationName.START, DOUBLED) and is_first:
            mode = next(each.mode for each in self.recordings if each.cname == DOUBLED)
            async with self.recording(DOUBLED, _OTHER_UIDS + FIRST_UID, mode):
                await anyio.sleep(0.1)
        return answer


class Doubled(Mistakes):
    """One start is made twice."""

    cloud = _Doubling


class _Forgetting(CloudRecording):
    async def send(self, operation: Operation[Any], **more: Any) -> Any:
        subject = operation.subject
        if (operation.name, subject.cname) != (OperationName.STOP, FORGOTTEN):
            return await super().send(operation, **more)
        return StopAnswer(
            cname=FORGOTTEN,
            uid=subject.uid,
            resource_id=subject.resource_id or "",
            sid=subject.sid or "",
            uploading_status=UploadingStatus.UPLOADED,
        )


class NotStopped(Mistakes):
    """One stop is believed to have been sent."""

    cloud = _Forgetting


MISTAKES: Final[Mapping[str, type[Mistakes]]] = {
    "no-limit": NoLimit,
    "result-lost": ResultLost,
    "doubled": Doubled,
    "not-stopped": NotStopped,
}
"""Those of `tests.workers.planted` can be made too, where there is a store."""


def mistakes_of(plan: Plan) -> Mistakes:
    """What is done wrong in that trial, all of it together."""
    wrong = [MISTAKES[each] for each in plan.mistakes if each in MISTAKES]
    clouds = tuple(each.cloud for each in wrong if each.cloud is not CloudRecording)
    together: type[Mistakes] = type("Together", (*wrong, Mistakes), {})
    if clouds:
        together.cloud = type("Cloud", clouds, {})
    return together()
