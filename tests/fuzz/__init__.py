"""Notifications of every kind of junk: what must hold for them, where they come from, how they are twisted.

`python -m tests.fuzz --runs 1000000` looks for inputs on which it doesn't hold, guided by coverage; `target`
says what must hold, and the property-based tests in tests/notifications ask the same of what they invent.
"""
