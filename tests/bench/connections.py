"""`make bench-connections`: as many held connections as a gateway may have, and whether it still answers others.

Half of them are idle, half send headers that do not end, some follow a stream; they come from several addresses, since
of one only a tenth is let in. Prints one JSON line.
"""

import argparse
import json
import resource
import secrets
import statistics
import time
import urllib.request
from contextlib import ExitStack
from typing import Any

from open_streams import answers
from processes import HERE, Child, rss_bytes
from telling import tell

from streams.brokers import open_broker
from streams.runs.on_kafka import free_port
from streams.settings import Settings

MOST = 10_000
SOURCES = 15
SPARE = 300
"""Files that a process needs besides, and connections that others may have."""

OPENED_IN_S = 90.0


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Run once."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(asked.connections, hard - 2 * SPARE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = Settings(_env_file=None, topic_prefix=f"b{secrets.token_hex(4)}.", partitions=1)
    port, secret = free_port(), secrets.token_urlsafe(32)
    with ExitStack() as stack:
        broker = stack.enter_context(open_broker("embedded", settings))
        broker.create_topics(settings.topics)
        environment = broker.environment | {
            "AISLE_TOPIC_PREFIX": settings.topic_prefix, "AISLE_PARTITIONS": "1", "AISLE_GATEWAY_PORT": str(port),
            "AISLE_GATEWAY_SECRETS": secret, "AISLE_GATEWAY_CONNECTIONS": str(count + SPARE),
        }  # fmt: skip
        gateway = Child(["-m", "streams.cli.main", "gateway"], environment, ready=lambda _: answers(port))
        stack.enter_context(gateway).wait_ready()
        quiet_mb, quiet = rss_bytes(gateway.pid) / 1e6, latencies(port, 2)
        words = {"port": port, "connections": count, "streams": min(asked.streams, count), "sources": SOURCES,
                 "seconds": asked.seconds + 2, "secret": secret}  # fmt: skip
        arguments = [word for name, value in words.items() for word in (f"--{name}", str(value))]
        held = stack.enter_context(Child([str(HERE / "held_connections.py"), *arguments]))
        held.wait_ready(OPENED_IN_S)
        busy = latencies(port, asked.seconds)
        busy_mb = rss_bytes(gateway.pid) / 1e6
        found = json.loads(held.result(asked.seconds + 60))
    return {
        "asked": count, "streams": words["streams"], **found, "quiet_ms": spread(quiet), "busy_ms": spread(busy),
        "answered": len(busy), "gateway_mb": [round(quiet_mb), round(busy_mb)],
        "kb_per_connection": round((busy_mb - quiet_mb) * 1000 / count, 1),
    }  # fmt: skip


def latencies(port: int, seconds: float) -> list[float]:
    """Ask for a shelf again and again, each time over a connection of its own; gives the milliseconds each took."""
    found, end = [], time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/recommendations?placement=cart", timeout=20) as answer:
            answer.read()
        found.append((time.monotonic() - began) * 1e3)
        time.sleep(0.02)
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Give the median and the 99th percentile."""
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=MOST, help="fewer where files are limited")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    tell(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
