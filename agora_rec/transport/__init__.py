"""One operation over HTTPS: when it goes (budget), where (hosts), how often (retries), how (httpx, aiohttp).

Knows operations and their answers, nothing of recordings.
"""

from agora_rec.transport.budget import Budget, LocalBudget, RedisBudget, SharedBudget, Unpaced
from agora_rec.transport.hosts import Hosts
from agora_rec.transport.interrupt import Interrupt, Interrupted
from agora_rec.transport.observer import CallObserver, Telemetry
from agora_rec.transport.retries import RetryPolicy
from agora_rec.transport.sender import Transport, open_transport

__all__ = [
    "Budget",
    "CallObserver",
    "Hosts",
    "Interrupt",
    "Interrupted",
    "LocalBudget",
    "RedisBudget",
    "RetryPolicy",
    "SharedBudget",
    "Telemetry",
    "Transport",
    "Unpaced",
    "open_transport",
]
