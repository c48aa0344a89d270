"""Import a file: its products, then its events, each once however often it is started again."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from schemas.events import Event
from schemas.products import Product
from schemas.topics import EVENTS, PRODUCTS, TopicName
from streams.sources.checkpoint import Checkpoint, Progress

CHUNK = 5000
"""Events between two checkpoints."""

ORIGIN = "import"


class Sink(Protocol):
    """Where records go."""

    def write(self, topic: TopicName, key: bytes, value: bytes | None, *, origin: str | None = None) -> None:
        """Send one record."""

    def flush(self) -> None:
        """Wait until everything sent is in the log."""


class Log(Sink, Protocol):
    """Where an import goes, and what it asks about what is there already."""

    def ends(self, topic: TopicName) -> Mapping[str, int]:
        """Give the next offset of each partition."""

    def events_since(self, ends: Mapping[str, int], prefix: str) -> set[str]:
        """Give the ids of events from these offsets on that begin with `prefix`."""

    def product_ids(self) -> set[str]:
        """Give the products that are in the catalogue now."""


@dataclass(frozen=True)
class Imported:
    """What an import came to: events sent now, events that were there before, products sent, events not wanted."""

    events: int
    already: int
    products: int
    unwanted: int = 0


def import_products(products: Iterable[Product], log: Sink, *, advance: Callable[[int], None] | None = None) -> int:
    """Send products, marked as an import: single changes are embedded before them.

    Args:
        products: what to send.
        log: where to.
        advance: called with how many were sent so far, for a progress bar.

    Returns:
        how many there were.
    """
    count = 0
    for product in products:
        log.write(PRODUCTS, product.product_id.encode(), product.encode(), origin=ORIGIN)
        count += 1
        if advance is not None:
            advance(count)
    log.flush()
    return count


class History(Protocol):
    """Events of the past, the same ones in the same order each time, and the products they mention.

    `id_prefix` is what all their ids begin with; `taken` counts what was read so far by the last reading, `refused`
    what it left out.
    """

    taken: int
    refused: Counter[str]

    @property
    def id_prefix(self) -> str:
        """Give the prefix."""

    @property
    def rows(self) -> int:
        """Count what there is to read."""

    def products(self) -> Iterable[Product]:
        """Give each product once."""

    def events(self) -> Iterable[Event]:
        """Give the events in event-time order."""


def import_events(
    file: History,
    log: Log,
    checkpoint: Checkpoint,
    *,
    advance: Callable[[], None],
    chunk: int = CHUNK,
    unwanted: Callable[[Event], bool] = lambda _event: False,
) -> Imported:
    """Send a file's products and events, going on where an earlier import of the same content stopped.

    What a file of events tells of a product is little: a product that is in the catalogue already is left as it is.

    After a stop, whatever way it came, the log itself is asked which events followed the last checkpoint, so none is
    sent twice. A topic that was made anew since then gets everything again.

    Args:
        file: what to import.
        log: where to.
        checkpoint: how far it has come.
        advance: called after every chunk, for a progress bar.
        chunk: events between two checkpoints.
        unwanted: tells which events are not sent.
    """
    saved = checkpoint.load()
    begun = saved is not None and _still_there(saved, log.ends(EVENTS))
    if saved is None or not begun:
        saved = Progress(events=0, ends=log.ends(EVENTS))
        checkpoint.save(saved)
    there = log.events_since(saved.ends, file.id_prefix) if begun else set()
    known = log.product_ids()
    products = import_products((product for product in file.products() if product.product_id not in known), log)
    events = iter(file.events())
    done = sum(1 for _ in islice(events, saved.events))
    sent = left_out = 0
    while batch := list(islice(events, chunk)):
        wanted = [event for event in batch if not unwanted(event)]
        left_out += len(batch) - len(wanted)
        sent += _send([event for event in wanted if event.event_id not in there], log)
        done += len(batch)
        checkpoint.save(Progress(events=done, ends=log.ends(EVENTS)))
        advance()
    return Imported(events=sent, already=done - sent - left_out, products=products, unwanted=left_out)


def _send(events: list[Event], log: Sink) -> int:
    for event in events:
        log.write(EVENTS, event.visitor_id.encode(), event.encode(), origin=ORIGIN)
    log.flush()
    return len(events)


def _still_there(saved: Progress, ends: Mapping[str, int]) -> bool:
    """Say whether the log still holds what was sent: a topic made anew ends before the saved offsets."""
    return saved.ends.keys() == ends.keys() and all(ends[name] >= end for name, end in saved.ends.items())
