"""What tests share: brokers, and real data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.brokers import Broker
from streams.brokers.embedded import EmbeddedBroker
from streams.brokers.ladder import RUNGS, climb
from streams.brokers.maven import SHORT, open_maven
from streams.settings import Settings

ROOT = Path(__file__).parents[1]


def absent(reason: str) -> None:
    """Skip what cannot run here; in CI, where everything must be, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """Give a real Apache Kafka: the one that is set, or one by Docker or Maven."""
    rungs = {kind: rung for kind, rung in RUNGS.items() if kind != "embedded"}
    rungs["maven"] = lambda settings, progress: open_maven(settings, progress, java=SHORT)
    try:
        broker = climb("auto", Settings(_env_file=None), rungs=rungs)
    except RefusedError as error:
        absent(f"no real broker: {error}")
    with broker:
        yield broker


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[Broker]:
    """Give the broker that needs nothing but Python."""
    with EmbeddedBroker(Settings(_env_file=None)) as broker:
        yield broker


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the directory of public data sets: AISLE_DATA, or `shared/data` beside the repository."""
    path = Path(os.environ.get("AISLE_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        absent(f"no public data sets at {path}: set AISLE_DATA")
    return path
