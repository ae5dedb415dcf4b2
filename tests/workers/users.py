"""Those who use the application: they start lessons and stop them, and repeat what is not answered."""

import random
from collections import Counter
from typing import Any, Final

import anyio
import httpx
from attrs import define, field

from agora_rec.vocabulary import State

OVER: Final = frozenset(state.value for state in State if not state.is_unfinished)
"""Where nothing more is to come: it has ended, or nothing has begun."""


class GivenUp(Exception):  # noqa: N818 - it has happened
    """Somebody got no answer, or not the right one, for too long."""


@define
class Web:
    """The application, by HTTP. A connection for each request, so that any worker may get it."""

    url: str
    random: random.Random
    patience: float
    """Seconds after which somebody who gets no answer gives up; the trial has failed then."""
    statuses: Counter[str] = field(factory=Counter[str])
    """What was answered, and how often."""
    workers: Counter[str] = field(factory=Counter[str])
    """Who has answered, and how often."""
    faults: list[str] = field(factory=list[str])
    """Answers that no user should ever get."""
    _http: httpx.AsyncClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.AsyncClient(base_url=self.url, limits=limits, timeout=30.0, trust_env=False)

    async def aclose(self) -> None:
        """Close it."""
        await self._http.aclose()

    async def ask(self, method: str, path: str) -> dict[str, Any]:
        """Ask until it is answered: after a worker's death, and after a 503, once more."""
        last = "nothing"
        with anyio.move_on_after(self.patience):
            while True:
                try:
                    answer = await self._http.request(method, path)
                except httpx.TransportError as error:
                    last = type(error).__name__
                    self.statuses["no answer"] += 1
                else:
                    self.workers[answer.headers.get("x-worker", "")] += 1
                    last = f"{answer.status_code} {answer.text[:300]}"
                    told = answer.json().get("error", "") if answer.status_code == 503 else ""
                    self.statuses[f"{answer.status_code} {told}".strip()] += 1
                    if answer.status_code < 500:
                        found: dict[str, Any] = answer.json()
                        return found
                    if answer.status_code != 503:
                        self.faults.append(f"{method} {path}: {last}")
                await anyio.sleep(self.random.uniform(0.05, 0.5))
        raise GivenUp(f"{method} {path}: {last}")


@define
class User:
    """One who has one lesson after the other recorded, under one key."""

    key: str
    web: Web
    rounds: int
    pause: float
    """Seconds at most between two of his wishes."""
    is_wanted: bool = field(default=False, init=False)
    answers: list[dict[str, Any]] = field(factory=list[dict[str, Any]], init=False)
    """What he was told at the end of each lesson."""
    faults: list[str] = field(factory=list[str], init=False)

    async def run(self) -> None:
        """Have all his lessons recorded."""
        try:
            for _ in range(self.rounds):
                await self._wait()
                if self.web.random.random() < 0.2:
                    await self._be_impatient()
                else:
                    await self._record()
                self.answers.append(await self._end())
        except* GivenUp as given_up:
            self.faults += [f"{self.key}: given up: {each}" for each in given_up.exceptions]

    async def _record(self) -> None:
        sids = {answer["sid"] for answer in await self._ask("start")}
        if len(sids) != 1 or None in sids:
            self.faults.append(f"{self.key}: two starts were answered differently: {sids}")
        await self._wait()
        await self._ask("stop")

    async def _be_impatient(self) -> None:
        """Stop while the start may still be under way; and once more, when all are answered."""

        async def stop_soon() -> None:
            await anyio.sleep(self.web.random.uniform(0.0, 0.3))
            await self._ask("stop")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ask, "start")
            tasks.start_soon(stop_soon)
        await self._ask("stop")

    async def _ask(self, what: str) -> list[dict[str, Any]]:
        """Ask for something, one time in two with a doubled request."""
        answers: list[dict[str, Any]] = []

        async def ask() -> None:
            answers.append(await self.web.ask("POST", f"/{self.key}/{what}"))

        async with anyio.create_task_group() as tasks:
            for _ in range(self.web.random.choice((1, 2))):
                tasks.start_soon(ask)
        return answers

    async def _end(self) -> dict[str, Any]:
        """Look until the application knows how it ended."""
        answer: dict[str, Any] = {}
        with anyio.move_on_after(self.web.patience):
            while True:
                answer = await self.web.ask("GET", f"/{self.key}")
                if answer.get("state") in OVER or not answer:
                    return answer
                await anyio.sleep(self.web.random.uniform(0.5, 2.0))
        raise GivenUp(f"its end is not known: {answer}")

    async def _wait(self) -> None:
        await anyio.sleep(self.web.random.uniform(0.0, self.pause))
