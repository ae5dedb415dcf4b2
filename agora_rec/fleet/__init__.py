"""Many recordings: admitted as the account's limit allows, looked after until they end, accounted for.

`fleet.py` is what users hold; `spec.py` and `result.py` are what goes in and comes out, `admission.py` says
who may begin, `entry.py` and `member.py` follow one spec from its place in the queue to its result. How a
recording that runs is looked after stands in `agora_rec.supervision`.
"""

from agora_rec.fleet.drain import drain_on
from agora_rec.fleet.fleet import Fleet, OnExit
from agora_rec.fleet.result import Gap, Report, Result, ResultState
from agora_rec.fleet.spec import Replacement, Spec, Twin
from agora_rec.supervision.incidents import Incident, IncidentKind

__all__ = [
    "Fleet",
    "Gap",
    "Incident",
    "IncidentKind",
    "OnExit",
    "Replacement",
    "Report",
    "Result",
    "ResultState",
    "Spec",
    "Twin",
    "drain_on",
]
