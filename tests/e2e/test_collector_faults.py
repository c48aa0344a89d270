"""What the collector has acknowledged is in the log, whatever happens to Kafka."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.errors import RefusedError
from schemas.topics import EVENTS, Topics
from streams.admin import Admin
from streams.brokers.broker import Broker
from streams.brokers.child import dying_with_parent, stop
from streams.brokers.maven import SHORT, Node
from streams.settings import Settings
from tests.conftest import absent

TOPICS = Topics(prefix="faults.", partitions=4)
AWAY_S = 20
BUFFER_S = 2
BROWSERS = 8
EVENTS_AT_ONCE = 5
PATIENCE_S = 60


@pytest.fixture
def node() -> Iterator[Node]:
    """Give Kafka with our topics, to be killed and started again."""
    try:
        node = Node(Settings(_env_file=None), lambda _: None, java=SHORT)
    except RefusedError as error:
        absent(f"no real broker: {error}")
    try:
        node.start()
        Broker("maven", node.settings).create_topics(TOPICS)
        yield node
    finally:
        node.close()


@contextmanager
def gateway(node: Node, folder: Path) -> Iterator[str]:
    """Run `aisle gateway`; gives where it listens."""
    told = {
        "KAFKA_BOOTSTRAP_SERVERS": node.settings.kafka_bootstrap_servers or "",
        "AISLE_TOPIC_PREFIX": TOPICS.prefix,
        "AISLE_PARTITIONS": str(TOPICS.partitions),
        "AISLE_GATEWAY_PORT": "0",
        "AISLE_GATEWAY_BUFFER_S": str(BUFFER_S),
        "AISLE_GATEWAY_SECRETS": "s" * 32,
        "AISLE_GATEWAY_RATE": "1e6",
        "AISLE_GATEWAY_ADDRESS_RATE": "1e6",
    }
    log = folder / "gateway.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", "gateway"],
            env=os.environ | told, stdout=out, stderr=out, preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel
        )  # fmt: skip
    try:
        until(lambda: "on http://" in log.read_text() or process.poll() is not None)
        found = re.search(r"on (http://127\.0\.0\.1:\d+)", log.read_text())
        assert found is not None, log.read_text()
        until(lambda: httpx.get(f"{found[1]}/readyz").status_code == 200)
        yield found[1]
        assert process.poll() is None, log.read_text()
    finally:
        stop(process)


class Browsers:
    """Send in a thread of their own until told to stop; what is not acknowledged is sent again."""

    def __init__(self, address: str) -> None:
        self.accepted: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._address = address
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for browser in range(BROWSERS):
                group.create_task(self._browse(browser))

    async def _browse(self, browser: int) -> None:
        number, left = 0, []
        async with httpx.AsyncClient(base_url=self._address, timeout=30) as client:
            while not self._stopping or left:
                while len(left) < EVENTS_AT_ONCE and not self._stopping:
                    number += 1
                    left.append(f"{browser}-{number}")
                left = await self._send(client, left)

    async def _send(self, client: httpx.AsyncClient, ids: list[str]) -> list[str]:
        """Send events; gives those that are to be sent again."""
        events = [{"event_id": one, "name": "search", "consent": "personalisation", "query": "mug"} for one in ids]
        headers = {"origin": self._address, "content-type": "application/json"}
        answer = await client.post("/v1/events", content=orjson.dumps(events), headers=headers)
        self.statuses[answer.status_code] += 1
        assert answer.status_code in {202, 503}, answer.text
        lost = {one["index"] for one in answer.json()["rejected"]}
        self.accepted |= {one for place, one in enumerate(ids) if place not in lost}
        if answer.status_code == 503:
            assert {one["reason"] for one in answer.json()["rejected"]} == {"not_acknowledged"}
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(0.2)
        return [one for place, one in enumerate(ids) if place in lost]


def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def written(node: Node) -> Counter[str]:
    """Count what is in the log, by event id."""
    with Admin(node.settings, embedded=False) as admin:
        left = sum(admin.ends(TOPICS[EVENTS]).values())
    consumer = Consumer({"bootstrap.servers": node.settings.kafka_bootstrap_servers, "group.id": "count"})
    consumer.assign([TopicPartition(TOPICS[EVENTS], partition, 0) for partition in range(TOPICS.partitions)])
    found: Counter[str] = Counter()
    while left:
        messages = consumer.consume(min(left, 1000), 20)
        assert messages
        left -= len(messages)
        found.update(orjson.loads(message.value())["event_id"] for message in messages)
    consumer.close()
    return found


@pytest.mark.kafka
@pytest.mark.slow
def test_nothing_that_was_answered_202_is_lost_when_kafka_is_killed(node: Node, tmp_path: Path) -> None:
    """SIGKILL under load, away for 20 s, and back.

    Meanwhile the answer is 503 and the gateway stays well, so that nobody restarts it; afterwards it goes on by itself.
    """
    with gateway(node, tmp_path) as address:
        with Browsers(address) as browsers:
            until(lambda: len(browsers.accepted) > 500)
            node.kill()
            before, gone = len(browsers.accepted), time.monotonic()
            until(lambda: browsers.statuses[503] > 2 * BROWSERS)
            assert httpx.get(f"{address}/healthz").status_code == 200
            until(lambda: time.monotonic() - gone > AWAY_S)
            node.start()
            until(lambda: len(browsers.accepted) > before + 500)
        assert httpx.get(f"{address}/readyz").status_code == 200
    found = written(node)
    assert not browsers.accepted - found.keys()
    assert browsers.accepted == found.keys()  # each was sent until it was acknowledged
