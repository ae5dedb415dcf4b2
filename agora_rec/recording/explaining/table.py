"""The documented causes, all of them: the surer ones first."""

from typing import Final

from agora_rec.recording.explaining.certain import CERTAIN
from agora_rec.recording.explaining.rules import Rule
from agora_rec.recording.explaining.uncertain import UNCERTAIN

RULES: Final[tuple[Rule, ...]] = CERTAIN + UNCERTAIN
"""In the order in which equally sure causes are told."""
