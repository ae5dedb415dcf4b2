"""What pytest makes of the fixtures: marks, options, the report of a failure. In a pytest within this one."""

import re
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest
from attrs import fields_dict

import agora_rec.testing.plugin
import agora_rec.testing.story  # noqa: F401 - loaded once, and not by each pytest within
from agora_rec.emulator import Emulator, Settings

ROOT = Path(__file__).resolve().parents[2]

HEAD = """
import pytest
from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix
from agora_rec.emulator import Cut, Refuse, Settings, WebhookSwitches

def lesson(cloud, name="physics"):
    storage = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")
    return cloud.recording(name, uid=900, mode=Mix(storage=storage))
"""


@pytest.fixture(autouse=True)
def only_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Run tests with our plugin and anyio's."""
    pytester.makepyfile(HEAD + code)
    plugins = ["-p", "agora_rec_pytest", "-p", "anyio", "-p", "no:cacheprovider"]
    return pytester.runpytest_inprocess("-q", "-W", "error", "--strict-markers", *plugins, *options)


def passes(pytester: pytest.Pytester, code: str, tests: int = 1) -> None:
    """Such tests pass."""
    run(pytester, code).assert_outcomes(passed=tests)


def refused(pytester: pytest.Pytester, marks: str, fixtures: str = "agora_emulator") -> str:
    """What pytest says to a test with such marks, which it doesn't run."""
    ran = run(pytester, f"{marks}\ndef test_it({fixtures}):\n    pass")
    ran.assert_outcomes(errors=1)
    _, _, report = ran.stdout.str().partition("ERROR at setup of test_it")
    said, *_ = report.partition("=====")[0].splitlines()[1:]
    return said


def test_a_suite_of_a_user_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASYNC_MARK", "anyio")
    suite = Path(__file__).with_name("suite_of_a_user.py").read_text(encoding="utf-8")
    passes(pytester, suite, tests=2 * len(re.findall(r"^async def test_", suite, re.MULTILINE)))


def test_options_come_from_the_mark_nearest_to_the_test(pytester: pytest.Pytester):
    passes(
        pytester,
        """
        pytestmark = pytest.mark.agora_emulator(app_id="a" * 32, seed=1, latency=7.0)

        @pytest.fixture
        def agora_emulator_options():
            return {"app_id": "b" * 32, "qps": 3, "settings": Settings(latency=5.0, upload_seconds=9.0)}

        @pytest.fixture
        def agora_cloud_options():
            return {"timeout": 4.0}

        @pytest.mark.agora_emulator(latency=8.0)
        @pytest.mark.agora_cloud(qps=2)
        def test_it(agora_emulator, agora_cloud):
            assert agora_emulator.app_id == agora_cloud.app_id == "a" * 32
            assert agora_emulator.qps == 3
            assert (agora_emulator.settings.latency, agora_emulator.settings.upload_seconds) == (8.0, 9.0)
            assert agora_cloud.budget.qps == 2
        """.replace("\n        ", "\n"),
    )


def test_a_client_is_led_to_the_emulator_and_on_its_clock(pytester: pytest.Pytester):
    passes(
        pytester,
        """
from datetime import UTC, datetime, timedelta, timezone

@pytest.mark.agora_emulator(now=datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), patience=None)
def test_it(agora_emulator, agora_cloud):
    assert agora_cloud.clock is agora_emulator.clock
    assert agora_emulator.clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
    agora_emulator.advance(60)
    assert agora_cloud.clock.now() == datetime(2030, 1, 1, 0, 1, tzinfo=UTC)

def test_without_more_it_is_now(agora_emulator):
    assert abs(agora_emulator.clock.now() - datetime.now(UTC)) < timedelta(minutes=5)
        """,
        tests=2,
    )


def test_faults_are_planned_in_the_order_in_which_they_are_written(pytester: pytest.Pytester):
    passes(
        pytester,
        """
pytestmark = [pytest.mark.anyio, pytest.mark.agora_faults(Refuse(503), cname="chemistry", times=None)]

@pytest.mark.agora_faults(Cut(), Refuse(500), operation="start")
async def test_it(agora_emulator, agora_cloud):
    async with agora_cloud as cloud:
        await lesson(cloud).ensure_started()
        with pytest.raises(Exception, match="503"):
            await lesson(cloud, "chemistry").acquire()
    fates = [(call.operation, call.status) for call in agora_emulator.calls]
    assert fates[:4] == [("acquire", 200), ("start", None), ("start", 500), ("start", 200)]
    assert {status for _, status in fates[4:]} == {503}
        """,
        tests=2,
    )


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (
            "@pytest.mark.agora_emulator(latencies=1)",
            "agora_emulator has no option latencies; it has app_id, ",
        ),
        ("@pytest.mark.agora_emulator(Settings())", "the mark agora_emulator takes options by name only"),
        (
            "@pytest.mark.agora_emulator(slice_seconds=0)",
            "agora_emulator: Settings.slice_seconds is 0, and should be 0.001 or more",
        ),
        (
            "@pytest.mark.agora_emulator(patience=-1)",
            "agora_emulator: patience is -1, and should be a number",
        ),
        ("@pytest.mark.agora_emulator(webhooks_to='ftp://a')", "agora_emulator: 1 wrong field; "),
        (
            "import datetime\n@pytest.mark.agora_emulator(now=datetime.datetime(2030, 1, 1))",
            "agora_emulator: now has no time zone",
        ),
        ("@pytest.mark.agora_faults()", "the mark agora_faults takes faults (Delay, SlowAnswer, "),
        ("@pytest.mark.agora_faults('cut')", "the mark agora_faults takes faults (Delay, SlowAnswer, "),
        (
            "@pytest.mark.agora_faults(Cut(), often=2)",
            "the mark agora_faults has no option often; it has cname",
        ),
        (
            "@pytest.mark.agora_faults(Cut(), operation='begin')",
            "the mark agora_faults: 'begin' is not a valid",
        ),
        ("@pytest.mark.agora_faults(Cut(), times=0)", "the mark agora_faults: a fault happens at least once"),
    ],
)
def test_what_the_emulator_can_not_be_told_is_refused(pytester: pytest.Pytester, marks: str, said: str):
    assert refused(pytester, marks).startswith(said)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (
            "@pytest.mark.agora_cloud(stores=1)",
            "agora_cloud has no option stores; it has accept_sha1, app_id, ",
        ),
        ("@pytest.mark.agora_cloud(app_id='')", "agora_cloud: "),
    ],
)
def test_what_a_client_can_not_be_told_is_refused(pytester: pytest.Pytester, marks: str, said: str):
    assert refused(pytester, marks, "agora_cloud").startswith(said)


