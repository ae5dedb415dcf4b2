"""Whole recordings over a bad network: real sockets, a real client, and the service's own account afterwards.

Each fault hits each operation, over each wire and on each event loop: once, and for as long as the client
tries. What must hold then stands in `judge`.
"""

import logging
import random
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import anyio
import pytest
import trustme
from anyio.from_thread import start_blocking_portal
from attrs import define, evolve, field

from agora_rec import (
    AgoraRecError,
    CloudRecording,
    Recording,
    RetryPolicy,
    StartUnconfirmed,
    State,
    Subscription,
    TransportError,
    UnexpectedAnswer,
    WorkerNotFound,
)
from agora_rec.emulator import Emulator, Settings
from agora_rec.emulator.app import App
from agora_rec.emulator.serving import serve
from agora_rec.transport import Hosts
from agora_rec.vocabulary import AttemptOutcome, OperationName
from tests.support.cloud import ACQUIRE, QUERY, START, STOP, UID, UPDATE, mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET
from tests.transport.bad_network import HARMLESS, IDLE, STALLS, UNSEEN, BadNetwork, Fault, bad_network
from tests.transport.servers import answer, serving

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("the_library"), pytest.mark.untraced]

STEPS: Final = (ACQUIRE, START, QUERY, UPDATE, STOP)
AT_ONCE: Final[dict[str, Any]] = dict.fromkeys(
    ("latency", "start_seconds", "exit_seconds", "upload_seconds"), 0.0
)
QUICK: Final = RetryPolicy(
    no_answer=(0.01,),
    unreadable=(0.01,),
    not_completed=(0.01,),
    server=(0.01,),
    start_server=(0.01,),
    query_server=(0.01,),
    stop_404=(0.01,),
    stop_404_for=0.02,
)
PATIENCE: Final = 0.2
"""Seconds of an attempt that nothing answers."""
LONG: Final = 5.0
"""Seconds that are never over, unless something hangs."""


@pytest.fixture(name="anyio_backend")
def the_event_loop(stack: tuple[str, str]) -> str:
    return stack[0]


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Records of the libraries' loggers cost more than the calls; other tests look at them."""
    loggers = [logging.getLogger(name) for name in ("httpcore", "uvicorn", "asyncio")]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    yield
    for logger in loggers:
        logger.setLevel(logging.NOTSET)


@define
class Switch:
    """An application that is another emulator for each test, so that one server is enough for all."""

    emulator: Emulator = field(factory=Emulator)

    async def __call__(self, *args: Any) -> None:
        """Answer with the emulator of the day."""
        await self.emulator.app(*args)


@pytest.fixture(scope="module", name="switch")
def a_server() -> Iterator[tuple[Switch, int]]:
    switch = Switch()
    serving = serve(cast("App", switch), host="127.0.0.1", port=0, certificate=None, key=None)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as served:
        yield switch, served.port


@pytest.fixture(name="service")
def a_service_on_a_port(switch: tuple[Switch, int]) -> tuple[Emulator, int]:
    switch[0].emulator = Emulator(
        customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, qps=None, settings=Settings(**AT_ONCE)
    )
    return switch[0].emulator, switch[1]


def a_client(emulator: Emulator, network: BadNetwork, **more: Any) -> CloudRecording:
    given: dict[str, Any] = {"qps": None, "retry": QUICK, "timeout": LONG} | more
    return CloudRecording(
        emulator.app_id,
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        base_url=network.url,
        **given,
    )


@define
class Story:
    """One recording, and what its caller met."""

    recording: Recording
    errors: list[AgoraRecError] = field(factory=list[AgoraRecError])

    async def does(self, step: OperationName) -> None:
        """Make one call; only the library's own errors are taken."""
        calls: dict[OperationName, Callable[[], Awaitable[object]]] = {
            ACQUIRE: self.recording.acquire,
            START: self.recording.start,
            QUERY: self.recording.query,
            UPDATE: lambda: self.recording.update(subscription=Subscription()),
            # A synchronous stop is given 30 s, and those that stall should not be waited for so long.
            STOP: lambda: self.recording.stop(async_stop=True),
        }
        try:
            await calls[step]()
        except AgoraRecError as error:
            self.errors.append(error)

    async def ends(self) -> None:
        """Stop whatever may run; an error that is left says that it may still run."""
        try:
            await self.recording.ensure_stopped(wait_upload=False)
        except AgoraRecError as error:
            self.errors.append(error)


def expected(fault: Fault, hit: OperationName, *, once: bool) -> tuple[type[AgoraRecError], ...]:
    """What the caller of the call that was hit meets; nothing: the repetition is a success."""
    acted = fault not in UNSEEN | HARMLESS
    if fault in HARMLESS or (once and not acted):
        return ()
    if hit is START:
        return (StartUnconfirmed,)
    if not once or fault is Fault.ENDLESS_BODY:  # which is not repeated
        return (TransportError, UnexpectedAnswer)
    return (WorkerNotFound,) if hit is STOP else ()  # of a recording that has ended, as it should


