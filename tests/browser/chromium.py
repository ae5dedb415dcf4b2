"""Debian's Chromium: where it is, how it is started, and how it comes: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A name that somebody else may have: it leads here.
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)


def find() -> str | None:
    """The path of a browser; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Have Debian's package, where this is Debian and this process may."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        [apt, "update", "-qq"],
        [apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def started() -> Generator[Browser]:
    """A browser with a profile of its own, which is empty.

    Raises:
        FileNotFoundError: there is none.
    """
    path = find()
    if path is None:
        raise FileNotFoundError(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def main() -> int:
    """Install a browser if there is none. The exit code: is there one now?"""
    if find() is None:
        install()
    path = find()
    print(path or "no browser, and none can be installed here: install chromium", file=sys.stderr)  # noqa: T201 - it is a command
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
