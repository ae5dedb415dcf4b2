"""Every check and every tool of the project, each as one nox session.

`python -m nox -s tests` and `python -m nox -s demo` need nothing but Python and nox; `.ci/run` runs what
`nox.options.sessions` names. What a session installs stands in pyproject.toml, in the extra of its name.
"""

import os
import sys

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)  # one source: the classifiers
EXTRAS = PROJECT["project"]["optional-dependencies"]
NOT_FUZZED = (3, 14)  # and whatever comes after it
# A module's tests stay together: the examples of a document follow on each other. One process more than there
# are cores: a third of the tests wait for sockets, signals and servers.
IN_PARALLEL = ("-n", str((os.cpu_count() or 2) + 1), "--dist", "loadscope")


@nox.session
def demo(session: nox.Session) -> None:
    """Forty channels at once against the emulator on a port; arguments go to `agora-rec demo`."""
    session.install(".[cli,emulator]")
    session.run("agora-rec", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, which must cover every line and branch; arguments go to pytest, without that demand."""
    session.install("-e", ".[tests]")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *IN_PARALLEL)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python=PYTHONS)
def versions(session: nox.Session) -> None:
    """The tests on each supported Python that is installed here; the others are skipped."""
    session.install("-e", ".[tests]")
    session.run("pytest", *(session.posargs or IN_PARALLEL))


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style, and the floors of the house (who may import whom)."""
    session.install(*EXTRAS["lint"])
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy and pyright, and how complete the types are that users see."""
    session.install("-e", ".[types]")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "agora_rec", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML; every warning and every dead reference is an error."""
    session.install(".[docs]")
    session.run(
        "sphinx-build", "-W", "-n", "--keep-going", "-E", "-q", "-b", "html", "docs", "docs/_build/html"
    )
    session.log("open docs/_build/html/index.html")


@nox.session
def bench(session: nox.Session) -> None:
    """What the library costs: see benchmarks/README.md; `-- --markdown` writes it into the documents."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks.import_time", *session.posargs)
    session.run("python", "-m", "benchmarks.transport_overhead", *session.posargs)
    session.run("python", "-m", "benchmarks.notifications", *session.posargs)
    session.run("python", "-m", "benchmarks.stores", *session.posargs)
    session.run("python", "-m", "benchmarks.fleet", *session.posargs)
    session.run("python", "-m", "benchmarks.watching", *session.posargs)
    session.run("python", "-m", "benchmarks.emulator_files", *session.posargs)
    session.run("python", "-m", "benchmarks.flow")
    session.run("python", "-m", "benchmarks.telemetry")
    session.run("python", "-m", "benchmarks.budget")


@nox.session
def simulate(session: nox.Session) -> None:
    """Random programmes on bad days, and long property-based tests; arguments go to the simulation alone."""
    session.install("-e", ".[tests]")
    if session.posargs:
        session.run("python", "-m", "tests.simulation", *session.posargs)
        return
    session.run("python", "-m", "tests.simulation", "--seeds", "2000", "--jobs", "2")
    session.run("pytest", *IN_PARALLEL, "-m", "hypothesis", "--hypothesis-profile=long")


@nox.session
def prove(session: nox.Session) -> None:
    """Plant mistakes in the client, one at a time: random programmes must find each; see tests/simulation."""
    session.install("-e", ".[tests]")
    session.run("python", "-m", "tests.simulation.prove", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The emulator's page in Debian's Chromium, installed if it isn't there; arguments go to pytest."""
    session.install("-e", ".[browser]")
    session.run("python", "-m", "tests.browser.chromium")
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session
def schema(session: nox.Session) -> None:
    """The emulator in 50,000 cases of its own description; arguments go to `python -m tests.openapi`."""
    session.install("-e", ".[schema]")
    session.run("pytest", "tests/openapi", "-p", "no:schemathesis")
    session.run("python", "-m", "tests.openapi", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Notifications of every kind, guided by coverage; arguments go to `python -m tests.fuzz`."""
    if sys.version_info >= NOT_FUZZED:
        session.skip("atheris, which fuzzes, has no wheel for this Python")
    session.install("-e", ".[fuzz]")
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ("--runs", "100000")))


@nox.session
def workers(session: nox.Session) -> None:
    """Four workers that are killed, on each store; arguments go to `python -m tests.workers`."""
    session.install("-e", ".[tests]")
    session.run("python", "-m", "tests.workers", *session.posargs)


@nox.session
def fleets(session: nox.Session) -> None:
    """A fleet over real sockets, within its limits, and killed; arguments go to `python -m tests.fleets`."""
    session.install("-e", ".[tests]")
    session.run("python", "-m", "tests.fleets", *session.posargs)


@nox.session
def mutate(session: nox.Session) -> None:
    """Delete, redirect and add each row of the lifecycle's tables; a change that no test sees is an error."""
    session.install("-e", ".[tests]")
    session.run("python", "-m", "tests.lifecycle.mutate")
