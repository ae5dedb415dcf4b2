"""The page as the server renders it: what stands there, its forms, and that foreign text stays text."""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from attrs import define, field

from agora_rec.emulator import Cut, Delay, Emulator, LoseAnswer, Refuse, Settings, SteppedClock, Upload, User
from agora_rec.emulator.control.endpoints import ENDPOINTS
from agora_rec.emulator.control.troubles import TROUBLES
from agora_rec.emulator.page.html import element, encode
from agora_rec.vocabulary import OperationName
from tests.emulator.control.desk import Program, http_of, program, start_recording
from tests.emulator.stage import example

pytestmark = pytest.mark.anyio

VOID = {"br", "input", "link", "meta"}
EVIL = "<script>alert(1)</script>\"'&><img src=x onerror=alert(2)>"


@define
class Form:
    action: str
    values: list[tuple[str, str]] = field(factory=list)


@define
class Page(HTMLParser):
    """A page that was read strictly: whatever is opened is closed, in order."""

    open: list[str] = field(factory=list)
    tags: Counter[str] = field(factory=Counter)
    ids: Counter[str] = field(factory=Counter)
    attributes: list[tuple[str, str, str]] = field(factory=list)
    forms: list[Form] = field(factory=list)
    words: list[str] = field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    @classmethod
    def read(cls, answer: httpx.Response) -> "Page":
        page = cls()
        page.feed(answer.text)
        page.close()
        assert page.open == []
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.tags[tag] += 1
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if "id" in given:
            self.ids[given["id"]] += 1
        if tag == "form":
            assert given["method"] == "post"
            self.forms.append(Form(given["action"]))
        if tag in {"input", "select"} and (given.get("type") != "checkbox" or "checked" in given):
            self.forms[-1].values.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def form(self, name: str, **values: str) -> Form:
        """The form of that name with those values."""
        return next(
            form
            for form in self.forms
            if form.action.endswith(f"do/{name}") and set(values.items()) <= set(form.values)
        )


