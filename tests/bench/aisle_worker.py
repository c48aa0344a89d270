"""Aisle itself: `aisle worker` as an installation runs it, with its defaults."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from processes import Child

from schemas.topics import Topics
from streams.brokers import Broker


def start_aisle(
    broker: Broker, topics: Topics, more: Mapping[str, str] = MappingProxyType({}), *, worker: str = "clicks"
) -> Child:
    """Start a worker under its supervisor; ready when its health endpoint says so.

    Args:
        broker: where its topics are.
        topics: of the installation.
        more: settings beside the defaults, by environment variable.
        worker: its kind.
    """
    environment = {
        **broker.environment,
        "AISLE_TOPIC_PREFIX": topics.prefix,
        "AISLE_PARTITIONS": str(topics.partitions),
        "AISLE_HTTP_PORT": "0",
        "AISLE_LOG_LEVEL": "warning",
        **more,
    }
    return Child([str(Path(sys.executable).with_name("aisle")), "worker", worker], environment, ready=is_ready)


def is_ready(folder: Path) -> bool:
    """Ask the worker whether it is restored and its followers are at their ends."""
    return bool(ask(folder, "/readyz"))


def ask(folder: Path, page: str) -> str:
    """Get a page of a worker's health; empty while there is no good answer."""
    try:
        status = json.loads(next(folder.glob("worker-*/status.json")).read_text())
        with urllib.request.urlopen(status["http"] + page, timeout=2) as answer:
            return str(answer.read().decode())
    except (StopIteration, ValueError, OSError):
        return ""
