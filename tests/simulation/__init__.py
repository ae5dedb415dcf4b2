"""The whole client on a virtual clock against the emulator, through random programmes and bad days.

One seed is one programme: `specs.py` says what is recorded and how the service behaves, `weather.py` what
goes wrong and when, `users.py` what callers do, `lives.py` how a client dies, `world.py` plays it and
`running.py` runs it. `heard.py` adds notifications, failovers, and what happens at the n-th step of any
task; `workers.py` several workers, `fleets.py` fleets. What must hold is judged by `oracle.py` and
`notices.py` (each call, as it is sent) and `checks.py` (everything else; it numbers the invariants as the
design does); they share no code with the client's own rules. `planted.py` breaks the client on purpose, to
show that the simulation can fail.

    python -m tests.simulation --seeds 1000                            # a thousand new seeds of each kind
    python -m tests.simulation --kind workers --first 4711 --trace     # one seed again, line by line
"""
