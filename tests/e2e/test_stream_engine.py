"""The stream engine on brokers: kill it, restart it, share it; every event gives exactly one slate."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 4
SUPERVISE = """
import logging.config, pathlib, sys
from streams.settings import Settings
from streams.supervisor import Supervisor
from streams.telemetry import logging_config
from streams.worker_files import files_of
logging.config.dictConfig(logging_config("info", "text"))
settings = Settings()
accept = "--accept-gap" in sys.argv
command = [sys.executable, sys.argv[1]]
sys.exit(Supervisor(command, files_of(settings, "clicks"), settings, accept_gap=accept).run())
"""


class Installation:
    """Topics under a random prefix on one broker, and the workers started on them."""

    def __init__(self, bootstrap: str, folder: Path, env: dict[str, str], create: Callable[[str, int], None]) -> None:
        self.bootstrap = bootstrap
        self.prefix = f"t{token_hex(4)}."
        self._folder = folder
        self._env = env
        self._workers: list[subprocess.Popen[bytes]] = []
        for name, partitions in (
            ("clickstream.events", PARTITIONS),
            ("clickstream.events.dead", PARTITIONS),
            ("visitors.changelog", PARTITIONS),
            ("recommendations", PARTITIONS),
            ("learning", 1),
        ):
            create(self.prefix + name, partitions)
        self._producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})

    def start(self, slot: str = "one", *arguments: str, bootstrap: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start a worker under its supervisor."""
        full = os.environ | self._env | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap or self.bootstrap,
            "AISLE_TOPIC_PREFIX": self.prefix,
            "AISLE_PARTITIONS": str(PARTITIONS),
            "AISLE_DATA_DIR": str(self._folder),
            "AISLE_WORKER_SLOT": slot,
            "AISLE_HTTP_PORT": "0",
            "AISLE_SESSION_TIMEOUT_S": "6",
            "AISLE_HEARTBEAT_S": "0.5",
            "AISLE_FETCH_MAX_WAIT_MS": "50",
        }  # fmt: skip
        script = str(Path(__file__).with_name("counting_worker.py"))
        with (self._folder / f"{slot}.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-c", SUPERVISE, script, *arguments], env=full | env, stdout=log, stderr=log
            )
        self._workers.append(worker)
        return worker

    def status(self, slot: str = "one") -> dict[str, Any]:
        """Give what the worker wrote about itself; empty before it did."""
        file = self._folder / f"worker-clicks-{slot}" / "status.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def ask(self, page: str, slot: str = "one") -> tuple[int, str]:
        """Ask a worker's health page."""
        try:
            with urllib.request.urlopen(self.status(slot)["http"] + page, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, KeyError):
            return 0, ""

    def send(self, count: int, value: bytes = b"{}", key: bytes | None = None) -> None:
        """Send events of a few visitors."""
        for number in range(count):
            self._producer.produce(self.prefix + "clickstream.events", value, key or b"v%d" % (number % 40))
            self._producer.poll(0)
        assert self._producer.flush(20) == 0

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

    def committed(self) -> int:
        """Sum what the group has committed."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}aisle.clicks"})
        try:
            tps = [TopicPartition(self.prefix + "clickstream.events", p) for p in range(PARTITIONS)]
            return sum(max(0, tp.offset) for tp in consumer.committed(tps, timeout=10))
        finally:
            consumer.close()

    def wait(self, done: Callable[[], bool], seconds: float = 40) -> None:
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

    def check(self, events: int) -> None:
        """Hold slates, state and commits against the input: exactly once, and nothing left."""
        self.wait(lambda: self.committed() == events)
        slates = [json.loads(m.value()) | {"p": m.partition()} for m in self.read("recommendations")]
        assert Counter((s["p"], s["cause"]["offset"]) for s in slates).most_common(1)[0][1] == 1
        assert len(slates) == events
        newest = {m.key(): json.loads(m.value()) for m in self.read("visitors.changelog") if m.key()[0]}
        assert sum(state["count"] for state in newest.values()) == events

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


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation on the broker the test asks for."""
    broker = request.getfixturevalue("broker")
    installation = Installation(broker.bootstrap_servers, tmp_path, dict(broker.environment), broker.create_topic)
    yield installation
    installation.close()


class TestEngine:
    """Run on the embedded broker and on Kafka."""

    def test_killed_between_slates_and_state(self, shop: Installation) -> None:
        """A worker killed after the slates and before the state sends none of them twice."""
        shop.send(300)
        worker = shop.start(FAIL_AFTER_WRITES="3")
        shop.wait(lambda: (shop.committed() == 300) or b"ended with code -9" in (shop._folder / "one.log").read_bytes())
        for _ in range(5):
            shop.send(60)
            time.sleep(0.3)
        worker.terminate()
        assert worker.wait(20) == 0
        shop.start()
        shop.check(600)
