"""Aisle itself: `aisle worker clicks` as an installation runs it, with its defaults."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from processes import Child

from schemas.topics import Topics
from streams.brokers import Broker


def start_aisle(broker: Broker, topics: Topics) -> Child:
    """Start a clicks worker under its supervisor; ready when its health endpoint says so."""
    environment = {
        **broker.environment,
        "AISLE_TOPIC_PREFIX": topics.prefix,
        "AISLE_PARTITIONS": str(topics.partitions),
        "AISLE_HTTP_PORT": "0",
        "AISLE_LOG_LEVEL": "warning",
    }

    return Child([str(Path(sys.executable).with_name("aisle")), "worker", "clicks"], environment, ready=is_ready)


def is_ready(folder: Path) -> bool:
    """Ask the worker whether it is restored and its followers are at their ends."""
    try:
        status = json.loads(next(folder.glob("worker-*/status.json")).read_text())
        with urllib.request.urlopen(f"{status['http']}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (StopIteration, ValueError, urllib.error.URLError, ConnectionError):
        return False