async def page_of(me: Program) -> Page:
    answer = await me.http.get("/_emulator/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page.read(answer)


async def send(me: Program, form: Form, **changes: str) -> httpx.Response:
    data = {**dict(form.values), **changes}
    return await me.http.post(f"/_emulator/{form.action}", data=data)


async def test_an_empty_emulator_says_that_nothing_happens():
    async with program() as me:
        text = (await page_of(me)).text
    for words in (
        "Nothing is being recorded.",
        "No channel has been spoken of.",
        "Nothing goes wrong by itself.",
        "Nobody receives notifications.",
        "Nobody has called. Clients come to this address ( AGORA_BASE_URL ) with the App ID",
        me.emulator.app_id,
    ):
        assert words in text, words
    assert me.emulator.customer_secret not in text
    async with http_of(Emulator(qps=3)) as http:
        assert "limit 3" in Page.read(await http.get("/_emulator/")).text


async def full(me: Program) -> None:
    """Something of everything."""
    mix = await me.stage.record("start_mix_hls_mp4", cname="mixed")
    await me.stage.record("start_individual", cname="apart")
    await me.stage.record("start_web_rtmp", cname="page")
    quiet = example("start_mix_hls")
    quiet["recordingConfig"]["streamTypes"] = 0
    await me.stage.record(cname="quiet", request=quiet)
    over = await me.stage.record(cname="over")
    me.emulator.channel("mixed").join(13, video=False, host=False)
    me.stage.clock.pass_by(25)
    await me.stage.stop(over)
    me.emulator.inject(Cut(), operation=OperationName.STOP, cname="mixed", uid=7, host="h", times=None)
    me.stage.clock.pass_by(1)
    me.emulator.fail_over(mix.sid, new_uid=99, seconds=5)
    me.stage.clock.pass_by(8)


async def test_everything_is_shown():
    async with program() as me:
        await full(me)
        await me.stage.http.get("/v1/nothing")
        me.emulator.inject(LoseAnswer(), operation=OperationName.ACQUIRE)
        with pytest.raises(httpx.RemoteProtocolError):
            await me.stage.acquire(cname="unheard")
        moving = await me.stage.record(cname="moving")
        me.emulator.channel("lonely").empty()
        await me.stage.record("start_individual", cname="lonely")
        me.stage.clock.pass_by(5)
        me.emulator.fail_over(moving.sid)
        me.emulator.inject(Delay(3), times=2)
        page = await page_of(me)
    text = page.text
    for words in (
        "mixed recording",
        "880011 as 99",
        "Layout best fit Size 1280 x 720",
        "1 file",
        "first playlist of 0, audio and video",
        "a web page: example.org/board",
        "nothing to be seen",
        "nobody yet",
        "on hold",
        "moving",
        "over 880011 mix stopped",
        "playlist",
        "uploaded",
        "cut to stop of mixed, uid 7, at h, for ever",
        "delay seconds 3 to any call, 2 times",
        "GET /v1/nothing",
        "404",
        "audience",
        "acquire unheard 880011 lost",
    ):
        assert words in text, words
    assert max(page.ids.values()) == 1
    assert page.tags["h1"] == 1


async def test_the_picture_is_described_in_words_too():
    async with program() as me:
        await full(me)
        page = await page_of(me)
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert labels == ["best fit layout, 1280 by 720, shows 11, 12, 13"]
    assert page.tags["svg"] > 1


async def test_nothing_comes_from_elsewhere_and_nothing_is_inline():
    async with program() as me:
        await full(me)
        page = await page_of(me)
        assert page.tags["style"] == 0
        assert page.tags["script"] == 1
        links = [value for _, name, value in page.attributes if name in {"src", "href", "action"}]
        assert not [link for link in links if re.match(r"[a-z]+:|//", link)]
        assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
        for link in links:
            if not link.startswith(("do/", "#")):
                assert (await me.http.get(f"/_emulator/{link}")).status_code == 200, link


async def test_foreign_text_is_never_markup():
    async with program(settings=Settings(users=(User(uid=11),))) as me:
        await me.stage.acquire(cname=EVIL, uid=EVIL)
        await me.stage.acquire(cname="\ud800\x00\u202e" + "long" * 99, uid=f"'{EVIL}")
        await me.stage.http.get("/%3Cscript%3E" + "x" * 200)
        me.emulator.inject(Refuse(503, reason=EVIL), cname=EVIL, host=EVIL)
        me.emulator.channel(EVIL).join(5)
        me.emulator.channel("\ud800").join(5)
        page = await page_of(me)
        plain = Page.read(await me.http.post("/_emulator/do/join", data={EVIL: EVIL}))
    for each in (page, plain):
        assert each.tags["script"] == 1
        assert each.tags["img"] == 0
        assert EVIL in "".join(each.words)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


async def test_every_form_means_an_endpoint_and_sends_what_that_knows():
    async with program() as me:
        await full(me)
        page = await page_of(me)
    by_name = {each.name: each for each in ENDPOINTS}
    seen = set()
    for form in page.forms:
        endpoint = by_name[form.action.removeprefix("do/")]
        seen.add(endpoint.name)
        known = {each.name for each in (*endpoint.places, *endpoint.fields)}
        known |= {each.name for fields in endpoint.kinds.values() for each in fields}
        assert {name for name, _ in form.values} <= known
    assert seen == {"join", "publish", "leave", "inject", "clear_faults", "fail_over"}


async def test_users_are_moved_by_forms():
    async with program() as me:
        page = await page_of(me)
        answer = await send(me, page.form("join"), cname="class", uid="7", video="false", webm="true")
        assert (answer.status_code, answer.headers["location"]) == (303, "../")
        assert me.emulator.channel("class").users == (11, 12, 7)
        page = await page_of(me)
        await send(me, page.form("publish", cname="class", uid="7", video="true"))
        told = await me.get("channels/class")
        assert told["users"][2] == {"uid": "7", "audio": True, "video": True, "host": True, "webm": True}
        assert "7 audio video WebM leave" in (await page_of(me)).text
        await send(me, page.form("leave", uid="11"))
        assert me.emulator.channel("class").users == (12, 7)


async def test_of_a_box_with_a_tick_the_tick_counts():
    async with program() as me:
        content = b"cname=c&uid=7&audio=false&video=false&video=true&host=false&host=true"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        await me.http.post("/_emulator/do/join", content=content, headers=headers)
        told = await me.get("channels/c")
        assert told["users"][2] == {"uid": "7", "audio": False, "video": True, "host": True, "webm": False}


async def test_faults_are_injected_and_cleared_by_forms():
    async with program() as me:
        page = await page_of(me)
        answer = await send(me, page.form("inject"), fault="lose_answer", times="ever", seconds="1.5")
        assert answer.status_code == 303
        (waiting,) = me.emulator._service.faults.waiting
        assert (waiting.fault, waiting.left, waiting.operation) == (LoseAnswer(1.5), None, None)
        await send(me, page.form("inject"), fault="upload", backuped="true", operation="stop", times="1")
        assert me.emulator._service.faults.waiting[1].fault == Upload(backuped=True)
        await send(me, (await page_of(me)).form("clear_faults"))
        assert me.emulator._service.faults.waiting == ()


async def test_the_form_offers_every_fault():
    async with program() as me:
        page = await page_of(me)
    offered = {value for tag, name, value in page.attributes if (tag, name) == ("option", "value")}
    assert set(TROUBLES) | set(OperationName) <= offered


@pytest.mark.parametrize(
    ("form", "values", "status", "words"),
    [
        ("join", {"cname": "", "uid": "x"}, 400, ["cname = nothing", "uid = x: a uid"]),
        ("advance", {"seconds": "soon"}, 400, ["seconds = soon: a number, 0 to 86,400"]),
        ("fail_over", {"sid": "nobody"}, 404, ["there never was a recording with the sid nobody"]),
        ("advance", {"seconds": "60"}, 409, ["clock can't be moved"]),
        ("check_health", {}, 409, ["nobody receives notifications"]),
        (
            "inject",
            {"fault": "delay", "status": "503"},
            400,
            ["status = 503: not known here", "seconds = nothing"],
        ),
    ],
)
async def test_what_is_wrong_is_said_on_the_page(
    form: str, values: dict[str, str], status: int, words: list[str]
):
    async with program() as me:
        answer = await me.http.post(f"/_emulator/do/{form}", data=values)
        assert answer.status_code == status
        page = Page.read(answer)
    assert [each for each in words if each in page.text] == words
    assert ("p", "class", "bad") in page.attributes
    # From there its links and forms lead to the same places.
    assert page.form("join").action == "../do/join"
    assert ("link", "href", "../static/page.css") in page.attributes


@pytest.mark.parametrize("name", ["nothing", "recordings", "join/x"])
async def test_there_are_forms_for_what_changes_something_only(name: str):
    async with program() as me:
        answer = await me.http.post(f"/_emulator/do/{name}", data={})
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        assert (await me.http.get("/_emulator/do/join")).status_code == 404


async def test_a_recordings_server_is_lost_by_a_form():
    async with program() as me:
        recording = await me.stage.record()
        me.stage.clock.pass_by(20)
        page = await page_of(me)
        await send(me, page.form("fail_over", sid=recording.sid))
        assert (await me.get(f"recordings/{recording.sid}"))["phase"] == "moving"


async def test_a_clock_that_can_be_moved_has_buttons():
    clock = SteppedClock()
    async with http_of(Emulator(clock=clock)) as http:
        page = Page.read(await http.get("/_emulator/"))
        assert "stepped" in page.text
        form = page.form("advance", seconds="600")
        assert (await http.post(f"/_emulator/{form.action}", data=dict(form.values))).status_code == 303
        assert clock.monotonic() == 600


@pytest.mark.parametrize(
    ("status", "mood", "words", "shown"),
    [
        (200, "good", "answers", "40 delivered 200"),
        (500, "bad", "does not answer", "40 waiting 500 twice"),
    ],
)
async def test_the_receiver_is_tried_by_a_form_and_deliveries_are_shown(
    status: int, mood: str, words: str, shown: str
):
    async def receiver(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    clock = SteppedClock()
    emulator = Emulator(clock=clock, webhooks_to=receiver, settings=Settings(latency=0))
    async with http_of(emulator) as http:
        page = Page.read(await http.get("/_emulator/"))
        answer = await http.post(f"/_emulator/{page.form('check_health').action}", data={})
        page = Page.read(answer)
        assert f"The receiver {words} as it should." in page.text
        assert ("p", "class", mood) in page.attributes
        await start_recording(emulator)
        async with emulator.delivering():
            clock.advance(5)
            await clock.sleep(0)
            page = Page.read(await http.get("/_emulator/"))
            assert shown in page.text


async def test_of_very_many_the_latest_are_shown():
    async with program(settings=Settings(users=())) as me:
        for number in range(60):
            me.emulator.channel(f"c{number}").join(1)
            me.emulator.inject(Cut(), cname=f"c{number}", operation=OperationName.NCS_IP)
        page = await page_of(me)
    assert page.text.count("and 30 more: see the API") == 1
    assert page.text.count("and 10 more: see the API") == 1
    assert "c59" in page.text


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_its_files_are_served(name: str, content_type: str):
    async with program() as me:
        answer = await me.http.get(f"/_emulator/static/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
        assert len(answer.content) > 100
        assert (await me.http.get("/_emulator/static/__init__.py")).status_code == 404
        assert (await me.http.get("/_emulator/static/../document.py")).status_code == 404


def test_text_that_is_no_unicode_can_go_out():
    assert encode(element("p", "\ud800ü")).endswith(b"<p>&#55296;&#252;</p>")
