"""From the body of a webhook to a `Notification`."""

from agora_rec import codec
from agora_rec.errors import AgoraRecError, NotificationRejected, RejectionReason
from agora_rec.model.notification import Notification
from agora_rec.notifications.body import body_of


def parse(body: bytes) -> Notification:
    """Read the body of a notification. Whether the service sent it is for `verify` to say, before.

    New types of events, new fields and wrong ones are kept, never refused: what this library doesn't know is
    an `UnknownEvent`, or stands in `extra`. What isn't said is None, as nearly everything in the console's
    test events.

    Args:
        body: The request's body, exactly as it came.

    Raises:
        NotificationRejected: It is larger than 256 KiB (TOO_LARGE), or it is no JSON, no object, or names no
            type of event (MALFORMED).
        InvalidRequest: The body isn't bytes.
    """
    found = _read(body)
    del body  # it may hold a stream's key: no traceback shows it
    if isinstance(found, AgoraRecError):
        raise found
    return found


def _read(body: object) -> Notification | AgoraRecError:
    try:
        return codec.read_notification(body_of(body))
    except AgoraRecError as error:
        return error.with_traceback(None)
    except codec.BadShape as bad:
        problem = str(bad)  # the error is made outside, so that nothing hangs on it
    return NotificationRejected(RejectionReason.MALFORMED, problem)
