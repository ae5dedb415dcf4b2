"""The closed sets of numbers and words that requests choose from.

The numbers are the service's own. Region numbers of storage vendors are in `regions`, sets that only
answers use in `answers`.
"""

from enum import IntEnum, StrEnum, unique


@unique
class Scene(IntEnum):
    """What a resource is acquired for: acquire's `scene`."""

    RTC = 0
    WEB = 1
    POSTPONED = 2
    """Postponed transcoding or audio mixing (legacy)."""


@unique
class RegionAffinity(IntEnum):
    """A preference for where to record, unlike `Region`, which restricts (legacy)."""

    NEAREST = 0
    CHINA = 1
    SOUTHEAST_ASIA = 2
    EUROPE = 3
    NORTH_AMERICA = 4


@unique
class ChannelType(IntEnum):
    """The channel's profile; it must be that of the SDK clients."""

    COMMUNICATION = 0
    LIVE = 1


@unique
class DecryptionMode(IntEnum):
    """How the channel is encrypted. The two GCM2 modes need a salt."""

    NONE = 0
    AES_128_XTS = 1
    AES_128_ECB = 2
    AES_256_XTS = 3
    SM4_128_ECB = 4
    AES_128_GCM = 5
    AES_256_GCM = 6
    AES_128_GCM2 = 7
    AES_256_GCM2 = 8


@unique
class StreamTypes(IntEnum):
    """What is subscribed to. The service's default is both."""

    AUDIO = 0
    VIDEO = 1
    AUDIO_AND_VIDEO = 2


@unique
class VideoStreamType(IntEnum):
    """Which of a sender's two video streams is taken, where it sends two."""

    HIGH = 0
    LOW = 1


@unique
class AudioProfile(IntEnum):
    """Quality of the recorded audio, always at 48 kHz."""

    MONO_48_KBPS = 0
    MONO_128_KBPS = 1
    STEREO_192_KBPS = 2


@unique
class SubscribeUidGroup(IntEnum):
    """How many users are recorded at most, counting each once for audio and video together.

    Older documents draw the last two borders differently (17 to 32, 32 to 49).
    """

    UP_TO_2 = 0
    FROM_3_TO_7 = 1
    FROM_8_TO_12 = 2
    FROM_13_TO_17 = 3
    FROM_18_TO_32 = 4
    FROM_33_TO_49 = 5


@unique
class StreamMode(StrEnum):
    """What individual recording makes of each user's streams."""

    DEFAULT = "default"
    """One audio and one video playlist for each user, audio transcoded."""
    STANDARD = "standard"
    """As `DEFAULT`, and one merged playlist for each user."""
    ORIGINAL = "original"
    """Audio as it was sent; for audio-only recording."""


@unique
class AvFileType(StrEnum):
    """The kinds of file that a recording makes. MP4 comes beside HLS, never alone."""

    HLS = "hls"
    MP4 = "mp4"


@unique
class SnapshotFileType(StrEnum):
    """The kinds of file that screenshots come in."""

    JPG = "jpg"


@unique
class MixedVideoLayout(IntEnum):
    """The number of each layout; the layouts themselves are in `layout`."""

    FLOATING = 0
    BEST_FIT = 1
    VERTICAL = 2
    CUSTOM = 3


@unique
class RenderMode(IntEnum):
    """How a picture is put into its region."""

    CROP = 0
    FIT = 1


@unique
class ErrorHandlePolicy(StrEnum):
    """What an error of an extension service does to the others.

    Page recording knows only `ABORT`, the push to a CDN only `IGNORE`.
    """

    ABORT = "error_abort"
    IGNORE = "error_ignore"


@unique
class ServerSideEncryption(StrEnum):
    """How Amazon S3 encrypts the files that it is given."""

    KMS = "kms"
    AES256 = "aes256"


@unique
class CombinationPolicy(StrEnum):
    """Whether files are worked on after the recording (legacy)."""

    DEFAULT = "default"
    POSTPONE_TRANSCODING = "postpone_transcoding"


@unique
class TransMode(StrEnum):
    """What is made of the files after the recording (legacy)."""

    POSTPONE_TRANSCODING = "postponeTranscoding"
    AUDIO_MIX = "audioMix"


@unique
class TransFormat(StrEnum):
    """Kinds of file that postponed work makes (legacy). Transcoding knows `MP4`, mixing the others."""

    MP4 = "mp4"
    MP3 = "mp3"
    M4A = "m4a"
    AAC = "aac"


@unique
class SampleRate(StrEnum):
    """Samples per second of mixed audio, in Hz (legacy)."""

    HZ_48000 = "48000"
    HZ_32000 = "32000"
    HZ_16000 = "16000"


@unique
class MixBitrate(StrEnum):
    """Bitrate of mixed audio; one value is known (legacy)."""

    BPS_48000 = "48000"


@unique
class Channels(StrEnum):
    """Mono or stereo for mixed audio (legacy)."""

    MONO = "1"
    STEREO = "2"
