"""What must hold between the fields of a `storageConfig`, as `rules` has it of all else."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Final

from agora_rec.emulator.schema.fields import Context, rule
from agora_rec.emulator.schema.regions import (
    ANYWHERE_VENDORS,
    AREAS,
    LEGACY_REGIONS,
    QINIU,
    S3_COMPATIBLE,
    SSE_VENDORS,
    STS_VENDORS,
    TAG_VENDORS,
)
from agora_rec.emulator.schema.told import Told, both, field, field_there, is_filled, is_one_of, when
from agora_rec.emulator.wire import int_of, object_of, text_of, texts_of

PREFIX_CHARACTERS_MAX: Final = 128
STS_VALIDITY: Final = timedelta(hours=4)


def _regions_told(context: Context) -> Told:
    free = ANYWHERE_VENDORS if context.settings.older_regions else frozenset[int]()
    return both(
        *(
            when(is_one_of("vendor", {vendor}), field("region", {"enum": _regions_of(vendor, context)}))
            for vendor in AREAS
            if vendor not in free
        )
    )


def _regions_of(vendor: int, context: Context) -> list[int]:
    legacy = frozenset[tuple[int, int]]() if context.settings.legacy_taken else LEGACY_REGIONS
    return [region for region in range(len(AREAS[vendor])) if (vendor, region) not in legacy]


@rule(_regions_told)
def region_fits_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """The region number is one of the vendor's."""
    vendor = int_of(given, "vendor", QINIU)
    if vendor in ANYWHERE_VENDORS and context.settings.older_regions:
        return None
    return None if int_of(given, "region", 0) in _regions_of(vendor, context) else "region"


def _earliest_expiration(context: Context) -> float:
    return (context.now + STS_VALIDITY).timestamp()


@rule(
    lambda context: when(
        is_filled("stsToken"),
        both(
            field_there("stsExpiration", {"minimum": ceil(_earliest_expiration(context))}),
            field("vendor", {"enum": sorted(STS_VENDORS)}),
        ),
    ),
    "stsExpiration is at least four hours from now on",
)
def sts_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """A temporary token belongs to some vendors, and is good for at least four hours."""
    if not text_of(given, "stsToken"):
        return None
    if int_of(given, "vendor", QINIU) not in STS_VENDORS:
        return "stsToken"
    is_late = int_of(given, "stsExpiration", 0) >= _earliest_expiration(context)
    return None if is_late else "stsExpiration"


@rule(
    field(
        "fileNamePrefix",
        {"maxItems": (PREFIX_CHARACTERS_MAX + 1) // 2, "items": {"maxLength": PREFIX_CHARACTERS_MAX}},
    ),
    f"fileNamePrefix, joined with /, has at most {PREFIX_CHARACTERS_MAX} characters",
)
def prefix_is_short(given: Mapping[str, object], context: Context) -> str | None:
    """The folders, joined, have at most 128 characters."""
    prefix = texts_of(given, "fileNamePrefix") or ()
    return "fileNamePrefix" if len("/".join(prefix)) > PREFIX_CHARACTERS_MAX else None


def _belongs_to(vendors: frozenset[int], name: str) -> Told:
    """Where that extension parameter is filled, the vendor is one of these."""
    return when(field_there("extensionParams", is_filled(name)), field("vendor", {"enum": sorted(vendors)}))


@rule(
    both(
        _belongs_to(SSE_VENDORS, "sse"),
        _belongs_to(TAG_VENDORS, "tag"),
        when(is_one_of("vendor", {S3_COMPATIBLE}), field_there("extensionParams", is_filled("endpoint"))),
    )
)
def params_fit_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """Encryption at rest, tags and endpoints belong to some vendors; S3-compatible needs its endpoint."""
    vendor = int_of(given, "vendor", QINIU)
    params = object_of(given, "extensionParams")
    if text_of(params, "sse") and vendor not in SSE_VENDORS:
        return "extensionParams.sse"
    if text_of(params, "tag") and vendor not in TAG_VENDORS:
        return "extensionParams.tag"
    if vendor == S3_COMPATIBLE and not text_of(params, "endpoint"):
        return "extensionParams.endpoint"
    return None
