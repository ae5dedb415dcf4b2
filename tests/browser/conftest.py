"""A browser for all tests, and a page for each: one that is watched for what must never happen."""

import re
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import started
from tests.browser.service import Service, serve

TIMEOUT_MS = 10_000
REFUSED = re.compile("Failed to load resource")
"""What browsers say of each answer that refuses something: which ones may is told by their methods."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture
def service() -> Iterator[Service]:
    with serve() as service:
        yield service


Opens = Callable[..., Page]


@pytest.fixture
def opens(browser: Browser) -> Generator[Opens]:
    """Open pages. None of their scripts may fail, ask for something elsewhere, or offend their policy."""
    contexts: list[BrowserContext] = []
    offences: list[str] = []

    def note(what: str, is_offence: bool) -> None:  # noqa: FBT001 - a helper of a few lines
        if is_offence:
            offences.append(what)

    def open_page(service: Service, *, path: str = "/_emulator/", **options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: offences.append(f"error: {error}"))
        page.on("console", lambda it: note(it.text, it.type == "error" and not REFUSED.match(it.text)))
        page.on("dialog", lambda dialog: offences.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: note(request.url, not request.url.startswith(service.url)))
        page.on("response", lambda got: note(got.url, got.status >= 400 and got.request.method == "GET"))
        page.goto(f"{service.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert offences == []
