"""What the page about the lifecycle shows of the two tables: a diagram as SVG, and both tables in Markdown.

`docs/generate.py` writes them. Where boxes and arrows go is said here by hand; which there are, and what they
say, comes from the tables. An arrow without a place, or a place without an arrow, is an error.
"""

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import Final, NamedTuple

from agora_rec.lifecycle import COMMANDS, FACTS, CommandKey, FactKey, Stay, Verdict
from agora_rec.vocabulary import State

ORDER: Final = (
    State.IDLE,
    State.ACQUIRED,
    State.STARTING,
    State.RECORDING,
    State.STOPPING,
    State.FAILED,
    State.UPLOADED,
    State.BACKUPED,
)

WIDTH, HEIGHT = 950, 786
BOX_WIDTH, BOX_HEIGHT = 170, 72
LINE = 16
BOXES: Final[Mapping[State, tuple[int, int]]] = {
    State.IDLE: (30, 24),
    State.ACQUIRED: (364, 24),
    State.STARTING: (700, 24),
    State.RECORDING: (700, 250),
    State.STOPPING: (310, 250),
    State.FAILED: (505, 412),
    State.UPLOADED: (505, 558),
    State.BACKUPED: (505, 694),
}
"""The upper left corner of each state."""

RUNS: Final = frozenset({State.RECORDING, State.STOPPING})
NOT_UPLOADED: Final = RUNS | {State.FAILED}
NOT_BACKUPED: Final = NOT_UPLOADED | {State.UPLOADED}
ENDS: Final = frozenset({State.FAILED, State.UPLOADED, State.BACKUPED})
FRAMES: Final[Mapping[frozenset[State], tuple[int, int, int, int]]] = {
    NOT_BACKUPED: (266, 186, 636, 462),
    NOT_UPLOADED: (278, 198, 612, 304),
    RUNS: (290, 210, 588, 144),
    ENDS: (495, 402, 190, 376),
}
"""States from which the same facts lead on, framed: x, y, width, height."""


class Route(NamedTuple):
    """Where an arrow runs, and where its words stand: the first line's place, and which end of it that is."""

    points: tuple[tuple[int, int], ...]
    words: tuple[int, int]
    anchor: str = "middle"


Arrow = tuple[frozenset[State], State]
ROUTES: Final[Mapping[Arrow, Route]] = {
    (frozenset({State.IDLE}), State.ACQUIRED): Route(((200, 44), (364, 44)), (282, 38)),
    (frozenset({State.ACQUIRED}), State.IDLE): Route(((364, 76), (200, 76)), (282, 94)),
    (frozenset({State.ACQUIRED}), State.STARTING): Route(((534, 44), (700, 44)), (617, 38)),
    (frozenset({State.STARTING}), State.ACQUIRED): Route(((700, 76), (534, 76)), (617, 94)),
    (frozenset({State.STARTING}), State.IDLE): Route(
        ((730, 96), (730, 146), (115, 146), (115, 96)), (422, 140)
    ),
    (frozenset({State.STARTING}), State.RECORDING): Route(((800, 96), (800, 250)), (808, 164), "start"),
    (frozenset({State.STARTING}), State.FAILED): Route(
        ((870, 60), (926, 60), (926, 448), (675, 448)), (776, 442)
    ),
    (frozenset({State.RECORDING}), State.STOPPING): Route(((700, 292), (480, 292)), (590, 238)),
    (frozenset({State.STOPPING}), State.RECORDING): Route(((480, 312), (700, 312)), (590, 328)),
    (RUNS, State.FAILED): Route(((590, 354), (590, 412)), (600, 376), "start"),
    (NOT_UPLOADED, State.UPLOADED): Route(((590, 502), (590, 558)), (600, 524), "start"),
    (NOT_BACKUPED, State.BACKUPED): Route(((590, 648), (590, 694)), (600, 674), "start"),
    (ENDS, State.RECORDING): Route(((685, 594), (862, 594), (862, 322)), (695, 612), "start"),
    (ENDS, State.STOPPING): Route(((495, 594), (395, 594), (395, 322)), (485, 612), "end"),
}

LEGEND: Final = (
    "An arrow is a fact, a box a state.",
    "In a box: what you may ask for there",
    "(*: under a condition, see the table).",
    "An arrow from a frame starts",
    "in each of the states in it.",
    "All other facts leave the state",
    "as it is.",
)
LEGEND_PLACE: Final = (30, 544)

STYLE: Final = """
    text { font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #1b1f24 }
    .state { font-weight: bold; font-size: 15px }
    .small { font-size: 12px; fill: #57606a }
    .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
    .end { fill: #dafbe1; stroke: #1a7f37; stroke-width: 3 }
    .frame { fill: none; stroke: #8c959f; stroke-dasharray: 5 4 }
    .arrow { fill: none; stroke: #1b1f24; stroke-width: 1.3; marker-end: url(#tip) }
"""

TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>'
)


