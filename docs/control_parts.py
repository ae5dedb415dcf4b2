"""The control API of the emulator, as tables for its document."""

from collections.abc import Iterable

from agora_rec.emulator.control.endpoints import ENDPOINTS
from agora_rec.emulator.control.fields import Field
from agora_rec.emulator.control.troubles import TROUBLES


def _field(field: Field) -> str:
    default = field.default
    said = (
        "; needed" if field.required else "" if default is None else f"; {str(default).lower()} if left out"
    )
    return f"`{field.name}`: {field.says} ({field.kind.says}{said})"


def _cell(fields: Iterable[Field]) -> str:
    return ", ".join(map(_field, fields)) or "none"


def endpoints() -> str:
    """What can be asked."""
    lines = ["| call | what it does or tells | fields |", "|---|---|---|"]
    for each in ENDPOINTS:
        kinds = "; and those of the fault, below" if each.kinds else ""
        fields = _cell((*each.query, *each.fields))
        lines.append(f"| `{each.method} {each.path}` | {each.says} | {fields}{kinds} |")
    return "\n".join(lines) + "\n"


def faults() -> str:
    """The faults, as this API names them."""
    lines = ["| `fault` | the service | fields |", "|---|---|---|"]
    lines += [f"| `{name}` | {each.says} | {_cell(each.fields)} |" for name, each in TROUBLES.items()]
    return "\n".join(lines) + "\n"
