"""History worked through before the shop opens, on logs in memory."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from schemas.errors import RefusedError
from schemas.events import ORIGIN_HEADER, Event
from schemas.record import epoch_ms
from schemas.topics import CHANGELOG, EVENTS, LEARNING, SLATES
from streams.bootstrap import build_world
from streams.engine import Engine
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import Restore
from streams.replay.backfilling import Backfill, Filled
from streams.replay.stretch import Stretches
from tests.memory_logs import NOON, PARTITIONS, KilledError, Shop

OPENING = datetime(2026, 7, 1, tzinfo=UTC)


class Opening(Shop):
    """A shop that opens in July, with a history of May that was written to the log just now."""

    def __init__(self, events: int = 60) -> None:
        super().__init__(0)
        random = Random(3)
        self.history = [
            Event(
                event_id=f"h{n}",
                name=random.choice(["view_item", "view_item", "add_to_cart"]),
                visitor_id=f"v{random.randrange(9)}",
                at=NOON + timedelta(seconds=n * 20),
                items=({"product_id": f"p{random.randrange(20)}"},),
                consent="personalisation",
            )
            for n in range(events)
        ]
        for event in self.history:
            self.append(event)

    def append(self, event: Event) -> None:
        """Write an imported event."""
        key = event.visitor_id.encode()
        log = self.logs.topics[self.topics[EVENTS], partition_of(key, PARTITIONS)]
        headers = ((ORIGIN_HEADER, b"import"),)
        partition = partition_of(key, PARTITIONS)
        log.append(LogRecord(partition, len(log), epoch_ms(OPENING), key, event.encode(), headers))

    def fill(self) -> tuple[Filled, dict[int, int]]:
        """Work through what is there."""
        return asyncio.run(Backfill(self.site, {}).work())

    def begin(self) -> None:
        """Begin a backfill, before anything of it is written."""
        asyncio.run(Backfill(self.site, {}).begin())

    def log(self, topic: str) -> list[LogRecord]:
        """Give the records of partition 0 of a topic."""
        return self.logs.topics[self.topics[topic], 0]  # type: ignore[index]

    def visitors(self) -> dict[str, bytes]:
        """Give the states as a worker restores them."""
        found = {}
        for partition in range(PARTITIONS):
            restore = Restore(partition)
            restore.changelog(self.logs.topics[self.topics[CHANGELOG], partition])
            found.update({key.decode(): value for key, value in restore.finish().visitors.items()})
        return found


@pytest.fixture(scope="module")
def reference() -> Iterator[Engine]:
    """Give the engine as a library, fed with the same events in event-time order."""
    engine = Engine(Shop(0).settings)
    for event in Opening().history:
        engine.feed(event)
    return engine


def test_contexts_and_model_are_those_of_events_in_the_order_they_happened(reference: Engine) -> None:
    """States equal the library's to the byte, the log folds to the builder's model, and no slate is written."""
    shop = Opening()
    filled, positions = shop.fill()
    assert (filled.events, filled.dead_letters) == (60, 0)
    assert shop.visitors() == reference.contexts()
    steps = [one.value for one in shop.log(LEARNING)]
    assert len(steps) == filled.learned > 40
    assert sum(positions.values()) == 60
    assert not any(shop.logs.topics[shop.topics[SLATES], p] for p in range(PARTITIONS))
    fold = build_world(shop.settings).learning
    for record in shop.log(LEARNING):
        fold.apply(record)
    assert fold.model.counts.sum() == reference.knowledge.model.counts.sum()
    assert fold.model.clock_ms == reference.knowledge.model.clock_ms


def test_killed_and_run_again_learns_nothing_twice(reference: Engine) -> None:
    """Whatever the write it dies before; a second run has nothing to do."""
    whole, broken = Opening(), Opening()
    whole.fill()
    kills = 0
    while kills < 60:
        broken.logs.left = 1 + 3 * kills % 11
        try:
            broken.fill()
            break
        except KilledError:
            kills += 1
    assert 5 < kills < 60
    assert broken.log(LEARNING) == whole.log(LEARNING)
    assert broken.visitors() == reference.contexts()
    broken.logs.left = 1 << 30
    again, positions = broken.fill()
    assert (again.events, again.learned) == (0, 0)
    assert sum(positions.values()) == 60


def test_more_history_goes_on_behind_the_first() -> None:
    """States and steps of before stay as they are."""
    shop = Opening()
    shop.fill()
    steps = list(shop.log(LEARNING))
    shop.append(shop.history[0].model_copy(update={"event_id": "more", "at": NOON + timedelta(hours=2)}))
    filled, _ = shop.fill()
    assert (filled.events, filled.learned) == (1, 1)
    assert shop.log(LEARNING)[:-1] == steps


def test_events_that_wait_for_a_worker_are_not_taken_from_it() -> None:
    """They are owed slates; what an earlier run of the same backfill left is its own."""
    shop = Opening()
    with pytest.raises(RefusedError, match="60 events wait in"):
        shop.begin()
    shop.fill()
    shop.begin()
    shop.append(shop.history[0].model_copy(update={"event_id": "more"}))
    shop.begin()


def test_the_mark_of_a_transaction_is_no_event_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands behind the last event, and no worker ever gets past it."""
    shop = Opening()
    shop.fill()
    bounds = shop.logs.bounds

    async def marked(topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        behind = topic == shop.topics[EVENTS]
        return {p: (start, end + behind) for p, (start, end) in (await bounds(topic, partitions)).items()}

    monkeypatch.setattr(shop.logs, "bounds", marked)
    shop.begin()
    filled, _ = shop.fill()
    assert filled.events == 0


def test_forgotten_people_are_left_out_by_when_their_history_happened() -> None:
    """It arrives long after they asked."""
    shop = Opening()
    shop.forget("v4", until=NOON + timedelta(days=2))
    filled, _ = shop.fill()
    assert filled.erased == sum(event.visitor_id == "v4" for event in shop.history) > 0
    assert "v4" not in shop.visitors()


def test_a_stretch_of_a_topic_is_taken_once(tmp_path: Path) -> None:
    """Begun ones are gone on with, whatever came since; then what came since is next."""
    stretches = Stretches(tmp_path, "topic")
    first = stretches.next({0: 5})
    assert stretches.next({0: 9}) == first
    stretches.close(first)
    second = stretches.next({0: 9})
    assert (second.since, second.until) == ({0: 5}, {0: 9})
