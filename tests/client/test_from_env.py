"""A client from the environment: what is read, what goes first, what is missing."""

from pathlib import Path

import pytest

from agora_rec import Area, CloudRecording, InvalidRequest, MemoryStore, SQLiteStore
from agora_rec.options import Options
from agora_rec.secret import Secret
from tests.support import secrets

WHOLE = {
    "AGORA_APP_ID": "an-app",
    "AGORA_CUSTOMER_ID": secrets.CUSTOMER_ID,
    "AGORA_CUSTOMER_SECRET": secrets.CUSTOMER_SECRET,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*WHOLE, "AGORA_AREA", "AGORA_BASE_URL", "AGORA_STORE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def paths(error: InvalidRequest) -> list[str]:
    return [violation.path for violation in error.violations]


def test_the_three_credentials_are_enough(environment: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        environment.setenv(name, value)
    cloud = CloudRecording.from_env()
    assert cloud.app_id == "an-app"
    assert (
        cloud._transport.hosts.candidates
        == CloudRecording(
            "an-app", customer_id="id", customer_secret="secret", area=Area.US
        )._transport.hosts.candidates
    )


def test_area_and_base_url_are_read_where_they_are_set(environment: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        environment.setenv(name, value)
    environment.setenv("AGORA_AREA", "CN")
    cn = CloudRecording.from_env()._transport.hosts.candidates
    assert cn != CloudRecording.from_env(area=Area.EU)._transport.hosts.candidates
    environment.setenv("AGORA_BASE_URL", "http://127.0.0.1:8080")
    assert CloudRecording.from_env()._transport.hosts.candidates == ("http://127.0.0.1:8080",)
    other = CloudRecording.from_env(base_url="http://127.0.0.1:9090")
    assert other._transport.hosts.candidates == ("http://127.0.0.1:9090",)


def test_what_is_passed_goes_first_and_the_environment_is_not_needed_then() -> None:
    cloud = CloudRecording.from_env(
        app_id="mine",
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=Secret(secrets.CUSTOMER_SECRET),
        qps=None,
    )
    assert cloud.app_id == "mine"


def test_all_that_is_missing_or_wrong_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AGORA_CUSTOMER_ID", secrets.CUSTOMER_ID)
    environment.setenv("AGORA_AREA", "MARS")
    with pytest.raises(InvalidRequest) as caught:
        CloudRecording.from_env()
    assert paths(caught.value) == ["app_id", "customer_secret", "area"]
    assert "AGORA_APP_ID" in str(caught.value)
    assert "'MARS'" in str(caught.value)
    assert "US, EU, AP, CN" in str(caught.value)


def test_an_empty_variable_counts_as_missing(environment: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        environment.setenv(name, value)
    environment.setenv("AGORA_CUSTOMER_SECRET", "")
    environment.setenv("AGORA_AREA", "")
    environment.setenv("AGORA_BASE_URL", "")
    with pytest.raises(InvalidRequest) as caught:
        CloudRecording.from_env()
    assert paths(caught.value) == ["customer_secret"]


@pytest.mark.parametrize("where", ["environment", "arguments"])
def test_a_wrong_option_shows_no_credentials(environment: pytest.MonkeyPatch, where: str) -> None:
    options: Options = {
        "app_id": "mine",
        "customer_id": secrets.CUSTOMER_ID,
        "customer_secret": secrets.CUSTOMER_SECRET,
    }
    if where == "environment":
        for name, value in WHOLE.items():
            environment.setenv(name, value)
        options = {}
    options["timeout"] = -1
    with pytest.raises(InvalidRequest) as caught:  # the search for secrets looks at its frames
        CloudRecording.from_env(**options)
    assert paths(caught.value) == ["timeout"]


def test_the_store_of_the_commands_is_the_clients_too(environment: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        environment.setenv(name, value)
    assert not CloudRecording.from_env().is_store_shared
    environment.setenv("AGORA_STORE", "sqlite:///recordings.db")
    cloud = CloudRecording.from_env()
    assert cloud.is_store_shared
    assert isinstance(cloud.store, SQLiteStore)
    assert cloud.store.path == Path("recordings.db").absolute()
    mine = MemoryStore()
    assert CloudRecording.from_env(store=mine).store is mine
    assert not CloudRecording.from_env(store=None).is_store_shared


def test_a_store_that_is_none_is_named_with_all_else_that_is_wrong(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AGORA_STORE", f"mysql://me:{secrets.SECRET_KEY}@somewhere")
    with pytest.raises(InvalidRequest) as caught:
        CloudRecording.from_env(app_id="mine", customer_id="id")
    assert paths(caught.value) == ["customer_secret", "store"]
    assert secrets.SECRET_KEY not in str(caught.value)
