"""What a recording needs of the client that made it: a small protocol, so that recordings know no client."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, TypeVarTuple

from agora_rec.clock import Clock
from agora_rec.codec import Body
from agora_rec.errors import Attempt
from agora_rec.model import AnyAnswer, Secrets
from agora_rec.operations import Operation
from agora_rec.recording.jobs import Job
from agora_rec.recording.modes import ModeTexts
from agora_rec.recording.unwritten import Unwritten
from agora_rec.store import Checkpoint, Store
from agora_rec.transport import Interrupt, RetryPolicy
from agora_rec.vocabulary import OperationName

if TYPE_CHECKING:
    from agora_rec.recording.recording import Recording

A = TypeVar("A", bound=AnyAnswer)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


SecretsProvider: TypeAlias = Callable[[Checkpoint], Awaitable[Secrets]]
"""Asked once for each resource ID, before the start, with what is known of the recording."""


class Keeper(Protocol):
    """The client as its recordings see it."""

    @property
    def app_id(self) -> str:
        """The App ID that all calls are about."""
        ...

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        ...

    @property
    def store(self) -> Store:
        """Where checkpoints go."""
        ...

    @property
    def retry(self) -> RetryPolicy:
        """What is sent again, and when."""
        ...

    @property
    def modes(self) -> ModeTexts:
        """Who writes modes for checkpoints."""
        ...

    @property
    def unwritten(self) -> Unwritten:
        """What the store doesn't know yet, because it failed."""
        ...

    @property
    def secrets(self) -> SecretsProvider | None:
        """Who is asked for the secrets of a start; None: they are those that a recording was made with."""
        ...

    @property
    def is_store_shared(self) -> bool:
        """Whether other workers may use the store too."""
        ...

    @property
    def holder(self) -> str:
        """The name under which leases are taken: another one for each client."""
        ...

    @property
    def hears_from_others(self) -> bool:
        """Whether a sid may come otherwise than by the start's answer: from another worker, by webhook."""
        ...

    @property
    def expects_notifications(self) -> bool:
        """Whether the service's notifications are to come in, here or at a worker with the same settings."""
        ...

    def send(
        self,
        operation: Operation[A],
        *,
        deadline: float | None = None,
        interrupt: Interrupt | None = None,
        on_attempt: Callable[[OperationName, Attempt], None] | None = None,
    ) -> Coroutine[Any, Any, A]:
        """Make one call of the service, retries included; see `Transport.send`."""
        ...

    def require_open(self) -> None:
        """Raise `RuntimeError` outside of the client's `async with`."""
        ...

    def spawn(self, job: Job[T], work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> None:
        """Have a job done in the client's task group, where no caller's cancellation reaches it."""
        ...

    def digest(self, body: Body) -> str:
        """A keyed digest of a body, to recognise it by without keeping it."""
        ...

    def keep(self, recording: "Recording") -> None:
        """Hold a recording that has begun."""
        ...

    def forget(self, recording: "Recording") -> None:
        """Let go of a recording that has ended, or never began."""
        ...

    def left_behind(self, recording: "Recording") -> None:
        """Hear that nobody waits for what was started any more: stopped when the client closes."""
        ...
