"""What troubled web pages come to: when they end a recording, and with which words (events.yaml enums).

A table, by `PageTrouble`. Seconds count from the moment at which the page is opened and could be recorded.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from agora_rec.emulator.plan import WebPlan
from agora_rec.emulator.settings import PageTrouble, Settings


@frozen(kw_only=True)
class Course:
    """What one trouble comes to.

    `code` is event 71's stop code, None if the recording goes on. `shown`: whether anything is recorded
    at all. `later`: whether it begins some time after the page has been shown. `reload` is the reason of
    event 73, `limit` the limit type of event 72.
    """

    code: int | None
    shown: bool = True
    later: bool = True
    reload: str | None = None
    limit: str | None = None


COURSES: Final[Mapping[PageTrouble, Course]] = {
    PageTrouble.NEVER_READY: Course(code=4, shown=False, reload="page_load_timeout"),
    PageTrouble.UNREACHABLE: Course(code=5, shown=False, later=False),
    PageTrouble.NO_ENGINE: Course(code=3, shown=False, later=False),
    PageTrouble.GOES_SILENT: Course(code=None, reload="audio_silence"),
    PageTrouble.RESOLUTION: Course(code=2, limit="resolution"),
    PageTrouble.WEBGL: Course(code=2, limit="WebGL"),
    PageTrouble.BANDWIDTH: Course(code=2, limit="bandwidth"),
    PageTrouble.BREAKS: Course(code=6),
}


def course_of(web: WebPlan) -> Course | None:
    """What the trouble of this page comes to; None without any."""
    if web.trouble is None or (web.trouble is PageTrouble.NEVER_READY and not web.ready_timeout):
        # Without readyTimeout nobody waits for the page to say that it is ready.
        return None
    return COURSES[web.trouble]


def is_shown(web: WebPlan) -> bool:
    """Whether anything of the page is recorded at all."""
    course = course_of(web)
    return course is None or course.shown


def shows_after(web: WebPlan, settings: Settings) -> float:
    """After how many seconds the trouble of a page shows: the reload, or what ends it."""
    course = course_of(web)
    if course is None or not course.later:
        return 0.0
    return settings.page_trouble_seconds if course.shown else web.ready_timeout


def ends_after(web: WebPlan, settings: Settings) -> float | None:
    """After how many seconds the trouble of a page ends the recording; None if it doesn't."""
    course = course_of(web)
    if course is None or course.code is None:
        return None
    # Who never gets ready is reloaded once, and waited for a second time (timing.yaml page_load_reload).
    return shows_after(web, settings) * (1 if course.reload is None else 2)
