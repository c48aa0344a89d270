"""The engine as a library: the same handlers as the worker's, fed from lists in memory, in lock-step."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from models.knowledge import Knowledge
from models.session import Visitor, decode_visitor
from schemas.dead import DeadLetter
from schemas.erasures import Erasure
from schemas.events import ORIGIN_HEADER, Event
from schemas.judgements import JudgementTable, judgement_key
from schemas.products import Embedding, Product
from schemas.record import epoch_ms
from schemas.slates import Evidence, Slate
from schemas.topics import (
    EMBEDDINGS,
    ERASURES,
    EVENTS_DEAD,
    EVIDENCE,
    JUDGEMENTS,
    LEARNING,
    PRODUCTS,
    SLATES,
    TopicName,
)
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Out
from streams.kafka import partition_of
from streams.partitions import PartitionState
from streams.settings import Settings


class Engine:
    """Everything but the log: sessions, learning, candidates and slates in one process.

    Equal input gives equal slates to the byte: the clock is the last event's arrival, learning is applied before the
    next event is looked at.

    Args:
        settings: as for a worker; nothing in it that belongs to Kafka is used.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self.world = build_world(self._settings)
        self._fold = {fold.topic: fold for fold in self.world.folds}
        self._parts: dict[int, PartitionState] = {}
        self._ends: defaultdict[tuple[TopicName, int], int] = defaultdict(int)
        self._now = datetime(1970, 1, 1, tzinfo=UTC)
        self._agent = ClicksAgent(self.world, clicks_rules(self._settings), clock=lambda: self._now)
        self.dead_letters: list[DeadLetter] = []
        self.erasures: list[Erasure] = []
        self.evidence: list[Evidence] = []

    @property
    def knowledge(self) -> Knowledge:
        """Give the catalogue, the vectors and the model."""
        return self.world.knowledge

    def put_product(self, product: Product) -> None:
        """Insert or replace a product."""
        self._append(PRODUCTS, product.product_id.encode(), product.encode())

    def remove_product(self, product_id: str) -> None:
        """Take a product out of the shop."""
        self._append(PRODUCTS, product_id.encode(), None)

    def put_embeddings(self, embeddings: Iterable[Embedding]) -> None:
        """Insert or replace product vectors."""
        for embedding in embeddings:
            self._append(EMBEDDINGS, embedding.product_id.encode(), embedding.encode())

    def put_judgements(self, table: JudgementTable) -> None:
        """Insert or replace what a language model thinks of products for a segment and intent."""
        self._append(JUDGEMENTS, judgement_key(table.segment, table.intent), table.encode())

    def feed(self, event: Event, *, origin: str | None = "import") -> list[Slate]:
        """Take one event, learn from it, and give the slates it asks for."""
        return self.feed_bytes(event.visitor_id.encode(), event.encode(), arrival=event.at, origin=origin)

    def feed_bytes(
        self, key: bytes, value: bytes | None, *, arrival: datetime, origin: str | None = None
    ) -> list[Slate]:
        """Take one record as it would stand in the log; what is refused goes to `dead_letters`."""
        self._now = max(self._now, arrival)
        partition = partition_of(key, self._settings.partitions)
        part = self._parts.setdefault(partition, PartitionState(partition))
        headers = ((ORIGIN_HEADER, origin.encode()),) if origin else ()
        record = LogRecord(partition, part.mark + 1, epoch_ms(arrival), key, value, headers)
        return self._deliver(self._agent.handle([record], part).outputs)

    def visitor(self, visitor_id: str) -> Visitor | None:
        """Give a visitor's state as it stands now."""
        key = visitor_id.encode()
        part = self._parts.get(partition_of(key, self._settings.partitions))
        data = part.visitors.get(key) if part else None
        return None if data is None else decode_visitor(data)

    def contexts(self) -> dict[str, bytes]:
        """Give every visitor's state as encoded."""
        return {key.decode(): data for part in self._parts.values() for key, data in part.visitors.items()}

    def _deliver(self, outputs: Iterable[Out]) -> list[Slate]:
        slates = []
        for out in outputs:
            if out.topic == SLATES:
                slates.append(Slate.decode(out.value))
            elif out.topic == LEARNING:
                self._append(LEARNING, out.key, out.value)
            elif out.topic == EVENTS_DEAD:
                self.dead_letters.append(DeadLetter.decode(out.value))
            elif out.topic == ERASURES:
                self.erasures.append(Erasure.decode(out.value))
            elif out.topic == EVIDENCE:
                self.evidence.append(Evidence.decode(out.value))
        return slates

    def _append(self, topic: TopicName, key: bytes | None, value: bytes | None) -> None:
        partition = 0 if topic != PRODUCTS else partition_of(key or b"", 4)
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        self._fold[topic].apply(LogRecord(partition, offset, epoch_ms(self._now), key, value))
