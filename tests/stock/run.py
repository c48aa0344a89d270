"""One engine under one fault: events are sent at a fixed rate, faults are staged, what is left is read."""

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, SLATES
from streams.brokers import Broker
from tests.installation import PARTITIONS, Installation
from tests.stock.oracle import Seen, Tally, judge
from tests.stock.switches import FOLDER, Switches

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VISITORS = 200
DRAIN_S = 60

SUPERVISE = """
import sys
from streams.settings import Settings
from streams.supervisor import Supervisor
from streams.worker_files import files_of
settings = Settings()
sys.exit(Supervisor([sys.executable, "-m", sys.argv[1]], files_of(settings, "clicks"), settings).run())
"""


@dataclass(frozen=True)
class Engine:
    """What runs the job: a module, how it takes events, whether it counts. All have the same supervisor."""

    name: str
    module: str
    take: str = ""
    counts: bool = True


STOCK = Engine("stock Faust, table and `send`", "tests.stock.faust_worker")
TAKE = Engine("stock Faust, `take` and `send_soon`", "tests.stock.faust_worker", take="yes", counts=False)
AISLE = Engine("aisle", "tests.stock.aisle_worker")


@dataclass(frozen=True)
class Load:
    """The events: how many, how many a second, and which one the handler always fails on (-1: none)."""

    events: int
    rate: float
    trap: int = -1


class Run:
    """One engine at work on topics of its own.

    Args:
        broker: real Kafka.
        folder: empty; for the worker's files and the switches.
        engine: which one.
        load: what is sent.
        seed: of visitors and of the times of faults.
    """

    def __init__(self, broker: Broker, folder: Path, engine: Engine, load: Load, *, seed: int) -> None:
        self.random = random.Random(seed)
        self.switches = Switches(folder)
        self._broker = broker
        self._load = load
        self._shop = Installation(broker, folder)
        self._reader: Any = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": f"{self._shop.prefix}reader"})
        self._stop = threading.Event()
        self._feed = threading.Thread(target=self._send, args=(random.Random(seed),), name="feed")
        self._env = {FOLDER: str(folder), "TAKE": engine.take, "PYTHONPATH": str(ROOT), "AISLE_LOG_LEVEL": "warning"}
        self._engine = engine

    def work(self, fault: Callable[["Run"], None]) -> Tally:
        """Send, stage the fault meanwhile, wait until everything is read, and judge."""
        worker = self._shop.start(command=(sys.executable, "-c", SUPERVISE, self._engine.module), **self._env)
        try:
            self._feed.start()
            self.wait_answers()
            fault(self)
            self._feed.join()
            self._drain()
            worker.terminate()  # what is buffered may still be sent
            worker.wait(30)
            return judge(self._seen())
        finally:
            self._stop.set()
            self._feed.join()
            self._shop.close()
            self._reader.close()
            self._broker.delete_topics(self._shop.prefix)

    def wait_answers(self) -> None:
        """Wait until answers come, from now on; without new events there are none."""
        before = self._answered()
        self._shop.wait(lambda: self._answered() > before or not self._feed.is_alive(), 60)

    def wait_commit(self) -> None:
        """Wait until the group commits, from now on; half a minute without one is the engine's own affair."""
        before, until = self._shop.committed(), time.monotonic() + 30
        while self._shop.committed() <= before and time.monotonic() < until:
            time.sleep(0.05)

    def sleep(self, least_s: float, most_s: float) -> None:
        """Let it work for a while that the seed decides."""
        time.sleep(self.random.uniform(least_s, most_s))

    def kill(self) -> None:
        """Kill the worker, and wait until another has started."""
        pid = self._shop.status()["pid"]
        os.kill(pid, signal.SIGKILL)
        self._shop.wait(lambda: self._shop.status()["pid"] != pid, 60)

    def _send(self, visitors: random.Random) -> None:
        began = time.monotonic()
        for number in range(self._load.events):
            while not self._stop.is_set() and (early := began + number / self._load.rate - time.monotonic()) > 0:
                time.sleep(min(0.05, early))
            event = {"n": number, "trap": True} if number == self._load.trap else {"n": number}
            self._shop.produce(EVENTS, b"v%d" % visitors.randrange(VISITORS), json.dumps(event).encode())
        self._shop.flush()

    def _drain(self) -> None:
        """Wait until the group has committed everything, or for a minute."""
        until = time.monotonic() + DRAIN_S
        while self._shop.committed() < self._load.events and time.monotonic() < until:
            time.sleep(0.5)

    def _answered(self) -> int:
        """Count what the slates' topic holds."""
        tps = [TopicPartition(self._shop.prefix + SLATES, p) for p in range(PARTITIONS)]
        while True:
            with suppress(KafkaException):  # a new topic's leader is elected first
                return sum(self._reader.get_watermark_offsets(tp, 10)[1] for tp in tps)
            time.sleep(0.1)

    def _seen(self) -> Seen:
        read = self._shop.read
        return Seen(
            events={(m.partition(), m.offset()): m.key() for m in read(EVENTS)},
            answers=[_cause(m) for m in read(SLATES)],
            dead=[_cause(m) for m in read(EVENTS_DEAD)],
            state=_state(read(CHANGELOG)) if self._engine.counts else None,
        )


def _cause(message: Any) -> tuple[int, int]:
    return message.partition(), json.loads(message.value())["offset"]


def _state(changelog: list[Any]) -> dict[bytes, int]:
    """Give counts as a restore does: the last record of each, or the one with the highest source offset if it has."""
    newest: dict[bytes, tuple[int, int]] = {}
    for message in changelog:
        if message.key()[0]:  # not a watermark
            key, state = message.key().strip(b'"'), json.loads(message.value())  # Faust's keys are JSON
            applied = state.get("applied", message.offset())
            newest[key] = max(newest.get(key, (-1, 0)), (applied, state["count"]))
    return {key: count for key, (_, count) in newest.items()}
