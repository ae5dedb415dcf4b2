"""A supervisor over an emulator in process, and an owner who writes down what he is told."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from math import inf
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from agora_rec import CloudRecording, Recording, StartUnconfirmed, State
from agora_rec.emulator import LoseAnswer, Refuse
from agora_rec.model.events import Event
from agora_rec.model.notification import Notification
from agora_rec.supervision import Charge, IncidentKind, Supervisor
from tests.support import secrets
from tests.support.cloud import QUERY, START, Stage, stage

NOT_FOUND: Final = Refuse(404, code=404, reason="failed to find worker")
HEARS: Final[dict[str, Any]] = {"webhook_secret": secrets.WEBHOOK_SECRET}
"""A client that expects notifications."""
_SEQUENCE: Final = count(1)


@define(eq=False)
class Listener:
    """An owner: what he is told stands in `told`, the kinds of incidents in `kinds`."""

    told: list[str] = field(factory=list)
    kinds: list[IncidentKind] = field(factory=list)
    texts: list[str] = field(factory=list)
    wrong: Exception | None = None
    """Raised by him, whatever he is told."""
    on_left: Callable[[Charge], None] | None = None
    """What he does when he is told that it has left."""

    def _tell(self, word: str) -> None:
        self.told.append(word)
        if self.wrong is not None:
            raise self.wrong

    def left(self, charge: Charge) -> None:
        self._tell("left")
        if self.on_left is not None:
            self.on_left(charge)

    def returned(self, charge: Charge) -> None:
        self._tell("returned")

    def ended(self, charge: Charge) -> None:
        self._tell("ended")

    def happened(self, charge: Charge, kind: IncidentKind, text: str) -> None:
        self.kinds.append(kind)
        self.texts.append(text)
        self._tell(kind.value)


@define(eq=False)
class Desk:
    """A supervisor at work."""

    on: Stage
    cloud: CloudRecording
    supervisor: Supervisor
    owner: Listener
    tasks: TaskGroup

    def look_after(self, recording: Recording, **known: Any) -> Charge:
        """Have a recording looked after of which this is known."""
        charge = Charge(recording, self.owner)
        for name, value in known.items():
            setattr(charge, name, value)
        self.supervisor.look_after(charge)
        return charge

    async def unanswered(self) -> Charge:
        """A recording whose start has worked, and was not answered."""
        recording = self.on.recording()
        self.on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with suppress(StartUnconfirmed):
            await recording.ensure_started()
        self.on.emulator.clear_faults()
        assert recording.state is State.STARTING
        return self.look_after(recording)

    async def confirmed(self, cname: str = "class-42", uid: int = 880011, **known: Any) -> Charge:
        """A recording that is known to run, and looked after; 10 s have passed since its sid."""
        recording = await self.on.started(cname, uid)
        charge = self.look_after(recording, **known)
        await anyio.sleep(10)
        assert recording._ledger.standing.confirmed_at is not None
        return charge

    async def next_look(self) -> float:
        """Wait for the next query; when it came."""
        before = len(self.on.calls(QUERY))
        while len(self.on.calls(QUERY)) == before:  # noqa: ASYNC110 - nobody tells of calls
            await anyio.sleep(0.5)
        return self.on.times_of(QUERY)[-1]

    async def tell(self, recording: Recording, event: Event, **more: Any) -> None:
        """Let the service say something."""
        await tell(self.cloud, recording, event, **more)

    def leave(self) -> None:
        """End the supervisor and all that it does, as a fleet does that is left."""
        self.tasks.cancel_scope.cancel()


async def tell(cloud: CloudRecording, recording: Recording, event: Event, **more: Any) -> None:
    """Let the service tell a client something."""
    sequence = next(_SEQUENCE)
    given: dict[str, Any] = {
        "notice_id": f"{sequence} of {recording.id}",
        "cname": recording.cname,
        "uid": recording.uid,
        "sid": recording.sid,
        "sequence": sequence,
        "sent_at": cloud.clock.now(),
    }
    await cloud._inbox.take(Notification(event_type=event.event_type, event=event, **(given | more)), None)


@asynccontextmanager
async def at_work(
    on: Stage, cloud: CloudRecording, *, upload: float = 1200.0, qps: float = inf
) -> AsyncGenerator[Desk]:
    """Have a supervisor at work for a client."""
    async with anyio.create_task_group() as tasks:
        supervisor = Supervisor(cloud, tasks, qps=qps, upload_timeout=timedelta(seconds=upload))
        tasks.start_soon(supervisor.run)
        yield Desk(on, cloud, supervisor, Listener(), tasks)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def desk(
    *, client: dict[str, Any] | None = None, upload: float = 1200.0, **settings: Any
) -> AsyncGenerator[Desk]:
    """A supervisor for a client over an emulator with these settings."""
    async with stage(client=client, **settings) as on, at_work(on, on.cloud, upload=upload) as found:
        yield found
