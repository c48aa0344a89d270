"""Imports into a broker, through the command line's own parts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import RefusedError
from schemas.events import decode_event
from schemas.topics import EVENTS, PRODUCTS, Topics
from streams.brokers import Broker
from streams.cli.main import main
from streams.kafka import confluent_config, partition_of
from streams.settings import Settings
from streams.sources.checkpoint import Checkpoint, Progress
from streams.sources.event_file import EventFile
from streams.sources.importing import import_events, import_products
from streams.sources.kafka_log import KafkaLog
from streams.sources.rees46 import Rees46

AISLE = (sys.executable, "-m", "streams.cli.main")
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
TOPICS = Topics(prefix="import.", partitions=4)


@pytest.fixture
def log(embedded_broker: Broker) -> Iterator[KafkaLog]:
    """Open a log on fresh topics."""
    embedded_broker.create_topics(TOPICS)
    log = KafkaLog(confluent_config(embedded_broker.settings), TOPICS)
    yield log
    log.close()
    embedded_broker.delete_topics(TOPICS.prefix)


@pytest.fixture
def file(tmp_path: Path) -> EventFile:
    """Make a file of 300 views by 40 users."""
    path = tmp_path / "events.csv"
    rows = (f"2019-10-01 00:00:00 UTC,view,{i % 7},9,,b,1,u{i % 40},s1\n" for i in range(300))
    path.write_text(HEADER + "".join(rows))
    return EventFile(path, Rees46())


def read(embedded_broker: Broker, topic: str, partitions: int) -> list[tuple[int, bytes, bytes, object, int]]:
    """Read a topic from start to end: partition, key, value, headers, timestamp."""
    consumer = Consumer({**confluent_config(embedded_broker.settings), "group.id": "test", "fetch.wait.max.ms": 20})
    found: list[tuple[int, bytes, bytes, object, int]] = []
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), 10)[1] for p in range(partitions)]
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    while len(found) < sum(ends):
        for message in consumer.consume(1000, 1.0):
            record = (message.partition(), message.key(), message.value(), message.headers(), message.timestamp()[1])
            found.append(record)
    consumer.close()
    return found


def test_events_stand_in_their_visitors_partition_as_imports(
    embedded_broker: Broker, log: KafkaLog, file: EventFile
) -> None:
    """Keyed by visitor as every Kafka client hashes, old times kept, let in by the origin header."""
    checkpoint = Checkpoint(file.path.parent, digest=file.content.digest, target="t")
    import_events(file, log, checkpoint, advance=lambda: None)
    records = read(embedded_broker, TOPICS[EVENTS], 4)
    assert len(records) == 300
    for partition, key, value, headers, arrival_ms in records:
        assert partition == partition_of(key, 4)
        assert headers == [("origin", b"import")]
        event = decode_event(value, arrival_ms=arrival_ms, origin="import")
        assert (event.visitor_id.encode(), event.at.year) == (key, 2019)
    assert len(read(embedded_broker, TOPICS[PRODUCTS], 4)) == 7


def test_what_followed_the_last_checkpoint_is_found_in_the_log(
    embedded_broker: Broker, log: KafkaLog, file: EventFile
) -> None:
    """An import that was killed between two checkpoints goes on with the first event that is not there."""
    checkpoint = Checkpoint(file.path.parent, digest=file.content.digest, target="t")
    import_events(file, log, checkpoint, advance=lambda: None)
    checkpoint.save(Progress(events=0, ends=dict.fromkeys(log.ends(EVENTS), 0)))  # as if none had been written since
    result = import_events(file, log, checkpoint, advance=lambda: None)
    assert (result.events, result.already) == (0, 300)
    assert len(read(embedded_broker, TOPICS[EVENTS], 4)) == 300


@pytest.fixture
def real_log(kafka_broker: Broker) -> Iterator[KafkaLog]:
    """Open a log on fresh topics of a broker that has retention and transactions."""
    kafka_broker.create_topics(TOPICS)
    log = KafkaLog(confluent_config(kafka_broker.settings), TOPICS)
    yield log
    log.close()
    kafka_broker.delete_topics(TOPICS.prefix)


@pytest.mark.kafka
def test_an_import_goes_on_after_retention_took_the_end_of_its_log(
    kafka_broker: Broker, real_log: KafkaLog, file: EventFile
) -> None:
    """Of what followed the checkpoint nothing is left: there is nothing to read, and nothing that must not be sent."""
    checkpoint = Checkpoint(file.path.parent, digest=file.content.digest, target="t")
    import_events(file, real_log, checkpoint, advance=lambda: None)
    checkpoint.save(Progress(events=0, ends=dict.fromkeys(real_log.ends(EVENTS), 0)))
    admin = AdminClient(confluent_config(kafka_broker.settings))
    ends = [TopicPartition(TOPICS[EVENTS], int(p), end) for p, end in real_log.ends(EVENTS).items()]
    for deleted in admin.delete_records(ends).values():
        deleted.result(30)
    result = import_events(file, real_log, checkpoint, advance=lambda: None)
    assert (result.events, result.already) == (300, 0)


@pytest.mark.kafka
def test_a_transaction_at_the_end_of_the_log_does_not_stop_an_import(
    kafka_broker: Broker, real_log: KafkaLog, file: EventFile
) -> None:
    """Its marker takes the last offset and is no record."""
    checkpoint = Checkpoint(file.path.parent, digest=file.content.digest, target="t")
    import_events(file, real_log, checkpoint, advance=lambda: None)
    checkpoint.save(Progress(events=0, ends=dict.fromkeys(real_log.ends(EVENTS), 0)))
    shop = Producer({**confluent_config(kafka_broker.settings), "transactional.id": "shop"})
    shop.init_transactions(30)
    shop.begin_transaction()
    for partition in range(TOPICS.partitions):
        shop.produce(TOPICS[EVENTS], b"{}", partition=partition)
    shop.commit_transaction(30)
    result = import_events(file, real_log, checkpoint, advance=lambda: None)
    assert (result.events, result.already) == (0, 300)


@pytest.fixture
def _aisle(embedded_broker: Broker, log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line find the topics that `log` is open on."""
    told = {"KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap, "AISLE_TOPIC_PREFIX": TOPICS.prefix}
    for name, value in (embedded_broker.environment | told | {"AISLE_PARTITIONS": "4"}).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_aisle")
def test_a_catalogue_is_imported_with_a_bar_and_marked_as_bulk(
    embedded_broker: Broker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The catalog agent embeds single changes before what bears this header."""
    path = tmp_path / "products.csv"
    path.write_text("product_id,title\n1,Mug\n2,Kettle\n3,\n")
    with pytest.raises(SystemExit) as ended:
        main(["import", "catalog", str(path), "--format", "csv", "--json"])
    assert ended.value.code == 0
    told = capfd.readouterr()
    assert json.loads(told.out) == {"products": 2, "refused": {"title": 1}}
    assert re.search(r"products\.csv .* 2/2", told.err)
    assert [headers for *_, headers, _ in read(embedded_broker, TOPICS[PRODUCTS], 4)] == [[("origin", b"import")]] * 2


@pytest.mark.usefixtures("_aisle")
def test_a_feed_that_breaks_off_replaces_nothing(
    embedded_broker: Broker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is read to its end before its first product is sent."""
    path = tmp_path / "feed.xml"
    path.write_text("<feed><entry><id>1</id><title>Mug</title></entry><entry>")
    with pytest.raises(SystemExit) as ended:
        main(["import", "catalog", str(path)])
    assert ended.value.code == 1
    assert "not well-formed XML" in capfd.readouterr().err
    assert read(embedded_broker, TOPICS[PRODUCTS], 4) == []


def test_absent_topics_are_refused_with_the_command_that_makes_them(embedded_broker: Broker) -> None:
    """And are not created by asking for them."""
    log = KafkaLog(confluent_config(embedded_broker.settings), Topics(prefix="nowhere."))
    with pytest.raises(RefusedError, match="aisle topics create"):
        log.ends(EVENTS)
    log.close()


def test_an_absent_broker_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """With the next step."""
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    log = KafkaLog({**confluent_config(settings), "socket.timeout.ms": 500, "log_level": 0}, Topics(), timeout_s=1)
    with pytest.raises(RefusedError, match="does not answer"):
        log.ends(EVENTS)
    log.close()


def test_products_that_cannot_be_are_refused_with_a_reason(
    embedded_broker: Broker, log: KafkaLog, tmp_path: Path
) -> None:
    """A row without a title, an endless id: counted by what is wrong, and the others arrive."""
    (tmp_path / "shop.csv").write_text(f"product_id,title\n1,Mug 🛒\n2,\n{'x' * 10_000},Endless\n")
    env = os.environ | embedded_broker.environment | {"KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap}
    done = subprocess.run(
        [*AISLE, "import", "catalog", "shop.csv", "--format", "csv", "--json"], cwd=tmp_path, check=True,
        env=env | {"AISLE_TOPIC_PREFIX": TOPICS.prefix, "AISLE_PARTITIONS": "4"}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"products": 1, "refused": {"product_id": 1, "title": 1}}
    (record,) = read(embedded_broker, TOPICS[PRODUCTS], 4)
    assert record[1] == b"1"


def test_a_record_the_broker_refuses_stops_the_import(embedded_broker: Broker, log: KafkaLog) -> None:
    """It is told, not lost."""
    log.write(EVENTS, b"k", b"x" * 900_000)
    log.flush()
    with pytest.raises(RefusedError, match="too large"):
        log.write(EVENTS, b"k", b"x" * 2_000_000)
    import_products([], log)
