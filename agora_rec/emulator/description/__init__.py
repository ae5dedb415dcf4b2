"""What the emulator can be asked and what it answers, as an OpenAPI 3.1 document.

Everything comes from the tables by which the emulator itself checks what it is sent; what it answers is told
beside them, and a test run holds the answers against it.
"""

from agora_rec.emulator.description.document import describe

__all__ = ["describe"]
