"""What judgements add to a log's lists, and what is said where that cannot be known."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any, cast
from zlib import crc32

import numpy as np
import pytest

from models.demand import Demand, Wish
from models.intent import JudgementKey
from models.ports import Answer, Prompt
from schemas.errors import RefusedError
from streams.cli.main import main
from streams.evaluation.plan import Plan
from streams.evaluation.running import Evaluation, Trained
from streams.lift.cap import Cap, KeyPurse
from streams.lift.judging import SPENT
from streams.lift.lifting import Lifting
from streams.lift.measuring import ranker
from streams.lift.outcome import Lift, Terms
from streams.lift.readable import opened_readable
from streams.lift.running import estimated, rules_of, tried
from streams.lift.told import add_lift, lift_lines, lift_summary, told
from streams.pages.page import Page
from streams.settings import Settings
from streams.simulated.judge import question
from streams.simulated.server import SimulatedJudge
from streams.sources.formats import open_events
from tests.evaluating import SMALL, START_S, Silent

HEADER = "session,item,time,user,title,category"
PRODUCTS = 60
K = 5


def lines(header: str = HEADER) -> str:
    """Write a log whose first visits look at anything in one department, whose last ones at its gems."""
    random = Random(3)
    written = [header]
    for visit in range(80):
        shelf = range(visit % 2, PRODUCTS, 2)
        looked = random.sample(shelf[::5], 4) if visit >= 50 else [*random.sample(shelf, 3), random.choice(shelf[::5])]
        for at, n in enumerate(looked):
            title = f"{'Gem' if n in shelf[::5] else 'Stone'} {n}"
            category = f"{('Garden', 'Home')[visit % 2]} > Stones"
            written.append(f"s{visit},p{n},{START_S + 4_000 * visit + 50 * at},u{visit},{title},{category}")
    return "\n".join(written) + "\n"


class Scripted:
    """A language model that scores each title by a rule; it refuses after so many calls."""

    name = "scripted"

    def __init__(self, rule: Callable[[str], float], *, most: int = 1_000, called: str = "scripted-1") -> None:
        self.calls = 0
        self._rule, self._most, self._called = rule, most, called

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        """Score what is asked about."""
        await asyncio.sleep(0)
        if self.calls == self._most:
            raise RefusedError("The key was withdrawn.")
        self.calls += 1
        products = question(prompt.user)["products"]
        scores = [{"n": one["n"], "score": self._rule(one["title"])} for one in products]
        return Answer(json.dumps({"scores": scores}), 2_000, 300, self._called)

    async def close(self) -> None:
        """Let go of nothing."""


def knowing(title: str) -> float:
    """Score as one who knows what the last visits come for."""
    return 9.0 if title.startswith("Gem") else 1.0


def guessing(title: str) -> float:
    """Score as one who knows nothing."""
    return float(crc32(title.encode()) % 11)


def settings_of(folder: Path) -> Settings:
    """Give settings that read and write nothing else."""
    return Settings(_env_file=None, data_dir=folder, llm_model="scripted", llm_concurrency=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """Train on the first visits."""
    folder = tmp_path_factory.mktemp("lift")
    (folder / "log.csv").write_text(lines())
    plan = Plan(
        train=open_events(folder / "log.csv", "csv"),
        last=0.375,
        protocols=("static",),
        targets="new",
        k=K,
        content=False,
        constants=SMALL,
        judging=rules_of(settings_of(folder)),
    )
    with Evaluation(plan, Silent(), opened=opened_readable).trained() as one:
        yield one


def lift_of(trained: Trained, folder: Path, model: Scripted, **terms: object) -> Lift:
    """Find out what a model's judgements add."""
    lifting = Lifting(trained, settings_of(folder), Terms(**terms))  # type: ignore[arg-type]
    return lifting.judge(lifting.collect(), model)


def page_of(lift: Lift) -> str:
    """Write the report's section."""
    page = Page("x")
    add_lift(page, lift, K)
    return page.html()


def test_a_judge_who_knows_the_answer_is_found_better_and_one_who_guesses_is_not(
    trained: Trained, tmp_path: Path
) -> None:
    """By hit rate, reciprocal rank and gain; a weight of next to nothing changes next to nothing."""
    better = next(told(lift_of(trained, tmp_path / "1", Scripted(knowing))))
    for measure in ("hr", "mrr", "ndcg"):
        first, second, paired = better.measures[measure]
        assert paired.difference == pytest.approx(first - second, abs=1e-6)
        assert paired.low > 0
        assert paired.p < 0.01
    lift = lift_of(trained, tmp_path / "2", Scripted(guessing), weights=(1e-6,))
    worse, same = list(told(lift))[:2]
    assert worse.measures["ndcg"].paired.low < 0
    assert (same.ranker, same.measures["ndcg"].paired.difference) == (ranker(1e-6), 0.0)


