"""What reached the emulator of a test, for the report of its failure: bounded, and without secrets."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from agora_rec.emulator import Call, Delivery, DeliveryState, Fate, SessionView
from agora_rec.testing.staged import StagedEmulator

T = TypeVar("T")

_SHOWN: Final = 40
_LINE: Final = 120
_NAME: Final = 32  # the length of a sid


def story(emulator: StagedEmulator) -> str:
    """The latest calls, recordings and deliveries; moments are seconds since the emulator's clock began."""
    began = emulator.clock.epoch

    def since(moment: datetime) -> str:
        return f"{(moment - began).total_seconds():9.3f}"

    def of_call(call: Call) -> str:
        who = [call.mode, call.cname, call.uid, call.sid]
        name = f"{call.method} {call.path}" if call.operation is None else call.operation.value
        return f"{since(call.at)} {' '.join([name, *map(_short, filter(None, who))])} -> {_outcome(call)}"

    def of_recording(one: SessionView) -> str:
        end = "running"
        if one.ended_at is not None:
            end = f"ended at {since(one.ended_at).strip()}: {one.end_reason}, {len(one.files)} files"
        return f"{since(one.started_at)} {one.mode} {_short(one.cname)} {one.uid} {one.sid}: {end}"

    def of_delivery(one: Delivery) -> str:
        said = [f"{each.reception} {each.status or each.detail}" for each in one.attempts[-1:]]
        tries = f" after {len(one.attempts)} attempts, {said[0]}" if said else ""
        return f"{since(one.at)} event {one.event_type}: {one.state}{tries}"

    undelivered = [each for each in emulator.deliveries if each.state is not DeliveryState.DELIVERED]
    return "\n".join(
        [
            *_latest("call", "", emulator.calls, of_call),
            *_latest("recording", "", emulator.sessions, of_recording),
            *_latest("notification", " not delivered", undelivered, of_delivery),
        ]
    )


def _outcome(call: Call) -> str:
    if call.fate is Fate.PENDING:
        return "not answered yet"
    said = [call.status, call.code and f"code {call.code}", call.reason]
    text = " ".join(str(each) for each in said if each)
    return text if call.fate is Fate.ANSWERED else f"{call.fate}: {text or 'not carried out'}"


def _latest(noun: str, rest: str, items: Sequence[T], tell: Callable[[T], str]) -> Iterator[str]:
    left_out = max(0, len(items) - _SHOWN)
    plural = "" if len(items) == 1 else "s"
    yield f"{len(items)} {noun}{plural}{rest}{f', the last {_SHOWN} of them' if left_out else ''}"
    for item in items[left_out:]:
        # Names come from requests: they may hold anything.
        yield f"  {_short(ascii(tell(item))[1:-1], _LINE)}"


def _short(text: str, most: int = _NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
