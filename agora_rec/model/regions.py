"""Storage vendors, their regions, and where in the world each region lies.

The numbers and names are the service's (its page on regions and vendors). The provider's own region id is
general knowledge. The area is derived from geography: the service only says that the bucket must lie in the
region that acquire was restricted to, without a table; None means that no area fits or none is known, so that
nothing can be judged.
"""

from typing import Self

from agora_rec.vocabulary import OpenIntEnum, Region


class Vendor(OpenIntEnum):
    """Who keeps the files. Qiniu and Kingsoft are legacy: they left the current documents."""

    QINIU = 0
    AMAZON_S3 = 1
    ALIBABA_CLOUD = 2
    TENCENT_CLOUD = 3
    KINGSOFT = 4
    MICROSOFT_AZURE = 5
    GOOGLE_CLOUD = 6
    HUAWEI_CLOUD = 7
    BAIDU_AI_CLOUD = 8
    S3_COMPATIBLE = 11


class StorageRegion(OpenIntEnum):
    """A vendor's region: a number for the service, and what we know of the place.

    Attributes:
        provider_id: the vendor's own name for it, for use with the vendor's API; None: not known.
        area: the `Region` of acquire that it lies in; None: none of them, or not known.
    """

    provider_id: str | None
    area: Region | None

    def __new__(cls, number: int, provider_id: str | None = None, area: Region | None = None) -> Self:
        """One row of the table."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.provider_id = provider_id
        member.area = area
        return member

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        member = super()._missing_(value)
        if member is not None:
            member.provider_id = None
            member.area = None
        return member


class AnyRegion(StorageRegion):
    """The one number for vendors whose regions the service doesn't ask for."""

    ANY = 0


class AmazonS3Region(StorageRegion):
    """Amazon S3. The two `US_GOV` regions are legacy."""

    US_EAST_1 = 0, "us-east-1", Region.NA
    US_EAST_2 = 1, "us-east-2", Region.NA
    US_WEST_1 = 2, "us-west-1", Region.NA
    US_WEST_2 = 3, "us-west-2", Region.NA
    EU_WEST_1 = 4, "eu-west-1", Region.EU
    EU_WEST_2 = 5, "eu-west-2", Region.EU
    EU_WEST_3 = 6, "eu-west-3", Region.EU
    EU_CENTRAL_1 = 7, "eu-central-1", Region.EU
    AP_SOUTHEAST_1 = 8, "ap-southeast-1", Region.AP
    AP_SOUTHEAST_2 = 9, "ap-southeast-2", Region.AP
    AP_NORTHEAST_1 = 10, "ap-northeast-1", Region.AP
    AP_NORTHEAST_2 = 11, "ap-northeast-2", Region.AP
    SA_EAST_1 = 12, "sa-east-1"
    CA_CENTRAL_1 = 13, "ca-central-1", Region.NA
    AP_SOUTH_1 = 14, "ap-south-1", Region.AP
    CN_NORTH_1 = 15, "cn-north-1", Region.CN
    CN_NORTHWEST_1 = 16, "cn-northwest-1", Region.CN
    US_GOV_WEST_1 = 17, "us-gov-west-1", Region.NA
    AF_SOUTH_1 = 18, "af-south-1"
    AP_EAST_1 = 19, "ap-east-1", Region.AP
    AP_NORTHEAST_3 = 20, "ap-northeast-3", Region.AP
    EU_NORTH_1 = 21, "eu-north-1", Region.EU
    ME_SOUTH_1 = 22, "me-south-1"
    US_GOV_EAST_1 = 23, "us-gov-east-1", Region.NA
    AP_SOUTHEAST_3 = 24, "ap-southeast-3", Region.AP
    EU_SOUTH_1 = 25, "eu-south-1", Region.EU


class AlibabaCloudRegion(StorageRegion):
    """Alibaba Cloud OSS.

    The ids of `CN_NORTHEAST_2` and `CN_SOUTHEAST_7` are guesses: their names look like misprints.
    """

    CN_HANGZHOU = 0, "cn-hangzhou", Region.CN
    CN_SHANGHAI = 1, "cn-shanghai", Region.CN
    CN_QINGDAO = 2, "cn-qingdao", Region.CN
    CN_BEIJING = 3, "cn-beijing", Region.CN
    CN_ZHANGJIAKOU = 4, "cn-zhangjiakou", Region.CN
    CN_HUHEHAOTE = 5, "cn-huhehaote", Region.CN
    CN_SHENZHEN = 6, "cn-shenzhen", Region.CN
    CN_HONGKONG = 7, "cn-hongkong", Region.AP
    US_WEST_1 = 8, "us-west-1", Region.NA
    US_EAST_1 = 9, "us-east-1", Region.NA
    AP_SOUTHEAST_1 = 10, "ap-southeast-1", Region.AP
    AP_SOUTHEAST_2 = 11, "ap-southeast-2", Region.AP
    AP_SOUTHEAST_3 = 12, "ap-southeast-3", Region.AP
    AP_SOUTHEAST_5 = 13, "ap-southeast-5", Region.AP
    AP_NORTHEAST_1 = 14, "ap-northeast-1", Region.AP
    AP_SOUTH_1 = 15, "ap-south-1", Region.AP
    EU_CENTRAL_1 = 16, "eu-central-1", Region.EU
    EU_WEST_1 = 17, "eu-west-1", Region.EU
    EU_EAST_1 = 18, None, Region.EU
    AP_SOUTHEAST_6 = 19, "ap-southeast-6", Region.AP
    CN_HEYUAN = 20, "cn-heyuan", Region.CN
    CN_GUANGZHOU = 21, "cn-guangzhou", Region.CN
    CN_CHENGDU = 22, "cn-chengdu", Region.CN
    CN_NANJING = 23, "cn-nanjing", Region.CN
    CN_FUZHOU = 24, "cn-fuzhou", Region.CN
    CN_WULANCHABU = 25, "cn-wulanchabu", Region.CN
    CN_NORTHEAST_2 = 26, "ap-northeast-2"
    CN_SOUTHEAST_7 = 27, "ap-southeast-7"


