"""An audit of an installation's topics."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from schemas.errors import DecodeError, RefusedError
from schemas.events import Event
from schemas.products import Embedding, Product
from schemas.topics import EMBEDDINGS, EVENTS, PRODUCTS, SLATES, TopicName
from streams.audit.files import nothing_to_audit
from streams.audit.findings import Findings, Read, findings
from streams.audit.shelf import Assortment, Shelf, Vector
from streams.audit.shown import ShownSlate
from streams.audit.tallies import Tallies
from streams.dead.reading import Reader
from streams.deciding import event_of
from streams.embedding import wanted_hash
from streams.flow import LogRecord
from streams.runs.display import Watch
from streams.settings import Settings

NEVER_MS = 1 << 62


class TimedReader(Reader, Protocol):
    """Reads topics, and finds their records by arrival."""

    async def starts_at(self, topic: TopicName, ms: int) -> dict[int, int]:
        """Give offsets before which nothing arrived at this time (ms since 1970) or later."""


@dataclass(frozen=True)
class Window:
    """When records arrived that count: from `since_ms` to before `until_ms`, milliseconds since 1970."""

    since_ms: int = 0
    until_ms: int = NEVER_MS


class TopicAudit:
    """Reads catalogue, slates and events of an installation, in this order, in bounded memory.

    Args:
        reader: of the broker.
        settings: the thresholds.
        window: of slates and events; the catalogue counts as it is now.
        placement: only its slates count; None: all.
        watch: told of the stages.
    """

    def __init__(
        self, reader: TimedReader, settings: Settings, window: Window, *, placement: str | None, watch: Watch
    ) -> None:
        self._reader = reader
        self._settings = settings
        self._window = window
        self._placement = placement
        self._watch = watch
        self._unreadable: dict[str, Counter[str]] = {}

    async def run(self) -> Findings:
        """Audit.

        Raises:
            RefusedError: there is no slate, or no product.
        """
        assortment = await self._assortment()
        tallies = Tallies(assortment, placement=self._placement)
        refused = self._unreadable[SLATES] = Counter()
        async for record in self._records(SLATES, self._window):
            try:
                tallies.slate(ShownSlate.decode(record.value))
            except DecodeError as error:
                refused[error.reason] += 1
        if not tallies.slates:
            where = "The topic recommendations, in the time that was asked for,"
            raise RefusedError(nothing_to_audit(where, tallies, refused))
        async for event in self._events():
            tallies.event(event)
        read = Read("topics", self._placement, self._unreadable)
        return findings(tallies, assortment, self._settings, read)

    async def _events(self) -> AsyncIterator[Event]:
        """Give the events that workers took, too; the others are dead letters."""
        refused = self._unreadable[EVENTS] = Counter()
        async for record in self._records(EVENTS, self._window):
            try:
                yield event_of(record)
            except DecodeError as error:
                refused[error.reason] += 1

    async def _assortment(self) -> Assortment:
        made_from = await self._embeddings()
        shelf = Shelf()
        refused = self._unreadable[PRODUCTS] = Counter()
        async for record in self._records(PRODUCTS, Window()):
            if record.value is None:
                shelf.remove((record.key or b"").decode("utf-8", "replace"))
                continue
            try:
                product = Product.decode(record.value)
            except DecodeError as error:
                refused[error.reason] += 1
                continue
            vector = _vector(product, made_from.get(product.product_id))
            shelf.put(product, arrived_ms=record.timestamp_ms, vector=vector)
        found = shelf.finish()
        if not found.items:
            raise RefusedError("The topic catalog.products holds no product: import one with `aisle import catalog`.")
        return found

    async def _embeddings(self) -> dict[str, tuple[str, str]]:
        """Say from which text, read by which model, each product's vector was made."""
        refused = self._unreadable[EMBEDDINGS] = Counter()
        found: dict[str, tuple[str, str]] = {}
        models: dict[str, str] = {}
        async for record in self._records(EMBEDDINGS, Window()):
            if record.value is None:
                found.pop((record.key or b"").decode("utf-8", "replace"), None)
                continue
            try:
                embedding = Embedding.decode(record.value)
            except DecodeError as error:
                refused[error.reason] += 1
                continue
            model = models.setdefault(embedding.model, embedding.model)
            found[embedding.product_id] = (embedding.text_hash, model)
        return found

    async def _records(self, topic: TopicName, window: Window) -> AsyncIterator[LogRecord]:
        """Give what arrived in a window, partition by partition in each one's order."""
        ends = await self._reader.ends(topic)
        kept = await self._reader.starts(topic)
        starts = await self._reader.starts_at(topic, window.since_ms) if window.since_ms else kept
        firsts = {partition: max(kept[partition], starts.get(partition, 0)) for partition in ends}
        self._watch.stage(topic, sum(max(0, end - firsts[partition]) for partition, end in ends.items()))
        done = 0
        async for records in self._reader.records(topic, firsts, ends):
            for record in records:
                if window.since_ms <= record.timestamp_ms < window.until_ms:
                    yield record
            done += len(records)
            self._watch.reached(done)


def _vector(product: Product, made_from: tuple[str, str] | None) -> Vector:
    """Say whether a product's vector is of its text, as the model that made it reads texts."""
    if made_from is None:
        return "missing"
    text_hash, model = made_from
    return "fresh" if text_hash == wanted_hash(product, model) else "stale"