async def a_story(
    service: tuple[Emulator, int], cname: str, hit: OperationName, fault: Fault, *, once: bool
) -> None:
    """Run one recording whose network is bad for one of its calls, and good again afterwards."""
    emulator, port = service
    async with bad_network(port) as network:
        retry = evolve(QUICK, no_answer=(0.01,) * 3) if once else QUICK
        async with a_client(emulator, network, retry=retry) as cloud:
            story = Story(cloud.recording(cname, UID, mix()))
            for step in STEPS:
                if step is hit:
                    break
                await story.does(step)
            assert story.errors == []
            if fault in STALLS:
                cloud._transport.timeout = PATIENCE
            network.harm(fault, 1 if once else None)
            await story.does(hit)
            network.heal()
            cloud._transport.timeout = LONG
            met = list(story.errors)
            for step in STEPS[STEPS.index(hit) + 1 :]:
                await story.does(step)
            await story.ends()
            held = [each.cname for each in cloud.recordings]
        with anyio.fail_after(LONG):
            await network.all_gone()
        errors = expected(fault, hit, once=once)
        assert len(met) == bool(errors), met
        assert all(isinstance(error, errors) for error in met), met
        assert len(network.requests) <= cloud.budget.used, "a request went out without a slot"
        judge(emulator, cname, held)


def judge(emulator: Emulator, cname: str, held: list[str]) -> None:
    """What must hold after any fault, by the service's own account."""
    sessions = [session for session in emulator.sessions if session.cname == cname]
    assert len(sessions) <= 1, f"{cname} was started twice"
    if any(session.running for session in sessions):
        assert cname in held, f"{cname} runs, and the client does not hold it"


@pytest.mark.parametrize("once", [True, False], ids=["once", "always"])
@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_each_call_survives_the_fault_or_fails_with_a_typed_error(
    service: tuple[Emulator, int],
    fault: Fault,
    once: bool,  # noqa: FBT001 - a parameter
):
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for hit in STEPS:
                story = partial(a_story, service, f"{fault.name} {hit.value}", hit, fault, once=once)
                tasks.start_soon(story)


RANDOM: Final = tuple(fault for fault in Fault if fault not in STALLS | IDLE)


async def test_many_recordings_at_once_survive_a_network_that_does_harm_at_random(
    service: tuple[Emulator, int],
):
    emulator, port = service
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)

    async def run(cloud: CloudRecording, cname: str) -> None:
        story = Story(cloud.recording(cname, UID, mix()))
        for step in STEPS:
            await story.does(step)
        await story.ends()

    async with bad_network(port) as network:
        network.choose = lambda: chance.choice(RANDOM) if chance.random() < 0.2 else None
        with anyio.fail_after(30):
            async with a_client(emulator, network, max_connections=10) as cloud:
                async with anyio.create_task_group() as tasks:
                    for number in range(30):
                        tasks.start_soon(run, cloud, f"class-{number}")
                held = [each.cname for each in cloud.recordings]
            await network.all_gone()
    for number in range(30):
        judge(emulator, f"class-{number}", held)
    assert {session.cname for session in emulator.running()} <= set(held)


async def test_a_recording_finds_the_one_host_that_there_is_among_names_that_do_not_resolve(
    service: tuple[Emulator, int],
):
    emulator, port = service
    async with bad_network(port) as network:
        retry = evolve(QUICK, no_answer=(0.001,) * 6)
        cloud = a_client(emulator, network, retry=retry)
        names = [
            [f"http://{place}.{domain}.invalid" for domain in ("io", "com")] for place in ("a", "b", "c")
        ]
        names[-1][-1] = network.url
        cloud._transport.hosts = Hosts(tuple(map(tuple, names)), settle=0.0)
        async with cloud:
            recording = cloud.recording("class-42", UID, mix())
            async with recording:
                await recording.query()
        await network.all_gone()
    assert [call.operation for call in emulator.calls] == [ACQUIRE, START, QUERY, STOP]
    assert cloud.budget.used == 4 + 6  # the first host is asked twice, the four between once


@pytest.mark.parametrize("where", ["nobody", "nowhere", "full"])
async def test_a_recording_whose_service_cannot_be_reached_is_certainly_not_running(where: str):
    with ExitStack() as stack:
        url = {"nobody": nobody_listens, "nowhere": lambda _: "https://api.agora.invalid", "full": full}[
            where
        ](stack)
        cloud = CloudRecording(
            "app",
            customer_id=CUSTOMER_ID,
            customer_secret=CUSTOMER_SECRET,
            base_url=url,
            qps=None,
            retry=QUICK,
            timeout=0.2,
        )
        with anyio.fail_after(LONG):
            async with cloud:
                recording = cloud.recording("class-42", UID, mix())
                with pytest.raises(TransportError) as caught:
                    await recording.ensure_started()
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.NOT_SENT] * 2
    assert not caught.value.maybe_running
    assert recording.state is State.IDLE


def nobody_listens(stack: ExitStack) -> str:
    del stack
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def full(stack: ExitStack) -> str:
    """A server that takes no connections, and has no room for those that wait."""
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(server.getsockname())
    return f"http://127.0.0.1:{server.getsockname()[1]}"


async def test_a_server_with_another_name_gets_to_see_nothing_of_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.agora.io").configure_cert(context)
    async with serving(answer(b"{}"), tls=context) as server:
        cloud = CloudRecording(
            "app",
            customer_id=CUSTOMER_ID,
            customer_secret=CUSTOMER_SECRET,
            base_url=server.url,
            qps=None,
            retry=QUICK,
        )
        async with cloud:
            with pytest.raises(TransportError, match=r"(?i)certificate") as caught:
                await cloud.recording("class-42", UID, mix()).ensure_started()
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.NOT_SENT] * 2
    assert server.requests == []
