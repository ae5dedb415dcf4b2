"""`agora-rec notification-ips`: from where webhooks come, in the words of those who let them through.

What stands on the standard output is for other programs, and is all of it or nothing.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from agora_rec import NotificationIps


def _plain(ips: NotificationIps) -> str:
    return "\n".join(map(str, ips))


def _networks(ips: NotificationIps) -> str:
    return "\n".join(map(str, ips.networks))


def _json(ips: NotificationIps) -> str:
    told = {
        "addresses": list(map(str, ips)),
        "asked_at": _moment(ips.asked_at),
        "refresh_before": _moment(ips.refresh_before),
    }
    return json.dumps(told, indent=2)


def _nginx(ips: NotificationIps) -> str:
    """Directives of `ngx_http_access_module`: the first that fits counts; without the last all may pass."""
    asked = f"# asked at {_moment(ips.asked_at)}, to be asked again before {_moment(ips.refresh_before)}"
    return "\n".join([asked, *(f"allow {address};" for address in ips), "deny all;"])


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


FORMATS: Final[Mapping[str, Callable[[NotificationIps], str]]] = {
    "plain": _plain,
    "networks": _networks,
    "json": _json,
    "nginx": _nginx,
}
"""How a list is written, by the name of the form."""
