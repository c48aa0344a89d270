"""Print each slate a shop should show from now on, as JSON: `consumer.py [COUNT]` ends after so many, or on Ctrl-C."""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition

TOPIC = os.environ.get("AISLE_TOPIC_PREFIX", "") + "recommendations"
BROKERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092").split(",")
newest: dict[tuple[str, str, str | None], tuple[int, int, int]] = {}


def is_new(slate: dict) -> bool:
    """Keep, per visitor, placement and anchor, the slate with the greatest (cause epoch, cause offset, revision)."""
    readable = slate["schema_version"].startswith("1.")
    if not readable or datetime.fromisoformat(slate["expires_at"]) <= datetime.now(UTC):
        return False
    shelf = (slate["visitor_id"], slate["placement"], slate.get("anchor"))
    order = (slate["cause"].get("epoch", 0), slate["cause"]["offset"], slate.get("revision", 0))
    if order <= newest.get(shelf, (-1, -1, -1)):
        return False
    newest[shelf] = order
    return True


def shown(slate: dict) -> dict:
    """Give what a shop needs of a slate; the second half of its products are reserves."""
    kept = {name: slate.get(name) for name in ("visitor_id", "placement", "anchor", "slate_id")}
    return kept | {"revision": slate.get("revision", 0), "products": [item["product_id"] for item in slate["items"]]}


left = int(sys.argv[1]) if len(sys.argv) > 1 else -1
# No group: whoever serves pages needs the slates of all visitors, from the oldest that the topic still has.
with KafkaConsumer(bootstrap_servers=BROKERS) as consumer, suppress(KeyboardInterrupt):
    consumer.assign([TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)])
    consumer.seek_to_beginning()
    while left:
        slate = json.loads(next(consumer).value)
        if is_new(slate):
            print(json.dumps(shown(slate), ensure_ascii=False), flush=True)
            left -= 1
