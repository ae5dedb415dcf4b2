"""The `agora-rec` command: recordings by hand and in a store, an emulator, a demonstration, an allow list.

This module only starts it; the commands are in `commands`, and need the extra `cli`. What is printed is for
people, but for the allow list: programs use the library.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run `agora-rec`; where click or rich is missing, say how to install them."""
    try:
        from agora_rec.cli.commands import command  # noqa: PLC0415 - only the command needs the extra
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in {"click", "rich"}:
            raise
        sys.exit(f"agora-rec needs {missing}: python -m pip install 'agora-rec[cli]'")
    command(prog_name="agora-rec")
