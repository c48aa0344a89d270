"""Predict, then learn: what an evaluation may know, and what it makes of what it knows."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalogue import OFFERED, Offer
from models.constants import Constants
from models.facts import FactTable
from models.model import Model
from schemas.events import Event, Item
from schemas.products import Product
from streams.evaluation.plan import Plan
from streams.evaluation.queries import Bought, Query
from streams.evaluation.recorder import Recorder
from streams.evaluation.running import Evaluation
from streams.evaluation.visits import happenings
from streams.sources.formats import open_events
from tests.evaluating import COLUMNS, DAY_S, START_S, Silent, clicks, figures, outcome_of, plain, serenade, table

Listed = list[tuple[Query, Mapping[str, np.ndarray], Any]]

PAIRS = [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Give every query with its lists and its context, as they are recorded."""
    seen: Listed = []
    add = Recorder.add

    def spied(recorder: Recorder, query: Query, context: Any, lists: Mapping[str, np.ndarray], **more: Any) -> None:
        seen.append((query, lists, context))
        add(recorder, query, context, lists, **more)

    monkeypatch.setattr(Recorder, "add", spied)
    return seen


def walks(count: int, products: int, *, steps: int = 5, seed: int = 1) -> list[list[str]]:
    """Draw sessions in which nothing tells what comes next."""
    rng = random.Random(seed)
    return [[f"p{rng.randrange(products)}" for _ in range(steps)] for _ in range(count)]


def test_what_only_the_future_tells_is_guessed_at_chance_level(tmp_path: Path) -> None:
    """Clicks are drawn one by one: of 40 products a list of 5 holds the next one every eighth time, not more."""
    found = figures(serenade(tmp_path / "log.tsv", clicks(walks(130, 40))), last=0.5)

    for protocol in ("static", "prequential"):
        one = found[protocol, "next click"]
        assert one.n > 200
        chance = 5 / 40
        most = chance + 4 * (chance * (1 - chance) / one.n) ** 0.5
        assert all(measures["hr"].mean < most for measures in one.measures.values())


def test_the_answers_own_time_changes_no_prediction(tmp_path: Path, listed: Listed) -> None:
    """The last click of each tested session comes two minutes later, and nothing that was listed for it differs."""
    lines = clicks(walks(40, 30, steps=3))
    later = [
        line if at % 3 < 2 or at < 90 else "\t".join([*line.split("\t")[:2], str(int(line.split("\t")[2]) + 120)])
        for at, line in enumerate(lines)
    ]
    assert later != lines
    for number, text in enumerate((lines, later)):
        outcome_of(serenade(tmp_path / f"{number}.tsv", text), last=0.25, protocols=("static",))

    half = len(listed) // 2
    assert half > 10
    for (query, lists, _), (other, others, _) in zip(listed[:half], listed[half:], strict=True):
        assert query.relevant == other.relevant
        assert {name: ids.tolist() for name, ids in lists.items()} == {n: ids.tolist() for n, ids in others.items()}


def test_static_changes_nothing_in_the_model_and_prequential_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the model's digest before and after each."""
    digests: dict[str, tuple[str, str]] = {}
    tested = Evaluation._test

    def spied(self: Evaluation, work: Any, protocol: Any, *rest: Any) -> Any:
        model: Model = work.shop.knowledge.model
        before = model.digest()
        tables = tested(self, work, protocol, *rest)
        digests[protocol] = before, model.digest()
        return tables

    monkeypatch.setattr(Evaluation, "_test", spied)
    outcome_of(serenade(tmp_path / "log.tsv", clicks(PAIRS * 5)))

    assert digests["static"][0] == digests["static"][1] == digests["prequential"][0]
    assert digests["prequential"][1] != digests["prequential"][0]


def test_prequential_goes_on_learning(tmp_path: Path) -> None:
    """What begins after the split is learned from its first time on, by the engine and the references alike."""
    train = serenade(tmp_path / "train.tsv", clicks(walks(30, 30, steps=2)))
    test = serenade(tmp_path / "test.tsv", clicks([("new-a", "new-b")] * 10, start_s=START_S + 2 * DAY_S))
    found = figures(train, test=test)

    for name in ("blend", "co-occurrence", "covisitation"):
        assert found["static", "next click"].measures[name]["hr"].mean == 0.0
        assert found["prequential", "next click"].measures[name]["hr"].mean == pytest.approx(0.9)


