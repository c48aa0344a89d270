"""What is shown where little is known: hardly known products, a shop without events, the very first events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from models.features import COLD_BELOW, candidates_of, raw_scores
from models.objections import objections
from models.placements import PLACEMENTS, Placement
from models.retrieval import retrieve
from models.session import Context
from models.shortlist import Request, SlateRules
from models.slate import Decision, Stages, decide, stages
from schemas.events import Event, EventName, Item, Landing, Page
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.slates import Slate
from streams.bootstrap import clicks_rules
from streams.demo.shop import generate_shop
from streams.engine import Engine
from streams.past.again import Recorded, answers_of, context_after, decide_again, written
from streams.settings import Settings
from tests.cold.first_click import vectors_of
from tests.shelf import BY_NAME, NOON, SHELVES, Shelf, event, ids

RANK = BY_NAME["home"].reserves_cold
NEW = ("boots-a", "boots-b", "boots-c")
BARE = replace(BY_NAME["home"], reserves_cold=None, explores=False)
ONLY_COLD = replace(BY_NAME["home"], explores=False)


@pytest.fixture
def shelf() -> Shelf:
    """A shop where everything has been looked at often, and three boots nobody has looked at."""
    shop = Shelf()
    for _ in range(COLD_BELOW):
        for name in SHELVES:
            shop.browse(*(f"{name}{n}" for n in range(20)))
    for name in NEW:
        shop.put(name)
    return shop


def slate(shelf: Shelf, placement: Placement, *views: str, number: int = 1, **context: object) -> Decision:
    """Decide a slate of any placement."""
    visitor = shelf.context(*views, **context)
    request = Request(f"s-0-{number}-home-0000", placement, visitor, (), NOON)
    return decide(request, shelf.candidates(visitor), shelf.knowledge, SlateRules())


def reserved(decision: Decision) -> list[int]:
    """Give the rank of the reserved slot."""
    return [item["rank"] for item in decision.items if "reserved" in item["sources"]]


def test_one_rank_is_kept_for_what_hardly_anybody_knows(shelf: Shelf) -> None:
    """The boots that fit the session best, and the slate says so."""
    decision = slate(shelf, ONLY_COLD, "boots1", "boots2")
    assert reserved(decision)[0] == RANK
    item = decision.items[RANK - 1]
    assert item["sources"]["cold"] == 1.0
    assert item["product_id"] in NEW
    assert item["reason"] == "A new find, similar to boots2"


def test_the_others_keep_their_order(shelf: Shelf) -> None:
    """Without the slot the slate is the same, closed up; the first ranks are not touched."""
    with_slot = [name for name in ids(slate(shelf, ONLY_COLD, "boots1", "boots2")) if name not in NEW]
    without = [name for name in ids(slate(shelf, BARE, "boots1", "boots2")) if name not in NEW]
    assert with_slot == without[: len(with_slot)]


def test_exploration_never_meets_it(shelf: Shelf) -> None:
    """Neither on a rank nor with a product, and its chance counts what is left to it."""
    ranks = set()
    for number in range(150):
        decision = slate(shelf, BY_NAME["home"], "boots1", "boots2", number=number)
        shown = ids(decision)[: BY_NAME["home"].size]
        (place,) = reserved(decision)
        assert decision.explored is not None
        assert decision.explored.rank != place
        assert place == RANK + (decision.explored.rank == RANK)
        assert len(set(shown)) == len(shown)
        ranks.add(decision.explored.rank)
    assert RANK in ranks


def test_they_take_turns_as_they_are_seen(shelf: Shelf) -> None:
    """Not the same for ever."""
    shown: dict[str, tuple[int, int, bool]] = {}
    found = []
    for _ in range(12):
        decision = slate(shelf, ONLY_COLD, "boots1", "boots2", shown=MappingProxyType(dict(shown)))
        name = ids(decision)[RANK - 1]
        found.append(name)
        shown[name] = (shown.get(name, (0, 0, False))[0] + 1, 0, False)
    assert set(found) == set(NEW)


def test_nothing_is_reserved_for_what_does_not_fit(shelf: Shelf) -> None:
    """New boots are nothing for somebody who looks at mugs."""
    assert slate(shelf, ONLY_COLD, "mugs1", "mugs2") == slate(shelf, BARE, "mugs1", "mugs2")


@pytest.mark.parametrize("changes", [{"hidden": True}, {"stock": 0}, {"available_from": NOON + timedelta(days=1)}])
def test_what_cannot_be_shown_is_not_reserved(shelf: Shelf, changes: dict[str, object]) -> None:
    """All filters hold here too."""
    for name in NEW:
        shelf.put(name, **changes)
    assert not reserved(slate(shelf, ONLY_COLD, "boots1", "boots2"))


def test_what_was_just_found_is_not_found_again(shelf: Shelf) -> None:
    """The visitor knows it now."""
    decision = slate(shelf, ONLY_COLD, "boots1", *NEW[:2])
    assert ids(decision)[reserved(decision)[0] - 1] == NEW[2]


def test_the_way_of_what_is_reserved_is_told(shelf: Shelf) -> None:
    """It is on the shortlist by the slot alone, and nothing is said to have kept it off."""
    context = shelf.context("boots1", "boots2")
    request, found = Request("s-0-1-home-0000", ONLY_COLD, context, (), NOON), shelf.candidates(context)
    come: Stages = stages(request, found, shelf.knowledge, SlateRules())
    assert come.reserved is not None
    assert come.order[RANK - 1] == come.reserved.at
    against = objections(request, found, come.listed, shelf.knowledge, SlateRules())
    assert int(come.listed.places[come.reserved.at]) not in against
    assert len(come.listed.products) == len(set(come.listed.products))


@pytest.mark.parametrize("rank", [1, 3, 12, 20])
def test_a_placement_keeps_its_first_ranks(rank: int) -> None:
    """They are the blend's, and the last one leaves no room to step aside."""
    with pytest.raises(ValueError, match="reserves_cold is 4 to size - 1"):
        Placement("shelf", triggers=frozenset({"view_item"}), reserves_cold=rank)


