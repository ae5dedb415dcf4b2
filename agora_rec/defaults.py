"""What holds where nobody says otherwise, for the floors that must agree about it.

Only plain numbers live here, so that a signature can show them without loading what they are for.
"""

from typing import Final

QPS: Final = 10.0
"""Calls per second that an App ID may make to begin with (timing.yaml `limits.qps`)."""

MAX_CONNECTIONS: Final = 500
"""Calls under way at once, of one client; far below the files that a process may open nearly everywhere."""
