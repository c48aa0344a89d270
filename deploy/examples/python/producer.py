"""Send one `view_item` per visitor; print where the broker keeps each, as JSON: `producer.py PRODUCT VISITOR...`."""

import json
import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

from kafka import KafkaProducer

TOPIC = os.environ.get("AISLE_TOPIC_PREFIX", "") + "clickstream.events"
BROKERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092").split(",")


def view_item(*, visitor: str, product: str) -> dict[str, object]:
    """Say that a visitor looks at a product, now."""
    return {
        "schema_version": "1.0",
        "event_id": str(uuid4()),
        "name": "view_item",
        "visitor_id": visitor,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "items": [{"product_id": product}],
        "consent": "personalisation",  # only where the visitor gave it; without, the event leaves no trace
    }


product, *visitors = sys.argv[1:]
with KafkaProducer(bootstrap_servers=BROKERS, acks="all") as producer:  # its default partitioner is murmur2 of the key
    for visitor in visitors:
        event = json.dumps(view_item(visitor=visitor, product=product)).encode()
        kept = producer.send(TOPIC, key=visitor.encode(), value=event).get(timeout=30)  # raises unless acknowledged
        print(json.dumps({"partition": kept.partition, "offset": kept.offset}), flush=True)
