"""Who may use the control API: nobody needs credentials, so nobody from elsewhere gets in."""

from typing import Any

import httpx
import pytest

from agora_rec import InvalidRequest
from agora_rec.emulator import ControlAccess, Emulator
from tests.emulator.control.desk import LOCAL, http_of

pytestmark = pytest.mark.anyio


async def status_of(
    emulator: Emulator,
    *,
    method: str = "GET",
    path: str = "/_emulator/api/clock",
    client: tuple[str, int] = LOCAL,
    url: str = "http://127.0.0.1:8080",
    **headers: str,
) -> int:
    async with http_of(emulator, client=client, base_url=url) as http:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await http.request(method, path, headers=sent)
    if answer.status_code == 403:
        assert answer.json()["error"] == "forbidden"
    return answer.status_code


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("localhost:8080", 200),
        ("LocalHost", 200),
        ("192.0.2.1", 200),  # an address can't be made to lead here
        ("evil.example", 403),
        ("evil.example:8080", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.1.evil.example:80", 403),
        ("", 403),
        ("[localhost", 403),
    ],
)
@pytest.mark.parametrize("path", ["/_emulator/api/clock", "/_emulator/", "/_emulator/static/page.js"])
async def test_a_name_that_somebody_else_may_have_set_up_is_refused(host: str, status: int, path: str):
    assert await status_of(Emulator(), host=host, path=path) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8080", 200),
        ("http://127.0.0.1:8081", 403),
        ("https://127.0.0.1:8080", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "clock"), ("DELETE", "faults")])
async def test_what_a_page_of_another_site_sends_is_refused(origin: str, status: int, method: str, path: str):
    assert await status_of(Emulator(), method=method, path=f"/_emulator/api/{path}", origin=origin) == status


@pytest.mark.parametrize(
    ("site", "method", "path", "status"),
    [
        ("cross-site", "DELETE", "faults", 403),
        ("same-site", "DELETE", "faults", 403),
        ("same-origin", "DELETE", "faults", 200),
        ("none", "DELETE", "faults", 200),
        ("cross-site", "GET", "clock", 200),  # somebody follows a link
    ],
)
async def test_a_browser_says_from_where_it_sends(site: str, method: str, path: str, status: int):
    path = f"/_emulator/api/{path}"
    assert await status_of(Emulator(), method=method, path=path, sec_fetch_site=site) == status


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.8.8", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.9", 403),
        ("::ffff:192.0.2.9", 403),
        ("2001:db8::1", 403),
        ("testclient", 403),
    ],
)
async def test_only_programs_of_this_machine_get_in(address: str, status: int):
    assert await status_of(Emulator(), client=(address, 5)) == status
    assert await status_of(Emulator(control=ControlAccess.EVERYBODY), client=(address, 5)) == 200


async def test_a_server_that_does_not_know_the_client_lets_nobody_in():
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/_emulator/", "headers": headers}
    await Emulator().app({**scope, "client": None}, receive, send)
    assert sent[0]["status"] == 403
    await Emulator(control=ControlAccess.EVERYBODY).app(scope, receive, send)
    assert sent[2]["status"] == 200


async def test_further_names_can_be_told():
    emulator = Emulator(control=ControlAccess.EVERYBODY, control_hosts=["Emulator", "recorder.test"])
    for url, status in (("http://emulator:8080", 200), ("http://recorder.test", 200), ("http://other", 403)):
        assert await status_of(emulator, url=url) == status
    assert await status_of(Emulator(control_hosts="one"), url="http://one") == 200


@pytest.mark.parametrize("name", ["http://emulator", "emulator:8080", "", "a b", "*"])
def test_a_name_that_is_none_is_refused(name: str):
    with pytest.raises(InvalidRequest) as caught:
        Emulator(control_hosts=[name, "fine"])
    assert [each.path for each in caught.value.violations] == ["control_hosts"]


async def test_no_other_site_may_read_or_frame_anything():
    async with http_of(Emulator()) as http:
        for path in ("", "api/clock", "static/page.css", "api/nothing"):
            answer: httpx.Response = await http.get(f"/_emulator/{path}")
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
