"""What a worker tells: gauges of what it holds, and logs with their place."""

import json
import logging
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from schemas.errors import DecodeError
from schemas.topics import EVENTS
from streams.dead_letters import refused
from streams.flow import LogRecord
from streams.health import PARTITION_GAUGES, Health
from streams.partitions import PartitionState
from streams.telemetry import JsonFormatter, LibrarySeldom, Seldom


def told(gauge: str, partition: int) -> float | None:
    """Read a gauge; None where there is none."""
    return REGISTRY.get_sample_value(f"aisle_{gauge}", {"partition": str(partition)})


def test_gauges_of_a_revoked_partition_are_gone() -> None:
    """Its new owner tells them; they come back with the partition."""
    states = {71: PartitionState(71, mark=3, visitors={b"v": b"{}"}), 72: PartitionState(72)}
    health = Health(
        lambda: states, [], log_ends=lambda _: {71: 9, 72: 0}, committed=lambda: {71: 4}, follower_lag_limit=9
    )
    health.publish()
    assert [told(name, 71) for name in PARTITION_GAUGES] == [5, 4, 1]

    del states[71]
    health.revoked()
    health.publish()

    assert [told(name, 71) for name in PARTITION_GAUGES] == [None, None, None]
    assert told("visitors", 72) == 0


def test_a_json_line_carries_its_place() -> None:
    """What the call gave by `extra`, and nothing where it gave nothing."""
    place = {"topic": EVENTS, "partition": 3, "offset": 8, "slate": "s-1", "visitor": "v-1"}
    line = logging.makeLogRecord({"name": "streams.x", "msg": "hello", "levelname": "INFO"} | place)
    bare = logging.makeLogRecord({"name": "streams.x", "msg": "hello", "levelname": "INFO"})

    written = json.loads(JsonFormatter().format(line))
    assert {name: written.get(name) for name in place} == place | {"visitor": None}
    assert json.loads(JsonFormatter().format(bare)).keys() == {"at", "level", "logger", "message"}


def test_a_library_says_a_thing_once_a_minute() -> None:
    """Whatever it fills in; ours are never held back, and neither is another thing of the library."""
    passes = LibrarySeldom().filter

    def line(name: str, text: str, *args: object) -> logging.LogRecord:
        return logging.LogRecord(name, logging.ERROR, "", 0, text, args, None)

    assert [passes(line("aiokafka", "Unable connect to node with id %s", n)) for n in range(3)] == [True, False, False]
    assert passes(line("aiokafka", "Unable to update metadata from %s", [1]))
    assert all(passes(line("streams.leaving", "leaving")) for _ in range(3))


def test_the_logging_that_is_configured_holds_libraries_back(capfd: pytest.CaptureFixture[str]) -> None:
    """By its own configuration, in a process of its own as far as loggers go."""
    code = (
        "import logging.config; from streams.telemetry import logging_config;"
        "logging.config.dictConfig(logging_config('info', 'text'));"
        "[logging.getLogger('aiokafka').error('no node %d', n) for n in range(9)]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert capfd.readouterr().err.count("no node") == 1


def test_a_dead_letter_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """The first of a reason; a thousand more of it within a minute are only counted."""
    tell = Seldom()
    with caplog.at_level(logging.WARNING):
        for offset in range(1000):
            refused(EVENTS, LogRecord(5, offset, 0, b"v-1", b"secret"), DecodeError("handler", "died"), tell=tell)

    (line,) = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert (line["topic"], line["partition"], line["offset"]) == (EVENTS, 5, 0)
    assert "secret" not in str(line)
    assert "v-1" not in str(line)