def test_shelves_of_the_cart_reserve_nothing() -> None:
    """Who is about to pay is not shown what nobody knows."""
    assert {one.name for one in PLACEMENTS if one.reserves_cold is not None} == {"home"}


def test_without_vectors_words_and_categories_fit(shelf: Shelf) -> None:
    """A title that matches the search, else what is new in a category just viewed."""
    for name in (*(f"{one}{n}" for one in SHELVES for n in range(20)), *NEW):
        shelf.knowledge.content.remove(name)
    shelf.put("lamps-x", category=("shop", "lamps"), title="Ostrich lamp")
    shelf.knowledge.content.remove("lamps-x")
    found = slate(shelf, ONLY_COLD, "boots1", query="ostrich")
    assert ids(found)[RANK - 1] == "lamps-x" or "lamps-x" in ids(found)[:RANK]
    assert ids(slate(shelf, ONLY_COLD, "boots1"))[RANK - 1] in NEW
    assert not reserved(slate(shelf, ONLY_COLD, "mugs1"))


def test_a_campaigns_text_leads_to_what_it_names(shelf: Shelf) -> None:
    """Its words match titles until something else is known; an advertisement's search words weigh more."""
    shelf.put("lamp-x", category=("shop", "lamps"), title="Paraffin storm lantern")

    def place(**landing: str) -> int:
        shown = ids(shelf.slate(shelf.context(landing=Landing(**landing)), name="page_view"))
        return shown.index("lamp-x") + 1 if "lamp-x" in shown else 99

    assert place(utm_term="storm lantern") == 1
    assert place(utm_campaign="lantern-week") <= 20
    assert place(utm_content="storm lantern", utm_campaign="spring") <= 20
    assert place(utm_term="storm lantern", utm_campaign="boots") == 1
    assert place(utm_campaign="spring") > 20


