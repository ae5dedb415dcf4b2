"""How a rate is judged from outside, by tests and benchmarks alike: from the moments of the calls alone."""


def most_in_any_window(moments: list[float], window: float) -> int:
    """The largest number of moments in any closed window of that length."""
    most, first = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return most
