"""A shop in memory whose visitors get slates of campaigns, and a language model that scores by a table."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from models.ports import Answer, Prompt
from schemas.errors import CallFailedError, RefusedError
from schemas.events import Event
from schemas.judgements import JudgementTable
from schemas.slates import Slate
from schemas.topics import JUDGEMENTS, PRODUCTS, SLATES
from streams.judging.breaker import CircuitBreaker
from streams.judging.caller import Caller
from streams.judging.prices import Prices
from streams.kafka import partition_of
from streams.precompute.asked import Asked
from streams.precompute.running import Done, Planned, plan, work
from streams.settings import Settings
from tests.judging import shop
from tests.memory_logs import NOON, PARTITIONS, Shop, Worker

LATER = NOON + timedelta(hours=5)


@dataclass
class TableModel:
    """Score kids' things 9, others 3; fail where a test says so."""

    name: str = "double"
    calls: list[Prompt] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        """Answer, after letting others ask."""
        self.calls.append(prompt)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.fails:
            raise self.fails.pop(0)
        products = orjson.loads(prompt.user.split("\n", 1)[1])["products"]
        scores = [{"n": one["n"], "score": 9 if one.get("for") == "kids" else 3} for one in products]
        return Answer(orjson.dumps({"scores": scores}).decode(), 900, 10 * len(products), self.name)

    async def close(self) -> None:
        """Hold nothing."""


class Precomputing(Shop):
    """The shop of `tests.judging`: customers who bought outdoor things for adults long ago, others who only looked."""

    def __init__(self, folder: Path, **more: object) -> None:
        super().__init__(0)
        self.logs.topics.clear()
        self.settings = Settings(
            _env_file=None, partitions=PARTITIONS, llm_model="double", data_dir=folder, training_per_s=0, **more
        )
        self.topics = self.settings.topics
        self.model, self.now = TableModel(), LATER
        self.count = 0
        for product in shop().values():
            key = product.product_id.encode()
            self.logs.put(self.topics[PRODUCTS], partition_of(key, 4), key, product.encode(), NOON)
        for n in range(6):
            self.happens(f"c{n}", "purchase", "adults-jackets-1", f"adults-boots-{n}")
            self.happens(f"c{n}", "view_item", f"adults-fleeces-{n}")
        for n in range(3):
            self.happens(f"w{n}", "view_item", f"lamp-{n}")
        Worker(self).run()

    def happens(self, visitor: str, name: str, *products: str, user: str | None = None) -> None:
        """Let a visitor do something."""
        self.count += 1
        event = Event(
            event_id=f"h{self.count}", name=name, visitor_id=visitor, user_id=user,
            at=NOON + timedelta(seconds=self.count), items=tuple({"product_id": one} for one in products),
            consent="personalisation",
        )  # fmt: skip
        key = visitor.encode()
        to = self.topics["clickstream.events"], partition_of(key, PARTITIONS)
        self.logs.put(*to, key, event.encode(), event.at)

    def plan(self, asked: Asked, *, at: datetime = LATER) -> Planned:
        """Say what is to be done."""
        self.now = at
        return asyncio.run(plan(asked, self.site, clock=self._clock))

    def run(self, asked: Asked, *, at: datetime = LATER) -> Done:
        """Do it."""

        async def both() -> Done:
            planned = await plan(asked, self.site, clock=lambda: at)
            return await work(planned, self.site, caller=self.caller(), clock=lambda: at)

        return asyncio.run(both())

    def finish(self, planned: Planned, *, at: datetime = LATER) -> Done:
        """Do what was planned a while ago."""
        self.now = at
        return asyncio.run(work(planned, self.site, caller=self.caller(), clock=self._clock))

    def _clock(self) -> datetime:
        return self.now

    def caller(self) -> Caller:
        """Ask the model, without waiting where it fails."""

        async def sleep(_seconds: float) -> None:
            return None

        return Caller(self.model, breaker=CircuitBreaker(), prices=Prices(0.4, 1.6), concurrency=2, sleep=sleep)

    def tables(self) -> dict[str, JudgementTable]:
        """Give the newest table by key."""
        records = self.logs.topics[self.topics[JUDGEMENTS], 0]
        return {record.key.decode(): JudgementTable.decode(record.value) for record in records if record.key}

    def slates(self, *, campaign: str = "spring") -> list[Slate]:
        """Give a campaign's slates by partition in their order."""
        return [
            slate
            for partition in range(PARTITIONS)
            for record in self.logs.topics[self.topics[SLATES], partition]
            if (slate := Slate.decode(record.value)).anchor == campaign
        ]


def failing(*faults: str) -> Sequence[Exception]:
    """Give failures of calls that are not worth repeating; `key` is a key that the server does not take."""
    return [
        RefusedError("The key is not taken.") if fault == "key" else CallFailedError(fault, "no", paid=(0, 0))  # type: ignore[arg-type]
        for fault in faults
    ]