def test_all_lines_of_an_invoice_are_one_event(tmp_path: Path) -> None:
    """Of one customer at one time; the next order is the next event."""
    times = [START_S] * 3 + [START_S + 60] * 2
    lines = [f"i,{item},{at},u,purchase" for item, at in zip("abcde", times, strict=True)]
    path = table(tmp_path / "log.csv", lines)
    orders = [event for event, _ in happenings(open_events(path, "csv", columns=COLUMNS))]

    assert [[item.product_id for item in order.items] for order in orders] == [["a", "b", "c"], ["d", "e"]]


def test_a_line_that_was_delivered_twice_counts_once(tmp_path: Path) -> None:
    """A repeat of the line before in its visit, time included; another visit between them changes nothing."""
    lines = ["s\ta\t1556700000", "t\ta\t1556700000", "s\ta\t1556700000", "s\ta\t1556700001", "s\tb\t1556700002"]
    file = open_events(serenade(tmp_path / "log.tsv", lines), "serenade")
    found = [(visit, event.items[0].product_id) for event, visit in happenings(file)]

    assert found == [("s", "a"), ("t", "a"), ("s", "a"), ("s", "b")]
    assert sum(file.refused.values()) == 1


def test_lines_alike_are_two_looks_where_times_are_days(tmp_path: Path) -> None:
    """Nothing tells a second look on the same day from a second delivery."""
    lines = [f"s\ta\t{START_S // DAY_S * DAY_S}"] * 2
    file = open_events(serenade(tmp_path / "log.tsv", lines), "serenade")

    assert len(list(happenings(file))) == 2
    assert not file.refused


def test_other_lists_no_current_product(tmp_path: Path, listed: Listed) -> None:
    """And asks for no repeat of it."""
    log = serenade(tmp_path / "log.tsv", clicks([("a", "a", "b", "a", "c")] * 10))
    outcome_of(log, targets="other", protocols=("prequential",))

    assert len(listed) > 5
    for query, lists, context in listed:
        if context.views:
            assert not set(query.relevant) & set(query.hidden.tolist())
            assert len(query.hidden) == 1
            assert all(query.hidden[0] not in ids for ids in lists.values())


def test_new_lists_nothing_of_the_session(tmp_path: Path, listed: Listed) -> None:
    """Nor does it ask for it."""
    log = serenade(tmp_path / "log.tsv", clicks([("a", "b", "a", "c", "b", "d")] * 10))
    outcome_of(log, targets="new", protocols=("prequential",))

    assert {len(query.hidden) for query, _, _ in listed} >= {1, 2, 3}
    for query, lists, context in listed:
        assert set(query.hidden.tolist()).isdisjoint(query.relevant)
        assert len(set(query.hidden.tolist())) == len(set(context.views))
        assert all(set(query.hidden.tolist()).isdisjoint(ids.tolist()) for ids in lists.values())


def test_new_to_a_customer_is_what_they_have_not_bought(tmp_path: Path, listed: Listed) -> None:
    """Bought before is hidden, and an order of nothing else asks nothing."""
    orders = ["ab", "cd", "ab", "ac"]
    lines = [
        f"o{day},{item},{START_S + day * DAY_S},u{customer},purchase"
        for day, items in enumerate(orders)
        for customer in range(6)
        for item in items
    ]
    outcome_of(table(tmp_path / "log.csv", lines), "csv", targets="new", last=0.75, protocols=("prequential",))

    assert len(listed) == 6  # the second orders; the third and the fourth hold nothing new
    for query, lists, _ in listed:
        assert len(query.relevant) == len(query.hidden) == 2
        assert all(set(query.hidden.tolist()).isdisjoint(ids.tolist()) for ids in lists.values())


def test_both_protocols_ask_the_same(tmp_path: Path, listed: Listed) -> None:
    """What somebody buys while learning is frozen is not bought yet when the test part begins anew."""
    lines = [
        f"o{day},{item},{START_S + day * DAY_S},u{customer},purchase"
        for day, items in enumerate(["ab", "bc", "cd", "de"])
        for customer in range(3)
        for item in items
    ]
    outcome_of(table(tmp_path / "log.csv", lines), "csv", targets="new", last=0.5)
    asked = [(query.relevant, query.hidden.tolist()) for query, _, _ in listed]

    assert len(asked) == 12
    assert asked[:6] == asked[6:]


