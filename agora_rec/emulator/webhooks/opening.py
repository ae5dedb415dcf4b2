"""From what a user gives as the receiver of notifications to a receiver: a URL, or an ASGI application.

URLs are secrets here: many have a token in them.
"""

import ssl
from contextlib import AbstractAsyncContextManager

from agora_rec.emulator.app import AsgiApp
from agora_rec.emulator.webhooks.over_asgi import open_asgi
from agora_rec.emulator.webhooks.over_http import open_http
from agora_rec.emulator.webhooks.receivers import Receiver, check_url
from agora_rec.emulator.webhooks.switches import WebhookSwitches
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import Secret


def check_receiver(to: object) -> None:
    """Whether notifications can be sent there.

    Raises:
        InvalidRequest: the service wouldn't send to that URL, or it is neither URL nor application.
    """
    if isinstance(to, Secret):
        check_url(to)
    elif to is not None and not callable(to):
        rule = "a URL, or an ASGI application"
        raise InvalidRequest((Violation("webhooks_to", type(to).__name__, rule),))


def open_receiver(
    to: Secret | AsgiApp, switches: WebhookSwitches, verify: ssl.SSLContext | None
) -> AbstractAsyncContextManager[Receiver]:
    """A receiver for the time of a block."""
    if isinstance(to, Secret):
        return open_http(to, verify=verify)
    return open_asgi(to, path=switches.path, at_once=switches.at_once)
