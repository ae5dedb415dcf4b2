"""The emulator's description of itself: whole, valid, true to the reference, and served."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Mount

from agora_rec.emulator import AppIdRefusal, ControlAccess, Emulator, Settings, wire
from agora_rec.emulator.control.endpoints import API, ENDPOINTS
from agora_rec.emulator.description import describe
from agora_rec.emulator.description.refusals import refusals
from agora_rec.emulator.schema import SHAPES
from agora_rec.emulator.wire import Refusal
from agora_rec.vocabulary import OperationName
from tests.schema.programme import DESCRIPTION, LOCAL
from tests.support.reference import load

NOW = datetime(2026, 5, 28, 20, 40, tzinfo=UTC)
OLDER = Settings(
    unknown_fields_refused=False,
    uid_group_required=True,
    client_request_optional=True,
    empty_lists_refused=True,
    http_images_taken=True,
    older_transcoding=True,
    older_regions=True,
    tokens_checked_at_start=True,
    app_id_refusal=AppIdRefusal.OLDER,
    repeated_start_with_sid=True,
    observed_bodies=True,
    exiting_refused=True,
    slow_stop_code=None,
    older_cname_code=True,
    older_layout_code=True,
    web_file_key="fileName",
    rtmp_in_stop=True,
    older_unknown=True,
    older_form_code=True,
    oldest_answers=True,
    file_config_required=True,
    large_uid_optional=True,
    slice_start_in_mix=False,
    rtmp_state_in_query=False,
)
LATER = Settings(
    configs_checked_later=True,
    app_id_refusal=AppIdRefusal.SERVICE,
    inactive_app_ids=frozenset({"b" * 32}),
)
STRICT = Settings(legacy_taken=False, app_id_refusal=AppIdRefusal.OLDER_SERVICE, uid_group_required=False)
WAYS = {"usual": Settings(), "older": OLDER, "later": LATER, "strict": STRICT}
REFERENCE: dict[str, Any] = load("requests")["endpoints"]


def told(settings: Settings | None = None) -> dict[str, Any]:
    return describe(settings or Settings(), app_ids=["a" * 32], now=NOW, url="http://127.0.0.1")


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_it_is_valid():
    OpenAPIV31SpecValidator(told()).validate()


@pytest.mark.parametrize("way", WAYS)
def test_with_all_settings_each_operation_has_a_name_of_its_own_and_all_of_it_is_json(way: str):
    document = told(WAYS[way])
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))
    assert json.loads(json.dumps(document)) == document


def test_it_has_every_call_of_the_reference_in_every_mode():
    expected = {
        (row["method"], path.replace("{mode}", mode))
        for row in REFERENCE.values()
        for path in (row["path"], *row.get("aliases", ()))
        for mode in row.get("modes", [""])
    }
    found = {key for key, operation in operations(told()).items() if operation["tags"] == ["service"]}
    assert found == expected


def test_it_has_every_endpoint_of_the_control_api():
    expected = {(each.method, f"{API}{each.path}") for each in ENDPOINTS}
    found = {key for key, operation in operations(told()).items() if operation["tags"] == ["control"]}
    assert found == expected | {("GET", API), ("GET", DESCRIPTION)}


def test_every_shape_of_a_body_is_told():
    assert {name.partition(".")[0] for name in told()["components"]["schemas"]} == set(SHAPES)


def test_only_the_service_asks_for_credentials():
    for operation in operations(told()).values():
        assert bool(operation["security"]) == (operation["tags"] == ["service"])
        assert ("401" in operation["responses"]) == bool(operation["security"])


def test_every_refusal_belongs_to_some_call():
    known = [each for each in vars(wire).values() if isinstance(each, Refusal)]
    listed = [each for name in OperationName for way in WAYS.values() for each in refusals(name, way)]
    assert {(each.status, each.code, each.message) for each in known} == {
        (each.status, each.code, each.message) for each in listed
    }


def test_every_link_leads_to_a_call_that_takes_what_it_gives():
    document = told()
    by_name = {operation["operationId"]: operation for operation in operations(document).values()}
    links = {
        (name, link["operationId"]): link
        for name, operation in by_name.items()
        for link in operation["responses"]["200"].get("links", {}).values()
    }
    for (_, name), link in links.items():
        places = {each["name"] for each in by_name[name]["parameters"] if each["in"] == "path"}
        assert set(link["parameters"]) == places
        assert ("requestBody" in link) == (name.startswith(("start", "update", "stop")))
    assert {name for source, name in links if source == "acquire"} == {
        "start_individual",
        "start_mix",
        "start_web",
    }
    assert {name for source, name in links if source == "start_mix"} == {
        *("query_mix", "update_mix", "update_layout_mix", "stop_mix"),
        *("recording", "fail_over", "channel", "empty"),
    }


def http_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=LOCAL)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


@pytest.mark.anyio
async def test_it_is_served_and_says_where():
    emulator = Emulator(
        app_id="our-app",
        customer_secret="s3cret-of-ours",
        settings=Settings(other_app_ids=frozenset({"another"})),
    )
    async with http_of(emulator.app) as http:
        answer = await http.get(DESCRIPTION)
        assert answer.headers["content-type"] == "application/json"
        document = answer.json()
        assert document["openapi"] == "3.1.0"
        assert document["servers"] == [{"url": "http://127.0.0.1:8080"}]
        (acquire,) = [each for path, each in document["paths"].items() if path.endswith("/acquire")]
        (app_id,) = acquire["post"]["parameters"]
        assert app_id["schema"] == {"enum": ["our-app", "another"]}
        assert "s3cret-of-ours" not in answer.text
    mounted = Starlette(routes=[Mount("/agora", app=emulator.app)])
    async with http_of(mounted) as http:
        document = (await http.get(f"/agora{DESCRIPTION}")).json()
        assert document["servers"] == [{"url": "http://127.0.0.1:8080/agora"}]


@pytest.mark.anyio
async def test_it_is_not_there_without_a_control_api():
    async with http_of(Emulator(control=ControlAccess.OFF).app) as http:
        assert (await http.get(DESCRIPTION)).status_code == 404