class TencentCloudRegion(StorageRegion):
    """Tencent Cloud COS. FSI is the finance zone."""

    AP_BEIJING_1 = 0, "ap-beijing-1", Region.CN
    AP_BEIJING = 1, "ap-beijing", Region.CN
    AP_SHANGHAI = 2, "ap-shanghai", Region.CN
    AP_GUANGZHOU = 3, "ap-guangzhou", Region.CN
    AP_CHENGDU = 4, "ap-chengdu", Region.CN
    AP_CHONGQING = 5, "ap-chongqing", Region.CN
    AP_SHENZHEN_FSI = 6, "ap-shenzhen-fsi", Region.CN
    AP_SHANGHAI_FSI = 7, "ap-shanghai-fsi", Region.CN
    AP_BEIJING_FSI = 8, "ap-beijing-fsi", Region.CN
    AP_HONGKONG = 9, "ap-hongkong", Region.AP
    AP_SINGAPORE = 10, "ap-singapore", Region.AP
    AP_MUMBAI = 11, "ap-mumbai", Region.AP
    AP_SEOUL = 12, "ap-seoul", Region.AP
    AP_BANGKOK = 13, "ap-bangkok", Region.AP
    AP_TOKYO = 14, "ap-tokyo", Region.AP
    NA_SILICONVALLEY = 15, "na-siliconvalley", Region.NA
    NA_ASHBURN = 16, "na-ashburn", Region.NA
    NA_TORONTO = 17, "na-toronto", Region.NA
    EU_FRANKFURT = 18, "eu-frankfurt", Region.EU
    EU_MOSCOW = 19, "eu-moscow", Region.EU


class HuaweiCloudRegion(StorageRegion):
    """Huawei Cloud OBS."""

    CN_NORTH_1 = 0, "cn-north-1", Region.CN
    CN_NORTH_4 = 1, "cn-north-4", Region.CN
    CN_EAST_2 = 2, "cn-east-2", Region.CN
    CN_EAST_3 = 3, "cn-east-3", Region.CN
    CN_SOUTH_1 = 4, "cn-south-1", Region.CN
    CN_SOUTHWEST_2 = 5, "cn-southwest-2", Region.CN
    AP_SOUTHEAST_1 = 6, "ap-southeast-1", Region.AP
    AP_SOUTHEAST_2 = 7, "ap-southeast-2", Region.AP
    AP_SOUTHEAST_3 = 8, "ap-southeast-3", Region.AP
    AF_SOUTH_1 = 9, "af-south-1"
    SA_ARGENTINA_1 = 10, "sa-argentina-1"
    SA_PERU_1 = 11, "sa-peru-1"
    NA_MEXICO_1 = 12, "na-mexico-1", Region.NA
    SA_BRAZIL_1 = 13, "sa-brazil-1"
    LA_SOUTH_2 = 14, "la-south-2"
    SA_CHILE_1 = 15, "sa-chile-1"


class BaiduCloudRegion(StorageRegion):
    """Baidu AI Cloud BOS. `BEIJING` is legacy."""

    BEIJING = 0, "bj", Region.CN
    BAODING = 1, "bd", Region.CN
    SUZHOU = 2, "su", Region.CN
    GUANGZHOU = 3, "gz", Region.CN
    HONGKONG = 4, "hkg", Region.AP
    SINGAPORE = 5, "sin", Region.AP
    WUHAN = 6, "fwh", Region.CN
    SHANGHAI = 7, "fsh", Region.CN


class QiniuCloudRegion(StorageRegion):
    """Qiniu Kodo (legacy)."""

    EAST_CHINA = 0, "cn-east-1", Region.CN
    NORTH_CHINA = 1, "cn-north-1", Region.CN
    SOUTH_CHINA = 2, "cn-south-1", Region.CN
    NORTH_AMERICA = 3, "us-north-1", Region.NA
    SOUTHEAST_ASIA = 4, "ap-southeast-1", Region.AP


class KingsoftCloudRegion(StorageRegion):
    """Kingsoft Cloud KS3 (legacy). JR is the finance zone; the last two are named NA, yet lie elsewhere."""

    CN_HANGZHOU = 0, "cn-hangzhou", Region.CN
    CN_SHANGHAI = 1, "cn-shanghai", Region.CN
    CN_QINGDAO = 2, "cn-qingdao", Region.CN
    CN_BEIJING = 3, "cn-beijing", Region.CN
    CN_GUANGZHOU = 4, "cn-guangzhou", Region.CN
    CN_HONGKONG = 5, "cn-hk-1", Region.AP
    JR_BEIJING = 6, "jr-beijing", Region.CN
    JR_SHANGHAI = 7, "jr-shanghai", Region.CN
    NA_RUSSIA_1 = 8, "rus"
    NA_SINGAPORE_1 = 9, "sgp", Region.AP
