"""Looking after recordings once they have begun: many of them, by one task.

`duties.py` says what a recording needs next and when (pure), `supervisor.py` does it. Which recordings there
are to be, and what follows on the loss of one, is the fleet's business (`agora_rec.fleet`).
"""

from agora_rec.supervision.charge import Charge
from agora_rec.supervision.incidents import Incident, IncidentKind
from agora_rec.supervision.rota import Rota
from agora_rec.supervision.supervisor import Supervisor

__all__ = ["Charge", "Incident", "IncidentKind", "Rota", "Supervisor"]