@pytest.mark.parametrize(
    ("mark", "fixture"),
    [
        ("agora_emulator(qps=1)", "agora_emulator"),
        ("agora_faults(Cut())", "agora_emulator"),
        ("agora_cloud(qps=1)", "agora_cloud"),
    ],
)
def test_a_mark_that_would_do_nothing_is_refused(pytester: pytest.Pytester, mark: str, fixture: str):
    name = mark.partition("(")[0]
    said = refused(pytester, f"@pytest.mark.{mark}", "request")
    assert said == f"the mark {name} does nothing without the fixture {fixture}"


def test_every_option_of_the_emulator_and_of_its_settings_is_known(pytester: pytest.Pytester):
    said = refused(pytester, "@pytest.mark.agora_emulator(latencies=1)")
    listed = set(said.partition("; it has ")[2].split(", "))
    assert listed == {*signature(Emulator).parameters, *fields_dict(Settings), "now", "patience", "pause"} - {
        "clock"
    }


FAILING = """
import anyio
from agora_rec.emulator import Delay
from tests.support.secrets import CUSTOMER_SECRET, WEBHOOK_SECRET

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.agora_emulator(customer_secret=CUSTOMER_SECRET, webhook_secret=WEBHOOK_SECRET, qps=None)
@pytest.mark.agora_faults(Cut(), Refuse(400, code=2, reason="no\\x1b[2J"), operation="start")
async def test_it(agora_emulator, agora_cloud):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body"})
    agora_emulator.webhooks_to = app
    async with agora_cloud as cloud:
        with pytest.raises(Exception, match="code 2"):
            await lesson(cloud).ensure_started()
        for number in range(CALLS):
            await cloud.api.ncs_ip()
        await lesson(cloud, "x" * 200).ensure_started()
        await lesson(cloud, "chemistry").ensure_started()
        await agora_emulator.sleep(5)
        agora_emulator.channel("chemistry").empty()
        await agora_emulator.sleep(90)
        agora_emulator.inject(Delay(60), operation="ncs_ip")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cloud.api.ncs_ip)
            while all(call.answered_at for call in agora_emulator.calls[-1:]):
                await anyio.sleep(0)
            assert False
"""


def test_a_failing_test_shows_what_reached_the_emulator(pytester: pytest.Pytester):
    ran = run(pytester, FAILING.replace("CALLS", "0"))
    ran.assert_outcomes(failed=1)
    section = ran.outlines[next(i for i, line in enumerate(ran.outlines) if "- agora_emulator -" in line) :]
    text = "\n".join(section)
    for expected in (
        r"8 calls\n +0\.000 acquire physics 900 -> 200\n",
        r" start mix physics 900 -> cut: not carried out\n",
        r" start mix physics 900 -> 400 code 2 no\\x1b\[2J\n",
        r" start mix x{29}\.\.\. 900 \w{32} -> 200\n",
        r" ncs_ip -> not answered yet\n",
        r"2 recordings\n",
        r"\d+ notifications not delivered\n",
        r" mix chemistry 900 \w+: ended at [\d.]+: idle, [01] files\n",
        r" event 40: dropped after 4 attempts, refused 503\n",
        r" event 33: waiting after 3 attempts, refused 503\n",
    ):
        assert re.search(expected, text), text
    assert all(len(line) <= 122 for line in section if line.startswith("  "))


def test_of_very_many_calls_the_latest_are_shown(pytester: pytest.Pytester):
    ran = run(pytester, FAILING.replace("CALLS", "40"))
    ran.stdout.fnmatch_lines(["48 calls, the last 40 of them"])
    assert sum(" ncs_ip -> 200" in line for line in ran.outlines) == 35


def test_a_passing_test_shows_nothing(pytester: pytest.Pytester):
    ran = run(pytester, "def test_it(agora_emulator):\n    pass", "-rA")
    assert "agora_emulator -" not in ran.stdout.str()


def test_the_emulator_on_a_port_is_where_the_environment_leads(pytester: pytest.Pytester):
    passes(
        pytester,
        """
import anyio

@pytest.mark.agora_emulator(webhook_secret="ours")
def test_it(agora_server, agora_emulator, monkeypatch):
    assert agora_emulator.base_url == agora_server

    async def application():
        async with CloudRecording.from_env() as cloud:
            await lesson(cloud).ensure_started()

    anyio.run(application)
    (session,) = agora_emulator.running()
    agora_emulator.advance(60)
    agora_emulator.channel("physics").empty()
    agora_emulator.advance(60)
    assert not agora_emulator.running()
        """,
    )


LOADED = """
import sys, pytest
before = set(sys.modules)
import agora_rec_pytest
print(sorted(set(sys.modules) - before))
"""


@pytest.mark.untraced
def test_the_start_of_pytest_loads_one_module():
    ran = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['agora_rec_pytest']"
