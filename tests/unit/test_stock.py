"""The oracle and the table behind `make stock`; the faults themselves are staged by that command alone."""

from collections.abc import Mapping, Sequence

import pytest

from tests.stock.faults import FAULTS
from tests.stock.oracle import Place, Seen, Tally, judge
from tests.stock.report import BEGIN, END, Row, block, replace_block
from tests.stock.run import ROOT, Engine

EVENTS: Mapping[Place, bytes] = {(0, 0): b"a", (0, 1): b"a", (1, 0): b"b"}
ALL: Sequence[Place] = list(EVENTS)
EXACT = {b"a": 2, b"b": 1}
ENGINE = Engine("an engine", "none")
OPERATIONS = ROOT / "docs" / "operations.md"


@pytest.mark.parametrize(
    ("answers", "dead", "state", "wanted"),
    [
        (ALL, [], EXACT, Tally(3, 0, 0, 0, 0, 0)),
        (ALL[1:], [], EXACT, Tally(3, 0, 1, 0, 0, 0)),
        (ALL[1:], [ALL[0]], {b"a": 1, b"b": 1}, Tally(3, 1, 0, 0, 0, 0)),
        ([*ALL, ALL[0], ALL[0]], [], EXACT, Tally(3, 0, 0, 2, 0, 0)),
        (ALL, [], {b"a": 4}, Tally(3, 0, 0, 0, 2, 1)),
        (ALL, [], EXACT | {b"nobody": 1}, Tally(3, 0, 0, 0, 1, 0)),
        ([], [], {}, Tally(3, 0, 3, 0, 0, 3)),
        (ALL, [], None, Tally(3, 0, 0, 0, None, None)),
    ],
    ids=["exact", "lost", "refused", "doubled", "miscounted", "of nobody", "nothing", "no counts"],
)
def test_what_came_is_held_against_what_should_have(
    answers: Sequence[Place], dead: Sequence[Place], state: Mapping[bytes, int] | None, wanted: Tally
) -> None:
    """Each kind of fault counts in its own column, and a refused event that is kept is no lost one."""
    assert judge(Seen(EVENTS, answers, dead, state)) == wanted


def test_the_table_has_a_line_for_each_run_and_says_what_was_done() -> None:
    """With its conditions, so that a figure is never read without them."""
    rows = [Row(fault, ENGINE, Tally(8_000, 1, 2, 3, 4, 5)) for fault in FAULTS]
    text = block(rows, {"seed": "7"})
    assert "- seed: 7\n" in text
    for fault in FAULTS:
        assert f"- **{fault.name}**: {fault.text}" in text
        assert f"| {fault.name} | an engine | 8,000 | 1 | 2 | 3 | 4 | 5 |" in text


def test_the_document_keeps_what_is_around_the_block() -> None:
    """What people wrote stays theirs."""
    before = f"# Title\n{BEGIN}\nold\n{END}\n## Next\n"
    assert replace_block(before, "new") == f"# Title\n{BEGIN}\nnew\n{END}\n## Next\n"


def test_the_document_has_the_block() -> None:
    """`make stock` writes it; it names every fault that is staged."""
    written = OPERATIONS.read_text().partition(BEGIN)[2].partition(END)[0]
    assert all(f"**{fault.name}**" in written for fault in FAULTS)
