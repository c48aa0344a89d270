"""Replays on Apache Kafka beside a real worker: equal to each other, resumable, and nothing live is touched."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import SPECS
from tests.bad_input import event
from tests.installation import PARTITIONS, Installation

EVENTS = 240


class Shop(Installation):
    """A small shop with a past."""

    def __init__(self, broker: Any, folder: Path) -> None:
        super().__init__(broker, folder)
        self._commands: list[subprocess.Popen[str]] = []

    def fill(self, events: int = EVENTS, first: int = 0) -> None:
        """Let visitors look at products."""
        now = datetime.now(UTC)
        self.put(
            (
                f"v{n % 23}".encode(),
                event(
                    now,
                    event_id=f"e{n}",
                    visitor_id=f"v{n % 23}",
                    items=[{"product_id": f"p{n * 7 % 30}"}],
                    page={"view_id": f"w{n}"},
                ),
            )
            for n in range(first, first + events)
        )

    def products(self) -> None:
        """Fill the catalogue."""
        plain = ({"product_id": f"p{n}", "title": f"Lamp {n}", "category": ["home", "lamps"]} for n in range(30))
        self.put(((one["product_id"].encode(), json.dumps(one).encode()) for one in plain), "catalog.products")

    def aisle(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", *arguments],
            env=self.environment() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._commands.append(process)
        return process

    def close(self) -> None:
        """End what a failed test left."""
        for process in self._commands:
            if process.poll() is None:
                process.kill()
                process.communicate(timeout=20)
        super().close()

    def told(self, *arguments: str, code: int = 0, **env: str) -> Any:
        """Run a command to its end and give its JSON, or what it refuses with."""
        process = self.aisle(*arguments, **env)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, (arguments, out, err)
        return json.loads(out.splitlines()[-1]) if code == 0 else err

    def history(self, name: str, events: int) -> None:
        """Write events of last year to a topic of their own, newest first."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(self.prefix + name, 2)])[self.prefix + name].result(20)
        then = datetime.now(UTC) - timedelta(days=365)
        for n in reversed(range(events)):
            at = then + timedelta(minutes=n)
            one = event(at, event_id=f"h{n}", visitor_id=f"v{n % 5}", items=[{"product_id": f"p{n % 30}"}])
            self.produce(name, b"%d" % n, one)
        self.flush()

    def leave(self) -> None:
        """End the worker in order."""
        worker = self._workers[-1]
        worker.terminate()
        assert worker.wait(30) == 0

    def count(self, name: str) -> int:
        """Count the records of a topic, 0 before there is one."""
        try:
            return len(self.read(name))
        except KafkaException:
            return 0

    def records(self, name: str) -> list[tuple[int, int, bytes | None]]:
        """Give partition, offset and value of all records."""
        partitions = 1 if name.endswith("learning") else PARTITIONS
        found = ((one.partition(), one.offset(), one.value()) for one in self.read(name, partitions))
        return sorted(found, key=lambda one: one[:2])

    def live(self) -> dict[str, Any]:
        """Give all that a replay must not change: every end and every commit."""
        ends = {spec.name: len(self.read(spec.name, spec.partitions or PARTITIONS)) for spec in SPECS}
        return ends | {"committed": self.committed()}


@pytest.fixture
def shop(kafka_broker: Any, tmp_path: Path) -> Iterator[Shop]:
    """Give a shop on Apache Kafka whose worker has worked through its past and left."""
    shop = Shop(kafka_broker, tmp_path)
    try:
        shop.products()
        worker = shop.start()
        shop.wait_ready()
        shop.fill()
        shop.wait(lambda: shop.committed() == EVENTS)
        worker.terminate()
        assert worker.wait(20) == 0
        yield shop
    finally:
        shop.close()
        kafka_broker.delete_topics(shop.prefix)


