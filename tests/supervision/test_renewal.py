"""When temporary keys are renewed: every hour, and in time before they end."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from agora_rec.supervision.renewal import RENEW_EVERY, renewal_at
from tests.support import secrets
from tests.support.cloud import bucket, mix
from tests.support.reference import load

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_number_is_the_documented_one():
    assert load("timing")["times"]["sts_refresh_every"]["value"] * 60 == RENEW_EVERY.total_seconds()


@pytest.mark.parametrize(
    ("lasts", "minutes"), [(None, 60), (240, 60), (70, 60), (69, 59), (30, 20), (5, -5)], ids=repr
)
def test_keys_are_renewed_after_an_hour_and_ten_minutes_before_they_end(lasts: int | None, minutes: int):
    ends = None if lasts is None else NOW + timedelta(minutes=lasts)
    mode = evolve(mix(), storage=bucket(sts_token=secrets.STS_TOKEN, sts_expiration=ends))
    assert renewal_at(mode, NOW) == NOW + timedelta(minutes=minutes)


def test_keys_that_last_are_never_renewed():
    assert renewal_at(mix(), NOW) is None
