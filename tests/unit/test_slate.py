"""The slate itself: order, variety, exploration, reasons, and who gets one."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from models.explore import FIRST_RANK, LAST_RANK
from models.shortlist import SlateRules
from schemas.events import Landing
from tests.shelf import SHELVES, Shelf, ids


@pytest.fixture
def shelf() -> Shelf:
    """A shop with a few sessions on every shelf."""
    shop, random = Shelf(), Random(1)
    for _ in range(60):
        name = random.choice(SHELVES)
        shop.browse(*(f"{name}{random.randrange(12)}" for _ in range(4)))
    return shop


def test_a_slate_is_twice_as_long_as_its_shelf(shelf: Shelf) -> None:
    """Ranks count from 1, no product is there twice, scores have four decimals."""
    decision = shelf.slate(shelf.context("boots0", "tents1"))
    assert [item["rank"] for item in decision.items] == list(range(1, 41))
    assert len(set(ids(decision))) == 40
    assert all(item["score"] == round(item["score"], 4) for item in decision.items)
    assert all(item["sources"] and item["reason"] for item in decision.items)


def test_a_decision_is_a_pure_function(shelf: Shelf) -> None:
    """Asked twice, and after other slates, it is the same to the last digit."""
    context = shelf.context("boots0")
    first = shelf.slate(context)
    shelf.slate(shelf.context("mugs3", "mugs4"))
    assert shelf.slate(context) == first


def test_the_order_in_which_products_arrived_does_not_matter() -> None:
    """Two workers whose catalogues were filled in another order decide alike."""
    one, other = Shelf(), Shelf()
    other.knowledge.remove_product("boots3")
    other.put("extra")
    other.put("boots3", category=("shop", "boots"), price=13.0)
    one.put("extra")
    for shop in (one, other):
        shop.browse("boots0", "boots3", "tents1", "extra")
    context = one.context("boots0", "boots3")
    assert one.slate(context) == other.slate(context)


def test_no_category_takes_more_than_its_share(shelf: Shelf) -> None:
    """At most 60 % of what is shown, unless the session itself is all about one category."""
    context = shelf.context("boots0", "tents0", "mugs0")
    leaves = Counter(name.rstrip("0123456789") for name in ids(shelf.slate(context))[:20])
    assert max(leaves.values()) <= 12
    boots = Counter(name[:5] for name in ids(shelf.slate(shelf.context("boots0", "boots1", "boots2")))[:20])
    assert boots["boots"] > 12


def test_diversity_parts_what_is_alike(shelf: Shelf) -> None:
    """A strong penalty puts another shelf in sight sooner."""
    context = shelf.context("boots0", "boots1", "tents0")

    def first_other(diversity: float) -> int:
        shown = ids(shelf.slate(context, rules=replace(SlateRules(), diversity=diversity, category_share=1.0)))
        return next(at for at, name in enumerate(shown) if not name.startswith(shown[0][:4]))

    assert first_other(0.9) <= first_other(0.0)


def test_one_slot_explores_and_says_how_likely_that_was(shelf: Shelf) -> None:
    """Ranks 4 to 10, drawn from the slate's id alone; over many slates the pools all come up."""
    context = shelf.context("boots0", "boots1")
    pools = Counter()
    for n in range(200):
        explored = shelf.slate(context, slate_id=f"s-0-{n}-home-0000").explored
        assert explored is not None
        assert FIRST_RANK <= explored.rank <= LAST_RANK
        assert 0 < explored.propensity <= 1
        pools[explored.pool] += 1
    assert len(pools) > 1
    assert shelf.slate(context, "product").explored is None


def test_what_is_explored_would_not_have_been_shown(shelf: Shelf) -> None:
    """Without the slot the product is behind the shown part, with it the others keep their order."""
    context = shelf.context("boots0", "boots1")
    shown = [shelf.slate(context, slate_id=f"s-0-{n}-home-0000") for n in range(20)]
    chosen = [ids(one)[one.explored.rank - 1] for one in shown if one.explored]
    unexplored = [[name for name in ids(one)[:20] if name != pick] for one, pick in zip(shown, chosen, strict=True)]
    assert len(set(chosen)) > 1
    assert {tuple(names) for names in unexplored} == {tuple(unexplored[0])}
    assert set(chosen).isdisjoint(unexplored[0])


@pytest.mark.parametrize("context", [{}, {"consent": False, "session_id": None}])
def test_somebody_without_any_signal_gets_a_sensible_slate(shelf: Shelf, context: dict[str, object]) -> None:
    """What is popular leads, new products fill up; nothing is explored on those who gave no consent."""
    decision = shelf.slate(shelf.context(**context), name="page_view")
    assert len(decision.items) >= 20
    assert {item["reason"] for item in decision.items[:3]} == {"Popular right now"}
    assert (decision.explored is None) == (context.get("consent") is False)


def test_without_consent_the_product_on_the_page_still_counts(shelf: Shelf) -> None:
    """A contextual slate: like the product being looked at, from the event alone."""
    context = shelf.context(consent=False, session_id=None)
    shown = ids(shelf.slate(context, "product", anchors=("mugs0",)))[:6]
    assert sum(name.startswith("mugs") for name in shown) >= 4


def test_search_words_find_products_nobody_has_clicked(shelf: Shelf) -> None:
    """Titles match, and the reason says so."""
    shelf.put("lamp-x", category=("shop", "lamps"), title="Paraffin storm lantern")
    decision = shelf.slate(shelf.context(query="storm lanterns"), "search", name="search")
    assert ids(decision)[0] == "lamp-x"
    assert decision.items[0]["reason"] == "Matches “storm lanterns”"


def test_campaign_words_help_a_visitor_who_has_done_nothing(shelf: Shelf) -> None:
    """The landing context is all there is."""
    shelf.put("lamp-x", category=("shop", "lamps"), title="Paraffin storm lantern")
    landed = shelf.context(landing=Landing(utm_term="storm lantern"))
    assert "lamp-x" in ids(shelf.slate(landed, name="page_view"))[:20]


def test_reasons_are_what_a_shopper_understands(shelf: Shelf) -> None:
    """Each names a product the visitor knows, and the one being viewed comes first."""
    for _ in range(5):
        shelf.browse("boots0", "boots1")
    items = shelf.slate(shelf.context("tents1", "boots0"), "product", anchors=("boots0",)).items
    by_product = {item["product_id"]: item["reason"] for item in items}
    assert by_product["boots1"] in {"Often viewed after boots0", "Similar to boots0"}
    assert by_product["tents1"] != "Similar to tents1"
