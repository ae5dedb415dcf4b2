"""The emulator's page in a real browser: `nox -s browser`. Not among the tests that need only Python."""
