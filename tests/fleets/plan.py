"""What is tried: one value, which the fleet's process is handed as JSON."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, Self

from attrs import asdict, frozen

from agora_rec import AmazonS3, AmazonS3Region, Mix, Spec
from tests.support.secrets import ACCESS_KEY, SECRET_KEY

EXIT_SECONDS: Final = 0.3
"""How long a worker of the emulated service takes to go, here: less than real ones, to have more of them."""
FIRST_UID: Final = 1000


@frozen(kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        recordings: How many.
        limit: How many the service runs at once.
        believed: How many the fleet believes that it runs at once; None: as many as it does.
        enforced: Whether the service refuses more than that.
        qps: Calls per second, on both sides.
        latency: Seconds that the service takes for each call: the longer, the more often death comes in one.
        shortest: Seconds that a recording lasts at least.
        longest: And at most.
        store: Which store the fleet has; see `tests.workers.stores.SERVERS`; None: none.
        kills: How often the fleet's process is killed.
        kill_after: Seconds from the opening of the fleet to its process's death, at least and at most.
        lease: Seconds after which what a dead process looked after is free for the next one.
        patience: Seconds after which a process that isn't done hangs.
        mistakes: Some of `planted.MISTAKES`.
        seed: For all that is random here; processes and sockets have their own will.
    """

    recordings: int = 1000
    limit: int = 50
    believed: int | None = None
    enforced: bool = True
    qps: float = 200.0
    latency: float = 0.01
    shortest: float = 1.0
    longest: float = 8.0
    store: str | None = None
    kills: int = 0
    kill_after: tuple[float, float] = (0.1, 4.0)
    lease: float = 2.0
    patience: float = 600.0
    mistakes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def name(self) -> str:
        """What it is called in a table."""
        if self.store is not None:
            return f"killed, {self.store}"
        beside = "" if self.believed is None else f", {self.believed} believed"
        return f"limit {self.limit:,}{beside}"

    def to_json(self) -> str:
        """It as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """It from JSON."""
        read: dict[str, Any] = json.loads(text)
        given: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in read.items()
        }
        return cls(**given)

    def specs(self) -> Iterator[Spec]:
        """What is to be recorded: the same in each process."""
        chance = random.Random(self.seed)
        for number in range(self.recordings):
            name = f"class-{number}"
            yield Spec(
                name,
                FIRST_UID + number,
                _MODE,
                key=name,
                until=timedelta(seconds=chance.uniform(self.shortest, self.longest)),
            )


_MODE: Final = Mix(
    storage=AmazonS3(
        region=AmazonS3Region.EU_CENTRAL_1, bucket="lessons", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )
)
