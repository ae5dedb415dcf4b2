"""What is known of the recordings of `agora-rec fleet`: the newest result of each, and what they come to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, evolve, field, frozen

from agora_rec import IncidentKind, Result, ResultState, Spec
from agora_rec.errors.text import shown

ALL_RECORDED: Final = 0
NOT_ALL_RECORDED: Final = 1
MAY_RUN: Final = 3


@frozen
class News:
    """What has changed for one recording: where it stands now, or what has happened to it."""

    name: str
    text: str


def name_of(spec: Spec) -> str:
    """What tells it apart from the others: its key; of one that was adopted without, channel and uid."""
    return spec.key if spec.key is not None else f"{spec.cname}/{spec.uid}"


def may_run(result: Result) -> bool:
    """Whether something of it may be recorded, as far as is known."""
    out_of_control = any(each.kind is IncidentKind.OUT_OF_CONTROL for each in result.failures)
    return out_of_control or any(take.ended_at is None for take in result.takes)


def why(result: Result) -> str:
    """What was told of it last that went wrong; empty: nothing."""
    if result.state is ResultState.WITHDRAWN:
        return ""  # that says it all
    if result.failures:
        return str(result.failures[-1])
    return "" if result.error is None else str(result.error) or type(result.error).__name__


@define
class Progress:
    """The newest result of each recording, in the order of the file; adopted ones come after these."""

    _results: dict[str, Result] = field(factory=dict[str, Result], init=False)

    @classmethod
    def of(cls, specs: Iterable[Spec]) -> "Progress":
        """All of them wait."""
        progress = cls()
        progress.see(Result(spec=spec, state=ResultState.WAITING) for spec in specs)
        return progress

    @property
    def results(self) -> tuple[Result, ...]:
        """The newest ones."""
        return tuple(self._results.values())

    @property
    def states(self) -> Counter[ResultState]:
        """How many stand where."""
        return Counter(result.state for result in self._results.values())

    @property
    def calls(self) -> int:
        """How many calls they took."""
        return sum(result.calls for result in self._results.values())

    @property
    def exit_code(self) -> int:
        """What the command says to programs."""
        if any(map(may_run, self._results.values())):
            return MAY_RUN
        is_done = all(result.state.is_recorded for result in self._results.values())
        return ALL_RECORDED if is_done else NOT_ALL_RECORDED

    def see(self, results: Iterable[Result]) -> list[News]:
        """Take in what is known now, and give what is new in it."""
        news: list[News] = []
        for result in results:
            name = name_of(result.spec)
            news += _news(name, self._results.get(name), result)
            self._results[name] = result
        return news

    def withdraw(self) -> list[News]:
        """Nobody begins any more."""
        waiting = [each for each in self._results.values() if each.state is ResultState.WAITING]
        return self.see(evolve(each, state=ResultState.WITHDRAWN) for each in waiting)

    def tell(self) -> str:
        """All in one line."""
        states = self.states
        told = ", ".join(f"{states[state]} {state}" for state in ResultState if states[state])
        files = sum(len(result.files) for result in self._results.values())
        all_of_them = _count(len(self._results), "recording")
        return f"{all_of_them}: {told}; {_count(files, 'file')}, {_count(self.calls, 'call')}"


def _news(name: str, before: Result | None, now: Result) -> Iterator[News]:
    seen = () if before is None else before.failures
    for incident in now.failures:
        if incident not in seen:
            yield News(name, str(incident))
    if before is None or before.state is not now.state:
        yield News(name, _stands(now))


def _stands(result: Result) -> str:
    if not result.state.is_final:
        return str(result.state)
    files = f", {_count(len(result.files), 'file')}" if result.files else ""
    reason = "" if result.failures else why(result)  # failures are news of their own
    return f"{result.state}{files}{': ' if reason else ''}{reason}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def label(name: str, limit: int = 80) -> str:
    """A name as it is shown: it may hold anything."""
    return shown(name, limit)
