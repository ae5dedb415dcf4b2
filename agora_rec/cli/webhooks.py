"""Notifications of `agora-rec emulator`: its options about them, what the emulator makes of these, a report.

The secret comes from the environment: the command line is for all to see.
"""

import os
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

from agora_rec import Secret
from agora_rec.emulator import Delivery, Reception, WebhookSwitches

SECRET: Final = "AGORA_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS: Final[Mapping[str, _Decorator]] = {
    "webhooks_to": click.option(
        "--webhooks-to",
        metavar="URL",
        help=f"Who gets notifications, signed with {SECRET}: https, or http on this machine.",
    ),
    "webhooks_ca": click.option(
        "--webhooks-ca",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Certificates (PEM) that the receiver's may come from; by default the public authorities'.",
    ),
    "redundant": click.option("--redundant", is_flag=True, help="Send every notification twice."),
    "own_notice_ids": click.option(
        "--own-notice-ids", is_flag=True, help="With --redundant: give each copy a noticeId of its own."
    ),
    "loss": click.option("--loss", type=float, metavar="0..1", help="How likely one is never sent."),
    "lost": click.option(
        "--lose",
        "lost",
        type=int,
        multiple=True,
        metavar="EVENT",
        help="Never send this eventType; repeatable.",
    ),
    "delay": click.option(
        "--delay", type=float, nargs=2, metavar="FROM TO", help="Send each between so many seconds late."
    ),
    "reorder": click.option(
        "--reorder", type=int, metavar="COUNT", help="How many later ones may overtake one."
    ),
    "subscribed": click.option(
        "--subscribe",
        "subscribed",
        type=int,
        multiple=True,
        metavar="EVENT",
        help="An eventType that is chosen in the console; repeatable. By default all are.",
    ),
    "retry_gaps": click.option(
        "--retry-gap",
        "retry_gaps",
        type=float,
        multiple=True,
        metavar="SECONDS",
        help="How long after a failure to send again; repeatable, for the failures that follow.",
    ),
}


def webhook_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options about notifications."""
    for option in reversed(list(_OPTIONS.values())):
        command = option(command)
    return command


def emulator_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Take these options out of all that were given, and say what they are as the emulator's arguments.

    Raises:
        UsageError: there are some, but nobody to receive notifications.
        InvalidRequest: a switch is out of its range.
        OSError: the certificates can't be read.
    """
    said = {name: given.pop(name) for name in _OPTIONS}
    said = {name: value for name, value in said.items() if value not in (None, False, ())}
    if not said:
        return {}
    to, authorities = said.pop("webhooks_to", ""), said.pop("webhooks_ca", None)
    if not to:
        raise click.UsageError("options about notifications need --webhooks-to")
    if said.pop("own_notice_ids", False):
        said["copies_share_id"] = False
    secret = Secret(os.environ.get(SECRET, ""))
    return {
        "webhooks_to": Secret(to),
        "webhooks": WebhookSwitches(**said),
        "webhooks_verify": None if authorities is None else ssl.create_default_context(cafile=authorities),
    } | ({"webhook_secret": secret} if secret else {})


def report(deliveries: tuple[Delivery, ...]) -> str:
    """What became of the notifications, in one line."""
    states = Counter(str(delivery.state) for delivery in deliveries)
    failures = Counter(
        f"{attempt.reception} {attempt.status or ''}".replace("_", " ").strip()
        for delivery in deliveries
        for attempt in delivery.attempts
        if attempt.reception is not Reception.ACCEPTED
    )
    failed = f"; failed attempts: {_listed(failures)}" if failures else ""
    return f"Notifications: {_listed(states) or 'none'}{failed}."


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())
