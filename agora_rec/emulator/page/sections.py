"""The sections that change while one looks, beside the recordings (`data-live` has the script do that)."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from agora_rec.emulator.calls import Call, Fate
from agora_rec.emulator.channels import Channel, Stay
from agora_rec.emulator.control.clocks import describe
from agora_rec.emulator.control.troubles import name_of, parts_of
from agora_rec.emulator.faults import Planned
from agora_rec.emulator.page.forms import button_form
from agora_rec.emulator.page.html import Markup, Part, element
from agora_rec.emulator.page.parts import badge, count_of, fact, foreign, more, swatch, table, time_of
from agora_rec.emulator.webhooks.records import Delivery, DeliveryState

if TYPE_CHECKING:
    from agora_rec.emulator.control.endpoints import Desk

SHOWN_CHANNELS, SHOWN_CALLS, SHOWN_DELIVERIES = 30, 50, 15
"""How many of each the page shows; the API has them all."""
_DELIVERY_MOOD: Final = {
    DeliveryState.WAITING: "waiting",
    DeliveryState.UNDERWAY: "waiting",
    DeliveryState.DELIVERED: "good",
    DeliveryState.DROPPED: "bad",
    DeliveryState.LOST: "bad",
}


def facts(desk: "Desk") -> Markup:
    """The clock, and how much there is of everything."""
    now = desk.now()
    running = sum(session.is_running(now) for session in desk.service.office.at_work(now))
    clock = describe(desk.clock)
    speed = f" {clock['speed']:g} times as fast" if clock["dial"] == "accelerated" else ""
    gateway = desk.service.gateway
    limit = "no limit" if gateway.qps is None else f"limit {gateway.qps:g}"
    return element(
        "dl",
        fact("Clock", time_of(now), element("small", f"{now:%Y-%m-%d} UTC, {clock['dial']}{speed}")),
        fact("Recordings", str(running), element("small", f"running of {len(desk.service.office.sessions)}")),
        fact(
            "Calls",
            str(len(desk.service.calls)),
            element("small", f"{gateway.peak()} in the busiest second, {limit}"),
        ),
        id="facts",
        class_="facts",
        data_live=True,
    )


def channels(desk: "Desk", now: datetime, base: str) -> Markup:
    """Who is in which channel, the latest channels first."""
    known = list(reversed(desk.service.office.channels.values()))
    return element(
        "div",
        [_channel(each, now, base) for each in known[:SHOWN_CHANNELS]]
        or element("p", "No channel has been spoken of.", class_="empty"),
        more(len(known) - SHOWN_CHANNELS),
        id="channels",
        data_live=True,
    )


def _channel(channel: Channel, now: datetime, base: str) -> Markup:
    present = channel.present(now)
    return element(
        "div",
        element("h3", foreign(channel.name), element("small", count_of(len(present), "user"))),
        element("ul", [_user(channel, stay, base) for stay in present], class_="users"),
        class_="channel",
    )


def _user(channel: Channel, stay: Stay, base: str) -> Markup:
    who = {"cname": channel.name, "uid": stay.uid}

    def switch(name: str, *, is_on: bool) -> Markup:
        return button_form(
            "publish",
            name,
            base=base,
            key=f"{quote(channel.name, errors='replace')}-{stay.uid}-{name}",
            hidden={**who, name: "false" if is_on else "true"},
            class_="switch",
            aria_pressed="true" if is_on else "false",
            aria_label=f"{name} of {stay.uid} in {channel.name}",
        )

    return element(
        "li",
        swatch(stay.uid),
        switch("audio", is_on=stay.audio),
        switch("video", is_on=stay.video),
        None if stay.host else element("small", "audience"),
        element("small", "WebM") if stay.webm else None,
        button_form(
            "leave",
            "leave",
            base=base,
            key=f"{quote(channel.name, errors='replace')}-{stay.uid}",
            hidden=who,
            class_="quiet",
            aria_label=f"{stay.uid} leaves {channel.name}",
        ),
    )


def faults(desk: "Desk", base: str) -> Markup:
    """What still waits for its calls."""
    waiting = desk.service.faults.waiting
    return element(
        "div",
        element("ul", [_fault(each) for each in waiting[:SHOWN_CALLS]], class_="faults")
        if waiting
        else element("p", "Nothing goes wrong by itself.", class_="empty"),
        more(len(waiting) - SHOWN_CALLS),
        button_form("clear_faults", "Clear all", base=base, key="all", class_="quiet") if waiting else None,
        id="faults",
        data_live=True,
    )


def _fault(planned: Planned) -> Markup:
    parts = ", ".join(f"{name} {value}" for name, value in parts_of(planned.fault).items() if value)
    where = [
        f"to {planned.operation}" if planned.operation else "to any call",
        f" of {planned.cname}" if planned.cname else "",
        f", uid {planned.uid}" if planned.uid else "",
        f", at {planned.host}" if planned.host else "",
        ", for ever" if planned.left is None else f", {count_of(planned.left, 'time')}",
    ]
    return element(
        "li",
        element("strong", name_of(planned.fault).replace("_", " ")),
        " ",
        foreign(parts),
        " ",
        element("small", element("bdi", "".join(where))),
    )


def calls(desk: "Desk", base: str) -> Markup:
    """The latest calls."""
    latest = desk.service.calls[: -SHOWN_CALLS - 1 : -1]
    heads = ("no.", "at", "call", "channel", "uid", "answer", "", "took")
    return element(
        "section",
        element("h2", "Calls"),
        table("The latest calls", heads, [_call(each, base) for each in latest])
        if latest
        else _nobody_yet(desk),
        id="calls",
        class_="calls",
        aria_label="Calls",
        data_live=True,
    )


def _nobody_yet(desk: "Desk") -> Markup:
    """What clients need to come here, but for the secret."""
    return element(
        "p",
        "Nobody has called. Clients come to this address (",
        element("code", "AGORA_BASE_URL"),
        ") with the App ID ",
        element("code", desk.emulator.app_id),
        " and the customer ID ",
        element("code", desk.emulator.customer_id),
        ".",
        class_="empty",
    )


def _call(call: Call, base: str) -> tuple[Part, ...]:
    took = "" if call.answered_at is None else f"{(call.answered_at - call.at).total_seconds():.2f} s"
    reason = f"{call.code} " if call.code is not None else ""
    return (
        element(
            "a", str(call.number), href=f"{base}api/calls/{call.number}", aria_label=f"Call {call.number}"
        ),
        time_of(call.at),
        call.operation.value if call.operation else foreign(f"{call.method} {call.path}"),
        foreign(call.cname),
        foreign(call.uid),
        badge(*_answer(call)),
        foreign(f"{reason}{call.reason or ''}"),
        took,
    )


def _answer(call: Call) -> tuple[str, str]:
    """What became of a call, in a word and a mood."""
    if call.fate is not Fate.ANSWERED:
        return call.fate.value, "waiting" if call.fate is Fate.PENDING else "bad"
    status = call.status or 0
    return str(status), "good" if status == 200 else "waiting" if status < 300 else "bad"  # noqa: PLR2004 - classes of HTTP statuses


def webhooks(desk: "Desk", base: str) -> Markup:
    """What became of the latest notifications."""
    deliveries = desk.emulator.deliveries
    has_receiver = desk.emulator.webhooks_to is not None
    return element(
        "section",
        element("h2", "Webhooks"),
        element("p", "Nobody receives notifications.", class_="empty")
        if not has_receiver
        else button_form("check_health", "Check the receiver", base=base, key="all", class_="quiet"),
        table(
            "The latest notifications",
            ("no.", "event", "state", "attempts"),
            [_delivery(each) for each in deliveries[: -SHOWN_DELIVERIES - 1 : -1]],
        )
        if deliveries
        else None,
        id="webhooks",
        aria_label="Webhooks",
        data_live=True,
    )


def _delivery(record: Delivery) -> tuple[Part, ...]:
    copy = f" ({record.copy})" if record.copy > 1 else ""
    return (
        f"{record.number}{copy}",
        str(record.event_type),
        badge(record.state.value, _DELIVERY_MOOD[record.state]),
        ", ".join(_attempts(record)),
    )


def _attempts(record: Delivery) -> Iterator[str]:
    """What came of each attempt; the same several times in a row is said once."""
    outcomes = (str(each.status or each.reception.replace("_", " ")) for each in record.attempts)
    for outcome, same in groupby(outcomes):
        times = len(list(same))
        yield outcome + {1: "", 2: " twice"}.get(times, f" {times} times")