def test_what_somebody_has_bought_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of customers and of products the oldest go first."""
    monkeypatch.setattr("streams.evaluation.queries.MOST_BOUGHT", 2)
    monkeypatch.setattr("streams.evaluation.queries.MOST_PEOPLE", 2)
    facts = FactTable()
    for item in "abc":
        facts.put(Offer(Product(product_id=item, title=item), OFFERED))
        facts.assign(item, item)
    bought = Bought()
    for buyer, item in (("u", "a"), ("u", "b"), ("u", "a"), ("u", "c"), ("v", "a"), ("u", "c"), ("w", "b")):
        at = datetime(2026, 5, 1, tzinfo=UTC)
        order = Event(event_id="e", name="purchase", visitor_id=buyer, at=at, items=(Item(product_id=item),))
        bought.add(order, facts)

    assert [list(bought.of(buyer)) for buyer in "uvw"] == [[1, 3], [], [2]]


def test_all_rankers_answer_the_same_queries(tmp_path: Path, listed: Listed) -> None:
    """One that has no list for a query is wrong there, and is not let off."""
    outcome = outcome_of(serenade(tmp_path / "log.tsv", clicks(PAIRS * 5 + walks(10, 8))), protocols=("static",))
    clicked = [(query, lists) for query, lists, _ in listed if query.table == "next click"]
    told = plain(outcome)["protocols"]["static"]["next click"]

    assert any("transitions" not in lists for _, lists in clicked)
    for name, measures in told["rankers"].items():
        hits = [bool(set(query.relevant) & set(lists.get(name, np.zeros(0))[:5].tolist())) for query, lists in clicked]
        assert measures["hr@5"] == pytest.approx(np.mean(hits), abs=1e-4)
        assert sum(part["n"] for part in told["slices"]["visitor"].values()) == told["n"] == len(clicked)


def test_equal_runs_tell_the_same(tmp_path: Path) -> None:
    """But for how long they took."""
    log = serenade(tmp_path / "log.tsv", clicks(walks(40, 20)))
    first, second = (plain(outcome_of(log)) for _ in range(2))
    for one in (first, second):
        del one["seconds"], one["seconds_by_stage"]

    assert json.dumps(first) == json.dumps(second)


def test_a_log_that_is_worked_out_by_hand(tmp_path: Path) -> None:
    """After a always came b; of four tested clicks after a, three are b and one is c, which was clicked once before."""
    train = serenade(tmp_path / "train.tsv", clicks([("a", "b"), ("a", "b"), ("c",)]))
    asked = clicks([("a", "b"), ("a", "b"), ("a", "c"), ("a", "b")], start_s=START_S + DAY_S)
    found = figures(train, test=serenade(tmp_path / "test.tsv", asked), k=2, protocols=("static",))
    one = found["static", "next click"]

    def means(ranker: str) -> list[float]:
        return [one.measures[ranker][measure].mean for measure in ("hr", "mrr", "ndcg", "recall", "precision")]

    assert one.n == 4
    assert means("co-occurrence") == pytest.approx([0.75, 0.75, 0.75, 0.75, 0.375])
    assert means("covisitation") == pytest.approx([0.75, 0.75, 0.75, 0.75, 0.375])
    # a and b were clicked twice each: a stands first, b second.
    assert means("popularity") == pytest.approx([0.75, 0.375, 0.75 / np.log2(3), 0.75, 0.375])
    assert one.qualities["popularity"].coverage == pytest.approx(2 / 3)
    assert one.qualities["popularity"].popularity == pytest.approx(2.0)
    assert found["static", "first click"].measures["popularity"]["mrr"].mean == 1.0


def test_a_slice_of_a_real_shop(data_dir: Path) -> None:
    """REES46: views, carts and purchases are there, and the blend beats what costs nothing."""
    train = open_events(data_dir / "rees46/events_clean.csv.gz", "rees46", limit=1_200)
    plan = Plan(train=train, content=False, constants=Constants(), last=0.3)
    told = plain(Evaluation(plan, Silent()).run())

    assert told["n"] > 50
    assert told["blend"]["hr@20"] > told["sources"]["popularity"]["hr@20"]
    assert {"next click", "first click"} <= told["protocols"]["prequential"].keys()
