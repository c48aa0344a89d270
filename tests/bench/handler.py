"""Aisle's clicks handler in this process, with the benchmark's catalogue and a model that has learned some history."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shop import embeddings, products

from schemas.learning import LearningStep
from schemas.topics import EMBEDDINGS, LEARNING, PRODUCTS
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Out, Outcome
from streams.partitions import PartitionState
from streams.settings import Settings

PRODUCT_COUNT = 3_000


class Handler:
    """What a clicks worker does between Kafka and Kafka.

    Args:
        history: steps to learn first, one a line; None for a model that knows nothing.
        partitions: of the events.
    """

    def __init__(self, history: Path | None, partitions: int) -> None:
        settings = Settings(partitions=partitions)
        self.world = build_world(settings)
        self._folds = {fold.topic: fold for fold in self.world.folds}
        self._agent = ClicksAgent(self.world, clicks_rules(settings), clock=lambda: datetime.now(UTC))
        self.parts = {partition: PartitionState(partition) for partition in range(partitions)}
        self._learned = 0
        catalogue = products(PRODUCT_COUNT)
        for offset, product in enumerate(catalogue):
            self._folds[PRODUCTS].apply(LogRecord(0, offset, 0, product.product_id.encode(), product.encode()))
        for offset, vector in enumerate(embeddings(catalogue)):
            self._folds[EMBEDDINGS].apply(LogRecord(0, offset, 0, vector.product_id.encode(), vector.encode()))
        for step in read_history(history) if history else ():
            self._learn_one(step)

    def handle(self, records: Sequence[LogRecord]) -> Outcome:
        """Handle records of one partition."""
        return self._agent.handle(records, self.parts[records[0].partition])

    def learn(self, outputs: Iterable[Out]) -> None:
        """Learn the steps among what was written."""
        for out in outputs:
            if out.topic == LEARNING:
                self._learn_one(out.value)

    def _learn_one(self, value: bytes | None) -> None:
        self._folds[LEARNING].apply(LogRecord(0, self._learned, 0, None, value))
        self._learned += 1


def write_history(path: Path, outputs: Iterable[Out]) -> None:
    """Keep the steps among what was written as history: of another topic, so that no new event is taken for one."""
    with path.open("wb") as file:
        for out in outputs:
            if out.topic == LEARNING:
                step = LearningStep.decode(out.value)
                past = step.model_copy(update={"origin": step.origin.model_copy(update={"topic": "history"})})
                file.write(past.encode() + b"\n")


def read_history(path: Path) -> list[bytes]:
    """Read what `write_history` wrote."""
    return path.read_bytes().splitlines()
