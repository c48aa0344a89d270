"""The slates' log on a broker: where it begins, and what becomes of it when the broker or its partitions change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from streams.brokers import Broker
from streams.flow import LogRecord
from streams.gateway import slate_log, slate_reader
from streams.gateway.slate_log import SlateLog
from streams.kafka import KIND_VARIABLE
from streams.settings import Settings
from tests.installation import PARTITIONS, Installation

BROKERS = [
    pytest.param("embedded_broker", id="embedded"),
    pytest.param("kafka_broker", id="kafka", marks=pytest.mark.kafka),
]


@pytest.fixture(params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Give an installation on each broker."""
    broker: Broker = request.getfixturevalue(request.param)
    monkeypatch.setenv(KIND_VARIABLE, broker.kind)
    return Installation(broker, tmp_path)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(slate_log, "LOOK_S", 0.1)
    return


def settings(shop: Installation, **fields: Any) -> Settings:
    """Give the installation's."""
    given = {"kafka_bootstrap_servers": shop.bootstrap, "topic_prefix": shop.prefix, "partitions": PARTITIONS}
    return Settings(_env_file=None, **given | fields)


class Taker:
    """Keeps what the log hands over."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.news = asyncio.Event()

    def __call__(self, records: Sequence[LogRecord]) -> None:
        """Take records."""
        self.values += [record.value for record in records]
        self.news.set()

    async def wait(self, count: int) -> list[bytes | None]:
        """Wait until so many came."""
        async with asyncio.timeout(30):
            while len(self.values) < count:
                self.news.clear()
                await self.news.wait()
        return self.values


async def until(done: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110  a service has no events to wait for
            await asyncio.sleep(0.01)


def reading(log: SlateLog, work: Callable[[], Awaitable[None]]) -> None:
    """Read meanwhile."""

    async def run() -> None:
        task = asyncio.create_task(log.run())
        try:
            await work()
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_all_of_before_and_all_that_comes_is_read(shop: Installation) -> None:
    """In every partition; it is ready once it has what was there."""
    shop.put([(b"v%d" % number, b"%d" % number) for number in range(40)], "recommendations")
    took = Taker()
    log = SlateLog(settings(shop), took, lookback_s=3600)
    assert log.lacks()

    async def work() -> None:
        await took.wait(40)
        shop.put([(b"v1", b"more")], "recommendations")
        assert (await took.wait(41))[-1] == b"more"
        await until(lambda: not log.lacks())

    reading(log, work)
    assert {*took.values} == {b"more", *(b"%d" % number for number in range(40))}
    assert not log.stuck()


@pytest.mark.kafka
def test_what_is_stale_is_not_read(kafka_broker: Broker, tmp_path: Path) -> None:
    """A start begins at the first slate that may still be shown, where the broker knows it."""
    shop = Installation(kafka_broker, tmp_path)
    shop.put([(b"v", b"old")] * 5, "recommendations")
    took = Taker()
    log = SlateLog(settings(shop), took, lookback_s=-60)

    async def work() -> None:
        await until(lambda: not log.lacks())
        shop.put([(b"v", b"new")], "recommendations")
        await took.wait(1)

    reading(log, work)
    assert took.values == [b"new"]


@pytest.mark.kafka
def test_more_partitions_are_read_from_their_start(kafka_broker: Broker, tmp_path: Path) -> None:
    """After `aisle repartition`, without a restart."""
    shop = Installation(kafka_broker, tmp_path)
    took = Taker()
    log = SlateLog(settings(shop), took, lookback_s=3600)

    def written(error: object, _message: object) -> None:
        assert error is None

    async def work() -> None:
        shop.put([(b"v", b"before")], "recommendations")
        await took.wait(1)
        more = NewPartitions(shop.prefix + "recommendations", PARTITIONS + 2)
        admin = AdminClient({"bootstrap.servers": shop.bootstrap})
        await asyncio.to_thread(admin.create_partitions([more])[more.topic].result, 20)
        name = more.topic
        await until(lambda: len(admin.list_topics(timeout=5).topics[name].partitions) == PARTITIONS + 2)
        shop.forget_producers()
        for partition in (PARTITIONS, PARTITIONS + 1):
            shop.produce("recommendations", b"v", b"after", partition=partition, on_delivery=written)
        shop.flush()
        await until(lambda: took.values.count(b"after") == 2)

    reading(log, work)
    assert {*took.values} == {b"before", b"after"}


def test_a_broker_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway is not ready then, and goes on trying: a restart would mend nothing."""
    monkeypatch.setattr(slate_reader, "ANSWER_S", 0.1)
    now = [0.0]
    away = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:1")
    log = SlateLog(away, lambda _: None, lookback_s=60, clock=lambda: now[0])

    async def work() -> None:
        await asyncio.sleep(0.3)
        now[0] = slate_log.AWAY_S

    reading(log, work)
    assert log.lacks() == ["no broker has answered for 20 s: slates do not come in"]
    assert not log.stuck()


def test_a_topic_that_is_not_there_is_named(embedded_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that makes it; asking does not make it."""
    monkeypatch.setenv(KIND_VARIABLE, "embedded")
    given = {"kafka_bootstrap_servers": embedded_broker.bootstrap, "topic_prefix": "nowhere."}
    log = SlateLog(Settings(_env_file=None, **given), lambda _: None, lookback_s=60)

    async def work() -> None:
        await until(lambda: "aisle topics create" in log.lacks()[0])

    reading(log, work)
