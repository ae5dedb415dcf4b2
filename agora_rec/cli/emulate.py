"""`agora-rec emulator`: the emulated service on a port, until somebody ends it."""

import os
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from rich.console import Console

from agora_rec.cli.interrupts import interrupted
from agora_rec.cli.webhooks import SECRET, report
from agora_rec.emulator import ControlAccess, Emulator

if TYPE_CHECKING:
    from agora_rec.emulator.serving import Served


async def emulate(
    emulator: Emulator, server: "AbstractAsyncContextManager[Served]", *, out: Console, err: Console
) -> int:
    """Serve the emulator; print where it is and which credentials it takes, as a shell's environment.

    At the end it is told what became of the notifications, if somebody was to get them.
    """
    async with server as served:
        settings = {
            "AGORA_BASE_URL": served.url,
            "AGORA_APP_ID": emulator.app_id,
            "AGORA_CUSTOMER_ID": emulator.customer_id,
            "AGORA_CUSTOMER_SECRET": emulator.customer_secret,
        }
        if emulator.webhooks_to is not None and not os.environ.get(SECRET):
            settings[SECRET] = emulator.webhook_secret
        for name, value in settings.items():
            out.print(f"{name}={value}", markup=False, highlight=False, soft_wrap=True)
        if emulator.control is not ControlAccess.OFF:
            err.print(f"What it does: {served.url}/_emulator/", markup=False, highlight=False, soft_wrap=True)
        err.print("An emulated service, for trials and tests: it records test pictures only. Ctrl-C ends it.")
        await interrupted()
    if emulator.webhooks_to is not None:
        err.print(report(emulator.deliveries), markup=False, highlight=False)
    return 0
