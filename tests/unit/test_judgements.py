"""What a language model thinks of products, and what a slate makes of it."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from models.blend import FEATURES, JUDGED, JUDGED_FLOOR, UNJUDGED, Blend
from models.context import Context
from models.features import candidates_of, judged_candidates
from models.intent import JudgementKey
from models.retrieval import retrieve
from schemas.learning import TrainingRow, pack_features
from schemas.slates import Slate
from streams.engine import Engine
from tests.judging import GEAR, NOON, SETTINGS, Visits, fitting, shop, table


class Shopping:
    """An engine whose other visitors look at gear for adults, then for kids, and one who buys the former."""

    def __init__(self) -> None:
        self.engine, self.products, self.visits = Engine(SETTINGS), shop(), Visits()
        for product in self.products.values():
            self.engine.put_product(product)
        for n in range(15):
            for name in (*(f"adults-{leaf.lower()}-{n % 5}" for leaf in GEAR), "kids-jackets-1"):
                self.engine.feed(self.visits("view_item", name, visitor=f"o{n}", days=20))
        for day, name in enumerate(("adults-jackets-5", "adults-boots-5")):
            self.engine.feed(self.visits("purchase", name, days=10 - day))

    def home(self, *views: str) -> Slate:
        """Look at products, and give the last home slate."""
        for view in views:
            slates = self.engine.feed(self.visits("view_item", view))
        return next(slate for slate in slates if slate.placement == "home")

    def look(self) -> Slate:
        """Look at outdoor things for kids."""
        return self.home("kids-jackets-1", "kids-boots-2")


def firsts(slate: Slate, n: int = 6) -> Sequence[str]:
    """Say for whom the first products are that are not drawn by chance."""
    drawn = slate.explored.rank if slate.explored else 0
    return [item.product_id.split("-")[0] for item in slate.items if item.rank != drawn][:n]


def test_a_visit_for_the_kids_leads_with_gear_for_kids_once_it_is_judged() -> None:
    """History says outdoor gear for adults, the session looks at kids' things; the judgement turns the slate."""
    shopping = Shopping()
    before = shopping.look()
    assert before.judged is not None
    assert (before.judged.segment, before.judged.intent) == ("loyal.mid.outdoor", "outdoor/kids.low.browsing")
    assert before.judged.by == "none"
    assert "adults" in firsts(before)
    intent = "outdoor/kids.low.comparing"  # coming back to one of them is holding them against each other
    fine = table(shopping.products, fitting(shopping.products), segment=before.judged.segment, intent=intent)
    shopping.engine.put_judgements(fine)
    after = shopping.home("kids-boots-2")
    assert after.judged is not None
    assert (after.judged.by, after.judged.covered) == ("fine", True)
    assert set(firsts(after)) == {"kids"}
    assert after.lineage.judgements == 0


def test_a_coarser_key_is_used_while_the_fine_one_has_nothing() -> None:
    """Everybody's judgements for the intent; the finer table takes over when it covers the slate."""
    shopping = Shopping()
    shopping.engine.put_judgements(table(shopping.products, fitting(shopping.products)))
    shopping.look()
    slate = shopping.home("kids-boots-2")
    assert slate.judged is not None
    assert (slate.judged.by, slate.judged.covered) == ("coarse", True)
    assert set(firsts(slate)) == {"kids"}


@pytest.mark.parametrize("change", ["title", "price", "age", "model"])
def test_what_was_judged_of_something_else_is_missing(change: str) -> None:
    """Another text or price band, a judgement that is too old, another model: as if it had never been made."""
    shopping = Shopping()
    at = NOON - timedelta(days=7, seconds=1) if change == "age" else NOON
    model = "another" if change == "model" else "double"
    shopping.engine.put_judgements(table(shopping.products, fitting(shopping.products), at=at, model=model))
    if change in {"title", "price"}:
        for product in shopping.products.values():
            more = {"title": f"New {product.title}"} if change == "title" else {"price": 900.0}
            shopping.engine.put_product(product.model_copy(update=more))
    slate = shopping.look()
    assert slate.judged is not None
    assert (slate.judged.by, slate.judged.hits) == ("none", 0)


