"""What an operator does about dead letters, on a broker with a real worker: list, show, mend, send again, remove."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import DecodeError
from schemas.products import Product
from schemas.topics import EVENTS, PRODUCTS
from streams.cli.main import main
from streams.dead_letters import refused
from streams.engine import Engine
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import PartitionState, Restore
from streams.settings import Settings
from tests.bad_input import event
from tests.installation import PARTITIONS, Installation

pytestmark = pytest.mark.kafka

VISITORS = 8
REFUSED = 4
"""Of each visitor's events: they are called something else than what they are."""

PATCH = [{"op": "test", "path": "/name", "value": "teleport"}, {"op": "replace", "path": "/name", "value": "view_item"}]
FIX = "def fix(value: bytes) -> bytes | None:\n    return value.replace(b'-1', b'1') if b'-1' in value else None\n"

Command = Callable[..., Any]


class Shop:
    """An installation, and what was sent to it in order."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.on = installation
        self.at = datetime.now(UTC) - timedelta(hours=1)
        self.patch = folder / "patch.json"
        self.patch.write_text(json.dumps(PATCH))
        self.fix = folder / "fix.py"
        self.fix.write_text(FIX)
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": installation.bootstrap,
            "AISLE_TOPIC_PREFIX": installation.prefix,
            "AISLE_PARTITIONS": str(PARTITIONS),
            **installation._env,
        }

    def events(self) -> Iterator[tuple[bytes, bytes]]:
        """Give keys and events: of each visitor some good ones among the refused, in the order of time."""
        for n in range(REFUSED + 1):
            for visitor in range(VISITORS):
                key = f"v{visitor}"
                for name in ("view_item", "teleport") if n < REFUSED else ("view_item",):
                    about = {"event_id": f"{key}-{n}-{name}", "items": [{"product_id": f"p{n}"}]}
                    at = self.at + timedelta(seconds=20 * n + 10 * (name == "teleport"))
                    yield key.encode(), event(at, name=name, visitor_id=key, **about)

    def open(self) -> None:
        """Fill the shop, and let a worker take what comes."""
        self.on.put(((b"p%d" % n, product(f"p{n}")) for n in range(10)), PRODUCTS)
        self.on.put(self.events())
        self.on.put([(b"v0", b"{nope \x1b[2J"), (b"v1", event(self.at, visitor_id="v1", query="x" * 900_000))])
        self.on.put([(b"gone", event(self.at, name="teleport", visitor_id="gone", event_id="gone-1"))])
        self.on.put([(b"gone", event(self.at, name="forget", visitor_id="gone", event_id="gone-2"))])
        self.refuse_product("p11", product("p11", -1))
        self.refuse_product("p12", product("p12", -1))
        self.on.put([(b"p12", product("p12"))], PRODUCTS)
        self.on.start()
        self.worked()

    def refuse_product(self, product_id: str, value: bytes) -> None:
        """Send a bad product, and write the letter that the catalogue's worker would."""
        sent: list[LogRecord] = []
        self.on.produce(
            PRODUCTS,
            product_id.encode(),
            value,
            on_delivery=lambda _, one: sent.append(
                LogRecord(one.partition(), one.offset(), one.timestamp()[1], one.key(), one.value())
            ),
        )
        self.on.flush()
        letter = refused(PRODUCTS, sent[0], DecodeError("schema", "Product.price: greater_than_equal"))
        self.on.produce(letter.topic, letter.key, letter.value, partition=letter.partition)
        self.on.flush()

    def worked(self) -> None:
        """Wait until the worker has taken everything."""
        self.on.wait(lambda: self.on.committed() == len(self.on.read(EVENTS)))

    def requeued(self) -> Counter[bytes]:
        """Count what was sent again, by letter."""
        headers = [dict(one.headers() or ()).get("requeued") for one in self.on.read(EVENTS)]
        return Counter(header for header in headers if header)


def product(product_id: str, price: int = 5) -> bytes:
    """Write a product."""
    return Product(product_id=product_id, title=f"Mug {product_id}", price=7).encode().replace(b"7.0", b"%d" % price)


