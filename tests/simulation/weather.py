"""What goes wrong, and when: episodes for hosts and channels, and a chance of trouble for every call.

Only what the service, a proxy or the network could truthfully do: a definite refusal has done nothing, a 404
for something that runs is over after the 90 s of a failover. Whatever leaves a doubt may go either way. From
`calm_at` on nothing goes wrong any more.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from attrs import define, evolve, field, frozen

from agora_rec import OperationName
from agora_rec.emulator import Cut, Delay, Fault, Garble, LoseAnswer, Refuse, SlowAnswer, Unreachable, Upload

FAILOVER: Final = 84.0
"""Seconds that a failover lasts at most here. Documented are 90, as for a start to be confirmed; one that
begins unseen in the five seconds before the first look shall be over when the verdict is due."""

_NO_WORKER: Final = Refuse(404, code=404, reason="failed to find worker")
_GARBAGE: Final = (b"", b"{}", b"<html>Bad gateway</html>", b'{"resourceId":', b"[1, 2]", b'{"sid": 5}')
_TOUCHING_A_RECORDING: Final = frozenset(
    {OperationName.QUERY, OperationName.UPDATE, OperationName.UPDATE_LAYOUT, OperationName.STOP}
)


@frozen
class HostDown:
    """The host can't be reached: its name doesn't resolve, or nobody takes the connection."""

    dns: bool


Trouble: TypeAlias = Fault | HostDown
Draw: TypeAlias = Callable[[random.Random], Fault]


def _lost(rng: random.Random) -> Fault:
    return LoseAnswer(rng.choice((0.0, 1.0, 3.0)))


def _cut(rng: random.Random) -> Fault:
    return Cut(rng.choice((0.0, 1.0)))


def _late(rng: random.Random) -> Fault:
    return Delay(rng.choice((0.5, 5.0, 12.0, 35.0)))


def _slow(rng: random.Random) -> Fault:
    return SlowAnswer(rng.choice((0.5, 5.0, 12.0, 35.0)))


def _garbled(rng: random.Random) -> Fault:
    return Garble(rng.choice(_GARBAGE), status=rng.choice((200, 200, 502)), content_type="text/html")


def _proxy(rng: random.Random) -> Fault:
    return Refuse(rng.choice((500, 502, 503, 504, 408, 499)), acted=rng.random() < 0.5)


def _unfinished(rng: random.Random) -> Fault:
    return Refuse(206, code=65, reason="request not completed", acted=rng.random() < 0.5)


def _too_fast(_: random.Random) -> Fault:
    return Refuse(429, message="API rate limit exceeded")


def _credentials(_: random.Random) -> Fault:
    return Refuse(401, message="Invalid authentication credentials")


def _nobody(_: random.Random) -> Fault:
    return Unreachable()


def _acquire(rng: random.Random) -> Fault:
    code, reason = rng.choice(((500, "internal_error"), (501, "no_worker_manager_available")))
    return rng.choice(
        (Refuse(500, code=code, reason=reason), Refuse(400, code=406, reason="vendor_over_load"))
    )


def _start(rng: random.Random) -> Fault:
    return rng.choice(
        (
            Refuse(500, code=62, reason="request timeout", acted=rng.random() < 0.5),
            Refuse(500, code=502, reason="Failed to allocate worker"),
            Refuse(500, code=15, extra={"sid": ""}),
        )
    )


def _timed_out(rng: random.Random) -> Fault:
    return Refuse(504, code=62, reason="request timeout", acted=rng.random() < 0.5)


def _upload(rng: random.Random) -> Fault:
    return Upload(seconds=rng.choice((1.0, 19.0, 60.0)), backuped=rng.random() < 0.5)


_ANY: Final[tuple[Draw, ...]] = (
    _lost,
    _lost,
    _cut,
    _late,
    _slow,
    _garbled,
    _proxy,
    _unfinished,
    _too_fast,
    _credentials,
    _nobody,
)
_OF: Final[Mapping[OperationName, tuple[Draw, ...]]] = {
    OperationName.ACQUIRE: (_acquire,),
    OperationName.START: (_start, _start, _lost),
    OperationName.QUERY: (_timed_out,),
    OperationName.UPDATE: (_timed_out,),
    OperationName.UPDATE_LAYOUT: (_timed_out,),
    OperationName.STOP: (_timed_out, _upload, _lost),
}


_SERIES: Final = ([15] * 4, [15] * 8, [502], [502] * 4, [502] * 8, [15, 15, 502, 502])
"""Refusals in a row: enough of them for another uid, and some more."""


def _refused_starts(rng: random.Random, cnames: list[str]) -> dict[str, list[int]]:
    return {cname: list(rng.choice(_SERIES)) for cname in cnames if rng.random() < 0.25}


@define(eq=False)
class Weather:
    """The trouble of one seed."""

    rng: random.Random
    roughness: float
    store_trouble: float
    host_trouble: tuple[tuple[float, float, str, bool], ...]
    """From, until, the first label of the host ('' for all), whether its name doesn't resolve."""
    failovers: Mapping[str, tuple[float, float]]
    refused_starts: Mapping[str, list[int]]
    """Codes with which the next starts of a channel are refused for certain."""
    calm_at: float = float("inf")
    moving: dict[str, float] = field(factory=dict[str, float])
    """Until when the service moves a channel's recording: what it answers then must not become a success."""

    @classmethod
    def draw(cls, seed: int | str, cnames: list[str], horizon: float) -> "Weather":
        """Draw the episodes."""
        rng = random.Random(f"{seed}/weather")
        episodes = []
        for _ in range(rng.choice((0, 0, 1, 2))):
            begin = rng.uniform(0, horizon)
            label = rng.choice(("", "api", "api", "api-us-west-1"))
            episodes.append((begin, begin + rng.choice((3.0, 20.0, 150.0)), label, rng.random() < 0.4))
        failovers = {}
        for cname in cnames:
            if rng.random() < 0.5:
                begin = rng.uniform(0, min(horizon, 100.0))
                failovers[cname] = begin, begin + rng.uniform(5.0, FAILOVER)
        return cls(
            rng=rng,
            roughness=rng.choice((0.0, 0.1, 0.25, 0.4, 0.6)),
            store_trouble=rng.choice((0.0, 0.0, 0.0, 0.1)),
            host_trouble=tuple(episodes),
            failovers=failovers,
            refused_starts=_refused_starts(random.Random(f"{seed}/refused starts"), cnames),
        )

    def trouble_for(
        self, at: float, operation: OperationName, cname: str | None, host: str
    ) -> Trouble | None:
        """What happens to a call that is made now."""
        if at >= self.calm_at:
            return None
        for begin, end, label, dns in self.host_trouble:
            if begin <= at < end and label in {"", host.partition(".")[0]}:
                return HostDown(dns)
        begin, end = self.failovers.get(cname or "", (0.0, 0.0))
        if begin <= at < end and operation in _TOUCHING_A_RECORDING:
            return _NO_WORKER
        if operation is OperationName.START and self.refused_starts.get(cname or ""):
            return Refuse(500, code=self.refused_starts[cname or ""].pop(0))
        if self.rng.random() >= self.roughness:
            return None
        own = _OF.get(operation, ())
        draws = own if own and self.rng.random() < 0.4 else _ANY
        fault = self.rng.choice(draws)(self.rng)
        is_moving = at < self.moving.get(cname or "", 0.0)
        return evolve(fault, status=502) if is_moving and isinstance(fault, Garble) else fault

    def store_fails(self, at: float) -> bool:
        """Whether the store refuses to write now."""
        return at < self.calm_at and self.rng.random() < self.store_trouble
