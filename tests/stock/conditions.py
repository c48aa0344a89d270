"""What the figures depend on besides the code."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from streams.admin import Admin
from streams.brokers import Broker
from tests.installation import PARTITIONS

PACKAGES = ("aisle", "faust-streaming", "mode-streaming", "aiokafka")


def conditions(broker: Broker) -> dict[str, str]:
    """Collect them by name."""
    with Admin(broker.settings, embedded=False) as admin:
        kafka = admin.version()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "broker": f"Apache Kafka {kafka} ({broker.kind}), one node, replication 1, {PARTITIONS} partitions",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "machine": f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
    }
