"""The emulator's page, as people see and use it."""

import re

import pytest
from playwright.sync_api import Page, expect

from agora_rec.emulator import SteppedClock
from tests.browser.conftest import Opens
from tests.browser.service import Service, serve

MARK = "window.stillHere = true"
STILL_HERE = "window.stillHere === true"
PHONE = {"width": 360, "height": 740}
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def card(page: Page, cname: str = "class"):
    return page.get_by_role("article", name=f"Recording of {cname}")


def test_it_shows_what_happens_while_one_looks(service: Service, opens: Opens):
    page = opens(service)
    page.evaluate(MARK)
    expect(page.get_by_text("Nothing is being recorded.")).to_be_visible()
    service.start()
    expect(card(page)).to_be_visible()
    expect(card(page).get_by_text("recording", exact=True)).to_be_visible()
    drawing = card(page).get_by_role("img")
    expect(drawing).to_have_accessible_name("best fit layout, 1280 by 720, shows 11, 12")
    service.api("PUT", "channels/class/users/13")
    expect(drawing).to_have_accessible_name("best fit layout, 1280 by 720, shows 11, 12, 13")
    expect(page.get_by_role("region", name="The latest calls")).to_contain_text("acquire")
    assert page.evaluate(STILL_HERE)


def test_the_tiles_lie_where_the_layout_has_them(service: Service, opens: Opens):
    service.start()
    page = opens(service)
    drawing = card(page).get_by_role("img").bounding_box()
    assert drawing is not None
    assert drawing["width"] / drawing["height"] == pytest.approx(1280 / 720, rel=0.02)
    for uid, middle in (("11", 0.25), ("12", 0.75)):
        tile = card(page).locator("svg text", has_text=uid).bounding_box()
        assert tile is not None
        assert (tile["x"] + tile["width"] / 2 - drawing["x"]) / drawing["width"] == pytest.approx(
            middle, abs=0.01
        )


def test_users_come_and_go_by_forms_without_leaving_the_page(service: Service, opens: Opens):
    page = opens(service)
    page.evaluate(MARK)
    page.get_by_role("textbox", name="Channel").first.fill("class 1")
    page.get_by_label("Uid").fill("77")
    page.get_by_label("video").first.uncheck()
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("button", name="video of 77 in class 1")).to_have_attribute(
        "aria-pressed", "false"
    )
    assert service.emulator.channel("class 1").users == (11, 12, 77)
    page.get_by_role("button", name="77 leaves class 1").click()
    expect(page.get_by_role("button", name="77 leaves class 1")).to_have_count(0)
    assert service.emulator.channel("class 1").users == (11, 12)
    assert page.evaluate(STILL_HERE)


def test_a_switch_is_used_by_keyboard_and_keeps_the_focus(service: Service, opens: Opens):
    service.start()
    page = opens(service)
    switch = page.get_by_role("button", name="video of 11 in class")
    switch.focus()
    page.keyboard.press("Enter")
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(switch).to_be_focused()


def test_the_first_stop_of_the_keyboard_leads_past_the_top(service: Service, opens: Opens):
    page = opens(service)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the recordings")).to_be_focused()
    expect(page.get_by_role("link", name="To the recordings")).to_be_in_viewport()


def test_a_fault_is_injected_and_happens(service: Service, opens: Opens):
    page = opens(service)
    seconds, status = page.get_by_label("Seconds"), page.get_by_label("Status")
    expect(seconds).to_be_visible()
    expect(status).to_be_hidden()
    page.get_by_label("What happens").select_option("refuse")
    expect(seconds).to_be_hidden()
    status.fill("503")
    page.get_by_label("To which call").select_option("acquire")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("listitem").filter(has_text="to acquire, 1 time")).to_be_visible()
    assert service.acquire("class").status_code == 503
    expect(page.get_by_role("region", name="The latest calls").get_by_text("503")).to_be_visible()
    expect(page.get_by_text("Nothing goes wrong by itself.")).to_be_visible()


