"""Fresh topics for one run of one job: every row of a table starts from the same state."""

import contextlib
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle_worker import start_aisle
from handler import PRODUCT_COUNT, read_history
from processes import HERE, Child
from shop import embeddings, products

from schemas.topics import EMBEDDINGS, LEARNING, PRODUCTS, SLATES, SPECS, Topics
from streams.brokers import Broker
from streams.kafka import partition_of

AISLE = "aisle"
JOBS = {
    "floor": ["floor.py"],
    "aiokafka": ["aiokafka_loop.py"],
    "faust": ["stock_faust.py"],
    "faust, deciding": ["stock_faust.py", "--decide"],
}
"""The jobs beside aisle, by the name of their row."""


@dataclass(frozen=True)
class Files:
    """What was prepared once: the events to send, those before them, their answers, what the model knows already."""

    tape: Path
    past: Path
    answers: Path
    history: Path

    @classmethod
    @contextlib.contextmanager
    def temporary(cls) -> Iterator["Files"]:
        """Give names of files that are gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="aisle-bench-") as folder:
            yield cls(*(Path(folder) / name for name in ("tape", "past", "answers.json", "history")))


@dataclass(frozen=True)
class Stage:
    """A job's topics on a broker."""

    broker: Broker
    topics: Topics
    files: Files

    @classmethod
    @contextlib.contextmanager
    def build(cls, broker: Broker, partitions: int, files: Files) -> Iterator["Stage"]:
        """Create the topics, and delete them afterwards."""
        topics = Topics(prefix=f"bench-{secrets.token_hex(3)}.", partitions=partitions)
        create_topics(broker.bootstrap, topics)
        try:
            yield cls(broker, topics, files)
        finally:
            broker.delete_topics(topics.prefix)

    def start(self, job: str) -> Child:
        """Start a job; it is not ready yet."""
        if job == AISLE:
            self.inform()
            return start_aisle(self.broker, self.topics)
        script, *more = JOBS[job]
        files = self.files
        return Child(
            [str(HERE / script), "--bootstrap", self.broker.bootstrap, "--prefix", self.topics.prefix, "--partitions",
             str(self.topics.partitions), "--answers", str(files.answers), "--history", str(files.history), *more]
        )  # fmt: skip

    def inform(self) -> None:
        """Write the catalogue, its vectors and what was learned before, if anything."""
        from confluent_kafka import Producer

        catalogue = products(PRODUCT_COUNT)
        producer: Any = Producer({"bootstrap.servers": self.broker.bootstrap, "acks": "all", "linger.ms": 5})
        for product in catalogue:
            key = product.product_id.encode()
            producer.produce(self.topics[PRODUCTS], product.encode(), key, partition_of(key, 4))
        for vector in embeddings(catalogue):
            producer.produce(self.topics[EMBEDDINGS], vector.encode(), vector.product_id.encode(), 0)
        for step in read_history(self.files.history) if self.files.history.exists() else ():
            producer.produce(self.topics[LEARNING], step, None, 0)
        if producer.flush(60):
            sys.exit("the broker did not take the catalogue within a minute")


def create_topics(bootstrap: str, topics: Topics) -> None:
    """Create an installation's topics; the broker stamps slates, so that their age can be told."""
    from confluent_kafka.admin import AdminClient, NewTopic

    stamped = {SLATES: {"message.timestamp.type": "LogAppendTime"}}
    wanted = [
        NewTopic(topics[spec.name], topics.partitions_of(spec), 1, config=spec.config | stamped.get(spec.name, {}))
        for spec in SPECS
    ]
    admin: Any = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    for future in admin.create_topics(wanted).values():
        future.result(30)
