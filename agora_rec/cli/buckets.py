"""Storage from options and the environment: a vendor's name, and what this vendor needs."""

import os
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import click

from agora_rec import (
    AlibabaCloud,
    AlibabaCloudRegion,
    AmazonS3,
    AmazonS3Region,
    AzureBlob,
    BaiduCloud,
    BaiduCloudRegion,
    GoogleCloud,
    HuaweiCloud,
    HuaweiCloudRegion,
    KingsoftCloud,
    KingsoftCloudRegion,
    QiniuCloud,
    QiniuCloudRegion,
    S3Compatible,
    Secret,
    Storage,
    TencentCloud,
    TencentCloudRegion,
)

VENDORS: Final[Mapping[str, type[Any]]] = {
    "amazon-s3": AmazonS3,
    "alibaba": AlibabaCloud,
    "tencent": TencentCloud,
    "azure": AzureBlob,
    "google": GoogleCloud,
    "huawei": HuaweiCloud,
    "baidu": BaiduCloud,
    "s3-compatible": S3Compatible,
    "qiniu": QiniuCloud,
    "kingsoft": KingsoftCloud,
}
REGIONS: Final[Mapping[str, type[IntEnum]]] = {
    "amazon-s3": AmazonS3Region,
    "alibaba": AlibabaCloudRegion,
    "tencent": TencentCloudRegion,
    "huawei": HuaweiCloudRegion,
    "baidu": BaiduCloudRegion,
    "qiniu": QiniuCloudRegion,
    "kingsoft": KingsoftCloudRegion,
}
"""The vendors that have regions."""

ACCESS_KEY: Final = "AGORA_STORAGE_ACCESS_KEY"
SECRET_KEY: Final = "AGORA_STORAGE_SECRET_KEY"  # noqa: S105 - the name of a variable


def from_environment(name: str) -> Secret:
    """A secret that has to be in the environment: the command line is for all to see."""
    text = os.environ.get(name)
    if not text:
        raise click.UsageError(f"the environment variable {name} is not set")
    return Secret(text)


def storage(
    vendor: str, *, bucket: str, region: str | None, endpoint: str | None, prefix: tuple[str, ...]
) -> Storage:
    """Make the vendor's storage value; what it needs must be given, and what it doesn't know must not."""
    options: dict[str, Any] = {}
    wanted = {"region": vendor in REGIONS, "endpoint": vendor == "s3-compatible"}
    for name, value in {"region": region, "endpoint": endpoint}.items():
        if wanted[name] and value is None:
            raise click.UsageError(f"--vendor {vendor} needs --{name}")
        if not wanted[name] and value is not None:
            raise click.UsageError(f"--vendor {vendor} has no --{name}")
        if value is not None:
            options[name] = _region(vendor, value) if name == "region" else value
    made: Storage = VENDORS[vendor](
        bucket=bucket,
        access_key=from_environment(ACCESS_KEY),
        secret_key=from_environment(SECRET_KEY),
        file_name_prefix=prefix or None,
        **options,
    )
    return made


def regions_of(vendor: str) -> Mapping[str, IntEnum]:
    """A vendor's regions, by the names that they have there (us-east-1)."""
    return {each.name.lower().replace("_", "-"): each for each in REGIONS[vendor]}


def _region(vendor: str, name: str) -> IntEnum:
    known = regions_of(vendor)
    if name.lower() not in known:
        raise click.UsageError(f"--region {name}: --vendor {vendor} has {', '.join(known)}")
    return known[name.lower()]
