"""The emulator on a port: real sockets, TLS, broken connections, orderly ends. On asyncio, like uvicorn."""

import builtins
import ssl
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme

from agora_rec.emulator import (
    Cut,
    Delay,
    Emulator,
    Fate,
    Garble,
    LoseAnswer,
    Refuse,
    Settings,
    SlowAnswer,
    Unreachable,
)
from tests.emulator.stage import HandClock, Stage, example

pytestmark = pytest.mark.anyio


@pytest.fixture(name="anyio_backend")
def only_asyncio() -> str:
    return "asyncio"


QUICK = Settings(latency=0.0, start_seconds=0.0, upload_seconds=0.01)


def client(emulator: Emulator, url: str, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, auth=(emulator.customer_id, emulator.customer_secret), trust_env=False, **options
    )


async def test_a_recording_over_real_sockets():
    emulator = Emulator(settings=QUICK)
    async with emulator.serve() as served, client(emulator, served.url) as http:
        assert (served.host, served.url) == ("127.0.0.1", f"http://127.0.0.1:{served.port}")
        stage = Stage(emulator, http)
        recording = await stage.record()
        assert (await stage.query(recording)).json()["serverResponse"]["status"] == 4
        assert (await stage.stop(recording)).status_code == 200
        assert [call.status for call in emulator.calls] == [200, 200, 200, 200]


async def test_many_at_once_over_real_sockets():
    emulator = Emulator(settings=QUICK, qps=None)
    async with emulator.serve() as served, client(emulator, served.url) as http:
        stage = Stage(emulator, http)

        async def record(uid: str) -> None:
            await stage.stop(await stage.record(uid=uid))

        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(record, str(number + 100))
    assert len(emulator.sessions) == 40
    assert emulator.running() == ()


