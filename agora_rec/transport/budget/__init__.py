"""How many calls may go out, and who goes first.

The service allows an App ID a number of calls per second (timing.yaml `limits.qps`: 10 to begin with) and
answers 429 above it. `pace` is the arithmetic of when, `line` the order of who is next, `bookings` what is
owed to starts: all three pure, with time passed in. `turnstile` makes callers wait by them; `local`
is the budget of one process, `redis` that of several, `unpaced` the one without a limit.
"""

from agora_rec.transport.budget.local import LocalBudget
from agora_rec.transport.budget.protocol import Budget, SharedBudget
from agora_rec.transport.budget.redis import RedisBudget
from agora_rec.transport.budget.unpaced import Unpaced

__all__ = ["Budget", "LocalBudget", "RedisBudget", "SharedBudget", "Unpaced"]