def diagram() -> str:
    """The state diagram as an SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>The states of a recording, and the facts that lead from one to another</title>",
        f"<style>{STYLE}</style>",
        TIP,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *(_rectangle("frame", *place) for place in FRAMES.values()),
        *(_arrow(ROUTES[arrow]) for arrow in arrows()),
        *(line for state in ORDER for line in _box(state)),
        *(
            line
            for arrow, facts in arrows().items()
            for line in _text("words", ROUTES[arrow].words, facts, ROUTES[arrow].anchor)
        ),
        *_text("small", LEGEND_PLACE, LEGEND, "start"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def arrows() -> dict[Arrow, tuple[str, ...]]:
    """Every change of state: from where (several, if the same facts lead from each), to where, and the facts.

    Raises:
        LookupError: `ROUTES` doesn't say where one of them runs, or says it of one that isn't there.
    """
    facts: dict[tuple[State, State], tuple[str, ...]] = {}
    for source in ORDER:
        for key in FactKey:
            cell = FACTS[source][key]
            if not isinstance(cell, Stay):
                facts[source, cell] = (*facts.get((source, cell), ()), key.value)
    sources: dict[tuple[State, tuple[str, ...]], frozenset[State]] = {}
    for (source, target), words in facts.items():
        sources[target, words] = sources.get((target, words), frozenset()) | {source}
    found = {(together, target): words for (target, words), together in sources.items()}
    if found.keys() != ROUTES.keys():
        raise LookupError(f"arrows and ROUTES differ: {found.keys() ^ ROUTES.keys()}")
    return found


def _rectangle(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'


def _arrow(route: Route) -> str:
    return f'<path class="arrow" d="M{" ".join(f"{x} {y}" for x, y in route.points)}"/>'


def _box(state: State) -> list[str]:
    x, y = BOXES[state]
    asked = wrap(", ".join(_legal(state)), 24)
    middle = x + BOX_WIDTH // 2
    top = y + 42 - 8 * len(asked)
    return [
        _rectangle("box end" if state.is_end else "box", x, y, BOX_WIDTH, BOX_HEIGHT),
        *_text("state", (middle, top), (state.name,)),
        *_text("small", (middle, top + LINE + 2), asked),
    ]


def _legal(state: State) -> list[str]:
    """What may be asked for in a state: with a star if there is a condition, with the verdict if not sent."""
    shown: dict[str, str] = {}
    for key, verdict in COMMANDS[state].items():
        if verdict is not Verdict.TOO_LATE:
            command, _, condition = key.value.partition(" (")
            more = "" if verdict is Verdict.SEND else " (remembered)"
            shown.setdefault(command, f"{command}{'*' if condition else ''}{more}")
    return list(shown.values())


def _text(
    kind: str, place: tuple[int, int], lines: tuple[str, ...] | list[str], anchor: str = "middle"
) -> list[str]:
    x, y = place
    return [
        f'<text class="{kind}" x="{x}" y="{y + number * LINE}" text-anchor="{anchor}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    ]


def tables() -> str:
    """Both tables in Markdown, and why a fact changes nothing where it doesn't."""
    return "\n".join(
        [
            "## The table of commands",
            "",
            "What becomes of a command; where there is a dot, it is illegal and nothing is sent.",
            "",
            *_matrix("command", {key.value: [_verdict(state, key) for state in ORDER] for key in CommandKey}),
            "",
            "## The table of facts",
            "",
            "The state after a fact; where there is a dot, the state stays.",
            "",
            *_matrix("fact", {key.value: [_next(state, key) for state in ORDER] for key in FactKey}),
            "",
            "### Why a fact changes nothing",
            "",
            "| because | in | facts |",
            "|---|---|---|",
            *_reasons(),
            "",
        ]
    )


def _matrix(corner: str, rows: Mapping[str, list[str]]) -> list[str]:
    head = (corner, *(state.name for state in ORDER))
    lines = [head, tuple("---" for _ in head), *((name, *cells) for name, cells in rows.items())]
    return [f"| {' | '.join(line)} |" for line in lines]


def _verdict(state: State, key: CommandKey) -> str:
    verdict = COMMANDS[state].get(key)
    return "·" if verdict is None else verdict.value


def _next(state: State, key: FactKey) -> str:
    cell = FACTS[state][key]
    return "·" if isinstance(cell, Stay) else cell.name


MANY: Final = 12
"""So many facts with one reason are "all others": at most one line for each state is that long."""


def _reasons() -> list[str]:
    """One line for each reason and each set of states in which the same facts stay for it."""
    states: dict[tuple[str, FactKey], tuple[str, ...]] = {}
    for state in ORDER:
        for key in FactKey:
            cell = FACTS[state][key]
            if isinstance(cell, Stay):
                states[cell.why, key] = (*states.get((cell.why, key), ()), state.name)
    facts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (why, key), names in states.items():
        facts.setdefault((why, names), []).append(key.value)
    return [
        f"| {why} | {', '.join(names)} | {', '.join(keys) if len(keys) < MANY else 'all others'} |"
        for (why, names), keys in facts.items()
    ]
