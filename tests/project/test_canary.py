"""The search for secrets finds them wherever the library could show one; see tests/support/canary.py."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, ENCRYPTION_SALT, NEEDLE, shown_in

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]

# Tests that show a secret, each in another way, and one that does not: run by pytest in a process of its own,
# so that the search which watches this run does not meet them.
LEAKING = """
import logging

import anyio
import pytest

from agora_rec.clock import SystemClock
from agora_rec.errors import AgoraRecError
from tests.support.secrets import SECRET_KEY

log = logging.getLogger("some.library")


def leak_a_log_record():
    log.debug("key %s", SECRET_KEY)


def leak_the_exception_of_a_log_record():
    try:
        raise ValueError(SECRET_KEY)
    except ValueError:
        log.exception("no")


def leak_an_extra_field_of_a_log_record():
    log.info("no", extra={"key": SECRET_KEY})


def leak_an_expected_exception():
    with pytest.raises(ValueError):
        raise ValueError(SECRET_KEY)


def leak_a_cause():
    with pytest.raises(ValueError):
        raise ValueError from TypeError(SECRET_KEY)


def leak_a_member_of_a_group():
    with pytest.RaisesGroup(ValueError):
        raise ExceptionGroup("", [ValueError(SECRET_KEY)])


def leak_an_attribute():
    error = ValueError()
    error.subject = [SECRET_KEY]
    with pytest.raises(ValueError):
        raise error


def leak_an_error_that_is_swallowed():
    try:
        raise AgoraRecError(evidence=(SECRET_KEY,))
    except AgoraRecError:
        pass


def leak_one_of_many_errors():
    for number in range(1000):
        AgoraRecError(evidence=(SECRET_KEY if number == 7 else number,))


def leak_a_local_variable_of_the_library():
    with pytest.raises(TypeError):
        anyio.run(SystemClock().sleep, SECRET_KEY)


def leak_output():
    print(SECRET_KEY)


def leak_and_fail():
    raise ValueError(SECRET_KEY)


def leak_nothing():
    key = SECRET_KEY
    with pytest.raises(ValueError):
        raise ValueError("hello")
"""
LEAKS = [line[4:-3] for line in LEAKING.splitlines() if line.startswith("def ")]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says about these tests."""
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "test_leaks.py").write_text(LEAKING, encoding="utf-8")
    options = ["-p", "tests.support.canary", "-p", "no:cacheprovider", "-rA", "-o", "python_functions=leak_*"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_leaks.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


@pytest.mark.parametrize("leak", [leak for leak in LEAKS if leak not in {"leak_nothing", "leak_and_fail"}])
def test_a_secret_is_noticed(output: str, leak: str):
    (line,) = [line for line in output.splitlines() if line.startswith(f"FAILED test_leaks.py::{leak}")]
    assert "a secret was shown in" in line


def test_a_test_that_shows_nothing_passes(output: str):
    assert "PASSED test_leaks.py::leak_nothing\n" in output
    assert f"{len(LEAKS) - 1} failed, 1 passed" in output


def test_a_test_that_fails_by_itself_still_says_so(output: str):
    assert "FAILED test_leaks.py::leak_and_fail - ValueError" in output
    assert "and a secret was shown in str(ValueError)" in output


def test_a_run_says_how_much_was_searched(output: str):
    assert re.search(r"searched for secrets: \d+ log records, 10\d\d errors, \d+ texts", output)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_secrets_are_found_in_any_encoding_that_http_uses(before: str):
    assert shown_in(before + NEEDLE)
    assert shown_in(base64.b64encode(f"{before}{CUSTOMER_ID}:{CUSTOMER_SECRET}".encode()).decode())
    assert shown_in((before + NEEDLE).encode().hex())
    assert not shown_in(base64.b64encode(f"{before}{NEEDLE[:-3]}".encode()).decode())


def test_the_salt_is_one_that_the_service_accepts():
    assert len(base64.b64decode(ENCRYPTION_SALT, validate=True)) == 32
