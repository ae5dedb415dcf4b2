"""The trial: an emulated service on a port of this process, a fleet in one of its own, that may be killed.

Whether all went well the judge says.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import field, frozen

from agora_rec.emulator import Emulator, Settings, WebhookSwitches
from tests.fleets.judge import Verdict, judge
from tests.fleets.plan import EXIT_SECONDS, Plan
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, WEBHOOK_SECRET
from tests.support.worker_processes import free_port
from tests.workers.stores import SERVERS
from tests.workers.trial import SUBSCRIBED

_ROOT: Final = Path(__file__).resolve().parents[2]
_NEVER_LOGGED: Final = ("Task exception", "Exception in ASGI", "supervision failed")
"""What no process may leave in its log."""


@frozen(kw_only=True)
class Report:
    """What came of it."""

    plan: Plan
    seconds: float
    recordings: int
    calls: int
    cpu: float
    """Seconds of CPU time of the last process."""
    verdict: Verdict
    killed: int
    said: str = field(repr=False)
    """What the processes have said."""


async def run(plan: Plan) -> Report:
    """Hold the trial, and give the verdict."""
    began, port = time.perf_counter(), free_port()
    webhooks: dict[str, Any] = {}
    if plan.store is not None:
        webhooks = {"webhooks_to": f"http://127.0.0.1:{port}/agora", "webhook_secret": WEBHOOK_SECRET}
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        qps=plan.qps,
        webhooks=WebhookSwitches(
            subscribed=SUBSCRIBED, retry_gaps=(0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0, 40.0)
        ),
        settings=Settings(
            latency=plan.latency,
            start_seconds=0.1,
            exit_seconds=EXIT_SECONDS,
            upload_seconds=0.2,
            concurrent_limit=plan.limit if plan.enforced else 10 * plan.recordings,
        ),
        **webhooks,
    )
    async with AsyncExitStack() as stack:
        environment = {"TRIAL_PORT": str(port), "TRIAL_PLAN": plan.to_json()}
        if plan.store is not None:
            server = await stack.enter_async_context(SERVERS[plan.store]())
            environment["TRIAL_STORE"] = server.address
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trial")))
        service = await stack.enter_async_context(emulator.serve())
        environment |= {
            "AGORA_BASE_URL": service.url,
            "AGORA_APP_ID": emulator.app_id,
            "AGORA_CUSTOMER_ID": CUSTOMER_ID,
            "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
        }
        if plan.store is not None:
            environment["AGORA_WEBHOOK_SECRET"] = WEBHOOK_SECRET
        lives = _Lives(plan, directory, environment)
        before = await lives.begin_and_end()
        is_over, told = await lives.see_through()
        verdict = judge(plan, emulator, [each for each in told if "cname" in each], before)
        summary: dict[str, Any] = next((each for each in told if "cname" not in each), {})
        if not is_over or not summary:
            verdict.faults.insert(0, "the last process did not end in order")
        if not plan.kills and summary and summary["calls"] != len(emulator.calls):
            verdict.faults.append(f"{summary['calls']} calls told of {len(emulator.calls)}")
        said = lives.said
        verdict.faults += [
            f"in the log: {line}" for line in said.splitlines() if any(each in line for each in _NEVER_LOGGED)
        ]
    return Report(
        plan=plan,
        seconds=time.perf_counter() - began,
        recordings=len(emulator.sessions),
        calls=len(emulator.calls),
        cpu=summary.get("cpu", 0.0),
        verdict=verdict,
        killed=lives.killed,
        said=said,
    )


class _Lives:
    """The processes of a trial, one after another."""

    def __init__(self, plan: Plan, directory: Path, environment: dict[str, str]) -> None:
        self._plan = plan
        self._log = directory / "log"
        self._directory = directory
        self._environment = os.environ | {"PYTHONPATH": str(_ROOT)} | environment
        self._chance = random.Random(plan.seed)
        self.killed: int = 0

    @property
    def said(self) -> str:
        """What they have said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def begin_and_end(self) -> list[dict[str, Any]]:
        """Let those live that are killed; what they have told."""
        told: list[dict[str, Any]] = []
        for number in range(self._plan.kills):
            adopts_only = bool(number % 3 == 2)
            if adopts_only:  # what its predecessor looked after has to be free
                await anyio.sleep(self._plan.lease)
            process = self._begin(number, adopts_only=adopts_only)
            with anyio.fail_after(self._plan.patience):
                while not self._has_begun(number):  # noqa: ASYNC110 - another process does it
                    await anyio.sleep(0.02)
            await anyio.sleep(self._chance.uniform(*self._plan.kill_after))
            process.kill()
            process.wait()
            self.killed += 1
            told += [each for each in self._told(number) if "cname" in each]  # it may have had nothing to do
        return told

    async def see_through(self) -> tuple[bool, list[dict[str, Any]]]:
        """Let the last one live; whether it has ended in order, and what it has told."""
        number = self._plan.kills
        process = self._begin(number, adopts_only=False)
        try:
            with anyio.move_on_after(self._plan.patience):
                while process.poll() is None:  # noqa: ASYNC110 - it tells nobody
                    await anyio.sleep(0.05)
        finally:
            process.kill()
            code = process.wait()
        return code == 0, self._told(number)

    def _begin(self, number: int, *, adopts_only: bool) -> "subprocess.Popen[bytes]":
        own = {
            "TRIAL_RESULTS": str(self._results(number)),
            "TRIAL_ADOPTS_ONLY": "yes" if adopts_only else "",
        }
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.fleets.process"],
                cwd=_ROOT,
                env=self._environment | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _has_begun(self, number: int) -> bool:
        path = self._results(number)
        return path.exists() and path.stat().st_size > 0

    def _results(self, number: int) -> Path:
        return self._directory / f"results-{number}"

    def _told(self, number: int) -> list[dict[str, Any]]:
        path = self._results(number)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]
