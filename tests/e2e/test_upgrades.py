"""Two builds in one group, on real Kafka: over to the newer one and back again, and nobody starts anew."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.events import Event
from tests.installation import PARTITIONS, Installation

NEWER = (sys.executable, str(Path(__file__).with_name("newer_worker.py")))
VISITORS = 24


@pytest.fixture
def shop(kafka_broker: Any, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation without workers."""
    installation = Installation(kafka_broker, tmp_path)
    yield installation
    installation.close()
    kafka_broker.delete_topics(installation.prefix)


def view(shop: Installation, turn: int) -> None:
    """Let each visitor look at a product, and wait until that is done."""
    events = [
        Event(
            event_id=f"e{turn}-{number}",
            name="view_item",
            visitor_id=f"v{number}",
            at=datetime.now(UTC),
            items=({"product_id": f"p{turn}"},),
            consent="personalisation",
        )
        for number in range(VISITORS)
    ]
    shop.put((event.visitor_id.encode(), event.encode()) for event in events)
    shop.wait(lambda: shop.committed() == VISITORS * turn)


def visitors(shop: Installation) -> list[dict[str, Any]]:
    """Give the newest state of each visitor."""
    states: dict[bytes, dict[str, Any]] = {}
    for record in shop.read("visitors.changelog"):
        state = json.loads(record.value())
        if record.key()[0] and state["applied"] >= states.get(record.key(), state)["applied"]:
            states[record.key()] = state
    return list(states.values())


def views_and_looks(shop: Installation) -> set[tuple[int, int]]:
    """Give what the states say, by both builds' fields; one pair when all visitors are alike."""
    return {(state["profile"][2], state["looks"]) for state in visitors(shop)}


def holds(shop: Installation, slot: str, partitions: int) -> bool:
    """Tell whether a worker is ready with so many partitions."""
    progress = shop.progress(slot)
    return bool(progress) and progress["ready"] and len(progress["partitions"]) == partitions


@pytest.mark.kafka
@pytest.mark.slow
def test_forward_and_back(shop: Installation) -> None:
    """The newer build's field is there after it, kept by the older one, and every view was counted once."""
    older, newer = shop.start("older"), shop.start("newer", command=NEWER)
    shop.wait(lambda: holds(shop, "older", PARTITIONS // 2) and holds(shop, "newer", PARTITIONS // 2), 60)
    view(shop, 1)
    assert sum("looks" in state for state in visitors(shop)) not in {0, VISITORS}  # both builds served

    older.terminate()
    assert older.wait(20) == 0
    shop.wait(lambda: holds(shop, "newer", PARTITIONS))
    view(shop, 2)
    assert views_and_looks(shop) == {(2, 2)}

    shop.start("older")
    shop.wait(lambda: holds(shop, "older", PARTITIONS // 2), 60)
    newer.terminate()
    assert newer.wait(20) == 0
    shop.wait(lambda: holds(shop, "older", PARTITIONS))
    view(shop, 3)
    assert views_and_looks(shop) == {(3, 2)}
    assert len(visitors(shop)) == VISITORS
