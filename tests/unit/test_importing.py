"""Imports: once each, whatever happens on the way."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.events import Event
from schemas.products import Product
from schemas.topics import EVENTS, PRODUCTS, TopicName
from streams.sources.checkpoint import Checkpoint, Progress
from streams.sources.event_file import EventFile
from streams.sources.importing import Imported, import_events, import_products
from streams.sources.rees46 import Rees46

CHUNK = 200
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


class PowerCutError(Exception):
    """The process is gone."""


class MemoryLog:
    """One partition a topic, in a list; the power goes off after `lasts` records."""

    def __init__(self, lasts: int = 1 << 30) -> None:
        self.records: dict[str, list[bytes | None]] = {EVENTS: [], PRODUCTS: []}
        self.origins: set[str | None] = set()
        self.lasts = lasts

    def write(self, topic: TopicName, key: bytes, value: bytes | None, *, origin: str | None = None) -> None:
        """Append, or die."""
        if self.lasts <= 0:
            raise PowerCutError
        self.lasts -= 1
        self.records[topic].append(value)
        self.origins.add(origin)

    def flush(self) -> None:
        """Do nothing: appended is written."""

    def ends(self, topic: TopicName) -> Mapping[str, int]:
        """Give the length."""
        return {"0": len(self.records[topic])}

    def events_since(self, ends: Mapping[str, int], prefix: str) -> set[str]:
        """Look into the list."""
        return {name for name in self.event_ids()[ends["0"] :] if name.startswith(prefix)}

    def product_ids(self) -> set[str]:
        """Look at all of them."""
        return {Product.decode(value).product_id for value in self.records[PRODUCTS]}

    def event_ids(self) -> list[str]:
        """Give the ids of all events in order."""
        return [Event.decode(value).event_id for value in self.records[EVENTS]]


@pytest.fixture
def file(tmp_path: Path) -> EventFile:
    """Make a file of two and a half chunks."""
    rows = (f"2019-10-01 00:00:00 UTC,view,{i % 7},9,,b,1,u{i % 50},s1\n" for i in range(CHUNK * 5 // 2))
    path = tmp_path / "events.csv"
    path.write_text(HEADER + "".join(rows))
    return EventFile(path, Rees46())


def run(file: EventFile, log: MemoryLog, directory: Path) -> Imported:
    """Import once."""
    checkpoint = Checkpoint(directory, digest=file.content.digest, target="t")
    return import_events(file, log, checkpoint, advance=lambda: None, chunk=CHUNK)


def test_a_product_of_the_catalogue_is_left_as_it_is(file: EventFile, tmp_path: Path) -> None:
    """A file of events knows little of its products: what the shop's feed says is not replaced."""
    log = MemoryLog()
    import_products([Product(product_id=next(file.products()).product_id, title="From the feed", stock=0)], log)
    assert run(file, log, tmp_path).products == 6
    assert Product.decode(log.records[PRODUCTS][0]).title == "From the feed"
    assert run(file, log, tmp_path).products == 0


def test_products_and_events_arrive_once_in_order(file: EventFile, tmp_path: Path) -> None:
    """With the header that lets old events in, and lets single changes of products overtake."""
    log = MemoryLog()
    assert run(file, log, tmp_path) == Imported(events=CHUNK * 5 // 2, already=0, products=7)
    assert log.event_ids() == [event.event_id for event in file.events()]
    assert log.origins == {"import"}


def test_a_catalogue_tells_how_far_it_is() -> None:
    """Product by product, each of them marked as an import."""
    log, told = MemoryLog(), list[int]()
    products = [Product(product_id=name, title=name) for name in "abc"]
    assert import_products(products, log, advance=told.append) == 3
    assert (told, log.origins) == ([1, 2, 3], {"import"})


@pytest.mark.parametrize("lasts", [0, 3, 7, 8, 100, CHUNK + 7, CHUNK + 8, 2 * CHUNK + 100])
def test_an_import_that_died_goes_on_without_doubling(file: EventFile, tmp_path: Path, lasts: int) -> None:
    """Wherever the power went off: the log ends up with each event once, in order."""
    log = MemoryLog(lasts)
    with pytest.raises(PowerCutError):
        run(file, log, tmp_path)
    log.lasts = 1 << 30
    result = run(file, log, tmp_path)
    assert log.event_ids() == [event.event_id for event in file.events()]
    assert result.events + result.already == CHUNK * 5 // 2


def test_an_import_done_before_sends_nothing(file: EventFile, tmp_path: Path) -> None:
    """And says that everything was there."""
    log = MemoryLog()
    run(file, log, tmp_path)
    result = run(file, log, tmp_path)
    assert (result.events, result.already) == (0, CHUNK * 5 // 2)
    assert len(log.event_ids()) == CHUNK * 5 // 2


def test_a_topic_made_anew_gets_everything(file: EventFile, tmp_path: Path) -> None:
    """The checkpoint belongs to the topic that was there before."""
    run(file, MemoryLog(), tmp_path)
    log = MemoryLog()
    assert run(file, log, tmp_path).events == CHUNK * 5 // 2


def test_a_broken_checkpoint_is_none(tmp_path: Path) -> None:
    """Half a file on disk does not stop an import."""
    checkpoint = Checkpoint(tmp_path, digest="d", target="t")
    checkpoint.save(Progress(events=3, ends={"0": 4}))
    assert checkpoint.load() == Progress(events=3, ends={"0": 4})
    (path,) = tmp_path.iterdir()
    for text in ("", "{", "[]", '{"events": "x", "ends": {}}', '{"events": 1, "ends": 3}'):
        path.write_text(text)
        assert checkpoint.load() is None
