"""The page's forms. Each posts to `do/<name of an endpoint>`, with that endpoint's fields."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from agora_rec.emulator.control.fields import EVER
from agora_rec.emulator.control.troubles import TROUBLES
from agora_rec.emulator.dial import SteppedClock
from agora_rec.emulator.page.html import Markup, Part, element
from agora_rec.vocabulary import OperationName

if TYPE_CHECKING:
    from agora_rec.emulator.control.endpoints import Desk

_STEPS: Final = ((10, "10 s"), (60, "1 min"), (600, "10 min"))
_UID_PATTERN: Final = "[1-9][0-9]{0,9}"


def form(
    name: str, *parts: Part, base: str, hidden: Mapping[str, str | int] | None = None, **attributes: str
) -> Markup:
    """A form for an endpoint; `hidden` are fields that the user doesn't see."""
    return element(
        "form",
        [element("input", type="hidden", name=key, value=value) for key, value in (hidden or {}).items()],
        *parts,
        method="post",
        action=f"{base}do/{name}",
        **attributes,
    )


def button_form(
    name: str,
    label: str,
    *,
    base: str,
    key: str,
    hidden: Mapping[str, str | int] | None = None,
    **attributes: str | bool,
) -> Markup:
    """A form that is nothing but a button. `key` tells it from all others."""
    return form(
        name,
        element("button", label, id=f"{name}-{key}", **attributes),
        base=base,
        hidden=hidden,
        class_="inline",
    )


def _labelled(label: str, control: Markup, **attributes: str) -> Markup:
    return element("label", element("span", label), control, **attributes)


def _text(name: str, **attributes: str | int | bool) -> Markup:
    return element("input", name=name, autocomplete="off", spellcheck="false", **attributes)


def _tick(name: str, label: str, *, checked: bool = False) -> Markup:
    """A box to tick. If it is ticked at first, a hidden field says what no tick means."""
    return element(
        "label",
        element("input", type="hidden", name=name, value="false") if checked else None,
        element("input", type="checkbox", name=name, value="true", checked=checked),
        element("span", label),
        class_="tick",
    )


def _select(name: str, options: Mapping[str, str], **attributes: str) -> Markup:
    return element(
        "select",
        [element("option", label, value=value) for value, label in options.items()],
        name=name,
        **attributes,
    )


def join_form(base: str) -> Markup:
    """Somebody joins a channel."""
    return form(
        "join",
        _labelled("Channel", _text("cname", required=True, maxlength=1024, id="join-cname")),
        _labelled("Uid", _text("uid", required=True, inputmode="numeric", pattern=_UID_PATTERN, size=8)),
        element(
            "span",
            _tick("audio", "audio", checked=True),
            _tick("video", "video", checked=True),
            _tick("host", "host", checked=True),
            _tick("webm", "WebM"),
            class_="ticks",
        ),
        element("button", "Join"),
        base=base,
        class_="fields",
        aria_label="Join a channel",
    )


def fault_form(base: str) -> Markup:
    """A fault is injected. The script shows those fields that belong to the chosen one."""
    calls = {"": "any call", **{each.value: each.value for each in OperationName}}
    names = {name: f"{name.replace('_', ' ')}: {trouble.says}" for name, trouble in TROUBLES.items()}

    def part(name: str, control: Markup) -> Markup:
        return _labelled(name.replace("_", " ").capitalize(), control, data_kinds=_kinds_with(name))

    return form(
        "inject",
        _labelled("What happens", _select("fault", names, id="fault"), class_="wide"),
        part("seconds", _text("seconds", inputmode="decimal", size=6)),
        part("status", _text("status", inputmode="numeric", size=4)),
        part("code", _text("code", inputmode="numeric", size=4)),
        part("reason", _text("reason", size=12)),
        part("data", _text("data", size=12)),
        element("span", _tick("backuped", "ends in the backup"), data_kinds=_kinds_with("backuped")),
        _labelled("To which call", _select("operation", calls)),
        _labelled("Channel", _text("cname", placeholder="any", maxlength=1024, size=10)),
        _labelled("How often", _text("times", value="1", size=5, title=f"a number, or {EVER}")),
        element("button", "Inject"),
        base=base,
        class_="fields",
        aria_label="Inject a fault",
    )


def _kinds_with(name: str) -> str:
    """The kinds of fault that have a field of this name."""
    return " ".join(
        kind for kind, trouble in TROUBLES.items() if any(each.name == name for each in trouble.fields)
    )


def clock_form(desk: "Desk", base: str) -> Markup | None:
    """The clock is moved, where that can be done."""
    if not isinstance(desk.clock, SteppedClock):
        return None
    return element(
        "div",
        [
            button_form("advance", f"+{label}", base=base, key=str(seconds), hidden={"seconds": seconds})
            for seconds, label in _STEPS
        ],
        form(
            "advance",
            _labelled("Seconds", _text("seconds", required=True, inputmode="decimal", size=6)),
            element("button", "Advance"),
            base=base,
            class_="inline",
        ),
        class_="clock",
        role="group",
        aria_label="Move the clock",
    )