def test_what_is_wrong_is_said_and_read_out(service: Service, opens: Opens):
    page = opens(service)
    page.get_by_label("What happens").select_option("refuse")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("status")).to_contain_text("status = nothing: needed: a whole number")
    page.get_by_label("Status").fill("500")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("status")).to_be_empty()


def test_a_recordings_server_is_lost(service: Service, opens: Opens):
    service.start()
    page = opens(service)
    page.get_by_role("button", name="Lose the server of the recording of class").click()
    expect(card(page).get_by_text("moving", exact=True)).to_be_visible()


def test_what_is_open_stays_open(service: Service, opens: Opens):
    service.start()
    page = opens(service)
    page.get_by_text("History").click()
    expect(card(page).get_by_text("accepted")).to_be_visible()
    service.start("other")
    expect(card(page, "other")).to_be_visible()
    expect(card(page).get_by_text("accepted")).to_be_visible()
    expect(card(page, "other").get_by_text("accepted")).to_be_hidden()


def test_it_works_without_script(service: Service, opens: Opens):
    service.start()
    page = opens(service, java_script_enabled=False)
    page.get_by_role("textbox", name="Channel").first.fill("class")
    page.get_by_label("Uid").fill("77")
    page.get_by_role("button", name="Join").click()
    expect(page).to_have_url(f"{service.url}/_emulator/")
    expect(card(page).get_by_role("img")).to_have_accessible_name(re.compile("shows 11, 12, 77$"))
    page.get_by_role("button", name="video of 77 in class").click()
    expect(page.get_by_role("button", name="video of 77 in class")).to_have_attribute("aria-pressed", "false")
    page.get_by_label("What happens").select_option("lose_answer")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("listitem").filter(has_text="lose answer")).to_be_visible()


def test_without_script_what_is_wrong_is_said_too(service: Service, opens: Opens):
    page = opens(service, java_script_enabled=False)
    page.get_by_label("What happens").select_option("refuse")
    with page.expect_response("**/do/inject") as answer:
        page.get_by_role("button", name="Inject").click()
    assert answer.value.status == 400
    expect(page.get_by_role("status")).to_contain_text("status = nothing")
    page.get_by_label("What happens").select_option("refuse")
    page.get_by_label("Status").fill("503")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("listitem").filter(has_text="status 503")).to_be_visible()


def test_a_stepped_clock_is_moved_and_everything_with_it(opens: Opens):
    with serve(SteppedClock()) as service:
        service.start()
        page = opens(service)
        expect(card(page).get_by_text("0 files")).to_be_visible()
        page.get_by_role("button", name="+1 min").click()
        expect(page.get_by_text("00:01:00")).to_be_visible()
        expect(card(page).get_by_text("2 files")).to_be_visible()
        page.get_by_label("Seconds").first.fill("7")
        page.get_by_role("button", name="Advance").click()
        expect(page.get_by_text("00:01:07")).to_be_visible()


def test_foreign_text_is_text(service: Service, opens: Opens):
    service.acquire(EVIL, EVIL)
    service.emulator.channel(EVIL).join(5)
    page = opens(service)
    expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    expect(page.get_by_role("region", name="The latest calls").get_by_text(EVIL).first).to_be_visible()
    page.get_by_role("button", name=f"5 leaves {EVIL}").click()
    expect(page.get_by_role("status")).to_contain_text("cname = <img src=x")
    assert page.locator("img, script:not([src])").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(service: Service, opens: Opens, scheme: str):
    service.start()
    service.start("apart", "start_individual")
    service.acquire("x" * 2000)
    service.api("POST", "faults", {"fault": "cut", "operation": "stop"})
    service.api("PATCH", "channels/class/users/11", {"video": False})
    page = opens(service, color_scheme=scheme)
    page.get_by_role("button", name="Lose the server of the recording of apart").click()
    expect(card(page, "apart").get_by_text("moving", exact=True)).to_be_visible()
    assert page.evaluate(TOO_FAINT) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 245, 248)", "dark": "rgb(16, 20, 28)"}[scheme]


