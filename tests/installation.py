"""An installation of its own on a broker, and the workers that a test starts on it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.topics import TopicName, Topics
from streams.admin import Admin

PARTITIONS = 4
PATIENCE_S = 180
"""Nobody waits so long where all is well; a first start compiles for 15 s alone, and for 40 on a busy machine."""

AISLE = (sys.executable, "-m", "streams.cli.main", "worker", "clicks")


class Installation:
    """Topics under a random prefix on one broker, and the workers started on them."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.bootstrap = broker.bootstrap
        self.prefix = f"t{token_hex(4)}."
        self._broker = broker
        self._folder = folder
        self._embedded = broker.kind == "embedded"
        self._env = dict(broker.environment)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._topics = Topics(prefix=self.prefix, partitions=PARTITIONS)
        broker.create_topics(self._topics)
        self._producers: dict[str, Producer] = {}

    def start(
        self, slot: str = "one", *arguments: str, command: Sequence[str] = AISLE, bootstrap: str = "", **env: str
    ) -> subprocess.Popen[bytes]:
        """Start a worker under its supervisor: `aisle worker clicks`, or another command."""
        full = self.environment(slot) | ({"KAFKA_BOOTSTRAP_SERVERS": bootstrap} if bootstrap else {})
        with (self._folder / f"{slot}.log").open("ab") as log:
            worker = subprocess.Popen([*command, *arguments], env=full | env, stdout=log, stderr=log)
        self._workers.append(worker)
        return worker

    def environment(self, slot: str = "one") -> dict[str, str]:
        """Give what a process of this installation is told."""
        return os.environ | self._env | {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "AISLE_TOPIC_PREFIX": self.prefix,
            "AISLE_PARTITIONS": str(PARTITIONS),
            "AISLE_DATA_DIR": str(self._folder),
            "AISLE_WORKER_SLOT": slot,
            "AISLE_HTTP_PORT": "0",
            "AISLE_SESSION_TIMEOUT_S": "4" if self._embedded else "6",  # a real broker takes no less
            "AISLE_HEARTBEAT_S": "0.5",
            "AISLE_FETCH_MAX_WAIT_MS": "50",
        }  # fmt: skip

    def status(self, slot: str = "one") -> dict[str, Any]:
        """Give what the worker wrote about itself; empty before it did."""
        file = self._folder / f"worker-clicks-{slot}" / "status.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def ask(self, page: str, slot: str = "one", *, at: str = "") -> tuple[int, str]:
        """Ask a worker's health page, where it says or at an address."""
        try:
            with urllib.request.urlopen((at or self.status(slot)["http"]) + page, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, KeyError):
            return 0, ""

    def send(self, count: int, value: bytes = b"{}", key: bytes | None = None) -> None:
        """Send events of a few visitors."""
        self.put((key or b"v%d" % (number % 40), value) for number in range(count))

    def put(self, records: Iterable[tuple[bytes | None, bytes | None]], name: str = "clickstream.events") -> None:
        """Write records to a topic, each to its key's partition."""
        for key, value in records:
            self.produce(name, key, value)
        self.flush()

    def produce(self, name: str, key: bytes | None, value: bytes | None, *, codec: str = "none", **more: Any) -> None:
        """Hand one record to a producer; `more` is what librdkafka's `produce` takes."""
        if codec not in self._producers:
            settings = {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5}
            settings["log_level"] = 2  # a broker that goes first, at the end, is no news
            self._producers[codec] = Producer(settings | {"compression.type": codec})
        self._producers[codec].produce(self.prefix + name, value, key, **more)
        self._producers[codec].poll(0)

    def flush(self) -> None:
        """Wait until the broker has everything."""
        assert sum(producer.flush(20) for producer in self._producers.values()) == 0

    def forget_producers(self) -> None:
        """Let the next record be sent by a producer that asks anew which partitions there are."""
        self.flush()
        self._producers.clear()

    def read(self, name: str, partitions: int = PARTITIONS) -> list[Any]:
        """Read a whole topic."""
        settings = {"bootstrap.servers": self.bootstrap, "group.id": token_hex(4), "enable.auto.commit": False}
        consumer = Consumer(settings | {"fetch.wait.max.ms": 20})
        try:
            tps = [TopicPartition(self.prefix + name, p, 0) for p in range(partitions)]
            left = {}
            for tp in tps:
                low, high = consumer.get_watermark_offsets(tp, timeout=10)
                left[tp.partition] = high - low
            consumer.assign(tps)
            found: list[Any] = []
            while len(found) < sum(left.values()):
                found += consumer.consume(1000, 1.0)
            return found
        finally:
            consumer.close()

    def committed(self, generation: str = "") -> int:
        """Sum what a generation's group has committed; -1 while a new broker still looks for who keeps it."""
        group = ".".join(filter(None, (f"{self.prefix}aisle.clicks", generation)))
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            tps = [TopicPartition(self.prefix + "clickstream.events", p) for p in range(PARTITIONS)]
            return sum(max(0, tp.offset) for tp in consumer.committed(tps, timeout=10))
        except KafkaException as error:
            if error.args[0].code() not in {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE}:
                raise
            return -1
        finally:
            consumer.close()

    def wait(self, done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait for something to come true."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                logs = "".join(log.read_text()[-6000:] for log in self._folder.glob("*.log"))
                raise AssertionError(f"not in {seconds} s; {self.ask('/progress')}\n{logs}")
            time.sleep(0.1)

    def wait_ready(self, slot: str = "one") -> None:
        """Wait for a worker to be ready."""
        self.wait(lambda: self.ask("/readyz", slot)[0] == 200)

    def commit(self, offset: int) -> None:
        """Commit this offset in every partition, as the group."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}aisle.clicks"})
        tps = [TopicPartition(self.prefix + "clickstream.events", p, offset) for p in range(PARTITIONS)]
        consumer.commit(offsets=tps, asynchronous=False)
        consumer.close()

    def create_anew(self, topic: TopicName) -> None:
        """Delete a topic with its records and create it again."""
        with Admin(self._broker.settings, embedded=False) as admin:
            admin.delete([self._topics[topic]])
        self._broker.create_topics(self._topics)

    def log(self, slot: str = "one") -> bytes:
        """Give what a worker logged so far."""
        return (self._folder / f"{slot}.log").read_bytes()

    def progress(self, slot: str = "one") -> dict[str, Any]:
        """Give a worker's progress page; empty while it does not answer."""
        return json.loads(self.ask("/progress", slot)[1] or "{}")

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait(5)
