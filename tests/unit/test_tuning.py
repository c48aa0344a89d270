"""Constants are searched on what comes before a log's test part, and written when they beat the defaults."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.constants import Constants
from models.intervals import paired
from models.model import ModelRules
from schemas.errors import RefusedError
from streams.cli.main import main
from streams.constants_file import load_constants
from streams.evaluation.visits import happenings
from streams.sources.event_file import EventFile
from streams.sources.formats import open_events
from streams.tuning import searching
from streams.tuning.board import Board
from streams.tuning.known import known_part
from streams.tuning.searching import Found, search
from streams.tuning.space import SPACE, Dimension, constants_with, defaults
from streams.tuning.trial import Hurried, Judged, LateError, Search

VISITS, CLICKS = 60, 5


class Quiet:
    """A progress that looks away, and stops after so many trials by Ctrl-C."""

    def __init__(self, stop: int = 1000) -> None:
        self.scores: list[tuple[float, float]] = []
        self._stop = stop

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""

    def reached(self, done: int) -> None:
        """Go on, unless nothing is to be begun."""
        if self._stop == 0:
            raise KeyboardInterrupt

    def tried(self, done: int, defaults: float, best: float) -> None:
        """Note a trial."""
        self.scores.append((defaults, best))
        if done == self._stop:
            raise KeyboardInterrupt


@pytest.fixture
def log(tmp_path: Path) -> EventFile:
    """Write a log of visits through a ring of products, whose last visit sees a new one."""
    path = tmp_path / "log.csv"
    rows = [
        f"s{visit},p{(visit + click * (1 + visit % 2)) % 12},{1_700_000_000 + 3_600 * visit + 60 * click}"
        for visit in range(VISITS)
        for click in range(CLICKS)
    ]
    rows[-1] = rows[-1].replace(",p", ",new-p")
    path.write_text("\n".join(["session,item,time", *rows]) + "\n")
    return open_events(path, "csv", columns="session=session,item=item,time=time")


def asked(log: EventFile, trials: int, seed: int = 1) -> Search:
    """Ask for a short search."""
    return Search(
        part=known_part(log, last=0.2, most=1_000, watch=Quiet()),
        validation=0.25,
        measure="mrr",
        k=20,
        trials=trials,
        seconds=60,
        queries=1_000,
        training_rows=1_000,
        content=False,
        without_current=False,
        seed=seed,
    )


def judged(constants: Constants, values: list[float]) -> Judged:
    """Make a trial up."""
    return Judged(constants, "next click", np.array(values, np.float32), np.arange(len(values)), (80, 20), 1.0)


def found(gain: float) -> Found:
    """Make up a search whose best trial is so much better than the defaults."""
    first = judged(Constants(), [0.1, 0.2, 0.3] * 20)
    best = judged(Constants(model=ModelRules(window=4)), [one + gain for one in first.values.tolist()])
    difference = paired(best.values, first.values, first.units, seed=1)
    return Found(first, best, difference, trials=3, given_up=0, stopped=False, seconds=3.0)


def test_nothing_of_the_test_part_is_known(log: EventFile) -> None:
    """Neither its events nor its products: what is left are the events before its first one."""
    part = known_part(log, last=0.2, most=1_000, watch=Quiet())
    kept = [one.event for one in happenings(part)]

    everything = [one.event for one in happenings(log)]
    assert kept == everything[: len(everything) * 4 // 5]
    assert part.rows == len(kept)
    assert "new-p" not in "".join(product.product_id for product in part.products())
    assert "new-p" in "".join(product.product_id for product in log.products())


def test_only_the_last_events_are_kept_and_all_where_the_test_part_is_another_file(log: EventFile) -> None:
    """A long log is cut from its beginning."""
    few = [one.event for one in happenings(known_part(log, last=0.2, most=7, watch=Quiet()))]
    everything = [one.event for one in happenings(known_part(log, last=None, most=1_000, watch=Quiet()))]

    assert few == everything[233:240]
    assert len(everything) == VISITS * CLICKS


def test_a_log_without_a_part_to_search_is_refused(log: EventFile) -> None:
    """One sentence."""
    with pytest.raises(RefusedError, match="no events before its test part"):
        known_part(log, last=0.999, most=10, watch=Quiet())


@pytest.mark.parametrize("one", SPACE, ids=lambda one: one.name)
def test_every_searched_constant_is_tried_within_its_limits_around_its_default(one: Dimension) -> None:
    """What is found can be loaded from a file."""
    limits = ModelRules.LIMITS[one.name]
    assert not limits.objection(one.low)
    assert not limits.objection(one.high)
    assert one.low < one.default < one.high or one.default in {one.low, one.high}


def test_the_point_of_the_defaults_is_the_defaults() -> None:
    """To the last digit, so that only what is changed is written; the rest is rounded to be read."""
    assert constants_with(defaults()) == Constants()
    assert constants_with({**defaults(), "idf": 0.123456}).model == ModelRules(idf=0.123)


def test_the_first_trial_has_the_defaults_and_the_best_is_kept(log: EventFile) -> None:
    """Equal seeds try equal constants; whatever is better is better over the same queries."""
    progress = Quiet()
    first, again = search(asked(log, 3), progress), search(asked(log, 3), Quiet())

    assert first.trials == 3
    assert first.defaults.constants == Constants()
    assert first.best.score == max(best for _, best in progress.scores) >= first.defaults.score
    assert first.best.constants == again.best.constants
    assert len(first.best.values) == len(first.defaults.values) > 0
    assert first.defaults.events == (180, 60)


def test_ctrl_c_keeps_the_best_so_far(log: EventFile) -> None:
    """Two of many trials; before the first one is done there is nothing to keep."""
    stopped = search(asked(log, 50), Quiet(stop=2))
    assert (stopped.trials, stopped.stopped) == (2, True)
    with pytest.raises(RefusedError, match="Stopped before the defaults were measured"):
        search(asked(log, 50), Quiet(stop=0))


def test_what_is_too_slow_is_given_up(log: EventFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the defaults, where nothing may take any time; and nothing goes on when time is up."""
    monkeypatch.setattr(searching, "SLOWER", 0.0)
    slow = search(asked(log, 3), Quiet())
    assert (slow.trials, slow.given_up) == (1, 2)
    assert not slow.better
    late = search(replace(asked(log, 3), seconds=0), Quiet())
    assert (late.trials, late.given_up) == (1, 0)
    with pytest.raises(LateError):
        Hurried(Quiet(), allowed_s=60, left_s=-1).reached(1)