TOO_FAINT = """() => {
  const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const part = (value) => (value <= 10.03 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  const ground = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const colour = read(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!own || !element.checkVisibility()) continue;
    const [one, two] = [light(read(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent} ${contrast.toFixed(2)}`);
  }
  return faint;
}"""

NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, button, a")]
  .filter((each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim() || each.title))
  .map((each) => each.outerHTML)"""

NARROW = """() => [...document.querySelectorAll("button, select, input:not([type=hidden], [type=checkbox])")]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 29)
  .map((each) => each.outerHTML)"""


def test_it_fits_a_phone(service: Service, opens: Opens):
    service.start(
        "a-channel-with-a-name-that-is-as-long-as-names-of-channels-should-never-be-but-sometimes-are"
    )
    service.emulator.channel("class").join(4294967295)
    page = opens(service, viewport=PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(NARROW) == []
    assert page.evaluate(NAMELESS) == []


def test_it_says_when_the_emulator_is_gone(opens: Opens):
    with serve() as service:
        page = opens(service)
    expect(page.get_by_role("status")).to_contain_text("The emulator doesn't answer any more.")


def test_it_goes_on_when_the_emulator_is_back(service: Service, opens: Opens):
    page = opens(service)
    page.route("**/_emulator/", lambda route: route.abort())
    expect(page.get_by_role("status")).to_contain_text("The emulator doesn't answer any more.")
    page.unroute("**/_emulator/")
    expect(page.get_by_role("status")).to_be_empty()
    service.start()
    expect(card(page)).to_be_visible()


def test_what_is_said_is_seen_wherever_one_is_on_the_page(service: Service, opens: Opens):
    page = opens(service, viewport=PHONE)
    page.get_by_label("What happens").select_option("refuse")
    page.get_by_role("button", name="Inject").click()
    expect(page.get_by_role("status")).to_contain_text("status = nothing")
    assert page.evaluate("scrollY") > 0
    expect(page.get_by_role("status")).to_be_in_viewport(ratio=1)


def test_a_long_name_hides_no_answer(service: Service, opens: Opens):
    service.acquire("a-channel-with-a-name-that-is-as-long-as-names-of-channels-should-never-be")
    page = opens(service, viewport={"width": 1160, "height": 800})
    table = page.get_by_role("region", name="The latest calls")
    assert table.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_the_files_of_what_is_over_are_a_click_away(opens: Opens):
    with serve(SteppedClock()) as service:
        sid = service.start()
        service.api("POST", "clock/advance", {"seconds": 30})
        service.emulator.channel("class").empty()
        service.api("POST", "clock/advance", {"seconds": 60})
        page = opens(service)
        over = page.get_by_role("region", name="Recordings that are over")
        over.locator("summary").click()
        expect(over.get_by_text(f"{sid}_class.m3u8")).to_be_visible()
        expect(over.get_by_role("link", name="The recording of class as JSON")).to_be_visible()


def test_a_page_under_a_name_that_leads_here_gets_nothing(service: Service, opens: Opens):
    port = service.url.rpartition(":")[2]
    page = opens(service)
    context = page.context
    stranger = context.new_page()
    answer = stranger.goto(f"http://evil.example:{port}/_emulator/")
    assert answer is not None
    assert answer.status == 403


def test_a_page_of_another_site_changes_nothing(service: Service, opens: Opens):
    stranger = opens(service).context.new_page()
    stranger.route(
        "http://stranger.example/", lambda route: route.fulfill(content_type="text/html", body=FORM)
    )
    stranger.goto("http://stranger.example/")
    stranger.evaluate("url => { document.forms[0].action = url; }", f"{service.url}/_emulator/do/join")
    with stranger.expect_response("**/do/join") as answer:
        stranger.get_by_role("button").click()
    assert answer.value.status == 403
    assert service.api("GET", "channels")["channels"] == []


FORM = (
    '<form method="post"><input name="cname" value="c"><input name="uid" value="5"><button>Go</button></form>'
)
