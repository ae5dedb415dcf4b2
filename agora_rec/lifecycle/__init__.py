"""The life of a recording as a pure state machine: commands judged, facts absorbed.

`facts.py` has the values that are absorbed, `tables.py` the two tables that decide, `standing.py` the one
way in, with `moves.py` and `ends.py` for what is ordered whenever it is told. `verdicts.py` is the way from
answers and errors to facts, `heard.py` that from notifications. No I/O, no clock, no client: the machine can
be driven from a test, from a webhook, or from a checkpoint in exactly the same way.
"""

from agora_rec.lifecycle.facts import Fact, FactKey, RefusalKind
from agora_rec.lifecycle.standing import RESOURCE_ID_LIFETIME, Change, Standing, hours_of, merge_files
from agora_rec.lifecycle.tables import COMMANDS, FACTS, CommandKey, Stay, Verdict

__all__ = [
    "COMMANDS",
    "FACTS",
    "RESOURCE_ID_LIFETIME",
    "Change",
    "CommandKey",
    "Fact",
    "FactKey",
    "RefusalKind",
    "Standing",
    "Stay",
    "Verdict",
    "hours_of",
    "merge_files",
]
