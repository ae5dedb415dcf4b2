"""The picture of the page in the documents: `python -m tests.browser.screenshot` takes it anew."""

import sys
from typing import Final

from agora_rec.emulator import LoseAnswer, SteppedClock
from agora_rec.vocabulary import OperationName
from docs.generate import PARTS
from tests.browser.chromium import started
from tests.browser.service import Service, serve

LAYOUT: Final = {"mixedVideoLayout": 2, "maxResolutionUid": "12", "backgroundColor": "#203040"}
WIDTH, HEIGHT = 1160, 800


def play(service: Service) -> None:
    """Something to be seen: the same whenever this runs."""
    sids = {}
    for cname, name, uids in (
        ("chemistry", "start_individual", [11, 12]),
        ("music", "start_mix_hls_mp4", [11, 12, 13]),
        ("physics", "start_mix_hls_mp4", [11, 12, 13, 14, 15]),
    ):
        for uid in uids:
            service.api("PUT", f"channels/{cname}/users/{uid}", {"video": uid != 13})
        sids[cname] = service.start(cname, name)
    service.update_layout(sids["physics"], LAYOUT, "physics")
    service.emulator.inject(LoseAnswer(), operation=OperationName.STOP, cname="music")
    service.api("POST", "clock/advance", {"seconds": 90})


def main() -> None:
    """Take it."""
    with started() as browser, serve(SteppedClock()) as service:
        play(service)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(f"{service.url}/_emulator/")
        picture = PARTS / "emulator_page.png"
        page.screenshot(path=picture)
    print(f"{picture}: {picture.stat().st_size} bytes", file=sys.stderr)  # noqa: T201 - it is a command


if __name__ == "__main__":
    main()