def test_the_blend_is_asked_as_soon_as_something_is_known(shelf: Shelf) -> None:
    """Of somebody new the sources speak by themselves; a view, a history or a product on the page is for the blend."""

    def blended(context: Context, *items: str) -> bool:
        described = candidates_of(
            retrieve(context, event("view_item", *items), shelf.knowledge).found, context, shelf.knowledge
        )
        raw = raw_scores(described, context, shelf.knowledge.model.blend)
        return bool((raw == shelf.knowledge.model.blend.score(described.features)).all())

    shelf.browse("mugs1", visitor="back")
    assert not blended(shelf.context())
    assert not blended(shelf.context(landing=Landing(utm_campaign="mugs")))
    assert blended(shelf.context("boots1"))
    assert blended(shelf.context(visitor_id=f"back{shelf._steps - 1}"))
    assert blended(shelf.context(consent=False, session_id=None), "boots1")


DAY = datetime(2026, 2, 1, tzinfo=UTC)
CATALOGUE = generate_shop(5, 300)
EVERY: tuple[tuple[EventName, str], ...] = (
    ("page_view", "home"), ("page_view", "category"), ("search", "search"), ("view_item", "product"),
    ("add_to_cart", "product"), ("remove_from_cart", "cart"), ("purchase", "checkout"),
)  # fmt: skip


def step(offset: int, *, item: str) -> LearningStep:
    """Write that somebody looked at an item."""
    origin = Origin(topic="past", partition=0, offset=offset)
    return LearningStep(
        origin=origin, at=DAY, visitor_id=f"v{offset}", session=f"s{offset}", kind="view", items=((item, 1.0),)
    )


COUNT = iter(range(1, 1 << 30))


def opened(products: int = 300, *, vectors: bool, priced: bool = True) -> Engine:
    """Open a shop that nobody has been in."""
    shop = Engine(Settings(_env_file=None, evidence_share=1.0))
    sold = [one if priced else one.model_copy(update={"price": None, "sale_price": None}) for one in CATALOGUE]
    for product in sold[:products]:
        shop.put_product(product)
    if vectors:
        shop.put_embeddings(vectors_of(sold[:products]))
    return shop


def tell(
    shop: Engine, name: EventName, *products: str, visitor: str, kind: str = "product", query: str = ""
) -> list[Slate]:
    """Let somebody do something."""
    number = next(COUNT)
    return shop.feed(
        Event(
            event_id=f"e{number}", name=name, visitor_id=visitor, at=DAY + timedelta(seconds=number),
            items=tuple(Item(product_id=one) for one in products), query=query or None, consent="personalisation",
            page=Page(view_id=f"w{number}", kind=kind, url="https://shop.example/", referrer="https://www.google.com/"),
            context=Landing(country="NL", device="mobile"),
        )
    )  # fmt: skip


def home(slates: Sequence[Slate]) -> Slate:
    """Pick the front page's slate."""
    return next(one for one in slates if one.placement == "home")


def leaves(shown: Slate, first: int) -> list[tuple[str, ...]]:
    """Give the categories of a slate's first products."""
    by_id = {product.product_id: product.category for product in CATALOGUE}
    return [by_id[item.product_id] for item in shown.items[:first]]


def everything(shop: Engine, product: str, visitor: str = "v") -> dict[str, Slate]:
    """Do everything that asks for slates, once."""
    slates: dict[str, Slate] = {}
    for name, kind in EVERY:
        items = () if name in {"page_view", "search"} else (product,)
        query = "mug" if name == "search" else ""
        slates |= {one.placement: one for one in tell(shop, name, *items, visitor=visitor, kind=kind, query=query)}
    assert not shop.dead_letters
    return slates


@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize("vectors", [True, False])
def test_a_shop_that_nobody_has_been_in_has_full_shelves(*, vectors: bool, priced: bool) -> None:
    """Every placement, on the first day, whatever is missing."""
    slates = everything(opened(vectors=vectors, priced=priced), CATALOGUE[7].product_id)
    assert set(slates) == {one.name for one in PLACEMENTS if one.triggers}
    for name, one in slates.items():
        assert len(one.items) >= BY_NAME[name].size, name
        assert all(item.reason and item.sources for item in one.items)