def test_missing_is_the_mean_and_not_zero() -> None:
    """A product without a judgement stands between a good and a bad one, and is marked."""
    shopping = Shopping()
    slate = shopping.look()
    assert slate.judged is not None
    judgements, facts = shopping.engine.knowledge.judgements, shopping.engine.knowledge.facts
    names = ("kids-boots-1", "kids-boots-3", "kids-boots-4")
    shopping.engine.put_judgements(table(shopping.products, {names[0]: 8.0, names[1]: 2.0}))
    scores, absent = judgements.columns(JudgementKey("any", "outdoor/kids"), facts.rows_of(names), 0)
    assert scores.tolist() == pytest.approx([0.3, -0.3, 0.0])
    assert absent.tolist() == [0.0, 0.0, 1.0]


def test_a_training_row_knows_the_judgements_that_a_slate_knows() -> None:
    """None while there are no tables, for which nothing is looked up; then the same columns."""
    shopping = Shopping()
    shopping.look()
    knowledge = shopping.engine.knowledge
    context = Context("v", consent=True, steps=(("kids-boots-1", 1.0),), views=("kids-boots-1",))
    found = retrieve(context, shopping.visits("page_view"), knowledge).found
    for judged in (False, True):
        if judged:
            shopping.engine.put_judgements(table(shopping.products, fitting(shopping.products)))
        trained = candidates_of(found, context, knowledge).features
        served, _ = judged_candidates(found, context, knowledge)
        assert trained[:, JUDGED].any() == judged
        assert np.array_equal(trained, served.features)


def row(judged: float, *, better: bool) -> TrainingRow:
    """Write a row whose chosen product the judge liked, or did not."""
    table = np.zeros((3, len(FEATURES)), np.float32)
    table[:, 0] = 1.0
    table[0, JUDGED], table[1:, JUDGED] = (judged, -judged) if better else (-judged, judged)
    table[2, UNJUDGED] = 1.0
    return TrainingRow(version=Blend.VERSION, rows=3, columns=len(FEATURES), features=pack_features(table), weight=1)


def test_the_judge_begins_with_a_floor_and_earns_its_weight() -> None:
    """However much was learned without judgements; one that helps keeps weight, one that misleads loses it."""
    plain = TrainingRow(
        version=Blend.VERSION, rows=2, columns=len(FEATURES), weight=1,
        features=pack_features(np.eye(2, len(FEATURES), dtype=np.float32)),
    )  # fmt: skip
    helpful, harmful = Blend(first=20), Blend(first=20)
    for blend in (helpful, harmful):
        for _ in range(200):
            blend.learn_one(plain)
        assert blend.weights["judged"] == JUDGED_FLOOR
    for _ in range(200):
        helpful.learn_one(row(0.4, better=True))
        harmful.learn_one(row(0.4, better=False))
    assert helpful.weights["judged"] > 0.5
    assert harmful.weights["judged"] < 0


def test_a_judge_that_says_nothing_of_the_choice_fades_out() -> None:
    """Chosen products are liked as often as not: the weight ends near nothing."""
    blend = Blend(first=20)
    for n in range(400):
        blend.learn_one(row(0.4, better=n % 2 == 0))
    assert abs(blend.weights["judged"]) < JUDGED_FLOOR / 10


def test_a_restored_blend_knows_how_often_it_saw_judgements() -> None:
    """Else a restart would give the judge its floor again."""
    blend, other = Blend(first=20), Blend(first=20)
    for _ in range(60):
        blend.learn_one(row(0.4, better=True))
    other.restore(blend.state())
    assert other.weights == blend.weights
    assert other.learned_judged == 60
