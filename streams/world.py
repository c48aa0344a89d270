"""What every worker knows alike: the folds of the logs it follows, and how far each has come."""

from collections.abc import Mapping
from typing import Protocol

from models.knowledge import Knowledge
from schemas.errors import DecodeError
from schemas.judgements import SPENDING_KEY, JudgementTable, judgement_key
from schemas.learning import LearningStep
from schemas.products import Embedding, Product
from schemas.slates import Lineage
from schemas.topics import EMBEDDINGS, JUDGEMENTS, LEARNING, PRODUCTS, TopicName
from streams.flow import Fold, LogRecord
from streams.unreadable import unreadable


class _Counted:
    """Positions by partition."""

    topic: TopicName

    def __init__(self) -> None:
        self._positions: dict[int, int] = {}

    def positions(self) -> Mapping[int, int]:
        """Give the last offset applied by partition."""
        return self._positions

    def _skip(self, record: LogRecord, why: str) -> None:
        unreadable(self.topic, why, partition=record.partition, offset=record.offset)


class ProductTaker(Protocol):
    """What products are put into: `Knowledge`, or less of it."""

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record, and when it arrived."""

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""


class ProductsFold(_Counted):
    """The catalogue as a fold of `catalog.products`."""

    topic: TopicName = PRODUCTS

    def __init__(self, knowledge: ProductTaker) -> None:
        super().__init__()
        self._knowledge = knowledge

    def apply(self, record: LogRecord) -> None:
        """Put or remove one product; what cannot be read is the catalog agent's dead letter."""
        self._positions[record.partition] = record.offset
        if record.key is None:
            self._skip(record, "no key")
        elif record.value is None:
            self._knowledge.remove_product(record.key.decode(errors="replace"))
        else:
            try:
                product = Product.decode(record.value)
            except DecodeError as error:
                self._skip(record, str(error))
                return
            if product.product_id.encode() == record.key:
                self._knowledge.put_product(product, arrived_ms=record.timestamp_ms)
            else:
                self._skip(record, "the key is not this product")


class EmbeddingsFold(_Counted):
    """The vectors as a fold of `catalog.embeddings`."""

    topic: TopicName = EMBEDDINGS

    def __init__(self, knowledge: Knowledge) -> None:
        super().__init__()
        self._knowledge = knowledge

    def apply(self, record: LogRecord) -> None:
        """Put or remove one vector."""
        self._positions[record.partition] = record.offset
        content, catalogue = self._knowledge.content, self._knowledge.catalogue
        if record.value is None:
            content.remove((record.key or b"").decode(errors="replace"))
            return
        try:
            embedding = Embedding.decode(record.value)
            category = catalogue.category_of(embedding.product_id)
            content.put(embedding.product_id, embedding.array(), category, model=embedding.model)
        except ValueError as error:  # also a length that differs from its model's other vectors
            self._skip(record, str(error))


class LearningFold(_Counted):
    """The model as a fold of `learning`.

    `last` is the record at the model's offset; None while nothing was learned since the model was loaded.
    """

    topic: TopicName = LEARNING

    def __init__(self, knowledge: Knowledge) -> None:
        super().__init__()
        self.model = knowledge.model
        self.last: bytes | None = None
        if self.model.offset >= 0:
            self._positions[0] = self.model.offset

    def apply(self, record: LogRecord) -> None:
        """Learn one step."""
        self._positions[record.partition] = record.offset
        try:
            step = LearningStep.decode(record.value)
        except DecodeError as error:
            self._skip(record, str(error))
            return
        self.model.learn_one(step, record.offset)
        self.last = record.value


class JudgementsFold(_Counted):
    """The language model's judgements as a fold of `judgements`."""

    topic: TopicName = JUDGEMENTS

    def __init__(self, knowledge: Knowledge) -> None:
        super().__init__()
        self._judgements = knowledge.judgements

    def apply(self, record: LogRecord) -> None:
        """Put or remove one table; what the judge keeps there for itself is its own.

        What cannot be read is skipped, and ends its key's table all the same: once the log is compacted, nothing is
        left of the older one, and whoever reads it then must know as much as whoever read it all.
        """
        self._positions[record.partition] = record.offset
        key = record.key or b""
        if key.startswith(SPENDING_KEY):
            return
        self._judgements.remove(key)
        if record.value is None:
            return
        try:
            table = JudgementTable.decode(record.value)
        except DecodeError as error:
            self._skip(record, str(error))
            return
        if judgement_key(table.segment, table.intent) == key:
            self._judgements.put(key, table)
        else:
            self._skip(record, "the key is not this table's")


class World:
    """The folds of one worker.

    Args:
        knowledge: what the folds build.
        settings_hash: names the constants in force.
        build: names the code in force.
        generation: names the log of the model; "" is the first.
    """

    def __init__(self, knowledge: Knowledge, *, settings_hash: str, build: str, generation: str = "") -> None:
        self.knowledge = knowledge
        self._settings_hash = settings_hash
        self._build = build
        self._generation = generation or None
        self._products = ProductsFold(knowledge)
        self._embeddings = EmbeddingsFold(knowledge)
        self.learning = LearningFold(knowledge)
        self._judgements = JudgementsFold(knowledge)

    @property
    def folds(self) -> list[Fold]:
        """Give the folds in the order they should catch up: products before the vectors that belong to them."""
        return [self._products, self._embeddings, self.learning, self._judgements]

    def lineage(self) -> Lineage:
        """Give the exact position in every log; constant between two advances."""
        return Lineage(
            products={str(p): offset for p, offset in sorted(self._products.positions().items())},
            embeddings={str(p): offset for p, offset in sorted(self._embeddings.positions().items())},
            model=self.learning.positions().get(0, -1),
            judgements=self._judgements.positions().get(0, -1),
            generation=self._generation,
            settings=self._settings_hash,
            build=self._build,
        )
