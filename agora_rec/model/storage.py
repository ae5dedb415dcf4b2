"""Where the files go: one class for each storage vendor of the service.

Write-only keys are enough and recommended; postponed transcoding (legacy) needs keys that read as well. Keys
are `Secret`s, shown nowhere. What is None isn't sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final, cast

from attrs import field, frozen

from agora_rec.model.choices import ServerSideEncryption
from agora_rec.model.converters import one_secret, optional_moment, optional_texts
from agora_rec.model.regions import (
    AlibabaCloudRegion,
    AmazonS3Region,
    AnyRegion,
    BaiduCloudRegion,
    HuaweiCloudRegion,
    KingsoftCloudRegion,
    QiniuCloudRegion,
    StorageRegion,
    TencentCloudRegion,
    Vendor,
)
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import Region


@frozen(kw_only=True)
class Bucket:
    """What all vendors have in common.

    Attributes:
        bucket: the bucket's name; for Azure the container's.
        access_key: the key's id; for Azure the account's name.
        secret_key: the key itself.
        file_name_prefix: folders for the files: `["term1", "day2"]` gives `term1/day2/<file>`. Only a-z, A-Z
            and 0-9; joined with slashes at most 128 characters.
    """

    bucket: str
    access_key: Secret = field(converter=one_secret)
    secret_key: Secret = field(converter=one_secret)
    file_name_prefix: tuple[str, ...] | None = field(default=None, converter=optional_texts)


@frozen(kw_only=True)
class TemporaryKeyBucket(Bucket):
    """What the vendors with temporary keys (STS) have in common: Amazon, Alibaba and Tencent.

    Attributes:
        sts_token: the session's token. Recordings of more than an hour need a new one every 60 minutes,
            through `update`.
        sts_expiration: when it ends, as aware datetime or Unix seconds; at least four hours from now.
    """

    sts_token: Secret | None = field(default=None, converter=hide)
    sts_expiration: datetime | None = field(default=None, converter=optional_moment)


@frozen(kw_only=True)
class AmazonS3(TemporaryKeyBucket):
    """Amazon S3.

    Attributes:
        region: where the bucket lies.
        sse: encryption at the server; None: none asked for.
        tag: a tag for each file.
    """

    vendor: ClassVar[Vendor] = Vendor.AMAZON_S3
    region: AmazonS3Region
    sse: ServerSideEncryption | None = None
    tag: str | None = None


@frozen(kw_only=True)
class AlibabaCloud(TemporaryKeyBucket):
    """Alibaba Cloud OSS.

    Attributes:
        region: where the bucket lies.
        tag: a tag for each file.
    """

    vendor: ClassVar[Vendor] = Vendor.ALIBABA_CLOUD
    region: AlibabaCloudRegion
    tag: str | None = None


@frozen(kw_only=True)
class TencentCloud(TemporaryKeyBucket):
    """Tencent Cloud COS.

    Attributes:
        region: where the bucket lies.
    """

    vendor: ClassVar[Vendor] = Vendor.TENCENT_CLOUD
    region: TencentCloudRegion


@frozen(kw_only=True)
class AzureBlob(Bucket):
    """Microsoft Azure Blob Storage. It has no regions here: the service is sent 0."""

    vendor: ClassVar[Vendor] = Vendor.MICROSOFT_AZURE
    region: ClassVar[AnyRegion] = AnyRegion.ANY


@frozen(kw_only=True)
class GoogleCloud(Bucket):
    """Google Cloud Storage, with HMAC keys. It has no regions here: the service is sent 0."""

    vendor: ClassVar[Vendor] = Vendor.GOOGLE_CLOUD
    region: ClassVar[AnyRegion] = AnyRegion.ANY


@frozen(kw_only=True)
class HuaweiCloud(Bucket):
    """Huawei Cloud OBS.

    Attributes:
        region: where the bucket lies.
    """

    vendor: ClassVar[Vendor] = Vendor.HUAWEI_CLOUD
    region: HuaweiCloudRegion


@frozen(kw_only=True)
class BaiduCloud(Bucket):
    """Baidu AI Cloud BOS.

    Attributes:
        region: where the bucket lies.
    """

    vendor: ClassVar[Vendor] = Vendor.BAIDU_AI_CLOUD
    region: BaiduCloudRegion


@frozen(kw_only=True)
class S3Compatible(Bucket):
    """Any storage that speaks Amazon's protocol. It has no regions here: the service is sent 0.

    Attributes:
        endpoint: its host name, without scheme or path.
    """

    vendor: ClassVar[Vendor] = Vendor.S3_COMPATIBLE
    region: ClassVar[AnyRegion] = AnyRegion.ANY
    endpoint: str


@frozen(kw_only=True)
class QiniuCloud(Bucket):
    """Qiniu Kodo (legacy; not with postponed transcoding).

    Attributes:
        region: where the bucket lies.
    """

    vendor: ClassVar[Vendor] = Vendor.QINIU
    region: QiniuCloudRegion


@frozen(kw_only=True)
class KingsoftCloud(Bucket):
    """Kingsoft Cloud KS3 (legacy).

    Attributes:
        region: where the bucket lies.
    """

    vendor: ClassVar[Vendor] = Vendor.KINGSOFT
    region: KingsoftCloudRegion


@frozen(kw_only=True)
class OtherStorage(TemporaryKeyBucket):
    """A vendor that this release has no class for. Nothing here is judged but the form of each field.

    Attributes:
        vendor: the service's number for it.
        region: the service's number for its region.
        sse: as `AmazonS3`.
        tag: as `AmazonS3`.
        endpoint: as `S3Compatible`.
    """

    vendor: Vendor | int
    region: int = 0
    sse: ServerSideEncryption | None = None
    tag: str | None = None
    endpoint: str | None = None


Storage = (
    AmazonS3
    | AlibabaCloud
    | TencentCloud
    | AzureBlob
    | GoogleCloud
    | HuaweiCloud
    | BaiduCloud
    | S3Compatible
    | QiniuCloud
    | KingsoftCloud
    | OtherStorage
)
"""Every storage vendor."""

_REGIONS: Final[Mapping[type, type[StorageRegion]]] = {
    AmazonS3: AmazonS3Region,
    AlibabaCloud: AlibabaCloudRegion,
    TencentCloud: TencentCloudRegion,
    HuaweiCloud: HuaweiCloudRegion,
    BaiduCloud: BaiduCloudRegion,
    QiniuCloud: QiniuCloudRegion,
    KingsoftCloud: KingsoftCloudRegion,
}


def area_of(storage: Storage) -> Region | None:
    """Where the bucket lies, in the words of acquire's `region`; None: not known, or in none of them."""
    regions = _REGIONS.get(type(storage))
    number = cast("object", storage.region)
    if regions is None or not isinstance(number, int) or isinstance(number, bool):
        return None
    return regions(int(number)).area
