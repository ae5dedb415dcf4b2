"""What `CloudRecording.from_env` can be told, and what it reads from the environment beside that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypedDict

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import Secret, hide, hide_all
from agora_rec.vocabulary import Area

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agora_rec.clock import Clock
    from agora_rec.recording.keeper import SecretsProvider
    from agora_rec.store import Store
    from agora_rec.transport import Budget, RetryPolicy, Telemetry
    from agora_rec.transport.http import HttpxTransport

_ENVIRONMENT: Final = {
    "app_id": "AGORA_APP_ID",
    "customer_id": "AGORA_CUSTOMER_ID",
    "customer_secret": "AGORA_CUSTOMER_SECRET",
}


class Options(TypedDict, total=False):
    """What `CloudRecording.from_env` can be told beside, or instead of, the environment."""

    app_id: str
    customer_id: str | Secret
    customer_secret: str | Secret
    area: Area
    base_url: str | None
    transport: HttpxTransport | None
    timeout: float
    qps: float | None
    budget: Budget | None
    store: Store | None
    open_within: float
    secrets: SecretsProvider | None
    retry: RetryPolicy | None
    clock: Clock | None
    max_connections: int | None
    telemetry: Telemetry | None
    webhook_secret: str | Secret | Iterable[str | Secret] | None
    accept_sha1: bool


def hidden(options: Options) -> Options:
    """The same, with the credentials where no traceback shows them."""
    hidden: Options = {**options}
    if "customer_id" in hidden:
        hidden["customer_id"] = Secret(hidden["customer_id"])
    if "customer_secret" in hidden:
        hidden["customer_secret"] = Secret(hidden["customer_secret"])
    if "webhook_secret" in hidden:
        hidden["webhook_secret"] = hide_all(hidden["webhook_secret"])
    return hidden


def from_environment(options: Options) -> tuple[Options, list[Violation]]:
    """Fill in from the environment what is not given; and all that is missing or wrong there."""
    violations: list[Violation] = []
    for name, variable in _ENVIRONMENT.items():
        if name not in options:
            given = Secret(os.environ.get(variable, ""))
            options[name] = given.reveal() if name == "app_id" else given  # type: ignore[literal-required]  # the names of _ENVIRONMENT
            if not given:
                violations.append(Violation(name, "''", f"pass it, or set {variable}"))
    area = os.environ.get("AGORA_AREA")
    if area and "area" not in options:
        try:
            options["area"] = Area(area)
        except ValueError:
            rule = f"AGORA_AREA is one of {', '.join(Area)}"
            violations.append(Violation("area", repr(area)[:40], rule))
    base_url = os.environ.get("AGORA_BASE_URL")
    if base_url and "base_url" not in options:
        options["base_url"] = base_url
    webhook_secret = hide(os.environ.get("AGORA_WEBHOOK_SECRET"))
    if webhook_secret and "webhook_secret" not in options:
        options["webhook_secret"] = webhook_secret
    store = hide(os.environ.get("AGORA_STORE"))
    if store and "store" not in options:
        from agora_rec.store.urls import store_from_url  # noqa: PLC0415 - few have one

        try:
            options["store"] = store_from_url(store)
        except InvalidRequest as error:
            violations += error.violations
    return options, violations
