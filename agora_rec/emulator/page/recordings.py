"""The section of the recordings: those that run, with their pictures, and those that are over."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from agora_rec.emulator.control.truths import Phase, phase
from agora_rec.emulator.life import life
from agora_rec.emulator.page.drawing import draw, layout_name
from agora_rec.emulator.page.forms import button_form
from agora_rec.emulator.page.html import Markup, element
from agora_rec.emulator.page.parts import badge, count_of, fact, foreign, more, swatch, table, time_of
from agora_rec.emulator.session import Session
from agora_rec.emulator.views import view
from agora_rec.vocabulary import ModeName

if TYPE_CHECKING:
    from agora_rec.emulator.control.endpoints import Desk

SHOWN_AT_WORK, SHOWN_OVER = 50, 20
"""How many of each the page shows; the API has them all."""
_FAILOVER_SECONDS: Final = 60
_MOOD: Final = {
    Phase.STARTING: "waiting",
    Phase.RECORDING: "good",
    Phase.ON_HOLD: "waiting",
    Phase.MOVING: "bad",
    Phase.EXITING: "waiting",
    Phase.GONE: "over",
}


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
        more(len(at_work) - SHOWN_AT_WORK),
        _over(islice(over, SHOWN_OVER), over_count, now, base) if over_count else None,
        id="recordings",
        aria_label="Recordings",
        class_="recordings",
        data_live=True,
    )


def _card(session: Session, now: datetime, base: str) -> Markup:
    seen = view(session, now)
    where = phase(session, now)
    picture = session.picture(now)
    moved = seen.instance_uid != seen.uid
    facts_of = [
        fact("Mode", str(seen.mode)),
        fact("Since", time_of(seen.started_at)),
        fact("Recorder", seen.uid, f" as {seen.instance_uid}" if moved else None),
        fact("Layout", layout_name(picture)) if picture else None,
        fact("Size", f"{picture.width} x {picture.height}") if picture else None,
        fact("Ended", seen.end_reason.value.replace("_", " ")) if seen.end_reason else None,
    ]
    return element(
        "article",
        element("h3", foreign(seen.cname), badge(where.value, _MOOD[where])),
        draw(picture) if picture else _instead_of_picture(session, now),
        element("dl", facts_of, class_="about"),
        _details(f"files-{seen.sid}", count_of(len(seen.files), "file"), _files(seen.files)),
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
        return element("p", "a web page: ", foreign(session.plan.web.address), class_="picture none")
    if session.plan.mode is ModeName.MIX:
        return element("p", "nothing to be seen", class_="picture none")
    users = dict.fromkeys(uid for uid, _ in session.streams(session.worker(now), now))
    return element("p", [swatch(uid) for uid in users] or "nobody yet", class_="picture none")


def _details(key: str, summary: str, content: Markup) -> Markup:
    return element("details", element("summary", summary), content, id=key)


def _files(names: Sequence[str]) -> Markup:
    if not names:
        return element("p", "None exists yet.", class_="empty")
    return element("ul", [element("li", element("code", foreign(name))) for name in names[-100:]])


def _history(session: Session, now: datetime) -> Markup:
    return element(
        "ol",
        [
            element(
                "li",
                time_of(each.at),
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
            foreign(seen.cname),
            seen.uid,
            seen.mode.value,
            seen.end_reason.value.replace("_", " ") if seen.end_reason else None,
            time_of(seen.ended_at) if seen.ended_at else None,
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
        table(
            "Recordings that are over",
            ("channel", "uid", "mode", "ended by", "at", "files", "where", ""),
            rows,
        ),
        more(count - SHOWN_OVER),
        class_="over-list",
    )