@pytest.mark.parametrize("vectors", [True, False])
def test_the_front_page_of_a_new_shop_shows_all_kinds_of_things(*, vectors: bool) -> None:
    """Though the last hundred products that were put in were of one kind."""
    shop = opened(vectors=vectors)
    for number in range(100):
        shop.put_product(Product(product_id=f"pin{number}", title=f"Pin {number}", category=("Pins",), updated_at=DAY))
    slates = tell(shop, "page_view", visitor="v", kind="home")
    by_id = {product.product_id: product.category for product in CATALOGUE}
    shown = [by_id.get(item.product_id, ("Pins",)) for item in home(slates).items[:20]]
    assert len(set(shown)) >= 10
    assert ("Pins",) in shown


@pytest.mark.parametrize("vectors", [True, False])
def test_beside_a_product_of_a_new_shop_stand_its_like(*, vectors: bool) -> None:
    """By vector, else by category; the front page follows too."""
    shop = opened(vectors=vectors)
    mugs = [one for one in CATALOGUE if one.category == ("Coffee and tea", "Mugs") and not one.hidden and one.stock]
    slates = tell(shop, "view_item", mugs[0].product_id, visitor="v")
    shown = next(one for one in slates if one.placement == "product")
    alike = min(len(mugs) - 1, 3)
    assert leaves(shown, 6).count(mugs[0].category) >= alike
    assert leaves(home(slates), 8).count(mugs[0].category) >= alike


@pytest.mark.parametrize("vectors", [True, False])
def test_the_very_first_events_break_nothing(*, vectors: bool) -> None:
    """After 1, 2, 5 and 20 learned events shelves are full, and what was looked at is on the front page."""
    shop = opened(vectors=vectors)
    sold = [one.product_id for one in CATALOGUE if not one.hidden and one.stock and not one.restricted]
    for number in range(20):
        tell(shop, "view_item", sold[number % 3], visitor=f"early{number}")
        if number + 1 in {1, 2, 5, 20}:
            front = home(tell(shop, "page_view", visitor=f"late{number}", kind="home"))
            assert len(front.items) >= 20
            assert sold[0] in [item.product_id for item in front.items[:3]]
            assert len(set(leaves(front, 20))) >= 8
    assert all(len(one.items) >= BY_NAME[name].size for name, one in everything(shop, sold[5]).items())


def test_a_shop_without_products_shows_nothing() -> None:
    """An empty slate each time, and no crash."""
    slates = everything(Engine(Settings(_env_file=None)), "p1")
    assert set(slates) == {one.name for one in PLACEMENTS if one.triggers}
    assert not any(one.items for one in slates.values())


def test_a_shop_with_one_product_shows_it() -> None:
    """Except beside itself."""
    slates = everything(opened(1, vectors=True), CATALOGUE[0].product_id, visitor="v")
    assert [item.product_id for item in slates["search"].items] == [CATALOGUE[0].product_id]
    assert not slates["product"].items


@pytest.mark.parametrize("vectors", [True, False])
def test_slates_are_decided_again_from_their_evidence(*, vectors: bool) -> None:
    """What stands in for the index, and what is cold, comes out again byte for byte, sources in their order."""
    shop, sold = opened(vectors=vectors), [one.product_id for one in CATALOGUE if not one.hidden and one.stock]
    rules = clicks_rules(Settings(_env_file=None))
    for number in range(400):  # some of the shop is no longer cold
        shop.knowledge.model.learn_one(step(number, item=CATALOGUE[number % 80].item), number)
    brought: set[str] = set()
    for number in range(6):
        tell(shop, "view_item", sold[number * 7], visitor="v")
        (slate,) = tell(shop, "page_view", visitor="v", kind="home")  # teaches nothing: the world stands still
        visitor, (evidence,) = shop.visitor("v"), shop.evidence[-1:]
        event = Event(
            event_id=slate.cause.event_id, name="page_view", visitor_id="v", at=slate.event_at,
            consent="personalisation", page=Page(view_id=slate.view_id, kind="home"),
        )  # fmt: skip
        context = context_after(visitor, event, rules.session)
        recorded = Recorded(slate, event, context, answers_of(evidence, shop.knowledge))
        assert written(slate, decide_again(recorded, shop.knowledge, rules).decided) == slate.encode()
        brought |= {source for item in slate.items for source in item.sources}
    assert {"content", "cold"} <= brought
