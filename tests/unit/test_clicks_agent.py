"""The clicks agent through the engine as a library: what an event leads to."""

from datetime import UTC, datetime, timedelta

import pytest

from models.blend import FEATURES
from models.examination import discount
from models.explore import explored_rank
from models.placements import PLACEMENTS
from schemas.events import Event, EventName, Item, Shown
from schemas.learning import LearningStep
from schemas.products import Product
from streams.engine import Engine
from streams.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOME = next(placement for placement in PLACEMENTS if placement.name == "home")
SLATE = "s-0-1-home-0000"


class Told:
    """An engine and what it was told, one event a second."""

    def __init__(self) -> None:
        self.engine = Engine(Settings(_env_file=None, evidence_share=1.0))
        for n in range(60):
            self.engine.put_product(Product(product_id=f"p{n}", title=f"Lamp {n}", category=("home", "lamps")))
        self.count = 0

    def __call__(
        self, name: EventName, *products: str, minutes: float = 0, slate: str | None = None, rank: int = 0
    ) -> list:
        """Feed an event; `slate` names the slate whose explored product, or rank, it is about."""
        self.count += 1
        rank = rank or explored_rank(slate or "", HOME.size)
        shown = slate and Shown(slate_id=slate, placement="home", rank=rank)
        return self.engine.feed(
            Event(
                event_id=f"e{self.count}",
                name=name,
                visitor_id="v",
                at=NOON + timedelta(minutes=minutes, seconds=self.count),
                items=tuple(Item(product_id=product) for product in products),
                shown=shown or None,
                consent="personalisation",
            )
        )

    def earned(self) -> dict[str, float]:
        """Give clicks per impression by pool."""
        return {**self.engine.knowledge.model.bandit.estimates()}

    def step(self) -> LearningStep:
        """Give what was learned last."""
        return LearningStep.decode(self.engine.world.learning.last)

    def row(self) -> tuple[list[float], float]:
        """Give what the last training row says of places on a slate, the chosen product's first, and its weight."""
        row = self.step().row
        assert row is not None
        return row.array()[:, FEATURES.index("shown_rank")].tolist(), row.weight


@pytest.fixture
def told() -> Told:
    """A shop of lamps."""
    return Told()


def test_exploring_is_paid_for_what_was_seen_and_then_clicked(told: Told) -> None:
    """An impression of the explored product, and a click on it within half an hour."""
    before = told.earned()
    told("impression", "p7", slate=SLATE)
    seen = told.earned()
    told("select_item", "p7", slate=SLATE)
    clicked = told.earned()
    assert [pool for pool in before if seen[pool] < before[pool]] == ["new"]
    assert [pool for pool in before if clicked[pool] > before[pool]] == ["new"]


@pytest.mark.parametrize(("impression", "minutes"), [(False, 0), (True, 31)])
def test_clicks_without_a_fresh_impression_pay_nothing(told: Told, *, impression: bool, minutes: float) -> None:
    """Forged, or too late: the bandit does not move."""
    if impression:
        told("impression", "p7", slate=SLATE)
    before = told.earned()
    told("select_item", "p7", minutes=minutes, slate=SLATE)
    assert told.earned() == before


def test_a_second_click_pays_nothing(told: Told) -> None:
    """Once per impression."""
    told("impression", "p7", slate=SLATE)
    told("select_item", "p7", slate=SLATE)
    before = told.earned()
    told("select_item", "p7", slate=SLATE)
    assert told.earned() == before


def test_the_rank_of_what_was_explored_is_learned(told: Told) -> None:
    """Of an impression that begins at the top, too: where attention is compared, the explored product's rank counts."""
    told("impression", *[f"p{n}" for n in range(20)], slate=SLATE, rank=1)
    rank = explored_rank(SLATE, HOME.size)
    assert (told.step().explored, told.step().rank) == ("new", rank)
    told("select_item", f"p{rank - 1}", slate=SLATE)
    assert (told.step().explored, told.step().rank) == ("new", rank)


def test_a_click_on_a_slate_is_weighed_by_its_rank(told: Told) -> None:
    """The blend is told the attention that each place of the slate gets, and nothing of what was not on it."""
    told("view_item", "p1")
    told("impression", *[f"p{n}" for n in range(10, 22)], slate=SLATE, rank=1)
    told("select_item", "p16", slate=SLATE, rank=7)
    places, weight = told.row()
    attention = [discount(rank) for rank in range(1, 13)]
    assert places[0] == pytest.approx(discount(7), abs=1e-3)
    assert weight == told.engine.knowledge.model.examination.weight(7) > 1
    others = [place for place in places[1:] if place]
    assert 0 < len(others) < len(places) - 1
    assert all(min(abs(place - one) for one in attention) < 1e-3 for place in others)
    told("view_item", "p40")
    assert told.row() == ([0.0] * len(places), 1.0)


def test_each_shelf_gets_one_slate_with_lineage_and_evidence(told: Told) -> None:
    """A view asks for home and product; both name their cause and the positions they were decided at."""
    told("view_item", "p1")
    slates = told("view_item", "p2")
    assert [slate.placement for slate in slates] == ["home", "product"]
    assert {slate.cause.event_id for slate in slates} == {"e2"}
    assert {slate.lineage.model for slate in slates} == {0}
    assert sum(offset + 1 for offset in slates[0].lineage.products.values()) == 60
    assert [one.slate_id for one in told.engine.evidence][-2:] == [slate.slate_id for slate in slates]
    assert "p2" not in [item.product_id for item in slates[1].items]
