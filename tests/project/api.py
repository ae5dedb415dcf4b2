"""The public face as text: `python -m tests.project.api > tests/project/public_api.txt` pins it.

Names, parameters and simple defaults; types are not in it: the type checkers watch those.
"""

import inspect
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from typing import Final

from attrs import NOTHING

MODULES: Final = (
    "agora_rec",
    "agora_rec.emulator",
    "agora_rec.notifications",
    "agora_rec.telemetry",
    "agora_rec.testing",
)
_SIMPLE: Final = (bool, int, float, str, type(None), tuple)


def _parameter(parameter: inspect.Parameter) -> str:
    text = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
    if parameter.default is parameter.empty:
        return text
    default = parameter.default
    if default is NOTHING:  # attrs: made anew for each object
        return f"{text}=..."
    shown = str(default) if isinstance(default, Enum) else repr(default)
    return f"{text}={shown if isinstance(default, (*_SIMPLE, Enum)) else '...'}"


def _signature(function: object) -> str:
    if not callable(function):
        return ""
    parts: list[str] = []
    kind = None
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and kind not in {
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        }:
            parts.append("*")
        kind = parameter.kind
        parts.append(_parameter(parameter))
    return f"({', '.join(parts)})"


_HIDDEN_BASES = {"Recordings"}


def _members(owner: type) -> Iterator[str]:
    # What a base class that nobody can import by a public name brings belongs to the class itself.
    hidden = [base for base in owner.__bases__ if base.__name__ in _HIDDEN_BASES]
    for name in sorted({*vars(owner), *(each for base in hidden for each in vars(base))}):
        if name.startswith("_") and name not in {"__aenter__", "__aexit__", "__aiter__"}:
            continue
        member = inspect.getattr_static(owner, name)
        match member:
            case property():
                yield f"    {name} -> property"
            case classmethod():
                yield f"    {name}{_signature(getattr(owner, name))} -> classmethod"
            case staticmethod():
                yield f"    {name}{_signature(getattr(owner, name))} -> staticmethod"
            case _ if inspect.isfunction(member):
                prefix = "async " if inspect.iscoroutinefunction(member) else ""
                yield f"    {prefix}{name}{_signature(member)}"
            case _:
                yield f"    {name}"


def _describe(name: str, thing: object) -> Iterator[str]:
    if isinstance(thing, type) and issubclass(thing, Enum):
        yield f"{name}: enum"
        yield from (f"    {member.name} = {member.value!r}" for member in thing)
    elif isinstance(thing, type):
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
        try:
            signature = _signature(thing)
        except ValueError:  # built in C, as bare exceptions are
            signature = ""
        yield f"{name}{signature}: class({bases})"
        yield from _members(thing)
    elif inspect.isfunction(thing):
        yield f"{name}{_signature(thing)}: function"
    else:
        yield f"{name}: {thing if hasattr(thing, '__args__') else type(thing).__name__}"


def public_api() -> str:
    """All promised names, each with what can be called on it."""
    lines: list[str] = []
    for module_name in MODULES:
        module = import_module(module_name)
        lines.append(f"## {module_name}")
        for name in sorted(module.__all__):
            lines += _describe(name, getattr(module, name))
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(public_api(), end="")  # noqa: T201 - this is the command's answer
