"""For the tests of users: the emulator and its client as fixtures hold them, and the contract of a `Store`.

The fixtures themselves are pytest's plugin `agora_rec_pytest`, which comes with the library. Needs pytest,
which the library itself doesn't. Importing `agora_rec` loads none of it.
"""

from typing import TYPE_CHECKING

from agora_rec.deferred import deferred

if TYPE_CHECKING:
    from agora_rec.testing.clock import PatientClock
    from agora_rec.testing.staged import StagedCloud, StagedEmulator
    from agora_rec.testing.store_contract import StoreContract
else:
    __getattr__, __dir__ = deferred(
        __name__,
        {
            "agora_rec.testing.clock": ("PatientClock",),
            "agora_rec.testing.staged": ("StagedCloud", "StagedEmulator"),
            "agora_rec.testing.store_contract": ("StoreContract",),
        },
    )

__all__ = ["PatientClock", "StagedCloud", "StagedEmulator", "StoreContract"]
