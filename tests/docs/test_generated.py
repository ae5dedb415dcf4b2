"""What the documents say of a table is what the table says."""

import re

import pytest

from docs.generate import GENERATED, MEASURED, PARTS, PICTURED


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_part_is_up_to_date(name: str):
    assert (PARTS / name).read_text(encoding="utf-8") == GENERATED[name](), "python -m docs.generate"


def test_every_part_is_generated_and_shown_once():
    parts = {*GENERATED, *MEASURED, *PICTURED}
    assert {path.name for path in PARTS.iterdir()} == parts
    shown = [
        name
        for page in PARTS.parent.glob("*.md")
        for name in re.findall(r"parts/([a-z_.]+)", page.read_text(encoding="utf-8"))
    ]
    assert sorted(shown) == sorted(parts)


@pytest.mark.parametrize(("name", "command"), PICTURED.items())
def test_a_picture_is_small_and_its_command_is_told(name: str, command: str):
    content = (PARTS / name).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) < 150_000
    assert any(command in page.read_text(encoding="utf-8") for page in PARTS.parent.glob("*.md"))


@pytest.mark.parametrize(("name", "command"), MEASURED.items())
def test_a_measured_part_says_how_when_and_where_it_was_measured(name: str, command: str):
    lines = (PARTS / name).read_text(encoding="utf-8").splitlines()
    said = lines[-1]
    if name.endswith(".svg"):
        (said,) = [line[6:-7] for line in lines if line.startswith("<desc>")]
    origin = r", \d{1,2} [A-Z][a-z]+ 20\d\d, .+ with \d+ cores, Python 3\.\d+\.\d+, [a-z-]+ \d"
    assert re.fullmatch(rf"Measured by `{re.escape(command)}`: .*\d\.", said)
    assert re.search(origin, f", {said.partition('`: ')[2]}")
