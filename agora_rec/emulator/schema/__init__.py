"""What a request's body may hold: the service's own rules, written down apart from the client's."""

from agora_rec.emulator.schema.fields import BadField, Context, check
from agora_rec.emulator.schema.requests import SHAPES

__all__ = ["SHAPES", "BadField", "Context", "check"]
