"""The stream engine on brokers: kill it, restart it, share it; every event gives exactly one slate."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import Topics

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

    def __init__(self, broker: Any, folder: Path) -> None:
        self.bootstrap = broker.bootstrap
        self.prefix = f"t{token_hex(4)}."
        self._folder = folder
        self._embedded = broker.kind == "embedded"
        self._env = dict(broker.environment)
        self._workers: list[subprocess.Popen[bytes]] = []
        broker.create_topics(Topics(prefix=self.prefix, partitions=PARTITIONS))
        self._producer = Producer(
            {"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5}
        )

    def start(self, slot: str = "one", *arguments: str, bootstrap: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start a worker under its supervisor."""
        full = os.environ | self._env | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap or self.bootstrap,
            "AISLE_TOPIC_PREFIX": self.prefix,
            "AISLE_PARTITIONS": str(PARTITIONS),
            "AISLE_DATA_DIR": str(self._folder),
            "AISLE_WORKER_SLOT": slot,
            "AISLE_HTTP_PORT": "0",
            "AISLE_SESSION_TIMEOUT_S": "2" if self._embedded else "6",  # a real broker takes no less
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

    def commit(self, offset: int) -> None:
        """Commit this offset in every partition, as the group."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}aisle.clicks"})
        tps = [TopicPartition(self.prefix + "clickstream.events", p, offset) for p in range(PARTITIONS)]
        consumer.commit(offsets=tps, asynchronous=False)
        consumer.close()

    def log(self, slot: str = "one") -> bytes:
        """Give what a worker logged so far."""
        return (self._folder / f"{slot}.log").read_bytes()

    def progress(self, slot: str = "one") -> dict[str, Any]:
        """Give a worker's progress page; empty while it does not answer."""
        return json.loads(self.ask("/progress", slot)[1] or "{}")

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


class Forwarder:
    """A door in front of a broker that is opened later."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def open(self) -> None:
        """Let connections through from now on."""
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                far = socket.create_connection(self._target)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError), one:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


BOTH = pytest.mark.parametrize(
    "shop", ["embedded_broker", pytest.param("kafka_broker", marks=pytest.mark.kafka)], indirect=True
)
KAFKA = pytest.mark.parametrize("shop", [pytest.param("kafka_broker", marks=pytest.mark.kafka)], indirect=True)
EMBEDDED = pytest.mark.parametrize("shop", ["embedded_broker"], indirect=True)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation on the broker the test asks for."""
    broker = request.getfixturevalue(request.param)
    installation = Installation(broker, tmp_path)
    yield installation
    installation.close()
    broker.delete_topics(installation.prefix)


@BOTH
def test_killed_between_slates_and_state(shop: Installation) -> None:
    """A worker killed after the slates and before the state sends none of them twice, and restores its state."""
    shop.send(300)
    worker = shop.start(FAIL_AFTER_WRITES="1")
    shop.wait(lambda: shop.log().count(b"ended with code -9") >= 2)
    shop.send(300)
    worker.terminate()
    assert worker.wait(20) in {0, 1}
    shop.start()
    shop.check(600)


@KAFKA
def test_two_workers_share(shop: Installation) -> None:
    """A second worker takes half of the partitions, leaves again, and no slate is lost or doubled."""
    shop.start("one")
    shop.wait_ready("one")
    shop.send(200)
    two = shop.start("two")
    shop.wait(lambda: len(shop.progress("two").get("partitions", ())) == 2 and shop.progress("two")["ready"])
    shop.send(200)
    assert len(shop.progress("one")["partitions"]) == 2
    two.terminate()
    assert two.wait(20) == 0
    shop.send(200)
    shop.check(600)


@EMBEDDED
def test_broker_comes_late(shop: Installation) -> None:
    """A worker that starts before its broker is started again until the broker is there."""
    shop.send(50)
    with Forwarder(shop.bootstrap) as late:
        shop.start(bootstrap=late.address)
        shop.wait(lambda: shop.log().count(b"starting it again") >= 2)
        late.open()
        shop.check(50)


@EMBEDDED
def test_poison_becomes_a_dead_letter(shop: Installation) -> None:
    """The record a worker dies on is skipped at the third death and kept as a dead letter; the others are served."""
    shop.send(40)
    shop.send(1, b"POISON", key=b"v1")
    shop.send(40)
    shop.start()
    shop.wait(lambda: shop.committed() == 81)
    (dead,) = [json.loads(m.value()) for m in shop.read("clickstream.events.dead")]
    assert dead["reason"] == "handler"
    assert dead["attempts"] == 3
    assert len(shop.read("recommendations")) == 80


@EMBEDDED
def test_lost_state_is_refused(shop: Installation) -> None:
    """Without the state that was committed the worker stays up, not ready, and says what accepts it."""
    shop.send(400)
    shop.commit(10)
    worker = shop.start()
    shop.wait(lambda: "--accept-gap" in shop.ask("/readyz")[1])
    assert shop.ask("/livez")[0] == 200
    worker.terminate()
    assert worker.wait(20) == 0
    shop.start("one", "--accept-gap")
    shop.wait(lambda: shop.committed() == 400)
    assert len(shop.read("recommendations")) == 400 - 10 * PARTITIONS
