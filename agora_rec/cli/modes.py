"""How the command records: a mode by its name, with what it needs beside the storage."""

from typing import Final

from agora_rec import AudioProfile, Individual, Mix, Mode, ModeName, Storage, SubscribeUidGroup, Web

HOURS: Final = 24
"""For how long a page is recorded at most."""


def mode_of(name: ModeName, storage: Storage, url: str | None) -> Mode:
    """Make the mode of that name.

    Args:
        name: Which.
        storage: Where the files go.
        url: The page; for web mode.
    """
    if name is ModeName.MIX:
        return Mix(storage=storage)
    if name is ModeName.INDIVIDUAL:
        return Individual(storage=storage, subscribe_uid_group=SubscribeUidGroup.FROM_13_TO_17)
    return Web(
        storage=storage,
        url=url or "",
        audio_profile=AudioProfile.MONO_48_KBPS,
        video_width=1280,
        video_height=720,
        max_recording_hour=HOURS,
    )
