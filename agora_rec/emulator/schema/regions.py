"""Where the buckets are: for each storage vendor the area of each of its region numbers.

The areas are those of acquire's `region`; None where none fits or none is known, and then nothing is
refused. Source: storage.yaml (there derived from geography; the documents only say that both must match).
"""

from typing import Final

AREAS: Final[dict[int, tuple[str | None, ...]]] = {
    0: (
        "CN",
        "CN",
        "CN",
        "NA",
        "AP",
    ),
    1: (
        "NA",
        "NA",
        "NA",
        "NA",
        "EU",
        "EU",
        "EU",
        "EU",
        "AP",
        "AP",
        "AP",
        "AP",
        None,
        "NA",
        "AP",
        "CN",
        "CN",
        "NA",
        None,
        "AP",
        "AP",
        "EU",
        None,
        "NA",
        "AP",
        "EU",
    ),
    2: (
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "AP",
        "NA",
        "NA",
        "AP",
        "AP",
        "AP",
        "AP",
        "AP",
        "AP",
        "EU",
        "EU",
        "EU",
        "AP",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        None,
        None,
    ),
    3: (
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "AP",
        "AP",
        "AP",
        "AP",
        "AP",
        "AP",
        "NA",
        "NA",
        "NA",
        "EU",
        "EU",
    ),
    4: (
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "AP",
        "CN",
        "CN",
        None,
        "AP",
    ),
    5: (None,),
    6: (None,),
    7: (
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "CN",
        "AP",
        "AP",
        "AP",
        None,
        None,
        None,
        "NA",
        None,
        None,
        None,
    ),
    8: (
        "CN",
        "CN",
        "CN",
        "CN",
        "AP",
        "AP",
        "CN",
        "CN",
    ),
    11: (None,),
}

QINIU: Final = 0
AMAZON_S3: Final = 1
ALIBABA_CLOUD: Final = 2
TENCENT_CLOUD: Final = 3
KINGSOFT: Final = 4
BAIDU: Final = 8
S3_COMPATIBLE: Final = 11
ANYWHERE_VENDORS: Final = frozenset({5, 6})
"""Azure and Google Cloud, whose region has no effect."""

LEGACY_VENDORS: Final = frozenset({QINIU, KINGSOFT})
"""Those that the current documents no longer have."""

LEGACY_REGIONS: Final = frozenset({(AMAZON_S3, 17), (AMAZON_S3, 23), (BAIDU, 0)})
"""And the regions of others."""

STS_VENDORS: Final = frozenset({AMAZON_S3, ALIBABA_CLOUD, TENCENT_CLOUD})
SSE_VENDORS: Final = frozenset({AMAZON_S3})
TAG_VENDORS: Final = frozenset({AMAZON_S3, ALIBABA_CLOUD})


def area_of(vendor: int, region: int) -> str | None:
    """The area of a bucket, if it is known."""
    return None if vendor in ANYWHERE_VENDORS else AREAS[vendor][region]
