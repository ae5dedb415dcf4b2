"""What holds where nobody says otherwise, for the floors that must agree about it.

Only plain numbers live here, so that a signature can show them without loading what they are for.
"""

from typing import Final

QPS: Final = 10.0
"""Calls per second that an App ID may make to begin with (timing.yaml `limits.qps`)."""
