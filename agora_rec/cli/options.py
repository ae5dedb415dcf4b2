"""Kinds of values that several commands take."""

import math
from typing import Any, Final

import click


class _Positive(click.FloatRange):
    """A number above 0. click lets `inf` through, and `nan`, which no range keeps out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


POSITIVE: Final = _Positive(min=0, min_open=True)
