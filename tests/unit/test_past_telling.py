"""What people read of the past: whatever stands in a record, nothing but printable text gets to the terminal."""

import io

import pytest
from rich.console import Console

from schemas.errors import RefusedError
from streams.cli.moments import moment_ms
from streams.past.differences import Difference
from streams.past.explanation import (
    ContextTold,
    DecisionTold,
    Explanation,
    ItemTold,
    JudgedTold,
    MoveTold,
    Named,
    PlaceTold,
    RemovedTold,
    SessionTold,
    SourceTold,
    StepTold,
)
from streams.past.finding import Wanted
from streams.past.report import Report
from streams.past.showing import show
from streams.past.telling import plain_text, print_report

EVIL = "\x1b]0;owned\x07[red]x[/nonsense]\r\n\u202e"
"""A terminal's title, broken markup, a line of its own, text that runs backwards."""

BOTH = (("covisitation", 0.4), ("session_knn", 0.2))


def explanation() -> Explanation:
    """Make one in which every text comes from somebody evil."""
    named = (Named(EVIL, EVIL, 1.0),)
    decision = DecisionTold(
        outcome=EVIL, equal=False, difference=(EVIL, EVIL, [EVIL]),
        context=ContextTold(named, named, ((EVIL, 0.5),), 9.5, EVIL),
        sources=(SourceTold("words", 3, named, 2),), timed_out=("content",),
        removed=(RemovedTold("hidden", 1, named),), candidates=4, weights={}, learned_rows=5, shown=1,
        items=(
            ItemTold(1, EVIL, EVIL, 0.5, EVIL, 0.1, BOTH, 0.5, 0.9, 1, (1, 1, 1), explored=False, reserved=True),
            ItemTold(2, EVIL, EVIL, 0.4, EVIL, 0.1, (("intercept", -3.0),), 0.0, 1.0, 0, (2, 0, 0), explored=True,
                     reserved=False, judged=7.5),
        ),
        explored={"rank": 2, "pool": EVIL, "propensity": 0.01},
        judged=JudgedTold(EVIL, EVIL, "coarse", EVIL, 3, 20, covered=False),
    )  # fmt: skip
    session = SessionTold(
        known=True, session_id=EVIL, stage="browsing", n_sessions=1, n_events=2, landing={"country": EVIL}, query=EVIL,
        steps=(StepTold(EVIL, EVIL, "view", 3.0, None, 0.5, 1.0),), skipped=(EVIL,), cart=(EVIL,), purchased=(EVIL,),
        seen_unclicked=named,
    )  # fmt: skip
    slate = {
        "slate_id": EVIL, "placement": EVIL, "visitor_id": EVIL, "anchor": EVIL, "decided_at": EVIL, "expires_at": EVIL,
        "lineage": {"settings": EVIL, "build": EVIL}, "cause": {"topic": EVIL, "partition": 0, "offset": 1},
    }  # fmt: skip
    event = {"name": "search", "query": EVIL, "at": EVIL, "items": [{"product_id": EVIL}]}
    places = (PlaceTold("learning", 0, 7, None),)
    moves = (MoveTold(EVIL, EVIL, 3, None), MoveTold(EVIL, EVIL, None, 1))
    return Explanation(
        slate, event, "2026-05-01T12:00:00.000Z", "evidence", session, places, decision, (EVIL,), (0, 1), moves
    )


def test_an_explanation_lets_nothing_through() -> None:
    """Neither control characters nor markup, on 100 columns."""
    text = io.StringIO()
    show(explanation(), Console(file=text, width=100))
    assert all(c.isprintable() or c == "\n" for c in text.getvalue())
    assert "[red]x[/nonsense]" in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= 100
    assert "(no longer kept)" in text.getvalue()
    assert "covisitation +0.40" in text.getvalue(), "a source and its log-odds stand on one line"


def test_a_visitor_without_consent_has_no_session_to_tell() -> None:
    """It is said, and the rest is told all the same."""
    told = explanation()
    text = io.StringIO()
    bare = Explanation(
        told.slate, told.event, told.arrived_at, "evidence", SessionTold(known=False), told.lineage, None, ()
    )
    show(bare, Console(file=text, width=100))
    assert "Nothing is kept of this visitor" in text.getvalue()


def test_a_report_names_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """The slate, the field and both values; what could not be compared by its reason."""
    report = Report()
    report.slate("s-0-1-home-0685", b"x", Difference("items[3].score", 0.5, EVIL))
    report.state("s-0-1-home-0685", None)
    report.missing["learning"] = 3
    report.other["build"] = 2
    print_report(report)
    said = capsys.readouterr().out
    assert "s-0-1-home-0685: slate items[3].score: 0.5 was recorded" in said
    assert "not compared, missing: learning" in said
    assert "not compared, other build" in said
    assert "does not come out again" in said
    assert all(c.isprintable() or c == "\n" for c in said)


def test_a_report_says_when_there_is_nothing_or_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing compared is no proof; equal is."""
    print_report(Report())
    assert "Nothing could be compared" in capsys.readouterr().out
    report = Report()
    report.slate("s-0-1-home-0685", b"x", None)
    print_report(report)
    assert "Everything that was compared is equal." in capsys.readouterr().out


def test_text_is_cut() -> None:
    """Long values end with dots."""
    assert plain_text("x" * 200, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("name", ["s-9-1-home-0685", "s-0-1-ho\x1bme-0685", "s-0-1-home", "", "s-0-1-home-0685\n"])
def test_what_is_no_slates_id_is_refused(name: str) -> None:
    """Of another partition count, with control characters, or cut."""
    with pytest.raises(RefusedError, match="is not the id of a slate"):
        Wanted(slate_id=name).partition(8)


def test_a_slate_lies_where_its_id_or_its_visitor_says() -> None:
    """The partition is in the id; a visitor's is that of the key."""
    assert Wanted(slate_id="s-3-2.17-home-0685").partition(8) == 3
    assert Wanted(visitor_id="visitor-1").partition(8) == 2


def test_times_are_read_or_refused() -> None:
    """With any offset; what is no time is refused."""
    noon = moment_ms("2026-05-01T12:00:00", option="--at")
    assert moment_ms("2026-05-01T14:00:00+02:00", option="--at") == noon
    for text in ("yesterday", "2h"):
        with pytest.raises(RefusedError, match=f"--at {text} is no time"):
            moment_ms(text, option="--at")
