"""Records that nobody can handle: among the events, and in the changelog."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

from confluent_kafka import Producer

from schemas.events import Event, Item
from schemas.topics import CHANGELOG
from streams.kafka import partition_of
from streams.partitions import APPLIED_HEADER, EPOCH_HEADER, WATERMARK_KEY
from tests.faults.fault import Simple
from tests.faults.oracle import POISON
from tests.faults.shoppers import VISITORS, Sent
from tests.faults.stage import PARTITIONS, Stage

CONVICTED_WITHIN_S = 90.0
"""Three deaths, with a restore after each, and a rebalance where the slot is not back in time."""


class PoisonRecord(Simple):
    """An event that kills whoever handles it: after three deaths it is a dead letter, and everything else is exact."""

    name = "poison record"
    weight = 0.5

    def harm(self, stage: Stage, random: Random) -> None:
        """Send it among others."""
        self._skips = _skips(stage)
        visitor = f"v-{random.randrange(VISITORS):04d}"
        event = Event(
            event_id=f"{POISON}{random.getrandbits(48):x}",
            name="view_item",
            visitor_id=visitor,
            at=datetime.now(UTC),
            items=(Item(product_id=random.choice(stage.catalogue).product_id),),
            consent="personalisation",
        )
        stage.load.burst(20)
        stage.load.send(Sent(visitor.encode(), event.encode()))
        stage.load.burst(20)

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until a worker was convinced that it is the record's fault."""
        stage.wait(lambda: _skips(stage) > self._skips, "a record that is skipped", CONVICTED_WITHIN_S)


def _skips(stage: Stage) -> int:
    """Count the records that the workers skip, by their files."""
    found = 0
    for slot in stage.slots.values():
        try:
            skips = json.loads((slot.files / "deaths.json").read_text())["skips"]
        except (OSError, ValueError):
            continue
        found += sum(map(len, skips.values()))
    return found


class PoisonChangelog(Simple):
    """What no build can read, in the changelog of every partition; then each worker restores.

    States that cannot be read, a header that is no number, watermarks that are none.
    """

    name = "poison changelog record"

    def harm(self, stage: Stage, random: Random) -> None:
        """Write it, and kill the workers."""
        producer: Any = Producer({"bootstrap.servers": stage.bootstrap, "acks": "all", "linger.ms": 0})
        for partition in range(PARTITIONS):
            for key, value, headers in _poison(partition, random):
                producer.produce(stage.topics[CHANGELOG], value, key, partition, headers=headers)
        assert not producer.flush(20), "the broker does not take the poison"
        for slot in stage.live:
            slot.kill()


def _poison(partition: int, random: Random) -> list[tuple[bytes, bytes | None, list[tuple[str, bytes]]]]:
    """Write what a changelog must survive; the visitors are some that live in the partition."""
    all_of_it = [f"v-{number:04d}".encode() for number in range(VISITORS)]
    here = [key for key in all_of_it if partition_of(key, PARTITIONS) == partition]
    one, two, three, four = random.sample(here, 4)
    return [
        (one, b"\xff garbage", []),
        (two, b'{"applied":' + b"9" * 5000 + b"}", []),
        (three, b'{"applied":1,"version":1}', [(EPOCH_HEADER, b"one")]),
        (four, None, [(APPLIED_HEADER, b"\xfe")]),
        (WATERMARK_KEY, random.choice((b"", b"{", b"{}", b'{"mark":"7"}', b"[1,2]", b'{"mark":1e9,"out_end":0}')), []),
    ]
