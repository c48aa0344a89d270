"""A shop with outdoor gear for adults and for kids, judgements made by hand, and an agent that asks for them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from models.wording import word
from schemas.events import Event, EventName, Item
from schemas.judgements import Judgement, JudgementRequest, JudgementTable, judgement_key
from schemas.products import Product
from schemas.record import epoch_ms
from schemas.slates import Slate
from schemas.topics import EVENTS, JUDGEMENT_REQUESTS, JUDGEMENTS, LEARNING, PRODUCTS, SLATES, TopicName
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Out
from streams.partitions import PartitionState
from streams.revisions import Revisions
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


class Serving:
    """A clicks agent that asks, with one partition, and what it writes; the test moves its clock.

    Args:
        rules: other than the defaults.
    """

    def __init__(self, **rules: Any) -> None:
        self.world, self.products, self.visits = build_world(SETTINGS), shop(), Visits()
        self.rules = replace(clicks_rules(SETTINGS), **({"asks": True} | rules))
        self.agent = ClicksAgent(self.world, self.rules, clock=self._clock)
        self.part, self.now, self.tick = PartitionState(0), NOON, timedelta(0)
        self._folds = {fold.topic: fold for fold in self.world.folds}
        self.logs: defaultdict[TopicName, list[LogRecord]] = defaultdict(list)
        self.put_products(self.products.values())

    @property
    def revisions(self) -> Revisions:
        """Give what follows from judgements."""
        return self.agent.revisions

    def apply(self, topic: TopicName, key: bytes | None, value: bytes | None) -> None:
        """Let a follower read one record."""
        self._folds[topic].apply(self._append(topic, key, value))

    def put_products(self, products: Iterable[Product]) -> None:
        """Insert or replace products."""
        for one in products:
            self.apply(PRODUCTS, one.product_id.encode(), one.encode())

    def judge(self, *names: str, segment: str = "any", intent: str = "outdoor/kids") -> None:
        """Let some products be judged for a key; all where none is named."""
        scores = {name: score for name, score in fitting(self.products).items() if not names or name in names}
        made = table(self.products, scores, segment=segment, intent=intent)
        self.apply(JUDGEMENTS, judgement_key(segment, intent), made.encode())

    def feed(self, event: Event, *headers: tuple[str, bytes]) -> list[Out]:
        """Handle an event the moment it happens, and learn from it."""
        self.now = max(self.now, event.at)
        record = self._append(EVENTS, event.visitor_id.encode(), event.encode(), headers)
        return self._write(self.agent.handle([record], self.part).outputs)

    def look(self, *headers: tuple[str, bytes], visitor: str = "v", product: str = "kids-boots-1") -> list[Out]:
        """Let a visitor look at a product."""
        return self.feed(self.visits("view_item", product, visitor=visitor), *headers)

    def _clock(self) -> datetime:
        """Tell the time, which goes on by a tick whenever it is asked for."""
        now = self.now
        self.now += self.tick
        return now

    def pass_ms(self, ms: int) -> None:
        """Let time go by."""
        self.now += timedelta(milliseconds=ms)

    def revised(self) -> list[Out]:
        """Give all revisions that are due, with their evidence."""
        found: list[Out] = []
        while (some := self.revisions.revise()) is not None:
            found += self._write(some)
        return found

    def _write(self, outputs: list[Out]) -> list[Out]:
        for out in outputs:
            if out.topic == LEARNING:
                self.apply(LEARNING, None, out.value)
            else:
                self._append(out.topic, out.key, out.value)
        return outputs

    def _append(
        self, topic: TopicName, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> LogRecord:
        log = self.logs[topic]
        log.append(LogRecord(0, len(log), epoch_ms(self.now), key, value, headers))
        return log[-1]


def slates(outputs: Iterable[Out]) -> list[Slate]:
    """Read the slates of judged placements."""
    found = [Slate.decode(out.value) for out in outputs if out.topic == SLATES]
    return [slate for slate in found if slate.placement == "home"]


def requests(outputs: Iterable[Out]) -> list[JudgementRequest]:
    """Read what was asked for."""
    return [JudgementRequest.decode(out.value) for out in outputs if out.topic == JUDGEMENT_REQUESTS]
