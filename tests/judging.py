"""A shop with outdoor gear for adults and for kids, and judgements made by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from models.wording import word
from schemas.events import Event, EventName, Item
from schemas.judgements import Judgement, JudgementTable
from schemas.products import Product
from streams.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = Settings(_env_file=None, evidence_share=1.0, partitions=2, llm_model="double")

GEAR = ("Jackets", "Boots", "Backpacks", "Fleeces")


def shop() -> dict[str, Product]:
    """Ten of each kind of gear for adults and for kids, and lamps."""
    made = {}
    for leaf in GEAR:
        for n in range(10):
            for whom, path in (("adults", ("Outdoor", leaf)), ("kids", ("Kids", "Outdoor", leaf))):
                name = f"{whom}-{leaf.lower()}-{n}"
                made[name] = Product(
                    product_id=name, title=f"{leaf} {n}", category=path, price=50 + n, attributes={"audience": whom}
                )
    for n in range(20):
        made[f"lamp-{n}"] = Product(product_id=f"lamp-{n}", title=f"Lamp {n}", category=("Home", "Lamps"), price=20 + n)
    return made


def table(
    products: Mapping[str, Product],
    scores: Mapping[str, float],
    *,
    segment: str = "any",
    intent: str = "outdoor/kids",
    model: str = "double",
    at: datetime = NOON,
) -> JudgementTable:
    """Write down scores, made of the products as they are."""
    entries = {}
    for name, score in scores.items():
        worded = word(products[name])
        assert worded is not None
        entries[name] = Judgement(score=score, text_hash=worded.text_hash, price_band=worded.price_band, judged_at=at)
    return JudgementTable(segment=segment, intent=intent, model=model, prompt_version="judge-1", scores=entries)


def fitting(products: Mapping[str, Product]) -> dict[str, float]:
    """Score as a judge would whose visitor is here for outdoor gear for kids."""
    by_word = {"kids": 9.0, "adults": 3.0, "lamp": 1.0}
    return {name: by_word[name.split("-")[0]] for name in products}


class Visits:
    """Events of visitors, one every half a minute."""

    def __init__(self, start: datetime = NOON) -> None:
        self.at = start
        self.count = 0

    def __call__(self, name: EventName, *products: str, visitor: str = "v", days: float = 0) -> Event:
        """Give the next event; `days` before now where it is of the past."""
        self.count += 1
        return Event(
            event_id=f"e{self.count}",
            name=name,
            visitor_id=visitor,
            at=self.at + timedelta(seconds=30 * self.count) - timedelta(days=days),
            items=tuple(Item(product_id=one) for one in products),
            consent="personalisation",
        )
