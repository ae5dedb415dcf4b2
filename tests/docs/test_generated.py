"""What the documents say of a table is what the table says."""

import re

import pytest

from docs.generate import GENERATED, PARTS


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_part_is_up_to_date(name: str):
    assert (PARTS / name).read_text(encoding="utf-8") == GENERATED[name](), "python -m docs.generate"


def test_every_part_is_generated_and_shown_once():
    assert {path.name for path in PARTS.iterdir()} == set(GENERATED)
    shown = [
        name
        for page in PARTS.parent.glob("*.md")
        for name in re.findall(r"parts/([a-z.]+)", page.read_text(encoding="utf-8"))
    ]
    assert sorted(shown) == sorted(GENERATED)
