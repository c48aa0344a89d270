"""Logs in memory that can break off between any two writes, and a small shop on them."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from schemas.erasures import Erasure
from schemas.events import Event
from schemas.learning import Origin
from schemas.letter_id import REQUEUED_HEADER, LetterId
from schemas.products import Product
from schemas.record import epoch_ms
from schemas.topics import CHANGELOG, EVENTS, PRODUCTS, SLATES, TopicName
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.erased import Erased
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, PartitionState, Restore
from streams.replay.logs import Pieces, Source, Take, search
from streams.replay.merging import Merged, TimeOf
from streams.replay.plan import CHECKPOINT_KEY
from streams.replay.replaying import Asked, Installation, Summary, replay, target_topics
from streams.settings import Settings
from streams.writer import Rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 3


class KilledError(Exception):
    """The process is gone."""


class MemoryLogs:
    """Topics in memory; `left` writes of one partition succeed, then nothing is written any more."""

    def __init__(self) -> None:
        self.topics: defaultdict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        self.left = 1 << 30
        self.fetch = 7
        self.cut: dict[tuple[str, int], int] = {}

    def put(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        at: datetime,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> int:
        """Append one record and give its offset."""
        log = self.topics[topic, partition]
        log.append(LogRecord(partition, len(log), epoch_ms(at), key, value, headers))
        return len(log) - 1

    async def bounds(self, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        """Give first offset and end of each partition."""
        return {p: (self.cut.get((topic, p), 0), len(self.topics[topic, p])) for p in range(partitions)}

    async def offsets_at(self, topic: str, partitions: int, at: datetime) -> dict[int, int]:
        """Look through everything."""
        return await search(self, topic, partitions, at)

    async def read(self, topic: str, spans: Mapping[int, tuple[int, int]], take: Take) -> None:
        """Give what stands there."""
        for partition, (start, end) in spans.items():
            left = max(start, self.cut.get((topic, partition), 0))
            if records := self.topics[topic, partition][left:end]:
                take(partition, list(records))

    async def source(
        self, topic: str, spans: Mapping[int, tuple[int, int]], *, clocks: Mapping[int, int], time_of: TimeOf
    ) -> Source:
        """Read a few records at a time."""
        left = {p: self.topics[topic, p][start:end] for p, (start, end) in spans.items()}

        async def fill(merged: Merged) -> None:
            for partition in merged.hungry(1):
                merged.add(partition, left[partition][: self.fetch])
                left[partition] = left[partition][self.fetch :]
                if not left[partition]:
                    merged.end(partition)

        return Pieces(Merged({p: clocks[p] for p in spans}, time_of), fill)

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Append partition by partition, until the process is killed."""
        ends = {}
        for (topic, partition), some in rows.items():
            if not self.left:
                raise KilledError
            self.left -= 1
            for row in some:
                log = self.topics[topic, partition]
                log.append(LogRecord(partition, len(log), row.timestamp_ms or 0, row.key, row.value, row.headers))
            ends[topic, partition] = len(self.topics[topic, partition])
        return ends


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Nobody is told."""

    def reached(self, done: int) -> None:
        """Nobody is told."""


class Shop:
    """An installation in memory whose clickstream holds a few visits and some rubbish."""

    def __init__(self, events: int = 60) -> None:
        self.settings = Settings(_env_file=None, partitions=PARTITIONS, evidence_share=0.5, training_per_s=2)
        self.logs = MemoryLogs()
        self.erased = Erased()
        self.topics = self.settings.topics
        for n in range(40):
            product = Product(product_id=f"p{n}", title=f"Lamp {n}", category=("home", "lamps"))
            key = product.product_id.encode()
            self.logs.put(self.topics[PRODUCTS], partition_of(key, 4), key, product.encode(), NOON)
        random = Random(1)
        for n in range(events):
            self.event(n, f"v{random.randrange(9)}", f"p{random.randrange(20)}", consent=n % 7 != 3)
        if events:
            self.logs.put(self.topics[EVENTS], 1, b"x", b"{rubbish", NOON + timedelta(seconds=20))

    def event(
        self, n: int, visitor: str, product: str, *, consent: bool = True, letter: LetterId | None = None
    ) -> None:
        """Somebody looks at something, `n` half seconds after noon; it arrives at once, or is a letter sent again."""
        at = NOON + timedelta(seconds=n / 2)
        event = Event(
            event_id=f"e{n}",
            name="view_item",
            visitor_id=visitor,
            at=at,
            items=({"product_id": product},),
            consent="personalisation" if consent else "none",
        )
        key = visitor.encode()
        to = self.topics[EVENTS], partition_of(key, self.settings.partitions)
        headers = () if letter is None else ((REQUEUED_HEADER, letter.header()),)
        self.logs.put(*to, key, event.encode(), at, headers)

    def forget(self, visitor: str, *, until: datetime) -> None:
        """Note that somebody asked to be forgotten."""
        entry = Erasure(
            subject="visitor", subject_id=visitor, until=until, origin=Origin(topic=EVENTS, partition=0, offset=0)
        )
        self.erased.apply(LogRecord(0, 0, 0, entry.key(), entry.encode()))

    @property
    def site(self) -> Installation:
        """Give the installation, worked on in pieces of a few records."""
        return Installation(self.settings, self.logs, {}, self.erased, Silent(), piece=8)

    def replay(self, asked: Asked) -> Summary:
        """Replay in pieces of a few records."""
        return asyncio.run(replay(asked, self.site))

    def read(self, name: str, topic: str = SLATES) -> list[tuple[int, int, bytes | None, bytes | None]]:
        """Give what a replay wrote to a topic."""
        full = target_topics(self.settings, name)[topic]
        found = [
            (partition, record.offset, record.key, record.value)
            for (log, partition), records in self.logs.topics.items()
            for record in records
            if log == full
        ]
        return sorted(found, key=lambda one: one[:2])

    def states(self, name: str) -> dict[tuple[int, bytes | None], bytes | None]:
        """Give the newest record of every key of a changelog."""
        return {
            (partition, key): value for partition, _, key, value in self.read(name, CHANGELOG) if key != CHECKPOINT_KEY
        }


class Worker:
    """What a clicks worker does of a generation's state: restore, go on, write outputs, then states and marks."""

    def __init__(self, shop: Shop, generation: str = "") -> None:
        self._shop = shop
        self._logs = shop.logs
        self.topics = replace(shop.topics, generation=generation)
        self.world = build_world(shop.settings)
        for fold in self.world.folds:
            for partition in range(4):
                for record in self._logs.topics[self.topics[fold.topic], partition]:
                    fold.apply(record)
        self.parts = {partition: self._restore(partition) for partition in range(shop.settings.partitions)}

    def run(self, *, killed: bool = False) -> "Worker":
        """Work through everything there is, a partition at a time; the model learns it afterwards.

        One that is killed has written its outputs, and no state.
        """
        agent = ClicksAgent(self.world, clicks_rules(self._shop.settings), clock=lambda: NOON)
        for partition, part in self.parts.items():
            records = [r for r in self._logs.topics[self.topics[EVENTS], partition] if r.offset > part.mark]
            outcome = agent.handle(records, part)
            for out in outcome.outputs:
                self._append(out.topic, out.partition, out.key, out.value)
            if killed:
                continue
            part.out_end = len(self._logs.topics[self.topics[SLATES], partition])
            for key, value in (outcome.touched | outcome.entries).items():
                self._append(CHANGELOG, partition, key, value, part.headers(value))
            self._append(CHANGELOG, partition, WATERMARK_KEY, part.watermark().encode())
        return self

    def contexts(self) -> dict[bytes, bytes]:
        """Give every visitor's state."""
        return {key: data for part in self.parts.values() for key, data in part.visitors.items()}

    def _restore(self, partition: int) -> PartitionState:
        restore = Restore(partition)
        restore.changelog(self._logs.topics[self.topics[CHANGELOG], partition])
        begin = restore.watermark.out_end if restore.watermark else 0
        restore.outputs(self._logs.topics[self.topics[SLATES], partition][begin:])
        return restore.finish()

    def _append(
        self,
        topic: TopicName,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        log = self._logs.topics[self.topics[topic], partition]
        log.append(LogRecord(partition, len(log), epoch_ms(NOON), key, value, headers))
