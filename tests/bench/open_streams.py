"""`make bench-streams`: thousands of open streams on one gateway, and slates for all of them through Kafka.

Prints one JSON line: slates sent and received, the time from writing a slate to Kafka until a page has it (the broker's
hop is in it), and what the gateway took.
"""

import argparse
import json
import os
import secrets
import signal
import time
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer
from processes import HERE, Child, cpu_s, rss_bytes
from telling import tell

from schemas.products import Product
from schemas.slates import Cause, Lineage, Slate, SlateItem
from schemas.topics import PRODUCTS, SLATES, Topics
from streams.brokers import open_broker
from streams.kafka import confluent_config
from streams.runs.on_kafka import free_port
from streams.settings import Settings

ITEMS = 40
PRODUCTS_SOLD = 200
WARM_UP_S = 2.0
TAIL_S = 3.0


class Writer:
    """Writes slates, as workers do, at a steady rate."""

    def __init__(self, config: dict[str, object], topics: Topics) -> None:
        more = {"partitioner": "murmur2_random", "linger.ms": 0, "log_level": 2}
        self._producer = Producer(config | more)
        self._topics = topics
        self._now = datetime.now(UTC)

    def sell(self) -> None:
        """Fill the catalogue."""
        for number in range(PRODUCTS_SOLD):
            product = Product(
                product_id=f"p{number}", title=f"Product {number}", category=("Home", "Kitchen"), brand="Brand",
                price=19.9, currency="EUR", url=f"/p/{number}", image_url=f"/images/{number}.webp",
            )  # fmt: skip
            self._producer.produce(self._topics[PRODUCTS], product.encode(), product.product_id.encode())
        self._producer.flush(20)

    def slates(self, *, streams: int, per_s: float, seconds: float) -> int:
        """Write slates for all visitors in turn; gives how many."""
        templates = [self._template(place) for place in range(16)]
        began, written = time.monotonic(), 0
        while (past := time.monotonic() - began) < seconds:
            while written < past * per_s:
                self._write(templates[written % 16], written, visitor=written % streams)
                written += 1
            self._producer.poll(0.001)
        self._producer.flush(20)
        return written

    def _write(self, template: bytes, number: int, *, visitor: int) -> None:
        name = b"v%d" % visitor
        value = template.replace(b"VISITOR", name).replace(b"4711", b"%d" % number)
        self._producer.produce(self._topics[SLATES], value.replace(b"SENT", b"%.6f" % time.time()), name)

    def _template(self, place: int) -> bytes:
        items = tuple(
            SlateItem(
                product_id=f"p{(place * 7 + rank) % PRODUCTS_SOLD}", rank=rank, score=0.5, reason="Because of a mug",
                sources={"covisited": 0.1, "content": 0.2, "trending": 0.3, "factors": 0.4},
            )
            for rank in range(1, ITEMS + 1)
        )  # fmt: skip
        return Slate(
            slate_id="s-0-4711-home-0685", visitor_id="VISITOR", placement="home", items=items,
            cause=Cause(topic="clickstream.events", partition=0, offset=4711, event_id="SENT"),
            lineage=Lineage(settings="s", build="b"), event_at=self._now, decided_at=self._now,
            expires_at=self._now + timedelta(hours=1),
        ).encode()  # fmt: skip


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Run once."""
    settings = Settings(_env_file=None, topic_prefix=f"b{secrets.token_hex(4)}.", partitions=4)
    port, secret = free_port(), secrets.token_urlsafe(32)
    with ExitStack() as stack:
        broker = stack.enter_context(open_broker(asked.broker, settings))
        broker.create_topics(settings.topics)
        stack.callback(broker.delete_topics, settings.topic_prefix)
        writer = Writer(confluent_config(broker.settings), settings.topics)
        writer.sell()
        environment = broker.environment | {
            "AISLE_TOPIC_PREFIX": settings.topic_prefix, "AISLE_PARTITIONS": "4", "AISLE_GATEWAY_PORT": str(port),
            "AISLE_GATEWAY_SECRETS": secret, "AISLE_GATEWAY_CONNECTIONS": "1000000",
        }  # fmt: skip
        gateway = Child(["-m", "streams.cli.main", "gateway"], environment, ready=lambda _: answers(port))
        stack.enter_context(gateway).wait_ready()
        empty_mb = rss_bytes(gateway.pid) / 1e6
        stay_s = WARM_UP_S + asked.seconds + TAIL_S
        arguments = ["--port", port, "--streams", asked.streams, "--seconds", stay_s, "--secret", secret]
        pages = stack.enter_context(Child([str(HERE / "page_streams.py"), *map(str, arguments)]))
        pages.wait_ready()
        open_mb = rss_bytes(gateway.pid) / 1e6
        time.sleep(WARM_UP_S)
        began_s = cpu_s(gateway.pid)
        sent = writer.slates(streams=asked.streams, per_s=asked.rate, seconds=asked.seconds)
        used_s = cpu_s(gateway.pid) - began_s
        found = json.loads(pages.result(stay_s + 60))
        return {
            "broker": broker.kind, "per_s": asked.rate, "sent": sent, **found,
            "gateway_cpu": round(used_s / asked.seconds, 2), "gateway_mb": round(rss_bytes(gateway.pid) / 1e6),
            "kb_per_stream": round((open_mb - empty_mb) * 1000 / asked.streams, 1),
            "in_gateway_ms": in_gateway(port), "ended_in_s": round(ended(gateway), 2),
        }  # fmt: skip


def answers(port: int) -> bool:
    """Ask whether a gateway is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ended(gateway: Child) -> float:
    """End a gateway with all its streams open; gives the seconds that took."""
    began = time.monotonic()
    os.kill(gateway.pid, signal.SIGTERM)
    while gateway.running:
        time.sleep(0.01)
    return time.monotonic() - began


def in_gateway(port: int) -> dict[str, float]:
    """Read from the gateway's histogram which share of slates was handed on within so many milliseconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    name = "aisle_gateway_slate_seconds_bucket{le="
    counts = {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)}
    total = counts.get("+Inf") or 1.0
    return {f"{float(le) * 1000:g}": round(counts[le] / total, 4) for le in ("0.005", "0.01", "0.02", "0.05", "0.1")}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=500, help="slates a second, of all visitors in turn")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--broker", default="embedded")
    tell(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