@pytest.mark.kafka
@pytest.mark.slow
def test_replays_are_equal_killed_or_not_and_leave_everything_live_alone(shop: Shop) -> None:
    """From the command line: one goes through, one is killed and started again; live topics and group are as before."""
    before = shop.live()
    one = shop.told("replay", "--into", "one", "--json")
    assert one["events"] == EVENTS
    assert one["slates"] >= EVENTS

    broken = shop.aisle("replay", "--into", "two", "--rate", "x2")
    shop.wait(lambda: shop.count("two.recommendations") > 0, 120)
    broken.send_signal(signal.SIGKILL)
    broken.communicate(timeout=20)
    two = shop.told("replay", "--into", "two", "--json")
    assert two["digest"] == one["digest"]
    for topic in ("recommendations", "learning", "clickstream.events.dead", "recommendations.evidence"):
        assert shop.records(f"two.{topic}") == shop.records(f"one.{topic}")

    assert shop.live() == before


@pytest.mark.kafka
@pytest.mark.slow
def test_history_then_a_new_generation_then_back(kafka_broker: Any, tmp_path: Path) -> None:
    """A backfill before the shop opens, a generation built beside a worker at work, and gone back from.

    Every event of visitors gives its slates once, whichever generation answers it.
    """
    shop = Shop(kafka_broker, tmp_path)
    try:
        shop.products()
        shop.history("old", 60)
        filled = shop.told("backfill", f"{shop.prefix}old", "--json")
        assert (filled["imported"], filled["events"], filled["learned"]) == (60, 60, 60)
        assert shop.committed() == 60
        assert shop.read("recommendations") == []

        shop.start()
        shop.wait_ready()
        shop.fill(40)
        building = shop.aisle("replay", "--apply", "--json", "--wait", "100")
        shop.wait(lambda: shop.committed() == 100)
        shop.wait(lambda: shop.count("g1.recommendations") > 0, 120)
        shop.fill(20, first=40)
        shop.wait(lambda: shop.committed() == 120)
        shop.leave()
        out, err = building.communicate(timeout=120)
        assert building.returncode == 0, (out, err)
        applied = json.loads(out.splitlines()[-1])
        assert (applied["generation"], applied["events"], applied["copied"]) == ("g1", 120, 0)

        shop.start()
        shop.wait_ready()
        shop.fill(30, first=60)
        shop.wait(lambda: shop.committed("g1") == 150)
        shop.leave()
        assert shop.told("replay", "--rollback", "--json")["generation"] == ""
        shop.fill(10, first=90)
        shop.start()
        shop.wait(lambda: shop.committed() == 160)
        shop.leave()

        answered = Counter(slate_of(one) for one in shop.read("recommendations"))
        assert set(answered.values()) == {1}
        assert len({(partition, offset) for partition, offset, _ in answered}) == 100
        moved = shop.told("repartition", "--partitions", "6", "--json")
        assert (moved["generation"], moved["visitors"], moved["partitions"]) == ("g2", 23, 6)
        assert 0 < moved["moved"] < 23
        shop.start(AISLE_EVIDENCE_SHARE="1")
        shop.wait_ready()
        shop.forget_producers()
        shop.fill(30, first=100)
        shop.wait(lambda: len({slate_of(one)[:2] for one in shop.read("recommendations", 6)}) == 130)
        shop.leave()
        proof = shop.told("replay", "--verify", "--json", AISLE_EVIDENCE_SHARE="1")
        assert proof["compared"] == proof["equal"] > 0
        assert proof["states"]["differing"] == 0 < proof["states"]["equal"]
        assert "partitions cannot be taken back" in shop.told("replay", "--rollback", code=1)
        assert "There are 6 partitions: name more" in shop.told("repartition", "--partitions", "4", code=1)

        listed = shop.told("generations", "list", "--json")
        assert listed == {"current": "g2", "previous": "", "building": None, "there": ["", "g1", "g2"]}
        assert len(shop.told("generations", "delete", "g1", "--json")["deleted"]) == 5
    finally:
        shop.close()
        kafka_broker.delete_topics(shop.prefix)


def slate_of(message: Any) -> tuple[int, int, str]:
    """Name what a slate answers, and where."""
    slate = json.loads(message.value())
    return message.partition(), slate["cause"]["offset"], slate["placement"]
