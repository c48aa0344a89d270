"""An audit of files: slates as `aisle run --slates` writes them, events, and a catalogue or what events say of one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.products import Product
from schemas.record import Record
from streams.audit.findings import Findings, Read, findings
from streams.audit.shelf import Assortment, Shelf
from streams.audit.shown import ShownSlate
from streams.audit.tallies import Tallies
from streams.runs.display import Watch
from streams.settings import Settings
from streams.sources.event_file import EventFile
from streams.sources.formats import Catalog, open_catalog, open_events
from streams.sources.record_lines import ProductLines, RecordLines

LINES = "jsonl"
"""The format of records as topics hold them, one JSON object a line."""

_OFTEN = 1000

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Named:
    """A file and its format; `columns` is for events in csv."""

    path: Path
    form: str
    columns: str | None = None


Events = EventFile | RecordLines[Event]


def audit_files(
    slates: Path,
    events: Named | None,
    catalog: Named | None,
    settings: Settings,
    *,
    placement: str | None,
    watch: Watch,
) -> Findings:
    """Audit files, each read forward in bounded memory.

    Args:
        slates: JSON lines, gzipped or plain.
        events: of the same shop; None: demand is not known.
        catalog: None: what the events' file says of products.
        settings: the thresholds.
        placement: only its slates count; None: all.
        watch: told of the stages.

    Raises:
        RefusedError: a file cannot be read, or there is no catalogue or no slate in them.
    """
    source = None if events is None else _opened(events)
    unreadable: dict[str, Mapping[str, int]] = {}
    assortment = _assortment(source, catalog, watch, unreadable)
    tallies = Tallies(assortment, placement=placement)
    lines = RecordLines(slates, ShownSlate)
    for slate in _lines(lines, "slates", watch):
        tallies.slate(slate)
    unreadable["slates"] = lines.refused
    if not tallies.slates:
        raise RefusedError(nothing_to_audit(str(slates), tallies, lines.refused))
    if source is not None:
        for event in _events(source, watch):
            tallies.event(event)
        unreadable["events"] = source.refused
    return findings(tallies, assortment, settings, Read("files", placement, unreadable))


def nothing_to_audit(where: str, tallies: Tallies, refused: Mapping[str, int]) -> str:
    """Say why there is no slate to count."""
    if tallies.revised:
        return f"{where} holds only revisions of slates, not the slates themselves: give the whole log."
    if tallies.campaigns:
        return f"{where} holds only slates of campaigns: name a placement of theirs, such as --placement email."
    if tallies.contextual and not tallies.placements:
        return f"{where} holds only contextual slates, which are nobody's: wait for visitors who consent."
    if tallies.placements:
        there = ", ".join(f"{name} ({count:,})" for name, count in tallies.placements.most_common(8))
        return f"{where} holds no slate of that placement: there are {there}."
    why = ", ".join(f"{reason} ({count:,})" for reason, count in Counter(refused).most_common()) or "it is empty"
    return f"{where} holds no slate that can be read: {why}. `aisle run FILE --slates OUT` writes such a file."


def _opened(events: Named) -> Events:
    if events.form != LINES:
        return open_events(events.path, events.form, columns=events.columns)
    if events.columns is not None:
        raise RefusedError("--columns belongs to --format csv; JSON lines have names of their own.")
    return RecordLines(events.path, Event)


def _events(source: Events, watch: Watch) -> Iterator[Event]:
    if isinstance(source, RecordLines):
        yield from _lines(source, "events", watch)
        return
    watch.stage("events", source.rows)
    for position, event in enumerate(source.events()):
        if position % _OFTEN == 0:
            watch.reached(source.taken)
        yield event
    watch.reached(source.taken)


def _lines(lines: RecordLines[R], name: str, watch: Watch) -> Iterator[R]:
    watch.stage(name, lines.size)
    yield from lines.records(watch.reached)


def _assortment(
    source: Events | None, catalog: Named | None, watch: Watch, unreadable: dict[str, Mapping[str, int]]
) -> Assortment:
    """Read the catalogue; one made of events knows only when a product was last heard of."""
    watch.stage("catalogue", 1)
    if catalog is None:
        if not isinstance(source, EventFile):
            raise RefusedError("Events as JSON lines do not describe their products: name a catalogue with --catalog.")
        return _shelved(source.products(), Shelf(aged=False), watch)
    opened: Catalog = ProductLines(catalog.path) if catalog.form == LINES else open_catalog(catalog.path, catalog.form)
    found = _shelved(opened.products(), Shelf(), watch)
    unreadable["catalogue"] = opened.refused
    if not found.items:
        why = ", ".join(f"{reason} ({count:,})" for reason, count in opened.refused.most_common()) or "it is empty"
        raise RefusedError(f"{catalog.path} holds no product that can be read: {why}. Is it {catalog.form}?")
    return found


def _shelved(products: Iterable[Product], shelf: Shelf, watch: Watch) -> Assortment:
    for product in products:
        shelf.put(product)
    watch.reached(1)
    return shelf.finish()
