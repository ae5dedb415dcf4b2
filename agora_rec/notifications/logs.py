"""What the log says of webhooks: one record for each answer, with its parts as fields.

As in the transport's log, texts that others chose are escaped, in the message and in the fields, and nothing
secret gets here: no header, no body. docs/webhooks.md shows fields and levels.
"""

import logging
from typing import Final

from agora_rec.errors import NotificationRejected
from agora_rec.errors.text import as_field, escaped
from agora_rec.model.notification import Notification
from agora_rec.notifications.answers import Answer

logger: Final = logging.getLogger("agora_rec")


def log_answer(
    answer: Answer,
    *,
    seconds: float,
    notification: Notification | None = None,
    error: Exception | None = None,
) -> None:
    """Log one answer.

    Args:
        answer: What the sender is told.
        seconds: How long that took, from the request on.
        notification: What was taken in, if it was.
        error: Why it wasn't. Its traceback is shown where a human has to look.
    """
    if not logger.isEnabledFor(answer.level):
        return
    detail = _detail(error)
    extra = {
        "status": answer.status,
        "reason": answer.reason,
        "detail": as_field(detail),
        "seconds": seconds,
        "notice_id": None if notification is None else as_field(notification.notice_id),
        "event_type": None if notification is None else notification.event_type,
        "cname": None if notification is None else as_field(notification.cname),
        "uid": None if notification is None else notification.uid,
        "sid": None if notification is None else as_field(notification.sid),
        "duplicate": None if notification is None else notification.duplicate,
    }
    logger.log(
        answer.level,
        "webhook: answered %d%s in %.1f s%s",
        answer.status,
        "" if answer.reason is None else f" {answer.reason}",
        seconds,
        f": {escaped(detail)}" if detail else "",
        exc_info=error if answer.level >= logging.ERROR else None,
        extra=extra,
    )


def _detail(error: Exception | None) -> str | None:
    if error is None:
        return None
    return error.detail if isinstance(error, NotificationRejected) else f"{type(error).__name__}: {error}"


def log_left() -> None:
    """Log that a sender left before it was answered; it will send again."""
    logger.debug("webhook: its sender left before the answer")
