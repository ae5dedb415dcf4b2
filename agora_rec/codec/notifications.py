"""Notifications as the service writes them, and the way back: the envelope, the payload, and the event in it.

What is around the event is read leniently: a wrong field there is None, since no notification may be lost for
it. Only what is no object of JSON, or names no type of event, is none.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from agora_rec.codec import leaves
from agora_rec.codec.events import kept, number_of, plain, plain_fields, read_event, word_of, write_event
from agora_rec.codec.parsing import parse
from agora_rec.codec.shape import BadShape, JsonObject, fields_of, is_object
from agora_rec.model.events import NOTHING_ELSE
from agora_rec.model.notification import Notification, ServiceScene, ServiceType

T = TypeVar("T")

_MAX_NAME: Final = 1024
"""Characters of an ID or a name; longer ones are taken for none, so that nobody has to remember them."""


def _lenient(read: Callable[[object], T]) -> Callable[[object], T | None]:
    def read_or_not(value: object) -> T | None:
        if value is None:
            return None
        try:
            return read(value)
        except BadShape:
            return None

    return read_or_not


def _name(value: object) -> str | None:
    read = leaves.echo(value) if isinstance(value, str) and len(value) <= _MAX_NAME else None
    return read or None


def _natural(value: object) -> int:
    """A whole number from 0; in very old notifications a text."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS else None
    read = leaves.integer(value)
    if read < 0:
        raise BadShape("$", "a number below 0")
    return read


_MAX_DIGITS: Final = 18

_integer: Final = _lenient(leaves.integer)
_sequence: Final = _lenient(_natural)
_moment: Final = _lenient(leaves.moment)
_service_type: Final = _lenient(number_of(ServiceType))
_scene_of: Final = word_of(ServiceScene)

_PAYLOAD: Final = frozenset(
    {"cname", "uid", "sid", "sequence", "sendts", "serviceType", "serviceScene", "details"}
)
_NOTHING: Final[JsonObject] = {}


def read_notification(data: bytes) -> Notification:
    """Read the body of a webhook.

    Raises:
        BadShape: It is no JSON, no object, names no type of event, or is beyond all bounds.
    """
    return notification_from_json(parse(data, quoting=False))


def notification_from_json(value: object) -> Notification:
    """Read a notification from JSON: as the service wrote it, or as `notification_to_json` did.

    Raises:
        BadShape: It is no object, names no type of event, or is beyond all bounds.
    """
    tree = fields_of(value)
    event_type = leaves.integer(tree.get("eventType"))
    payload = tree.get("payload")
    payload = payload if is_object(payload) else _NOTHING
    details = payload.get("details")
    known = details if is_object(details) else _NOTHING
    more = payload.keys() - _PAYLOAD
    if details is not None and known is not details:
        more.add("details")
    get, say = tree.get, payload.get
    return Notification(
        notice_id=_name(get("noticeId")) or _name(get("notificationId")) or "",
        product_id=_integer(get("productId")),
        event_type=event_type,
        notified_at=_moment(get("notifyMs")),
        cname=_name(say("cname")),
        uid=leaves.answered_uid(say("uid")),
        sid=_name(say("sid")) or _name(get("sid")),
        sequence=_sequence(say("sequence")),
        sent_at=_moment(say("sendts")) or _moment(get("eventMs")),
        service_type=_service_type(say("serviceType")),
        service_scene=None if (scene := _name(say("serviceScene"))) is None else _scene_of(scene),
        event=read_event(event_type, known),
        extra=kept({name: payload[name] for name in payload if name in more}) if more else NOTHING_ELSE,
    )


def notification_to_json(notification: Notification) -> JsonObject:
    """Write a notification as JSON that `notification_from_json` reads, each secret as an empty text.

    The names are the service's own; what is None is left out. Whether it was a duplicate isn't in it.
    """
    payload = plain_fields(notification.extra) | _said(
        cname=notification.cname,
        uid=None if notification.uid is None else str(notification.uid),
        sid=notification.sid,
        sequence=notification.sequence,
        sendts=notification.sent_at,
        serviceType=notification.service_type,
        serviceScene=notification.service_scene,
        details=write_event(notification.event) or None,
    )
    return _said(
        noticeId=notification.notice_id or None,
        productId=notification.product_id,
        eventType=notification.event_type,
        notifyMs=notification.notified_at,
        payload=payload,
    )


def _said(**fields: Any) -> JsonObject:
    return {name: plain(value) for name, value in fields.items() if value is not None}