@pytest.fixture(scope="module")
def shop(kafka_broker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Open a shop."""
    broker = kafka_broker
    folder = tmp_path_factory.mktemp("shop")
    installation = Installation(broker, folder)
    try:
        shop = Shop(installation, folder)
        shop.open()
        yield shop
    finally:
        installation.close()
        broker.delete_topics(installation.prefix)


@pytest.fixture
def aisle(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `aisle dead` on the shop, and give what it printed: JSON where that was asked for."""
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, refused: bool = False) -> Any:
        with pytest.raises(SystemExit) as ended:
            main(["dead", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == int(refused), printed.err
        if refused:
            return printed.err
        return json.loads(printed.out) if "--json" in arguments else printed.out

    return run


def test_list_counts_them_by_reason(shop: Shop, aisle: Command) -> None:
    """With when they came, and the ids of the last ones."""
    found = aisle("list", "--letters", "100", "--json")
    assert {(one["topic"], one["reason"]): one["letters"] for one in found["counts"]} == {
        (EVENTS, "schema"): VISITORS * REFUSED + 1,
        (EVENTS, "not_json"): 1,
        (EVENTS, "too_large"): 1,
        (PRODUCTS, "schema"): 2,
    }
    assert len({one["id"] for one in found["letters"]}) == VISITORS * REFUSED + 5
    assert aisle("list", "--reason", "not_json", "--to", "1d", "--json")["counts"] == []
    assert re.search(r"clickstream\.events +not_json +1 +0  20", aisle("list"))


def test_show_prints_a_letter_and_obeys_nothing_in_it(aisle: Command) -> None:
    """Its reason, its place, where it stops being JSON; what a terminal would obey is escaped."""
    found = aisle("list", "--letters", "100", "--topic", "events", "--json")["letters"]
    letters = {one["reason"]: one["id"] for one in found}
    shown = aisle("show", letters["not_json"])
    assert "reason    not_json" in shown
    assert "^ character 2" in shown
    assert r"{nope \x1b[2J" in shown
    assert "\x1b" not in shown
    assert "cut: only the first" in aisle("show", letters["too_large"])
    assert aisle("show", letters["schema"], "--json")["source"]["topic"] == EVENTS


def test_requeue_sends_each_once_though_killed_half_way(shop: Shop, aisle: Command) -> None:
    """First it says what it would do; killed after records and before its note, it goes on; then nothing is left."""
    order = ("requeue", "--topic", "events", "--fix", str(shop.patch))
    plan = aisle(*order, "--json")["topics"][0]
    assert (plan["would_send"], plan["sent"], plan["erased"], plan["cut"]) == (VISITORS * REFUSED, 0, 1, 1)
    assert plan["fix_failed"] == 1
    assert shop.requeued() == {}

    killed = [sys.executable, "-m", "tests.e2e.killed_requeue", "5", "dead", *order, "--yes"]
    assert subprocess.run(killed, env=os.environ | shop.environment, check=False).returncode == -9
    assert set(shop.requeued().values()) == {1}
    assert sum(shop.requeued().values()) == 10

    done = aisle(*order, "--yes", "--json")["topics"][0]
    assert (done["already"], done["sent"]) == (10, VISITORS * REFUSED - 10)
    assert Counter(shop.requeued().values()) == {1: VISITORS * REFUSED}
    again = aisle(*order, "--yes", "--json")["topics"][0]
    assert (again["already"], again["sent"]) == (VISITORS * REFUSED, 0)
    assert sum(one["requeued"] for one in aisle("list", "--json")["counts"]) == VISITORS * REFUSED


def test_nothing_doubles_and_no_shelf_is_rearranged(shop: Shop) -> None:
    """States and steps are those of an engine that got each event once, in this order; old events get no slates."""
    again = [one for one in shop.on.read(EVENTS) if dict(one.headers() or ()).get("requeued")]
    for one in again:  # as two operators at once would
        shop.on.produce(EVENTS, one.key(), one.value(), headers=one.headers(), partition=one.partition())
    shop.on.flush()
    shop.worked()
    source = shop.on.read(EVENTS)
    expected = Engine(Settings(_env_file=None, partitions=PARTITIONS))
    for n in range(10):
        expected.put_product(Product.decode(product(f"p{n}")))
    places = {(one.partition(), one.offset()) for one in again}
    once = [one for one in source if (one.partition(), one.offset()) in places or not (one.headers() or ())]
    for one in sorted(once, key=lambda one: one.offset()):
        expected.feed_bytes(one.key(), one.value(), arrival=shop.at + timedelta(minutes=10), origin="replay")

    states = restored(shop)
    found = {key.decode(): without_offsets(data) for state in states for key, data in state.visitors.items()}
    assert found == {name: without_offsets(data) for name, data in expected.contexts().items()}
    assert sum(len(state.requeued) for state in states) == VISITORS * REFUSED
    steps = [orjson.loads(one.value())["origin"] for one in shop.on.read("learning", partitions=1)]
    assert len(steps) == expected.knowledge.model.offset + 1
    assert len({(step["partition"], step["offset"]) for step in steps}) == len(steps)
    causes = {tuple(orjson.loads(one.value())["cause"].values())[1:3] for one in shop.on.read("recommendations")}
    assert causes
    assert not causes & places


def test_a_mended_product_is_in_the_catalogue_and_no_newer_one_is_replaced(shop: Shop, aisle: Command) -> None:
    """Under its key, in its partition."""
    order = ("requeue", "--topic", "products", "--fix", str(shop.fix), "--yes", "--json")
    done = aisle(*order)["topics"][0]
    assert (done["sent"], done["newer"]) == (1, 1)
    assert (aisle(*order)["topics"][0]["already"], aisle(*order)["topics"][0]["sent"]) == (1, 0)
    newest = {one.key(): one for one in shop.on.read(PRODUCTS)}
    assert newest[b"p11"].value() == product("p11", 1)
    assert newest[b"p12"].value() == product("p12")
    assert newest[b"p11"].partition() == partition_of(b"p11", 4)


def test_purge_removes_what_it_said(shop: Shop, aisle: Command) -> None:
    """Where the broker can; the embedded one says that it cannot."""
    order = ("purge", "--all", "--topic", "events")
    plan = aisle(*order, "--json")["topics"][0]
    assert (plan["letters"], plan["never_requeued"], plan["kept"]) == (VISITORS * REFUSED + 3, 3, 0)
    assert aisle("list", "--topic", "events", "--json")["counts"]
    aisle(*order, "--yes")
    assert aisle("list", "--topic", "events", "--json")["counts"] == []


def restored(shop: Shop) -> list[PartitionState]:
    """Give every partition's state, as a restart would find it."""
    restores = {partition: Restore(partition) for partition in range(PARTITIONS)}
    for one in shop.on.read("visitors.changelog"):
        headers = tuple(one.headers() or ())
        record = LogRecord(one.partition(), one.offset(), one.timestamp()[1], one.key(), one.value(), headers)
        restores[record.partition].changelog([record])
    return [restore.finish() for restore in restores.values()]


def without_offsets(data: bytes) -> dict[str, Any]:
    """Give a state without where its last event stood."""
    state: dict[str, Any] = orjson.loads(data)
    del state["applied"]
    return state
