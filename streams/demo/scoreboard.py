"""What the demo counts: events, slates, latency, and hits on the clicks of those who see no slates."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.metrics import HitRate, ReciprocalRank
from schemas.events import Event, EventName, Item
from schemas.products import Product
from schemas.slates import JudgedBy
from streams.demo.judged import JudgeBoard
from streams.demo.others import Others
from streams.demo.shoppers import Happening
from streams.runs.tally import Tally

K = 20
CLICKS: frozenset[EventName] = frozenset({"view_item"})
_RATE_OVER_S = 5.0


class Hits(NamedTuple):
    """Share of organic clicks that each ranking had among its first 20, and mean reciprocal rank."""

    name: str
    hr: float
    mrr: float


class Scoreboard:
    """Counts as things happen, by item: a click on another colour of what was shown is a hit.

    Events of the history teach the references and are counted apart. See `models.scoring` for the order in which
    events and slates must come.

    A slate counts once, as it was first served: its revision, decided again with judgements that came later, is
    counted apart, with its latency.

    Args:
        products: the catalogue.
        judge: what counts for the language model, where there is one.

    `others` counts what is not the simulated shoppers', which is in no other figure.
    """

    def __init__(self, products: Sequence[Product], judge: JudgeBoard | None = None) -> None:
        self.judge = judge
        self.others = Others()
        self._items: Mapping[str, str] = {product.product_id: product.item for product in products}
        self.tally = Tally(CLICKS, k=K)
        self._oracle = (HitRate(K), ReciprocalRank(K))
        self.history_events = 0
        self._recent: dict[str, deque[float]] = {"events": deque(), "slates": deque()}

    def past(self, event: Event, *, partition: int, offset: int) -> None:
        """Take the next event of the history."""
        self.history_events += 1
        self.tally.scoring.event(self._by_item(event), partition=partition, offset=offset, counted=False)

    def happened(self, one: Happening, *, partition: int, offset: int, now_s: float) -> None:
        """Take the next event, before its slates; only organic clicks are queries."""
        event = self._by_item(one.event)
        self.tally.events += 1
        if self.judge is not None:
            self.judge.event(now_s)
        self._recent["events"].append(now_s)
        self.tally.scoring.event(event, partition=partition, offset=offset, counted=one.organic)
        if one.best:
            for metric in self._oracle:
                metric.add(one.best, {event.items[0].product_id})

    def slate(
        self,
        placement: str,
        products: Sequence[str],
        *,
        partition: int,
        cause: int,
        latency_ms: float,
        now_s: float,
        revision: int = 0,
        judged: JudgedBy | None = None,
    ) -> None:
        """Take a slate that answers an event, or its revision."""
        if self.judge is not None:
            self.judge.slate(placement, judged, revision=revision, latency_ms=latency_ms, now_s=now_s)
        if revision:
            return
        items = [self._items.get(product, product) for product in products]
        self._recent["slates"].append(now_s)
        self.tally.slate(placement, items, partition=partition, cause=cause, latency_ms=latency_ms)

    def rate(self, what: str, now_s: float) -> float:
        """Give events or slates per second over the last seconds."""
        times = self._recent[what]
        while times and times[0] < now_s - _RATE_OVER_S:
            times.popleft()
        return len(times) / _RATE_OVER_S

    @property
    def clicks(self) -> int:
        """Count the organic clicks whose slate is known."""
        return self.tally.scoring.scores().queries

    def hits(self) -> list[Hits]:
        """Compare the slates with the references and with who knows everything."""
        scores = self.tally.scoring.scores()
        hit_rate, reciprocal_rank = self._oracle
        return [
            Hits("aisle's slates", *scores.slates),
            Hits("recent popularity", *scores.popularity),
            Hits("last-item co-occurrence", *scores.cooccurrence),
            Hits("oracle (best possible)", hit_rate.result(), reciprocal_rank.result()),
        ]

    def summary(self) -> dict[str, object]:
        """Give the line that `--json` ends with."""
        hit_rate, reciprocal_rank = self._oracle
        return {
            **self.tally.summary(),
            f"oracle_hr@{K}": round(hit_rate.result(), 4),
            f"oracle_mrr@{K}": round(reciprocal_rank.result(), 4),
            "organic_clicks": self.clicks,
            "history_events": self.history_events,
            "simulated": True,
            "people": self.others.summary(),
            "judge": {"kind": "off"} if self.judge is None else self.judge.summary(),
        }

    def _by_item(self, event: Event) -> Event:
        """Name items instead of variants; scoring looks at the first product of an event."""
        if not event.items:
            return event
        product = event.items[0].product_id
        return event.model_copy(update={"items": (Item(product_id=self._items.get(product, product)),)})