def test_a_second_run_makes_no_call_and_finds_the_same(trained: Trained, tmp_path: Path) -> None:
    """Everything is kept, its price too; another model's judgements would not be taken."""
    first = lift_of(trained, tmp_path, Scripted(knowing))
    assert first.bill.calls == first.collected.estimate.calls > 0
    assert 0 < first.bill.usd < first.collected.estimate.usd_at_most
    again = Scripted(guessing)
    second = lift_of(trained, tmp_path, again)
    assert (again.calls, second.collected.estimate.calls, second.bill.usd) == (0, 0, 0.0)
    assert second.usd_per_1000 == pytest.approx(first.usd_per_1000)
    assert next(told(second)).measures == next(told(first)).measures


def test_a_run_that_was_stopped_keeps_what_it_had(trained: Trained, tmp_path: Path) -> None:
    """The next one asks only for the rest."""
    with pytest.raises(RefusedError, match="withdrawn"):
        lift_of(trained, tmp_path, Scripted(knowing, most=1))
    model = Scripted(knowing)
    lift = lift_of(trained, tmp_path, model)
    whole = lift_of(trained, tmp_path / "whole", Scripted(knowing))
    assert model.calls == whole.bill.calls - 1
    assert next(told(lift)).measures["hr"].first == pytest.approx(next(told(whole)).measures["hr"].first, abs=0.1)


def test_who_stops_it_is_told_that_what_was_judged_is_kept(trained: Trained, tmp_path: Path) -> None:
    """It was paid for, and the next run does not know of this one otherwise."""

    class Stopped(Scripted):
        async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
            raise KeyboardInterrupt

    class Evaluated:
        def trained(self) -> nullcontext[Trained]:
            return nullcontext(trained)

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        tried(cast("Evaluation", Evaluated()), settings_of(tmp_path), Terms(1.0), said.append, model=Stopped(guessing))
    assert said[-1] == "Stopped. What was judged is kept: the same command goes on from there."


def test_the_cap_is_never_passed_and_what_is_missing_is_said(trained: Trained, tmp_path: Path) -> None:
    """The run goes on with what was judged."""
    lift = lift_of(trained, tmp_path, Scripted(knowing), most_usd=0.004)
    assert 0 < lift.bill.usd <= 0.004
    assert lift.judging.given_up[SPENT] > 0
    assert 0 < lift.judged_keys < len(lift.collected.needs.keys)
    said = " ".join(lift_lines(lift, K))
    assert f"given up: {SPENT}" in said
    assert "next click, static" in said


def test_nothing_judged_is_refused(trained: Trained, tmp_path: Path) -> None:
    """A cap below one call leaves nothing to compare; the sentence says so."""
    with pytest.raises(RefusedError, match=f"No product was judged: {SPENT} for 2 keys. Raise --judge-most-usd"):
        lift_of(trained, tmp_path, Scripted(knowing), most_usd=0.0)


def test_invalid_answers_are_counted_by_kind(trained: Trained, tmp_path: Path) -> None:
    """What they leave out is not judged, and the rest is."""
    lift = lift_of(trained, tmp_path, Scripted(lambda title: 99.0 if title.endswith("7") else knowing(title)))
    assert lift.bill.invalid["out_of_range"] == lift.bill.invalid["missing"] > 0
    said = " ".join(lift_lines(lift, K))
    assert f"out of range {lift.bill.invalid['out_of_range']}" in said
    assert sum(lift.judging.judged) + lift.bill.invalid["missing"] == sum(
        len(need.items) for need in lift.collected.needs.keys
    )


@pytest.mark.parametrize("terms", [{"most_usd": float("nan")}, {"most_usd": -1.0}, {"weights": (float("inf"),)}])
def test_money_and_weights_are_numbers_from_0_on(terms: dict[str, Any]) -> None:
    """A cap that is none would never be reached."""
    with pytest.raises(RefusedError, match="give 0 or more"):
        Terms(**terms)


def test_a_purse_without_money_pays_for_what_is_free() -> None:
    """And for nothing else."""
    purse = KeyPurse(Cap(0.0))
    assert asyncio.run(purse.reserve(0.0)) == 0
    assert asyncio.run(purse.reserve(0.001)) is None


def test_slates_are_drawn_by_their_hash(trained: Trained, tmp_path: Path) -> None:
    """The same ones each time, so many."""
    lift = lift_of(trained, tmp_path, Scripted(knowing), limit=40)
    assert lift.collected.needs.slates == sum(lift.measured.covers.values()) == 40
    assert lift.collected.needs.asked > 40
    assert lift.collected.needs.names == Lifting(trained, settings_of(tmp_path), lift.terms).collect().needs.names


