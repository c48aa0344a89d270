"""The events of a log with the visits they belong to, baskets whole."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.events import MAX_ITEMS, Event
from streams.sources.event_file import EventFile, TimedRow
from streams.sources.pace import MOST_VISITS

REPEATED = "a repeat of its visit's line before, to the second"


class Happening(NamedTuple):
    """An event and the session the log says it belongs to; None where a visit ends by our own rule."""

    event: Event
    visit: str | None


def happenings(file: EventFile, *, own: str = "") -> Iterator[Happening]:
    """Give a log's events in time order; all lines of an invoice are one purchase, and a line alone is no event.

    A line that says what its visit's line before says, time included, is a click that was delivered twice and counts
    once; `file.refused` has how many. Where times are coarser than a second nothing tells it from a second look.

    Args:
        file: the log.
        own: put before the names of sessions without a user: two files may name different sessions alike.
    """
    baskets = file.layout.labels.isdisjoint({"view_item", "select_item"})
    named = (_named(one, own) for one in _with_visits(file, baskets=baskets))
    yield from _whole(one for one in named if not (baskets and one.event.name == "add_to_cart"))


def _with_visits(file: EventFile, *, baskets: bool) -> Iterator[Happening]:
    rows = file.events_with_rows()  # and `refused` begins anew
    once = None if baskets or file.survey.whole_minutes else _Once(file.refused)
    for event, row in rows:
        visit = file.layout.visit(row.fields)
        if once is None or once.is_new(visit or event.visitor_id, row):
            yield Happening(event, visit)


class _Once:
    """Tells lines from repeats of the line before in their visit."""

    def __init__(self, refused: Counter[str]) -> None:
        self._refused = refused
        self._last: OrderedDict[str, int] = OrderedDict()

    def is_new(self, visit: str, row: TimedRow) -> bool:
        """Take a visit's next line."""
        line = hash((row.at, *row.fields.values()))
        if self._last.pop(visit, None) == line:
            self._last[visit] = line
            self._refused[REPEATED] += 1
            return False
        self._last[visit] = line
        if len(self._last) > MOST_VISITS:
            self._last.popitem(last=False)
        return True


def _named(one: Happening, own: str) -> Happening:
    event, visit = one
    if not own or visit is None or event.user_id is not None:
        return one
    return Happening(event.model_copy(update={"visitor_id": f"{own}{event.visitor_id}"[:128]}), f"{own}{visit}")


def _whole(happenings: Iterable[Happening]) -> Iterator[Happening]:
    """Join purchases of one visitor at one time: the lines of one order, whatever stands between them at that time."""
    orders: dict[str, Happening] = {}
    at = None
    for one in happenings:
        if one.event.name != "purchase" or one.event.at != at:
            yield from orders.values()
            orders.clear()
        if one.event.name != "purchase":
            yield one
            continue
        at, buyer = one.event.at, one.event.visitor_id
        before = orders.get(buyer)
        if before is not None and not _joins(before, one):
            yield before
            before = None
        orders[buyer] = one if before is None else _joined(before, one)
    yield from orders.values()


def _joins(one: Happening, other: Happening) -> bool:
    return one.visit == other.visit and len(one.event.items) + len(other.event.items) <= MAX_ITEMS


def _joined(one: Happening, other: Happening) -> Happening:
    items = (*one.event.items, *other.event.items)
    return Happening(one.event.model_copy(update={"items": items}), one.visit)
