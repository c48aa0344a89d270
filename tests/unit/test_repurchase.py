"""How long a bought product stays away: as its own attribute says, its category has taught, or the rule for all."""

from datetime import UTC, datetime, timedelta

import pytest

from models.repurchase import RepurchaseIntervals
from models.slate import SlateRules
from schemas.events import Event, Item
from schemas.products import Product
from schemas.slates import Slate
from streams.engine import Engine
from streams.settings import Settings

AT = datetime(2026, 5, 1, tzinfo=UTC)
DEFAULT_DAYS = SlateRules().repurchase_days


class Shop:
    """Soap, a mug, and somebody who buys soap."""

    def __init__(self, **soap: object) -> None:
        self.engine = Engine(Settings(_env_file=None))
        fields: dict[str, object] = {"product_id": "soap", "title": "Soap", "category": ("Bath", "Soap")}
        self.engine.put_product(Product(**(fields | soap)))
        self.engine.put_product(Product(product_id="mug", title="Mug"))

    def tell(self, name: str, product_id: str, days: float = 0, visitor: str = "v") -> list[Slate]:
        """Feed an event so many days after the first."""
        at = AT + timedelta(days=days)
        return self.engine.feed(
            Event(
                event_id=f"{name}-{at}-{visitor}", name=name, visitor_id=visitor, at=at, consent="personalisation",
                items=(Item(product_id=product_id),),
            )
        )  # fmt: skip

    def home(self, days: float) -> dict[str, str]:
        """Come back after so many days; give the home slate's products and reasons."""
        (home,) = [slate for slate in self.tell("view_item", "mug", days) if slate.placement == "home"]
        return {item.product_id: item.reason for item in home.items}

    def wash(self, *, people: int, gap: float) -> None:
        """Let others buy soap twice."""
        for person in range(people):
            self.tell("purchase", "soap", -50, f"p{person}")
            self.tell("purchase", "soap", gap - 50, f"p{person}")


def shown_after(days: float, own: str | float) -> bool:
    """Buy a product, come back after that many days, and look for it on the home slate."""
    shop = Shop(attributes={"repurchase_days": own})
    shop.tell("purchase", "soap")
    return "soap" in shop.home(days)


@pytest.mark.parametrize("days", [3, 0.5, 60])
def test_a_product_says_when_it_is_needed_again(days: float) -> None:
    """Away until then, back after."""
    assert not shown_after(days * 0.9, days)
    assert shown_after(days * 1.1, days)


@pytest.mark.parametrize("own", [True, -1, 3651, 10**18, "7"])
def test_what_is_no_number_of_days_is_not_heeded(own: str | float) -> None:
    """The rule for all products holds then."""
    assert not shown_after(DEFAULT_DAYS * 0.9, own)
    assert shown_after(DEFAULT_DAYS * 1.1, own)


def test_a_product_that_is_needed_once_never_returns() -> None:
    """0 days is never again, not at once: as the product's own number, and as the rule for all."""
    assert not shown_after(170, 0)
    assert not shown_after(170, 0.0)
    assert shown_after(31, -1)


def test_a_category_teaches_when_its_products_are_bought_again() -> None:
    """From 30 repeats on the median counts; 29 are too few."""
    shop = Shop()
    shop.wash(people=29, gap=7)
    assert shop.engine.knowledge.model.repurchase.days_of("Bath > Soap") is None
    shop.tell("purchase", "soap", -50, "last")
    shop.tell("purchase", "soap", -45, "last")
    assert shop.engine.knowledge.model.repurchase.days_of("Bath > Soap") == 7.0
    shop.tell("purchase", "soap")
    assert "soap" not in shop.home(6.9)
    assert shop.home(7.1)["soap"] == "Buy again"


def test_a_products_own_days_come_before_its_categorys() -> None:
    """The shop knows its product better than the category does."""
    shop = Shop(attributes={"repurchase_days": 20})
    shop.wash(people=30, gap=7)
    shop.tell("purchase", "soap")
    assert "soap" not in shop.home(19)
    assert "soap" in shop.home(21)


def test_a_refund_ends_the_rest() -> None:
    """What was given back may be shown at once."""
    shop = Shop()
    shop.tell("purchase", "soap")
    assert "soap" not in shop.home(0.1)
    shop.tell("refund", "soap", 0.2)
    assert "soap" in shop.home(0.3)


def test_one_order_is_one_opinion() -> None:
    """However many of a category's products an order repeats, it adds their median once."""
    intervals = RepurchaseIntervals(cap=4, kept=3, least=2)
    intervals.learn_one(("a",) * 5, (1.0, 2.0, 9.0, 0.0, 0.0))
    assert intervals.days_of("a") is None
    intervals.learn_one(("a", "", "b"), (4.0, 50.0, 50.0))
    assert intervals.days_of("a") == 3.0
    assert intervals.days_of("b") is None


def test_intervals_follow_the_latest_repeats() -> None:
    """Only the newest gaps are kept of a category, and only so many categories; the longest unseen go."""
    intervals = RepurchaseIntervals(cap=4, kept=3, least=1)
    for days in (90.0, 90.0, 5.0, 6.0, 7.0):
        intervals.learn_one(("a",), (days,))
    assert intervals.days_of("a") == 6.0
    for leaf in "bcde":
        intervals.learn_one((leaf,), (1.0,))
    assert intervals.days_of("a") is None
    intervals.learn_one(("f",), (8.0,))
    assert intervals.days_of("f") == 8.0