@pytest.mark.parametrize("fault", [LoseAnswer(), Cut(), Unreachable()], ids=["lost", "cut", "unreachable"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_broken_connection_is_really_broken(
    fault: LoseAnswer | Cut | Unreachable,
    tls: bool,  # noqa: FBT001
    tmp_path: Path,
):
    emulator = Emulator(settings=QUICK)
    certificate, context = make_certificate(tmp_path)
    options: dict[str, Any] = {"certificate": certificate} if tls else {}
    async with (
        emulator.serve(**options) as served,
        client(emulator, served.url, verify=context) as http,
        client(emulator, served.url, verify=context) as bystander,
    ):
        stage = Stage(emulator, http)
        assert (await bystander.get("/v1/ncs/ip")).status_code == 200
        resource_id = await stage.acquired()
        emulator.inject(fault)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await stage.start(resource_id, example("start_mix_hls"))
        assert len(emulator.running()) == (1 if isinstance(fault, LoseAnswer) else 0)
        # Other connections are left alone, and the next one is as good as new.
        assert (await bystander.get("/v1/ncs/ip")).status_code == 200
        expected = 201 if isinstance(fault, LoseAnswer) else 200
        assert (await stage.start(resource_id, example("start_mix_hls"))).status_code == expected


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    path = folder / "certificate.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return path, context


async def test_tls_with_a_throwaway_authority(tmp_path: Path):
    emulator = Emulator(settings=QUICK)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with emulator.serve(certificate=str(certificate), key=key) as served:
        assert served.url == f"https://127.0.0.1:{served.port}"
        async with client(emulator, served.url, verify=context) as http:
            assert (await http.get("/v1/ncs/ip")).status_code == 200
        async with client(emulator, served.url) as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("/v1/ncs/ip")


async def logged(emulator: Emulator, number: int, fate: Fate) -> None:
    """Wait until that many calls have come, and the last one has met its fate."""
    while len(emulator.calls) < number or emulator.calls[-1].fate is not fate:  # noqa: ASYNC110 - it tells nobody
        await anyio.sleep(0.001)


@pytest.mark.parametrize("fault", [Delay(3), SlowAnswer(3)], ids=["delay", "slow"])
async def test_a_caller_that_hangs_up_undoes_nothing(fault: Delay | SlowAnswer):
    clock = HandClock()
    emulator = Emulator(settings=Settings(latency=0.0), clock=clock)
    async with emulator.serve() as served, client(emulator, served.url) as http:
        stage = Stage(emulator, http, clock)
        resource_id = await stage.acquired()
        emulator.inject(fault)
        async with anyio.create_task_group() as group:
            group.start_soon(stage.start, resource_id, example("start_mix_hls"))
            await logged(emulator, 2, Fate.PENDING)
            group.cancel_scope.cancel()
        clock.pass_by(4)
        await logged(emulator, 2, Fate.ANSWERED)
        assert len(emulator.running()) == 1


async def test_the_port_can_be_chosen_and_is_free_afterwards():
    emulator = Emulator()
    async with emulator.serve() as served:
        port = served.port
        with pytest.raises(OSError, match=r".") as taken:
            async with emulator.serve(port=port):
                pass
        assert taken.value.errno is not None
    for _ in range(2):
        async with emulator.serve(port=port) as served:
            assert served.port == port


async def test_ipv6():
    emulator = Emulator()
    async with emulator.serve("::1") as served, client(emulator, served.url) as http:
        assert served.url == f"http://[::1]:{served.port}"
        assert (await http.get("/v1/ncs/ip")).status_code == 200


async def test_leaving_ends_open_requests_soon():
    emulator = Emulator(settings=QUICK)
    before = anyio.current_time()
    emulator.inject(SlowAnswer(60))
    async with anyio.create_task_group() as group, emulator.serve() as served:

        async def wait() -> None:
            async with client(emulator, served.url, timeout=60) as http:
                with pytest.raises(httpx.RemoteProtocolError):
                    await http.get("/v1/ncs/ip")

        group.start_soon(wait)
        await logged(emulator, 1, Fate.PENDING)
    assert anyio.current_time() - before < 30


async def test_the_bodys_exception_comes_through_as_it_is():
    emulator = Emulator()
    with pytest.raises(LookupError, match="mine"):
        async with emulator.serve():
            raise LookupError("mine")


async def test_a_cancelled_block_closes_the_port_too():
    emulator = Emulator()
    port = 0
    with anyio.CancelScope() as scope:
        async with emulator.serve() as served:
            port = served.port
            scope.cancel()
            await anyio.sleep_forever()
    async with emulator.serve(port=port):
        pass


async def test_a_missing_certificate_is_told_before_anything_listens(tmp_path: Path):
    emulator = Emulator()
    with pytest.raises(FileNotFoundError):
        async with emulator.serve(certificate=tmp_path / "none.pem"):
            pass


async def test_serving_is_quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]):
    emulator = Emulator(settings=QUICK)
    async with emulator.serve() as served, client(emulator, served.url) as http:
        emulator.inject(LoseAnswer())
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await http.get("/v1/ncs/ip")
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_on_trio_it_says_what_to_do():
    emulator = Emulator()
    with pytest.raises(RuntimeError, match=r"transport\(\) on trio"):
        async with emulator.serve():
            pass


def test_without_uvicorn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "agora_rec.emulator.serving", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"uvicorn: pip install 'agora-rec\[emulator\]'"):
        Emulator().serve()


async def test_a_certificate_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "chain.pem").write_text("no certificate")
    with pytest.raises(OSError, match=r"chain\.pem"):
        async with Emulator().serve(certificate=tmp_path / "chain.pem"):
            raise AssertionError


@pytest.mark.parametrize("fault", [Refuse(204), Garble(b"words", status=304)], ids=["204", "304"])
async def test_a_fault_whose_status_has_no_body_is_answered_without_one(fault: Any):
    emulator = Emulator(settings=QUICK)
    async with emulator.serve() as served, client(emulator, served.url) as http:
        emulator.inject(fault)
        answer = await http.get("/v1/ncs/ip")
        assert (answer.status_code, answer.content) == (fault.status, b"")
        assert "content-length" not in answer.headers
        assert (await http.get("/v1/ncs/ip")).status_code == 200  # over the same connection