@pytest.fixture
def command(log: EventFile, tmp_path: Path) -> list[str]:
    """Give the command line over the log."""
    columns = "session=session,item=item,time=time"
    return ["tune", str(log.path), "--format", "csv", "--columns", columns, "--out", str(tmp_path / "out.toml")]


def run(*command: str) -> int:
    """Run a command and give its exit code."""
    with pytest.raises(SystemExit) as done:
        main(command)
    return int(str(done.value.code))


def tuned(command: list[str], found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the command over a search that found this."""
    monkeypatch.setattr(searching, "search", lambda _asked, _progress: found)
    assert run(*command) == 0


def test_what_beats_the_defaults_is_written_with_the_command_that_checks_it(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that says where it came from, and one look at the test part."""
    tuned(command, found(0.05), monkeypatch)

    written = tmp_path / "out.toml"
    assert load_constants(written).model == ModelRules(window=4)
    assert "0.2500 instead of 0.2000" in written.read_text()
    said = capsys.readouterr().out
    assert "difference +0.0500 (95 % between +0.0500 and +0.0500)" in said
    assert f"--last 20% --constants {written} --against defaults" in said


def test_noise_writes_nothing(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, and no failure."""
    tuned(command, found(0.0), monkeypatch)

    assert "keep them; no file was written" in capsys.readouterr().out
    assert not (tmp_path / "out.toml").exists()


def test_a_search_that_finds_only_the_defaults_tells_no_difference(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A difference of 0 between a trial and itself would look like a measurement."""
    tuned(command, replace(found(0.0), best=found(0.0).defaults), monkeypatch)

    said = capsys.readouterr().out
    assert "0.2000 with the defaults, and no other trial had more." in said
    assert "difference" not in said


def test_scripts_get_one_object(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of a real search of two trials, with all there is to know."""
    assert run(*command, "--trials", "2", "--no-content", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["measure"], told["table"], told["trials"]) == ("mrr@20", "next click", 2)
    assert told["interval"][0] <= told["difference"] <= told["interval"][1]
    assert (told["written"] is None) == (not told["better"])


def test_an_objective_that_is_none_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With those there are."""
    assert run(*command, "--objective", "auc") == 1
    assert "--objective auc is not known: use one of hr, mrr, ndcg, recall, precision." in capsys.readouterr().err


def test_the_board_shows_trials_and_stages(capsys: pytest.CaptureFixture[str]) -> None:
    """The best so far beside the defaults."""
    with Board(3, "mrr@20") as board:
        board.stage("training", 10)
        board.reached(10)
        board.tried(1, 0.2, 0.25)
    assert "mrr@20 0.2500 (defaults 0.2000)" in capsys.readouterr().err
