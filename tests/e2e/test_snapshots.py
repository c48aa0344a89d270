"""Clicks workers on a broker: one writes a snapshot, the next starts from it, and none serves half a model."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from models.model import Model
from schemas.errors import RefusedError
from schemas.events import Event
from schemas.topics import Topics
from streams.bootstrap import build_world
from streams.flow import LogRecord
from streams.leaving import REFUSED
from streams.reading import assigned_consumer, read_to_end
from streams.settings import Settings
from streams.snapshot_store import SnapshotStore
from streams.snapshots import load_model

NOW = datetime.now(UTC)
JUNK = b"x" * 60_000


class Shop:
    """Topics under a random prefix on a broker, and clicks workers that share a snapshot store."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.prefix = f"t{token_hex(4)}."
        self.store = folder / "snapshots"
        self.client = {"bootstrap_servers": broker.bootstrap}
        self._folder = folder
        self._env = os.environ | dict(broker.environment) | {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "AISLE_TOPIC_PREFIX": self.prefix,
            "AISLE_PARTITIONS": "2",
            "AISLE_DATA_DIR": str(folder),
            "AISLE_HTTP_PORT": "0",
            "AISLE_FETCH_MAX_WAIT_MS": "50",
            "AISLE_SESSION_TIMEOUT_S": "4" if broker.kind == "embedded" else "6",
            "AISLE_HEARTBEAT_S": "0.5",
            "AISLE_SNAPSHOT_URL": f"file://{self.store}",
            "AISLE_SNAPSHOT_INTERVAL_S": "1",
        }  # fmt: skip
        broker.create_topics(Topics(prefix=self.prefix, partitions=2))
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, slot: str) -> subprocess.Popen[bytes]:
        """Start a worker with an empty folder of its own."""
        with (self._folder / f"{slot}.log").open("ab") as log:
            command = [sys.executable, "-m", "streams.app"]
            worker = subprocess.Popen(command, env=self._env | {"AISLE_WORKER_SLOT": slot}, stdout=log, stderr=log)
        self._workers.append(worker)
        return worker

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """Let a worker leave."""
        worker.terminate()
        assert worker.wait(20) == 0

    def view(self, count: int, first: int = 0) -> None:
        """Send product views of a few visitors."""
        for number in range(first, first + count):
            event = Event(
                event_id=f"e{number}",
                name="view_item",
                visitor_id=f"v{number % 7}",
                at=NOW - timedelta(seconds=1000 - number),
                items=({"product_id": f"p{number % 11}"},),
                consent="personalisation",
            )
            self._producer.produce(f"{self.prefix}clickstream.events", event.encode(), event.visitor_id.encode())
        assert self._producer.flush(20) == 0

    def push_out(self) -> None:
        """Write so much to `learning` that the broker cuts its start away."""
        for _ in range(120):
            self._producer.produce(f"{self.prefix}learning", JUNK)
        assert self._producer.flush(20) == 0

    def cut(self, before: int) -> None:
        """Let the broker delete what stands in `learning` before an offset, as retention does."""
        admin: Any = AdminClient({"bootstrap.servers": self.client["bootstrap_servers"]})
        (done,) = admin.delete_records([TopicPartition(f"{self.prefix}learning", 0, before)]).values()
        assert done.result(20).low_watermark == before

    def lose(self, offset: int) -> None:
        """Remove the snapshots that end with a later offset."""
        for file in self.store.glob("*.snapshot"):
            if int(file.stem.rpartition("-")[2]) > offset:
                file.unlink()

    def load(self) -> Model:
        """Load the newest snapshot in this process."""
        model = load_model(SnapshotStore(str(self.store), f"{self.prefix}learning"), self.client)
        assert model is not None
        return model

    def learn_all(self) -> Model:
        """Learn the whole log in this process."""
        fold = build_world(Settings(_env_file=None, index="numpy")).learning

        def learn(_partition: int, records: Sequence[LogRecord]) -> None:
            for record in records:
                fold.apply(record)

        async def read() -> None:
            consumer = assigned_consumer(self.client)
            await consumer.start()
            await read_to_end(consumer, f"{self.prefix}learning", {0: 0}, learn)
            await consumer.stop()

        asyncio.run(read())
        return fold.model

    def newest(self) -> int:
        """Give the offset that the newest snapshot ends with, -1 without any."""
        files = sorted(self.store.glob("*.snapshot")) if self.store.exists() else []
        return int(files[-1].stem.rpartition("-")[2]) if files else -1

    def log(self, slot: str) -> str:
        """Give what a worker logged."""
        return (self._folder / f"{slot}.log").read_text()

    def wait(self, done: Callable[[], bool], seconds: float = 40) -> None:
        """Wait for something to come true."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise AssertionError("\n".join(log.read_text()[-6000:] for log in self._folder.glob("*.log")))
            time.sleep(0.1)

    def close(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(5)


@pytest.fixture
def shop(embedded_broker: Any, tmp_path: Path) -> Iterator[Shop]:
    """Give a shop on the embedded broker."""
    shop = Shop(embedded_broker, tmp_path)
    yield shop
    shop.close()
    embedded_broker.delete_topics(shop.prefix)


@pytest.fixture
def kafka_shop(kafka_broker: Any, tmp_path: Path) -> Iterator[Shop]:
    """Give a shop on real Kafka."""
    shop = Shop(kafka_broker, tmp_path)
    yield shop
    shop.close()
    kafka_broker.delete_topics(shop.prefix)


@pytest.mark.slow
def test_the_next_worker_starts_where_the_snapshot_ends(shop: Shop) -> None:
    """What it then follows makes the model of the whole log; a log that starts behind the snapshot is refused."""
    first = shop.start("first")
    shop.view(40)
    shop.wait(lambda: shop.newest() == 39)
    shop.end(first)

    second = shop.start("second")
    shop.view(5, first=40)
    shop.wait(lambda: shop.newest() == 44)
    shop.end(second)
    assert "starting from snapshot" in shop.log("second")

    model = shop.load()
    assert model.offset == 44
    assert model.digest() == shop.learn_all().digest()

    shop.push_out()
    with pytest.raises(RefusedError, match=rf"{shop.prefix}learning starts at offset \d+ and no snapshot in"):
        shop.load()


@pytest.mark.kafka
@pytest.mark.slow
def test_an_empty_disk_and_a_cut_log(kafka_shop: Shop) -> None:
    """Snapshot and what is left of the log make the old worker's model; a log that no snapshot reaches is refused."""
    shop = kafka_shop
    old = shop.start("old")
    shop.view(20)
    shop.wait(lambda: shop.newest() == 19)
    shop.view(10, first=20)
    shop.wait(lambda: shop.newest() == 29)
    shop.end(old)
    digest = shop.load().digest()

    shop.cut(15)
    shop.lose(19)
    new = shop.start("new")
    shop.wait(lambda: shop.newest() == 29)
    shop.end(new)
    assert "starting from snapshot" in shop.log("new")
    assert shop.load().digest() == digest

    shop.lose(19)
    shop.cut(21)
    late = shop.start("late")
    assert late.wait(40) == REFUSED
    assert f"refused: {shop.prefix}learning starts at offset 21 and no snapshot in" in shop.log("late")
