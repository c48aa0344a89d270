"""Segments and intents: few, readable, and what a visit is about now rather than before."""

import pytest

from models.catalogue import Catalogue
from models.context import Context
from models.facets import FEWEST_PRICES, FacetTable
from models.intent import JudgementKey, keys_of, segment_of
from schemas.products import Product

SHOP = {
    "tent": (("Outdoor", "Tents"), "adults"),
    "boots": (("Outdoor", "Boots"), "adults"),
    "little-boots": (("Kids", "Outdoor", "Boots"), "kids"),
    "little-jacket": (("Kids", "Outdoor", "Jackets"), "kids"),
    "lamp": (("Home", "Lighting"), ""),
    "nowhere": ((), ""),
}


@pytest.fixture
def facets() -> FacetTable:
    """A shop in which every product is the middle one of its category by price."""
    catalogue = Catalogue()
    for name, (category, audience) in SHOP.items():
        attributes = {"audience": audience} if audience else {}
        catalogue.put(Product(product_id=name, title=name, category=category, price=50, attributes=attributes))
        for n, price in enumerate((10, 20, 30, 70, 80, 90)):
            other = f"{name}{n}"
            catalogue.put(Product(product_id=other, title=other, category=category, price=price, attributes=attributes))
    return FacetTable(catalogue)


def visitor(*views: str, bought: tuple[str, ...] = (), **fields: object) -> Context:
    """Somebody who has looked at products, and bought others one a day."""
    known = {
        "visitor_id": "v", "consent": True, "views": views, "steps": tuple((one, 1.0) for one in views),
        "purchased": tuple((one, day) for day, one in enumerate(bought)),
        "profile_items": tuple((one, 5.0) for one in bought), "stage": "browsing",
    }  # fmt: skip
    return Context(**(known | fields))


def test_the_visit_is_for_kids_whatever_was_bought_before(facets: FacetTable) -> None:
    """Outdoor gear for adults in the profile, for kids in the session: segment and intent say so apart."""
    context = visitor("little-boots", "little-jacket", bought=("tent", "boots"), stage="comparing")
    assert keys_of(context, facets) == (
        JudgementKey("loyal.mid.outdoor", "outdoor/kids.mid.comparing"),
        JudgementKey("any", "outdoor/kids"),
    )


def test_segments_grow_with_visits_and_orders(facets: FacetTable) -> None:
    """New, returning, loyal; what is not known is `any`."""
    assert segment_of(visitor(), facets) == "new.any.any"
    assert segment_of(visitor(n_sessions=2), facets) == "returning.any.any"
    assert segment_of(visitor(bought=("lamp0",)), facets) == "returning.low.home"
    assert segment_of(visitor(bought=("lamp5", "lamp4")), facets) == "loyal.high.home"


def test_what_was_passed_over_or_removed_is_no_intent(facets: FacetTable) -> None:
    """Weights below zero do not count, and more weight counts more."""
    context = visitor(steps=(("lamp", -2.0), ("tent", 0.5), ("little-boots", 0.4)))
    assert keys_of(context, facets)[0].intent == "outdoor/adults.mid.browsing"


def test_before_anything_was_looked_at_the_profile_alone_is_judged(facets: FacetTable) -> None:
    """And somebody new who looked at nothing, or at what no category holds, is judged by nothing."""
    assert keys_of(visitor(bought=("tent",), stage="landing"), facets) == (
        JudgementKey("returning.mid.outdoor", "any.landing"),
    )
    assert keys_of(visitor(stage="landing"), facets) == ()
    assert keys_of(visitor("nowhere", "unknown"), facets) == ()


def test_without_consent_nothing_is_judged(facets: FacetTable) -> None:
    """Whatever the context says."""
    assert keys_of(visitor("tent", consent=False), facets) == ()


def test_medicine_is_nobodys_segment_or_intent() -> None:
    """What was looked at and bought from a restricted shelf is in no key, so that no prompt tells of it."""
    catalogue = Catalogue()
    catalogue.put(Product(product_id="pill", title="pill", category=("Pharmacy",), restricted=True))
    pharmacy = FacetTable(catalogue)
    assert keys_of(visitor("pill", bought=("pill",)), pharmacy) == ()


def test_tiers_follow_the_catalogue() -> None:
    """The thirds of a category's prices, once there are enough of them; a change of price or category is seen."""
    catalogue = Catalogue()
    facets = FacetTable(catalogue)

    def put(name: str, price: float, leaf: str = "Lamps") -> None:
        before = facets.priced(name)
        catalogue.put(Product(product_id=name, title=name, category=("Home", leaf), price=price))
        facets.changed(name, before)

    for n in range(FEWEST_PRICES - 1):
        put(f"p{n}", 10.0 * n)
    assert facets.of("p0").tier == "any"
    put("last", 100)
    assert [facets.of(name).tier for name in ("p0", "p2", "last")] == ["low", "mid", "high"]
    put("p0", 500)
    assert [facets.of(name).tier for name in ("p0", "last", "p1")] == ["high", "high", "low"]
    put("last", 100, "Chairs")
    assert facets.of("last").tier == facets.of("p0").tier == "any"
    assert facets.of("nobody").department == ""


def test_a_change_of_stock_works_no_tiers_out_anew() -> None:
    """Shops send stocks all day; what tiers are told from is prices, and who is there."""
    catalogue = Catalogue()
    facets = FacetTable(catalogue)

    def put(name: str, **more: object) -> bool:
        before = facets.priced(name)
        catalogue.put(Product(product_id=name, title=name, category=("Home", "Lamps"), **more))
        facets.changed(name, before)
        return bool(vars(facets)["_thirds"])

    for n in range(FEWEST_PRICES):
        put(f"p{n}", price=10.0 * n)
    for change, kept in (({"price": 10.0, "stock": 3}, True), ({"price": 99.0}, False)):
        assert facets.of("p0").tier == "low"
        assert put("p1", **change) == kept
    assert facets.of("p0").tier == "low"
    assert not put("new"), "one more of them, without a price"
    assert facets.of("p0").tier == "low"
    before = facets.priced("p5")
    catalogue.remove("p5")
    facets.changed("p5", before)
    assert not vars(facets)["_thirds"]
