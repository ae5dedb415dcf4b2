"""The control API of the emulator (`/_emulator/`): the truth is read, users move, faults are injected.

For programs in any language that drive the emulator in their tests, and for its page (`emulator.page`). It
is no part of the service that is emulated: its rules are ours. What can be asked is one table, `endpoints`.
"""
