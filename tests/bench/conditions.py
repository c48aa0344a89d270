"""What the figures depend on besides the code."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from streams.admin import Admin
from streams.brokers import Broker

PACKAGES = ("aisle", "aiokafka", "confluent-kafka", "faust-streaming", "numpy", "numba", "river")


def conditions(broker: Broker, load_before: float) -> dict[str, str]:
    """Collect them by name.

    Args:
        broker: the broker in use.
        load_before: load average of the last minute before anything was started.
    """
    with Admin(broker.settings, embedded=False) as admin:
        kafka = admin.version()
    return {
        **machine(load_before, "shared by broker, load, job and meter"),
        "broker": f"Apache Kafka {kafka} ({broker.kind}), one node, replication 1",
    }


def machine(load_before: float, cores_for: str) -> dict[str, str]:
    """Collect what does not depend on a broker."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": f"{len(os.sched_getaffinity(0))} ({_processor()}), {cores_for}",
        "load average before": f"{load_before:.2f}",
        "Python": f"{platform.python_version()} on {sys.platform}",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


class Stolen:
    """The share of CPU time that other guests of the machine took since this was made."""

    def __init__(self) -> None:
        self._before = _ticks()

    def share(self) -> float:
        """Give it, 0..1."""
        spent = [now - before for now, before in zip(_ticks(), self._before, strict=True)]
        return spent[7] / max(1, sum(spent))


def _ticks() -> list[int]:
    first = Path("/proc/stat").read_text().splitlines()[0]
    return [int(field) for field in first.split()[1:9]]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
