"""The judge: compares what the emulated service knows, what the store knows, and what users were told."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import anyio
from attrs import define, field

from agora_rec.emulator import DeliveryState, Emulator, SessionView
from agora_rec.errors import StoreUnavailable
from agora_rec.lifecycle import FactKey
from agora_rec.store import Store, Stored
from agora_rec.vocabulary import State
from tests.support.asgi import App, Message
from tests.workers.users import User

_SENT: Final = {"start": FactKey.START_SENT, "stop": FactKey.STOP_SENT}


@define
class Gate:
    """Stands before the service: of each start and stop that arrives the store must know already.

    A stop is sent all the same where the store can't be reached, so then only starts are looked at.
    """

    app: App
    store: Store
    looks_at_stops: bool
    passed: int = field(default=0, init=False)
    """How many starts and stops were looked at."""
    faults: list[str] = field(factory=list[str], init=False)
    _unseen: list[tuple[str, str, datetime]] = field(factory=list, init=False)
    """What came while the store could not be asked: looked at in the end."""

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Look at a call, and let it pass."""
        if scope["type"] == "lifespan":  # the service has none of its own
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        what = scope["path"].rpartition("/")[2]
        if what not in _SENT or (what == "stop" and not self.looks_at_stops):
            await self.app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return given.pop() if given else await receive()

        if body:
            await self._look(what, scope["path"], json.loads(body)["cname"])
        await self.app(scope, again, send)

    async def _look(self, what: str, path: str, key: str) -> None:
        self.passed += 1
        at = datetime.now().astimezone()
        try:
            stored = await self.store.load_by_key(key)
        except StoreUnavailable:
            self._unseen.append((what, key, at))
            return
        if not _is_written(stored, what, path):
            self.faults.append(f"{key}: a {what} arrived that the store didn't know of: {_shown(stored)}")

    async def look_again(self) -> None:
        """Look at what could not be looked at before: it must have been written before it came."""
        for what, key, at in self._unseen:
            stored = await self.store.load_by_key(key)
            moments = [] if stored is None else stored.checkpoint.history
            known = any(each.fact is _SENT[what] and each.at <= at for each in moments)
            if not known:
                self.faults.append(f"{key}: a {what} was never written, or too late: {_shown(stored)}")


def _is_written(stored: Stored | None, what: str, path: str) -> bool:
    if stored is None:
        return False
    standing, history = stored.checkpoint.standing, stored.checkpoint.history
    sent = any(each.fact is _SENT[what] for each in history)
    return sent and standing.resource_id is not None and f"/{standing.resource_id}/" in path


def _shown(stored: Stored | None) -> str:
    if stored is None:
        return "nothing"
    return (
        ", ".join(f"{each.fact.value} -> {each.after.value}" for each in stored.checkpoint.history) or "idle"
    )


async def judge(
    emulator: Emulator, store: Store, users: Sequence[User], *, settled_within: float
) -> list[str]:
    """All that is wrong in the end.

    Args:
        emulator: The truth.
        store: What the workers share.
        users: Who was told what.
        settled_within: Seconds that the last notifications have to reach the store.
    """
    sessions = emulator.sessions
    faults = [fault for user in users for fault in user.faults]
    faults += [f"{each.cname}: {each.sid} was left running" for each in sessions if each.running]
    faults += _doubled(sessions)
    faults += _told(sessions, users)
    with anyio.move_on_after(settled_within):
        while [each async for each in store.unfinished()]:  # noqa: ASYNC110 - whatever happens there
            await anyio.sleep(0.2)
    for session in sessions:
        faults += await _kept(session, store)
    return faults + list(_dropped(emulator))


def _dropped(emulator: Emulator) -> Iterator[str]:
    """What the service gave up to deliver: then nobody can know, and the trial was too hard."""
    for each in emulator.deliveries:
        if each.state is DeliveryState.DROPPED:
            yield f"{each.payload['cname']}: event {each.event_type} was given up: {each.attempts}"


def _doubled(sessions: Sequence[SessionView]) -> Iterator[str]:
    """Those that recorded the same lesson at the same time."""
    by_key: defaultdict[str, list[SessionView]] = defaultdict(list)
    for session in sessions:
        by_key[session.cname].append(session)
    for key, its in by_key.items():
        for one, other in pairwise(its):
            if one.ended_at is None or other.started_at < one.ended_at:
                yield f"{key}: {one.sid} and {other.sid} recorded at once"


def _told(sessions: Sequence[SessionView], users: Sequence[User]) -> Iterator[str]:
    """What users were told and isn't true."""
    by_sid = {session.sid: session for session in sessions}
    for user in users:
        for answer in user.answers:
            if not answer.get("sid"):
                continue
            session = by_sid.get(answer["sid"])
            if session is None:
                yield f"{user.key}: told of {answer['sid']}, which the service doesn't know"
            elif answer["state"] != State.UPLOADED.value or set(answer["files"]) != set(session.files):
                yield f"{user.key}: told {answer}, and {session.sid} has {session.files}"


async def _kept(session: SessionView, store: Store) -> list[str]:
    """What the store doesn't know of one recording."""
    stored = await store.load_by_sid(session.sid)
    if stored is None:
        return [f"{session.cname}: the store has never heard of {session.sid}"]
    standing = stored.checkpoint.standing
    files = {file.name for file in standing.files}
    if standing.state is State.UPLOADED and files == set(session.files):
        return []
    return [
        f"{session.cname}: {session.sid} is {standing.state.value} with {sorted(files)}: {_shown(stored)}"
    ]
