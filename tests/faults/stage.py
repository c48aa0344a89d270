"""An installation of its own: Kafka itself, which can be killed, workers, a catalogue, and a load."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from confluent_kafka import Producer

from schemas.products import Embedding, Product, pack_vector
from schemas.topics import EMBEDDINGS, PRODUCTS, Topics
from streams.admin import Admin
from streams.brokers.maven import SHORT, Door, Node
from streams.brokers.ports import free_ports
from streams.demo.shop import generate_shop
from streams.settings import Settings
from tests.faults.load import Load
from tests.faults.marks import Marks
from tests.faults.proxy import Proxy
from tests.faults.reader import Lag
from tests.faults.shoppers import Shoppers
from tests.faults.slot import Slot
from tests.faults.worker import FOLDER

PARTITIONS = 4
SESSION_S = 6.0
PRODUCT_COUNT = 200
DIM = 16
SLOTS = ("one", "two", "three")
BEHIND_DOOR = "two"
"""The slot whose way to the broker is the proxy's."""


class HungError(Exception):
    """Something did not come about in time."""


class Stage:
    """Everything a fault can happen to. Use it from one thread: processes end with the thread that started them.

    Args:
        node: the broker, started.
        proxy: the only way to the broker for the worker behind it.
        folder: of files.
        seed: of the load.
        rate: events a second.
    """

    def __init__(self, node: Node, proxy: Proxy, folder: Path, *, seed: int, rate: float) -> None:
        self.node = node
        self.proxy = proxy
        self.folder = folder
        self.bootstrap = str(node.settings.kafka_bootstrap_servers)
        self.topics = Topics(prefix="shop.", partitions=PARTITIONS)
        self.group = f"{self.topics.prefix}aisle.clicks"
        self.catalogue = generate_shop(seed=seed, n=PRODUCT_COUNT)
        self.marks = Marks(folder)
        with Admin(node.settings, embedded=False) as admin:
            admin.create(self.topics, replication=1)
        inform(self.bootstrap, self.topics, self.catalogue)
        self.slots = {name: Slot(name, folder, self._environment(name)) for name in SLOTS}
        shoppers = Shoppers(seed, self.catalogue, lambda: datetime.now(UTC))
        self.load = Load(self.bootstrap, self.topics, shoppers, rate=rate)
        self.lag = Lag(self.bootstrap, self.topics, self.group)

    @property
    def live(self) -> list[Slot]:
        """Give the slots that run, or shall."""
        return [slot for slot in self.slots.values() if slot.running]

    def spare(self) -> Slot:
        """Give a slot that does not run."""
        return next(slot for slot in self.slots.values() if not slot.running)

    def pick(self, random: Random) -> Slot:
        """Choose a slot whose worker runs."""
        self.wait(lambda: any(slot.pid() for slot in self.live), "a worker process")
        return random.choice([slot for slot in self.live if slot.pid()])

    def join(self) -> Slot:
        """Start one more worker and wait until everybody is ready."""
        slot = self.spare()
        slot.start()
        self.wait_ready()
        return slot

    def adjust(self, workers: int) -> None:
        """Let so many workers run; a plan counts on it."""
        while len(self.live) < workers:
            self.join()
        while len(self.live) > workers:
            self.live[-1].stop()
            self.wait_ready()

    def wait_ready(self, seconds: float = 120.0) -> None:
        """Wait until every worker is ready and every partition has one."""
        self.wait(lambda: _complete(self.live), f"{[slot.name for slot in self.live]} ready, all partitions", seconds)

    def others_complete(self, slot: Slot) -> bool:
        """Tell whether all partitions are those of other workers, which are ready."""
        return _complete([one for one in self.live if one is not slot])

    def restart(self) -> None:
        """Put the stage in order after something hung: the broker there, the way open, the same workers anew.

        Raises:
            HungError: it cannot be.
        """
        self.proxy.heal()
        self.marks.disarm()
        names = [slot.name for slot in self.live] or [SLOTS[0]]
        for slot in self.slots.values():
            slot.kill_all()
        if self.node.pid is None:
            self.node.start()
        for name in names:
            self.slots[name].start()
        self.wait_ready()

    def wait(self, done: Callable[[], object], what: str, seconds: float = 120.0) -> float:
        """Wait for something to come true.

        Returns:
            seconds waited.

        Raises:
            HungError: it does not; with the ends of the logs.
        """
        began = time.monotonic()
        while not done():
            if time.monotonic() - began > seconds:
                raise HungError(f"not within {seconds:.0f} s: {what}\n{self.logs()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def logs(self) -> str:
        """Give the ends of the workers' logs."""
        told = {slot.name: slot.ask("/progress") for slot in self.live}
        ends = "\n".join(f"--- {slot.name}\n{slot.log()}" for slot in self.slots.values() if slot.log())
        return f"{told}\n{ends}"

    def close(self) -> None:
        """End everything."""
        self.proxy.heal()
        for slot in self.slots.values():
            slot.kill_all()
        self.load.close()
        self.lag.close()

    def _environment(self, slot: str) -> dict[str, str]:
        door = f"127.0.0.1:{self.proxy.port}"
        return {
            "KAFKA_BOOTSTRAP_SERVERS": door if slot == BEHIND_DOOR else self.bootstrap,
            "AISLE_TOPIC_PREFIX": self.topics.prefix,
            "AISLE_PARTITIONS": str(PARTITIONS),
            "AISLE_DATA_DIR": str(self.folder),
            "AISLE_WORKER_SLOT": slot,
            "AISLE_HTTP_PORT": "0",
            "AISLE_SESSION_TIMEOUT_S": f"{SESSION_S:g}",
            "AISLE_HEARTBEAT_S": "0.5",
            "AISLE_FETCH_MAX_WAIT_MS": "50",
            "OPENBLAS_NUM_THREADS": "1",
            FOLDER: str(self.folder),
        }


def _complete(slots: Sequence[Slot]) -> bool:
    told = [slot.ask("/progress") for slot in slots]
    held = [int(p) for one in told for p in one.get("partitions", ())]
    return all(one.get("ready") for one in told) and sorted(held) == list(range(PARTITIONS))


@contextmanager
def open_stage(
    *, seed: int, rate: float, progress: Callable[[str], object] = lambda _: None, folder: Path | None = None
) -> Iterator[Stage]:
    """Start a broker and put a stage on it; nothing is left of either.

    Raises:
        RefusedError: Apache Kafka cannot be started here.
    """
    with ExitStack() as stack:
        files = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aisle-faults-")))
        proxy = Proxy(free_ports(1)[0])
        stack.callback(proxy.close)
        settings = Settings(_env_file=None, kafka_bootstrap_servers=None)
        node = Node(settings, progress, doors=[Door(listens=proxy.target, advertised=proxy.port)], java=SHORT)
        stack.callback(node.close)
        progress("Starting Apache Kafka")
        node.start()
        stage = Stage(node, proxy, files, seed=seed, rate=rate)
        stack.callback(stage.close)
        yield stage


def inform(bootstrap: str, topics: Topics, catalogue: list[Product]) -> None:
    """Write a catalogue and its vectors."""
    random = np.random.default_rng(1)
    producer: Any = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all", "linger.ms": 5}
    )
    for product in catalogue:
        key = product.product_id.encode()
        vector = random.normal(size=DIM)
        embedding = Embedding(
            product_id=product.product_id,
            model="faults",
            text_hash="0",
            dim=DIM,
            vector=pack_vector(vector / np.linalg.norm(vector)),
            embedded_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        producer.produce(topics[PRODUCTS], product.encode(), key)
        producer.produce(topics[EMBEDDINGS], embedding.encode(), key)
    left = producer.flush(60)
    assert not left, f"{left} records of the catalogue were not taken"