def test_what_the_simulated_judge_adds_is_never_told(trained: Trained, tmp_path: Path) -> None:
    """Whatever it was asked for as, and where its judgements were kept from an earlier run, too."""
    lift_of(trained, tmp_path, Scripted(knowing, called="simulated-judge"))
    lift = lift_of(trained, tmp_path, Scripted(knowing))
    assert lift.bill.calls == 0
    found = lift_summary(lift, K)
    assert (found["lift"], found["slices"]) == (None, None)
    assert "says nothing about a real language model" in str(found["lift_withheld"])
    for said in ("\n".join(lift_lines(lift, K)), page_of(lift)):
        assert "Cost per 1,000 slates" in said
        assert "HR@5" not in said
    assert "HR@5" in page_of(lift_of(trained, tmp_path / "real", Scripted(knowing)))


def test_the_command_tells_cost_and_hit_rate_of_the_simulated_judge_and_nothing_of_its_lift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From key to JSON over a real socket; the estimate comes before the first call."""
    (tmp_path / "log.csv").write_text(lines())
    monkeypatch.setenv("AISLE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AISLE_LLM_MODEL", "simulated-judge")
    (tmp_path / "small.toml").write_text("[model]\nitems = 1024\nusers = 64\nsessions = 256\npair_cells = 1024\n")
    log, constants = str(tmp_path / "log.csv"), str(tmp_path / "small.toml")
    words = ["evaluate", log, "--format", "csv", "--no-content", "--last", "37%", "--constants", constants]
    with SimulatedJudge(latency_ms=0) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--judge", "--json"])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    judging = json.loads(out.splitlines()[-1])["judging"]
    assert err.index("To judge: ") < err.index("judging ")
    assert judging["lift"] is None
    assert judging["hit_rate"] > 0.3
    assert judging["bill"]["calls"] == judging["estimate"]["calls"] == server.outcomes["answered"]
    assert judging["usd_per_1000_slates"]["at_hand"] > judging["usd_per_1000_slates"]["steady"] > 0


def test_nobody_to_ask_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With how to set it, a local server included."""
    (tmp_path / "log.csv").write_text(lines())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "log.csv"), "--format", "csv", "--judge"])
    assert "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own (a local Ollama" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("session=session,item=item,time=time", r"0 of 59 in .* have a title, a category or a brand"),
        ("session=session,item=item,time=time,title=title", r"products need a category"),
    ],
)
def test_a_log_that_cannot_be_judged_is_refused(tmp_path: Path, columns: str, why: str) -> None:
    """It says which columns are missing."""
    (tmp_path / "log.csv").write_text(lines())
    train = open_events(tmp_path / "log.csv", "csv", columns=columns)
    plan = Plan(train=train, last=0.375, k=K, content=False, constants=SMALL)
    with pytest.raises(RefusedError, match=why):
        estimated(Evaluation(plan, Silent(), opened=opened_readable), settings_of(tmp_path), Terms())


def test_a_key_of_three_visitors_is_judged_and_the_others_share_the_coarse_one() -> None:
    """What most slates have among their best comes first; somebody of whom nothing is known wants nothing."""
    demand, names = Demand(), ["", "a", "b", "c"]
    coarse, often, seldom = (JudgementKey(*key) for key in (("any", "x/y"), ("new", "x/y.1"), ("new", "x/y.2")))
    for visitor in range(3):
        demand.add(Wish(visitor, visitor, (often, coarse), np.array([2, 1], np.int32)), visitor)
        demand.add(Wish(10 + visitor, 60, (seldom, coarse), np.array([3], np.int32)), visitor % 2)
    demand.add(Wish(20, 90, (), np.array([1], np.int32)), 9)
    needs = demand.needs(names)
    assert [(need.key, need.items, need.slates) for need in needs.keys] == [
        (coarse, ("c",), 3),
        (often, ("a", "b"), 3),
    ]
    assert (needs.possible, needs.slates, needs.keyed, needs.span_ms) == (3, 7, 6, 90)


def test_what_is_drawn_is_all_that_is_held() -> None:
    """However many slates were asked for: those with the least names, and every visitor counts for a key."""
    key, names = JudgementKey("any", "x/y"), ["", "a"]
    few, all_of = Demand(4), Demand()
    for n in range(100):
        for demand in (few, all_of):
            demand.add(Wish(n * 37 % 101, n, (key,), np.array([1], np.int32)), n % 3)
        assert len(vars(few)["_wishes"]) < 8
    needs = few.needs(names)
    assert (needs.names, needs.asked, needs.slates) == (frozenset(sorted(all_of.needs(names).names)[:4]), 100, 4)
    assert [need.key for need in needs.keys] == [key]
