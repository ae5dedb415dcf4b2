"""The process under trial: a fleet that records what the plan lists, and tells each result when it has it.

What it needs stands in the environment; see `trial.py`. Nothing is imported for stores where there is none.
"""

import json
import os
import time
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import anyio

from agora_rec import Fleet, Result
from agora_rec.emulator.serving import serve
from agora_rec.fleet import admission
from agora_rec.notifications import NotificationApp
from tests.fleets.plan import EXIT_SECONDS, Plan
from tests.fleets.planted import mistakes_of

UPLOAD_TIMEOUT = 60.0
"""Seconds after which nobody waits any longer for news that the service has given up to send."""


def told(result: Result) -> dict[str, Any]:
    """What is told of a result."""
    return {
        "cname": result.spec.cname,
        "state": result.state.value,
        "sids": [take.sid for take in result.takes],
        "files": [file.name for file in result.files],
        "failures": [failure.kind.value for failure in result.failures],
        "error": None if result.error is None else f"{type(result.error).__name__}: {result.error}",
        "calls": result.calls,
    }


async def main(results: IO[str]) -> None:
    """Record all; the last line tells what the process has cost."""
    plan = Plan.from_json(os.environ["TRIAL_PLAN"])
    mistakes = mistakes_of(plan)
    has_store = plan.store is not None
    more: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        if has_store:
            more["store"] = import_module("tests.fleets.store").the_store(plan, os.environ["TRIAL_STORE"])
        cloud = await stack.enter_async_context(mistakes.cloud.from_env(qps=plan.qps, **more))
        if has_store:
            app, port = NotificationApp(cloud), int(os.environ["TRIAL_PORT"])
            at = {"host": "127.0.0.1", "port": port, "certificate": None, "key": None}
            await stack.enter_async_context(serve(app, **at))  # type: ignore[arg-type]  # what an app is, said twice
        stack.enter_context(patch.object(admission, "EXIT_SECONDS", EXIT_SECONDS + 0.2))
        fleet = await stack.enter_async_context(
            Fleet(
                cloud,
                limit=mistakes.limit(plan),
                on_exit="wait",
                adopt=has_store,
                upload_timeout=UPLOAD_TIMEOUT,
            )
        )
        results.write("\n")  # it has begun
        results.flush()
        specs = () if os.environ["TRIAL_ADOPTS_ONLY"] else plan.specs()
        async for result in fleet.record(specs, resume=has_store):
            if mistakes.tells(result):
                results.write(f"{json.dumps(told(result))}\n")
                results.flush()
    results.write(json.dumps({"calls": fleet.report().calls, "cpu": time.process_time()}))


if __name__ == "__main__":
    with Path(os.environ["TRIAL_RESULTS"]).open("w", encoding="utf-8") as file:
        anyio.run(main, file)
