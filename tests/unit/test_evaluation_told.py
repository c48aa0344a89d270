"""How an evaluation is told: tables for people, a page, a line for scripts."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from streams.cli.main import main
from streams.evaluation.figures import Figures, figures_of
from streams.evaluation.printing import COLUMNS, print_outcome
from streams.evaluation.running import Outcome
from tests.evaluating import DAY_S, START_S, clicks, outcome_of, plain, serenade, table

SHOP = [("a", "b"), ("c", "d", "c"), ("e", "f", "g", "h"), ("a", "b", "a")]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Give an evaluation of clicks."""
    return outcome_of(serenade(tmp_path_factory.mktemp("told") / "log.tsv", clicks(SHOP * 6)))


@pytest.fixture(scope="module")
def figures(outcome: Outcome) -> list[Figures]:
    """Give its figures."""
    return figures_of(outcome.tables)


def test_tables_fit_a_hundred_columns(
    outcome: Outcome, figures: list[Figures], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both protocols are told apart in words, references stand below, and who had nothing to say does not show."""
    print_outcome(outcome, figures)
    out = capsys.readouterr().out

    assert max(map(len, out.splitlines())) <= COLUMNS
    assert re.search(r"^static: learning is frozen", out, re.MULTILINE)
    assert re.search(r"^prequential: every event", out, re.MULTILINE)
    assert out.index("blend ") < out.index("co-occurrence ")
    assert re.search(r"blend +\d\.\d{3}  \[\d\.\d{3}, \d\.\d{3}\]", out)
    assert "words" not in out
    assert re.search(r"predictions, [\d,]+ a second", out)
    assert re.search(r"prequential, next click, HR@5 of \d+ queries: blend \d\.\d{3} \[", out)
    assert "by kind of query (decile 1: what is wanted most)" in out


def test_baskets_show_recall_and_precision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the same hundred columns; single answers need neither, since both follow from the hit rate."""
    lines = [f"o{at},{item},{START_S + at * DAY_S},u{at % 3},purchase" for at in range(15) for item in "abc"]
    outcome = outcome_of(table(tmp_path / "log.csv", lines), "csv")
    print_outcome(outcome, figures_of(outcome.tables))
    out = capsys.readouterr().out

    assert re.search(r"HR@5 +MRR@5 +nDCG@5 +recall@5 +precision@5", out)
    assert max(map(len, out.splitlines())) <= COLUMNS


def test_a_terminal_is_used_as_wide_as_it_is(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only without one the width is ours."""
    widths: list[int] = []
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setattr(Console, "print", lambda self, *_, **__: widths.append(self.width))
    monkeypatch.setenv("COLUMNS", "140")
    print_outcome(outcome, figures_of(outcome.tables))

    assert set(widths) == {140}


def test_best_comes_first_and_the_best_source_is_the_one_to_beat(figures: list[Figures]) -> None:
    """By hit rate."""
    for one in figures:
        rates = [one.measures[name]["hr"].mean for name in one.own]
        assert rates == sorted(rates, reverse=True)
        assert one.best_source == next(name for name in one.own if name not in {"blend", "slate"})


def test_the_line_for_scripts_has_what_scripts_read(outcome: Outcome) -> None:
    """Figures of the first table, all sources even where they had nothing to say, and never a NaN."""
    told = plain(outcome)
    text = json.dumps(told, allow_nan=False)

    assert {"n", "blend", "sources", "seconds"} <= told.keys()
    assert {"hr@5", "mrr@5", "ndcg@5", "recall@5", "precision@5"} <= told["blend"].keys()
    assert told["sources"]["words"]["hr@5"] == 0.0
    assert set(told["references"]) <= told["sources"].keys()
    table = told["protocols"]["prequential"]["next click"]
    assert set(table["slices"]) == {"session length", "visitor", "popularity decile", "product", "click"}
    assert table["lists"]["blend"]["diversity"] is None  # nothing tells these products' likeness
    assert 0 < table["lists"]["blend"]["coverage"] <= 1
    assert json.loads(text) == told


def test_a_report_is_one_file_with_plots_and_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks nobody for anything, and says how it was made."""
    log, report = serenade(tmp_path / "my log.tsv", clicks(SHOP * 6)), tmp_path / "out.html"
    arguments = [str(log), "--format", "serenade", "--protocol", "static", "--no-content", "--k", "3"]
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *arguments, "--report", str(report), "--json"])
    html = report.read_text()

    assert stopped.value.code == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n"] > 0
    assert f"aisle evaluate &#39;{log}&#39; --format serenade --protocol static --k 3 --no-content" in html
    assert {"HR@3 by session length", "HR@3 by popularity decile", "Weights of the blend at the split"} <= set(
        re.findall(r"<title>([^<]*)</title>", html)
    )
    assert "Accuracy against coverage" in html
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
