"""Where a server is: what libpq reads, what is looked up beforehand, and what is shown."""

import pytest

from agora_rec.secret import Secret
from agora_rec.store.postgres import address
from tests.support.secrets import NEEDLE

pytestmark = pytest.mark.anyio

PASSWORD = f"{NEEDLE} \\'@/"


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("postgresql://127.0.0.1/db", [("127.0.0.1", "", "5432")]),
        ("postgresql://[::1]:7/db", [("::1", "", "7")]),
        ("host=/var/run/postgresql", [("/var/run/postgresql", "", "5432")]),
        ("host=@abstract port=7", [("@abstract", "", "7")]),
        ("host=name hostaddr=10.0.0.1", [("name", "10.0.0.1", "5432")]),
        ("hostaddr=10.0.0.1,10.0.0.2 port=1,2", [("", "10.0.0.1", "1"), ("", "10.0.0.2", "2")]),
        ("postgresql://1.1.1.1:1,2.2.2.2/db", [("1.1.1.1", "", "1"), ("2.2.2.2", "", "5432")]),
        ("postgresql://no-such-host.invalid,1.1.1.1/db", [("1.1.1.1", "", "5432")]),
        ("dbname=x", [("", "", "5432")]),
    ],
)
async def test_names_are_looked_up_and_nothing_else(
    url: str, places: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    assert await address.look_up(Secret(url)) == places


async def test_a_name_may_have_several_addresses_and_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGHOST", "localhost")
    found = await address.look_up(Secret("dbname=x"))
    assert ("localhost", "127.0.0.1", "5432") in found
    assert {host for host, *_ in found} == {"localhost"}


async def test_several_are_asked_in_any_order_if_that_is_wanted() -> None:
    url = Secret("host=1.1.1.1,2.2.2.2,3.3.3.3 load_balance_hosts=random")
    orders = {tuple(host for host, *_ in await address.look_up(url)) for _ in range(60)}
    assert len(orders) > 1


def test_the_text_for_libpq_says_all_that_was_said() -> None:
    url = Secret(f"postgresql://u:{NEEDLE}%20%5C%27%40%2F@name/db?sslmode=require")
    text = address.conninfo(url, "name", "10.0.0.1", "7")
    options = address._options(text)
    assert options == {
        "user": "u",
        "password": PASSWORD,
        "dbname": "db",
        "sslmode": "require",
        "host": "name",
        "hostaddr": "10.0.0.1",
        "port": "7",
        "client_encoding": "UTF8",
        "fallback_application_name": "agora_rec",
    }


@pytest.mark.parametrize(
    "url", [f"http://{NEEDLE}", f"postgresql://h/?{NEEDLE}=1", "", f"\ud800{NEEDLE}", f"a\0{NEEDLE}"]
)
def test_what_cannot_be_read_is_not_shown(url: str) -> None:
    assert not address.is_address(Secret(url))
    assert address.shown(Secret(url)) == "***"
