"""The page as a whole: its head, its sections in order, and what was said about the last form."""

from typing import TYPE_CHECKING

from agora_rec.emulator.page import forms, sections
from agora_rec.emulator.page.html import Markup, element, encode
from agora_rec.emulator.page.recordings import recordings

if TYPE_CHECKING:
    from agora_rec.emulator.control.endpoints import Desk


def render(desk: "Desk", said: str = "", *, went_well: bool = True, base: str = "") -> bytes:
    """The whole page, at this moment.

    Args:
        desk: whom it is about.
        said: what is to be said about a form that was sent.
        went_well: whether that is good news.
        base: where the page is, seen from where it is shown: a relative URL.
    """
    now = desk.now()
    return encode(
        element(
            "html",
            element(
                "head",
                element("meta", charset="utf-8"),
                element("meta", name="viewport", content="width=device-width, initial-scale=1"),
                element("meta", name="color-scheme", content="light dark"),
                element("title", "Agora emulator"),
                element("link", rel="stylesheet", href=f"{base}static/page.css"),
                element("link", rel="icon", href=f"{base}static/icon.svg"),
                element("script", src=f"{base}static/page.js", defer=True),
            ),
            element(
                "body",
                element("a", "To the recordings", href="#recordings", class_="skip"),
                _top(desk, base),
                _said(said, went_well=went_well),
                element(
                    "main",
                    recordings(desk, now, base),
                    element(
                        "div",
                        element(
                            "section",
                            element("h2", "Channels"),
                            forms.join_form(base),
                            sections.channels(desk, now, base),
                            aria_label="Channels",
                        ),
                        element(
                            "section",
                            element("h2", "Trouble"),
                            sections.faults(desk, base),
                            forms.fault_form(base),
                            aria_label="Trouble",
                        ),
                        sections.webhooks(desk, base),
                        class_="side",
                    ),
                    sections.calls(desk, base),
                ),
                element(
                    "footer",
                    "An emulated service, for trials and tests. Programs use ",
                    element("a", "the control API", href=f"{base}api/"),
                    ".",
                ),
                data_page=base or "./",
            ),
            lang="en",
        )
    )


def _top(desk: "Desk", base: str) -> Markup:
    return element(
        "header",
        element("h1", "Agora emulator"),
        sections.facts(desk),
        forms.clock_form(desk, base),
    )


def _said(said: str, *, went_well: bool) -> Markup:
    """What the last form led to. It is there without text as well: what comes into it is read out."""
    return element("p", said, id="said", class_="good" if went_well else "bad", role="status")
