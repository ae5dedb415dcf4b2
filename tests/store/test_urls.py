"""A store from a URL: the right class for each scheme, and no password in any complaint."""

from pathlib import Path

import pytest

from agora_rec import InvalidRequest, PostgresStore, RedisStore, Secret, SQLiteStore
from agora_rec.store import store_from_url
from agora_rec.store.urls import holds_password
from tests.support.secrets import NEEDLE, shown_in


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///recordings.db", Path("recordings.db")),
        ("sqlite:////var/lib/recordings.db", Path("/var/lib/recordings.db")),
        ("SQLite:///with%20blank.db", Path("with blank.db")),
    ],
)
def test_sqlite_has_a_path_from_here_or_from_the_root(url: str, path: Path) -> None:
    store = store_from_url(url)
    assert isinstance(store, SQLiteStore)
    assert store.path == path.absolute()
    assert not store.is_open


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:7/0", "rediss://127.0.0.1:7", "unix:///nowhere/valkey.sock"]
)
def test_redis_takes_its_urls_as_they_are(url: str) -> None:
    store = store_from_url(Secret(url))
    assert isinstance(store, RedisStore)
    assert not store.is_open


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1/recordings", "postgres://u@127.0.0.1/recordings"])
def test_postgres_takes_its_urls_as_they_are(url: str) -> None:
    store = store_from_url(url)
    assert isinstance(store, PostgresStore)
    assert not store.is_open


@pytest.mark.parametrize(
    "url",
    [
        "",
        "recordings.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/file.db",
        f"mysql://u:{NEEDLE}@host/db",
        f"redis:/{NEEDLE}",
    ],
)
def test_anything_else_is_refused_and_says_what_there_is(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        store_from_url(url)
    assert "sqlite:///file" in str(caught.value)
    assert "postgresql://" in str(caught.value)
    assert not shown_in(str(caught.value))
    (violation,) = caught.value.violations
    assert violation.path == "store"


@pytest.mark.parametrize(
    ("url", "has_one"),
    [
        ("redis://:p@host", True),
        ("postgresql://u:p@host/db", True),
        ("postgresql://host/db?user=u&password=p", True),
        ("redis://[broken", True),
        ("postgresql://u@host/db", False),
        ("redis://host:6379/0", False),
        ("sqlite:////var/lib/recordings.db", False),
    ],
)
def test_a_password_is_noticed_wherever_it_may_stand(url: str, has_one: bool) -> None:  # noqa: FBT001
    assert holds_password(Secret(url)) is has_one
