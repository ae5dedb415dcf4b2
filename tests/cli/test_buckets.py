"""Storage from options and the environment."""

import attrs
import click
import pytest

from agora_rec import AmazonS3, AmazonS3Region, GoogleCloud, S3Compatible, Secret
from agora_rec.cli.buckets import REGIONS, VENDORS, from_environment, storage
from tests.support.secrets import ACCESS_KEY, SECRET_KEY


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGORA_STORAGE_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("AGORA_STORAGE_SECRET_KEY", SECRET_KEY)


def test_a_vendor_with_regions():
    made = storage("amazon-s3", bucket="b", region="eu-central-1", endpoint=None, prefix=("one", "two"))
    assert made == AmazonS3(
        bucket="b",
        region=AmazonS3Region.EU_CENTRAL_1,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        file_name_prefix=["one", "two"],
    )


def test_a_vendor_without_regions():
    made = storage("google", bucket="b", region=None, endpoint=None, prefix=())
    assert made == GoogleCloud(bucket="b", access_key=ACCESS_KEY, secret_key=SECRET_KEY)


def test_a_vendor_with_an_endpoint():
    made = storage("s3-compatible", bucket="b", region=None, endpoint="s3.example.com", prefix=())
    assert isinstance(made, S3Compatible)
    assert made.endpoint == "s3.example.com"


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_can_be_chosen_and_has_what_it_needs(vendor: str):
    fields = attrs.fields_dict(VENDORS[vendor])
    assert ("region" in fields) == (vendor in REGIONS)
    assert ("endpoint" in fields) == (vendor == "s3-compatible")
    region = next(iter(REGIONS[vendor])).name.lower() if vendor in REGIONS else None
    endpoint = "s3.example.com" if "endpoint" in fields else None
    made = storage(
        vendor, bucket="b", region=region and region.replace("_", "-"), endpoint=endpoint, prefix=()
    )
    assert type(made) is VENDORS[vendor]


@pytest.mark.parametrize(
    ("vendor", "region", "endpoint", "says"),
    [
        ("amazon-s3", None, None, "--vendor amazon-s3 needs --region"),
        ("amazon-s3", "mars-1", None, "--region mars-1: --vendor amazon-s3 has us-east-1, us-east-2, "),
        ("amazon-s3", "us-east-1", "example.com", "--vendor amazon-s3 has no --endpoint"),
        ("azure", "us-east-1", None, "--vendor azure has no --region"),
        ("s3-compatible", None, None, "--vendor s3-compatible needs --endpoint"),
    ],
)
def test_what_does_not_fit_the_vendor_is_named(
    vendor: str, region: str | None, endpoint: str | None, says: str
):
    with pytest.raises(click.UsageError) as caught:
        storage(vendor, bucket="b", region=region, endpoint=endpoint, prefix=())
    assert caught.value.message.startswith(says)


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    assert from_environment("AGORA_STORAGE_SECRET_KEY") == Secret(SECRET_KEY)
    monkeypatch.setenv("AGORA_STORAGE_SECRET_KEY", "")
    with pytest.raises(
        click.UsageError, match="the environment variable AGORA_STORAGE_SECRET_KEY is not set"
    ):
        from_environment("AGORA_STORAGE_SECRET_KEY")
