"""Everything that is wrong with what a caller wants, found before anything is sent.

`check...` give all violations at once, each with its path, its value (secrets masked, long ones cut) and the
rule; `require...` raise `InvalidRequest` for them. A value of any type in any field is a violation, never a
crash. Nothing here knows what the service said or whether a command is legal now.
"""

from collections.abc import Sequence
from datetime import datetime

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.model.alternate import Alternate
from agora_rec.model.layout import Layout
from agora_rec.model.modes import Mode
from agora_rec.model.requests import AnyRequest, Update, UpdateLayoutRequest
from agora_rec.model.validation.crosswise import NEEDED_TOO, Context
from agora_rec.model.validation.tables import RULES, WantedRecording
from agora_rec.model.validation.walk import judged, shown, violations
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import Region

__all__ = [
    "check",
    "check_layout",
    "check_recording",
    "check_update",
    "require",
    "require_alternate",
    "require_layout",
    "require_recording",
    "require_update",
]


def check(request: AnyRequest, *, now: datetime | None = None) -> tuple[Violation, ...]:
    """All that is wrong in a request, or in any value that is part of one.

    Args:
        request: The request; paths begin at its own fields.
        now: The moment now, aware; without it expiries aren't judged.
    """
    if type(request) not in RULES:
        return (Violation("request", shown(request, opaque=True), "a request of agora_rec"),)
    return tuple(violations(request, Context(now)))


def check_recording(  # noqa: PLR0917 - the arguments of the call that is checked
    cname: str,
    uid: int | str,
    mode: Mode,
    token: Secret | str | None = None,
    region: Region | None = None,
    resource_expired_hour: int | None = None,
    exclude: Sequence[str] | None = None,
    alternate: Alternate | None = None,
    *,
    now: datetime | None = None,
) -> tuple[Violation, ...]:
    """All that is wrong in the description of a recording; paths begin with the names of these arguments."""
    token = hide(token)
    wanted = WantedRecording(
        cname=cname,
        uid=uid,
        mode=mode,
        token=token,
        region=region,
        resource_expired_hour=resource_expired_hour,
        exclude=exclude,
        alternate=alternate,
    )
    return tuple(violations(wanted, Context(now)))


def check_update(
    update: Update, *, mode: Mode | None = None, now: datetime | None = None
) -> tuple[Violation, ...]:
    """All that is wrong in an update of a recording that was started with `mode`.

    Paths begin with the fields of the update. Without the mode only the update itself is judged.
    """
    if type(update) is not Update:
        return (Violation("update", shown(update, opaque=True), "an Update"),)
    return tuple(violations(update, Context(now, mode)))


def check_layout(layout: Layout) -> tuple[Violation, ...]:
    """All that is wrong in a layout; paths begin with `layout`."""
    return tuple(judged(RULES[UpdateLayoutRequest]["layout"], layout, "layout", Context()))


def require(request: AnyRequest, *, now: datetime | None = None) -> None:
    """Refuse a request in which `check` finds anything.

    Raises:
        InvalidRequest: with every violation.
    """
    _refuse(check(request, now=now))


def require_recording(  # noqa: PLR0917 - the same
    cname: str,
    uid: int | str,
    mode: Mode,
    token: Secret | str | None = None,
    region: Region | None = None,
    resource_expired_hour: int | None = None,
    exclude: Sequence[str] | None = None,
    alternate: Alternate | None = None,
    *,
    now: datetime | None = None,
) -> None:
    """Refuse a description in which `check_recording` finds anything.

    Raises:
        InvalidRequest: with every violation.
    """
    token = hide(token)
    _refuse(
        check_recording(cname, uid, mode, token, region, resource_expired_hour, exclude, alternate, now=now)
    )


def require_alternate(alternate: Alternate | None, *, needs_token: bool) -> None:
    """Refuse an alternate whose fields are wrong, or what is no alternate; None is none.

    Raises:
        InvalidRequest: with every violation; paths begin with `alternate`.
    """
    found = tuple(judged(RULES[WantedRecording]["alternate"], alternate, "alternate", Context()))
    if not found and alternate is not None and alternate.token is None and needs_token:
        found = (Violation("alternate.token", "None", NEEDED_TOO),)
    _refuse(found)


def require_update(update: Update, *, mode: Mode | None = None, now: datetime | None = None) -> None:
    """Refuse an update in which `check_update` finds anything.

    Raises:
        InvalidRequest: with every violation.
    """
    _refuse(check_update(update, mode=mode, now=now))


def require_layout(layout: Layout) -> None:
    """Refuse a layout in which `check_layout` finds anything.

    Raises:
        InvalidRequest: with every violation.
    """
    _refuse(check_layout(layout))


def _refuse(found: tuple[Violation, ...]) -> None:
    if found:
        raise InvalidRequest(found)
