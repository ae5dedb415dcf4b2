"""The sections of the page that change while one looks: `data-live` tells the script to exchange them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from agora_rec.emulator.calls import Call, Fate
from agora_rec.emulator.channels import Channel, Stay
from agora_rec.emulator.control.clocks import describe
from agora_rec.emulator.control.troubles import name_of, parts_of
from agora_rec.emulator.control.truths import Phase, phase
from agora_rec.emulator.faults import Planned
from agora_rec.emulator.life import life
from agora_rec.emulator.page.drawing import colour, draw, layout_name
from agora_rec.emulator.page.forms import button_form
from agora_rec.emulator.page.html import Markup, Part, element
from agora_rec.emulator.session import Session
from agora_rec.emulator.views import view
from agora_rec.emulator.webhooks.records import Delivery, DeliveryState
from agora_rec.vocabulary import ModeName

if TYPE_CHECKING:
    from agora_rec.emulator.control.endpoints import Desk

SHOWN_AT_WORK, SHOWN_OVER, SHOWN_CHANNELS, SHOWN_CALLS, SHOWN_DELIVERIES = 50, 20, 30, 50, 15
"""How many of each the page shows; the API has them all."""
_TEXT_MAX: Final = 80
_FAILOVER_SECONDS: Final = 60
_MOOD: Final = {
    Phase.STARTING: "waiting",
    Phase.RECORDING: "good",
    Phase.ON_HOLD: "waiting",
    Phase.MOVING: "bad",
    Phase.EXITING: "waiting",
    Phase.GONE: "over",
}
_DELIVERY_MOOD: Final = {
    DeliveryState.WAITING: "waiting",
    DeliveryState.UNDERWAY: "waiting",
    DeliveryState.DELIVERED: "good",
    DeliveryState.DROPPED: "bad",
    DeliveryState.LOST: "bad",
}


def _foreign(text: str | None) -> Markup | None:
    """Text that callers made up: cut, and kept from turning the writing direction of what follows."""
    if not text:
        return None
    short = text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
    return element("bdi", short, title=None if short == text else text[: 4 * _TEXT_MAX])


def _badge(text: str, mood: str) -> Markup:
    return element("span", text.replace("_", " "), class_=f"badge {mood}")


def _time(at: datetime) -> Markup:
    return element("time", f"{at:%H:%M:%S}", datetime=at.isoformat(), title=f"{at:%Y-%m-%d %H:%M:%S} UTC")


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


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
        _fact("Clock", _time(now), element("small", f"{now:%Y-%m-%d} UTC, {clock['dial']}{speed}")),
        _fact(
            "Recordings", str(running), element("small", f"running of {len(desk.service.office.sessions)}")
        ),
        _fact(
            "Calls",
            str(len(desk.service.calls)),
            element("small", f"{gateway.peak()} in the busiest second, {limit}"),
        ),
        id="facts",
        class_="facts",
        data_live=True,
    )


def _fact(name: str, *parts: Part) -> Markup:
    return element("div", element("dt", name), element("dd", *parts))


def recordings(desk: "Desk", now: datetime, base: str) -> Markup:
    """Those that run, with their pictures; then those that are over."""
    known = desk.service.office.sessions
    at_work = {session.sid: session for session in reversed(desk.service.office.at_work(now))}
    over = (session for session in reversed(known.values()) if session.sid not in at_work)
    over_count = len(known) - len(at_work)
    return element(
        "section",
        element("h2", "Recordings"),
        element(
            "div",
            [_card(each, now, base) for each in islice(at_work.values(), SHOWN_AT_WORK)],
            class_="cards",
        )
        if at_work
        else element("p", "Nothing is being recorded.", class_="empty"),
        _more(len(at_work) - SHOWN_AT_WORK),
        _over(islice(over, SHOWN_OVER), over_count, now, base) if over_count else None,
        id="recordings",
        aria_label="Recordings",
        class_="recordings",
        data_live=True,
    )


def _more(left_out: int) -> Markup | None:
    return element("p", f"and {left_out} more: see the API", class_="empty") if left_out > 0 else None


def _card(session: Session, now: datetime, base: str) -> Markup:
    seen = view(session, now)
    where = phase(session, now)
    picture = session.picture(now)
    moved = seen.instance_uid != seen.uid
    facts_of = [
        _fact("Mode", str(seen.mode)),
        _fact("Since", _time(seen.started_at)),
        _fact("Recorder", seen.uid, f" as {seen.instance_uid}" if moved else None),
        _fact("Layout", layout_name(picture)) if picture else None,
        _fact("Size", f"{picture.width} x {picture.height}") if picture else None,
        _fact("Ended", seen.end_reason.value.replace("_", " ")) if seen.end_reason else None,
    ]
    return element(
        "article",
        element("h3", _foreign(seen.cname), _badge(where.value, _MOOD[where])),
        draw(picture) if picture else _instead_of_picture(session, now),
        element("dl", facts_of, class_="about"),
        _details(f"files-{seen.sid}", _count(len(seen.files), "file"), _files(seen.files)),
        _details(f"history-{seen.sid}", "History", _history(session, now)),
        element(
            "div",
            element("a", "JSON", href=f"{base}api/recordings/{seen.sid}"),
            button_form(
                "fail_over",
                "Lose its server",
                base=base,
                key=seen.sid,
                hidden={"sid": seen.sid, "seconds": _FAILOVER_SECONDS},
                aria_label=f"Lose the server of the recording of {seen.cname}",
            )
            if where in {Phase.RECORDING, Phase.ON_HOLD}
            else None,
            class_="actions",
        ),
        aria_label=f"Recording of {seen.cname}",
    )


def _instead_of_picture(session: Session, now: datetime) -> Markup:
    if session.plan.web is not None:
        return element("p", "a web page: ", _foreign(session.plan.web.address), class_="picture none")
    if session.plan.mode is ModeName.MIX:
        return element("p", "nothing to be seen", class_="picture none")
    users = dict.fromkeys(uid for uid, _ in session.streams(session.worker(now), now))
    return element("p", [_swatch(uid) for uid in users] or "nobody yet", class_="picture none")


def _swatch(uid: str) -> Markup:
    """A user in the colour of their tile."""
    dot = element("circle", cx=5, cy=5, r=5, fill=colour(uid))
    return element("span", element("svg", dot, viewBox="0 0 10 10", aria_hidden="true"), uid, class_="swatch")


def _details(key: str, summary: str, content: Markup) -> Markup:
    return element("details", element("summary", summary), content, id=key)


def _files(names: Sequence[str]) -> Markup:
    if not names:
        return element("p", "None exists yet.", class_="empty")
    return element("ul", [element("li", element("code", _foreign(name))) for name in names[-100:]])


def _history(session: Session, now: datetime) -> Markup:
    return element(
        "ol",
        [
            element(
                "li",
                _time(each.at),
                f" {each.kind.value.replace('_', ' ')}",
                f" of {each.track.uid}, {each.track.track_type.replace('_', ' ')}" if each.track else None,
            )
            for each in life(session, now)
        ],
    )


def _over(over: Iterable[Session], count: int, now: datetime, base: str) -> Markup:
    views = [view(session, now) for session in over]
    rows = [
        (
            _foreign(seen.cname),
            seen.uid,
            seen.mode.value,
            seen.end_reason.value.replace("_", " ") if seen.end_reason else None,
            _time(seen.ended_at) if seen.ended_at else None,
            _details(f"files-{seen.sid}", str(len(seen.files)), _files(seen.files)),
            str(seen.uploading_status) if seen.uploading_status else "no files",
            element(
                "a",
                "JSON",
                href=f"{base}api/recordings/{seen.sid}",
                aria_label=f"The recording of {seen.cname} as JSON",
            ),
        )
        for seen in views
    ]
    return element(
        "div",
        element("h3", "Over"),
        _table(
            "Recordings that are over",
            ("channel", "uid", "mode", "ended by", "at", "files", "where", ""),
            rows,
        ),
        _more(count - SHOWN_OVER),
        class_="over-list",
    )


def _table(name: str, heads: Iterable[str], rows: Iterable[Iterable[Part]]) -> Markup:
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", [element("th", head, scope="col") for head in heads])),
            element("tbody", [element("tr", [element("td", cell) for cell in row]) for row in rows]),
        ),
        class_="table",
        role="region",
        aria_label=name,
        tabindex=0,
    )


def channels(desk: "Desk", now: datetime, base: str) -> Markup:
    """Who is in which channel, the latest channels first."""
    known = list(reversed(desk.service.office.channels.values()))
    return element(
        "div",
        [_channel(each, now, base) for each in known[:SHOWN_CHANNELS]]
        or element("p", "No channel has been spoken of.", class_="empty"),
        _more(len(known) - SHOWN_CHANNELS),
        id="channels",
        data_live=True,
    )


def _channel(channel: Channel, now: datetime, base: str) -> Markup:
    present = channel.present(now)
    return element(
        "div",
        element("h3", _foreign(channel.name), element("small", _count(len(present), "user"))),
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
        _swatch(stay.uid),
        switch("audio", is_on=stay.audio),
        switch("video", is_on=stay.video),
        None if stay.host else element("small", "audience"),
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
        _more(len(waiting) - SHOWN_CALLS),
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
        ", for ever" if planned.left is None else f", {_count(planned.left, 'time')}",
    ]
    return element(
        "li",
        element("strong", name_of(planned.fault).replace("_", " ")),
        " ",
        _foreign(parts),
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
        _table("The latest calls", heads, [_call(each, base) for each in latest])
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
        _time(call.at),
        call.operation.value if call.operation else _foreign(f"{call.method} {call.path}"),
        _foreign(call.cname),
        _foreign(call.uid),
        _badge(*_answer(call)),
        _foreign(f"{reason}{call.reason or ''}"),
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
        _table(
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
        _badge(record.state.value, _DELIVERY_MOOD[record.state]),
        ", ".join(_attempts(record)),
    )


def _attempts(record: Delivery) -> Iterator[str]:
    """What came of each attempt; the same several times in a row is said once."""
    outcomes = (str(each.status or each.reception.replace("_", " ")) for each in record.attempts)
    for outcome, same in groupby(outcomes):
        times = len(list(same))
        yield outcome + {1: "", 2: " twice"}.get(times, f" {times} times")
