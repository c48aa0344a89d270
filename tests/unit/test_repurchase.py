"""How long a bought product stays away, as its own attribute says."""

from datetime import UTC, datetime, timedelta

import pytest

from models.slate import SlateRules
from schemas.events import Event, Item
from schemas.products import Product
from schemas.slates import Slate
from streams.engine import Engine
from streams.settings import Settings

AT = datetime(2026, 5, 1, tzinfo=UTC)
DEFAULT_DAYS = SlateRules().repurchase_days


def shown_after(days: float, own: str | float) -> bool:
    """Buy a product, come back after that many days, and look for it on the home slate."""
    engine = Engine(Settings(_env_file=None))
    engine.put_product(Product(product_id="soap", title="Soap", attributes={"repurchase_days": own}))
    engine.put_product(Product(product_id="mug", title="Mug"))

    def tell(name: str, product_id: str, at: datetime) -> list[Slate]:
        return engine.feed(
            Event(
                event_id=f"{name}-{at}", name=name, visitor_id="v", at=at, consent="personalisation",
                items=(Item(product_id=product_id),),
            )
        )  # fmt: skip

    tell("purchase", "soap", AT)
    slates = tell("view_item", "mug", AT + timedelta(days=days))
    (home,) = [slate for slate in slates if slate.placement == "home"]
    return "soap" in {item.product_id for item in home.items}


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
