"""The vendors and regions are those of the reference, with all that it knows of them."""

import pickle
import re
from typing import Any, get_args

import pytest

from agora_rec.model import (
    AlibabaCloudRegion,
    AmazonS3,
    AmazonS3Region,
    AnyRegion,
    AzureBlob,
    BaiduCloudRegion,
    GoogleCloud,
    HuaweiCloudRegion,
    KingsoftCloudRegion,
    OtherStorage,
    QiniuCloudRegion,
    S3Compatible,
    Storage,
    StorageRegion,
    TencentCloudRegion,
    Vendor,
    area_of,
)
from agora_rec.vocabulary import Region
from tests.model.samples import KEYS, STORAGES
from tests.support.reference import load

VENDORS: dict[int, Any] = load("storage")["vendors"]
REGIONS: dict[int, type[StorageRegion]] = {
    0: QiniuCloudRegion,
    1: AmazonS3Region,
    2: AlibabaCloudRegion,
    3: TencentCloudRegion,
    4: KingsoftCloudRegion,
    5: AnyRegion,
    6: AnyRegion,
    7: HuaweiCloudRegion,
    8: BaiduCloudRegion,
    11: AnyRegion,
}


def upper_snake(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())


def test_the_vendors_are_those_of_the_reference():
    assert {vendor.value for vendor in Vendor} == set(VENDORS) == set(REGIONS)
    assert {vendor.name: vendor.value for vendor in Vendor}.items() >= {
        "AMAZON_S3": 1,
        "S3_COMPATIBLE": 11,
        "QINIU": 0,
    }.items()
    for vendor in Vendor:
        assert upper_snake(VENDORS[vendor.value]["name"]) == vendor.name


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_region_has_the_references_number_name_id_and_area(vendor: int):
    told = {
        number: (upper_snake(row["name"]), row["id"], row["area"])
        for number, row in VENDORS[vendor]["regions"].items()
    }
    ours = {
        region.value: (region.name, region.provider_id, None if region.area is None else region.area.value)
        for region in REGIONS[vendor]
    }
    assert ours == told


def test_each_vendor_has_a_storage_class_and_only_sts_vendors_take_tokens():
    classes: dict[Any, Any] = {cls.vendor: cls for cls in get_args(Storage) if cls is not OtherStorage}
    assert set(classes) == set(Vendor)
    reference = load("storage")
    for vendor, cls in classes.items():
        slots = {name for parent in cls.__mro__ for name in getattr(parent, "__slots__", ())}
        assert ("sts_token" in slots) == ("sts_expiration" in slots) == (vendor in reference["sts_vendors"])
        assert ("sse" in slots) == (vendor in reference["sse"]["vendors"])
        assert ("tag" in slots) == (vendor in reference["tag"]["vendors"])
        assert ("endpoint" in slots) == (vendor == Vendor.S3_COMPATIBLE)


def test_an_unknown_region_is_kept_and_lies_nowhere():
    region = AmazonS3Region(99)
    assert (region, region.area, region.provider_id, region.is_known) == (99, None, None, False)
    assert pickle.loads(pickle.dumps(region)) == region  # noqa: S301 - our own
    assert pickle.loads(pickle.dumps(AmazonS3Region.EU_WEST_1)) is AmazonS3Region.EU_WEST_1  # noqa: S301
    with pytest.raises(ValueError, match="abc"):
        AmazonS3Region("abc")  # type: ignore[arg-type]  # the point


def test_the_area_of_a_bucket_comes_from_its_region():
    assert area_of(STORAGES[0]) is Region.EU
    assert area_of(AmazonS3(region=4, **KEYS)) is Region.EU  # type: ignore[arg-type]  # a plain number does
    assert area_of(AmazonS3(region=True, **KEYS)) is None  # type: ignore[arg-type]  # judged elsewhere
    assert area_of(AmazonS3(region=AmazonS3Region.SA_EAST_1, **KEYS)) is None
    for storage in (AzureBlob(**KEYS), GoogleCloud(**KEYS), S3Compatible(endpoint="a", **KEYS)):
        assert storage.region == 0
        assert area_of(storage) is None
