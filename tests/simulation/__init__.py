"""The whole client on a virtual clock against the emulator, through random programmes and bad days.

One seed is one programme: `specs.py` says what is recorded and how the service behaves, `weather.py` what
goes wrong and when, `users.py` what callers do, `lives.py` how a client dies, `world.py` plays it and
`running.py` runs it. What must hold is judged by `oracle.py` (each call, as it is sent) and `checks.py`
(everything else); both share no code with the client's own rules. `planted.py` breaks the client on purpose,
to show that the simulation can fail.

    python -m tests.simulation --seeds 1000          # a thousand new seeds
    python -m tests.simulation --first 4711 --trace  # one seed again, line by line
"""
