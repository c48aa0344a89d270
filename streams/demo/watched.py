"""One visitor of the demo, as the view follows them: what they did, and the slate they look at."""

from collections import deque
from collections.abc import Mapping, Sequence

from schemas.events import Event
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.shelves import Shelves
from streams.demo.shopper import is_organic

KEPT = 6
GONE_AFTER_S = 8.0
PERSON_GONE_AFTER_S = 60.0
"""People read; shoppers are followed again once a person has done nothing for so long."""

_VERBS: Mapping[str, str] = {
    "page_view": "opens",
    "view_item": "looks at",
    "page_ping": "reads",
    "search": "searches",
    "add_to_cart": "adds to cart",
    "remove_from_cart": "takes out",
    "begin_checkout": "checks out",
    "purchase": "buys",
    "impression": "sees a slate",
    "identify": "signs in",
    "forget": "asks to be forgotten",
}


class Watched:
    """Follows one visitor who sees slates until they leave, then the next one who comes; people before shoppers.

    Args:
        products: for the titles.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self.titles = {product.product_id: product.title for product in products}
        self.visitor_id = ""
        self.simulated = True
        self.steps: deque[tuple[str, str]] = deque(maxlen=KEPT)
        self._shelves = Shelves()
        self._last_s = 0.0

    @property
    def slate(self) -> Slate | None:
        """Give the slate on the visitor's front page."""
        return self._shelves.get("home")

    def event(self, event: Event) -> None:
        """Take a shopper's event; whoever lands after the last one left is the next to be watched."""
        if event.visitor_id != self.visitor_id:
            landing = event.name == "page_view" and event.context is not None
            if not landing or not self._gone(event) or is_organic(event.visitor_id):
                return
            self._follow(event.visitor_id, simulated=True)
        self._step(event)

    def person(self, event: Event) -> None:
        """Take an event of somebody who is not simulated: they are watched unless another person is."""
        if event.visitor_id != self.visitor_id:
            if not self.simulated and not self._gone(event):
                return
            self._follow(event.visitor_id, simulated=False)
        self._step(event)

    def take(self, slate: Slate) -> None:
        """Take a slate; the view shows the one of the front page."""
        if slate.visitor_id == self.visitor_id:
            self._shelves.put(slate)

    def _gone(self, event: Event) -> bool:
        """Say whether the one who is watched has left by the time of another's event."""
        away_s = GONE_AFTER_S if self.simulated else PERSON_GONE_AFTER_S
        return event.at.timestamp() - self._last_s >= away_s

    def _follow(self, visitor_id: str, *, simulated: bool) -> None:
        self.visitor_id, self.simulated = visitor_id, simulated
        self.steps.clear()
        self._shelves.clear()

    def _step(self, event: Event) -> None:
        self._last_s = event.at.timestamp()
        if event.name in _VERBS:
            self.steps.append((_VERBS[event.name], self._object(event)))

    def _object(self, event: Event) -> str:
        """Say what an event is about."""
        if event.ping is not None:
            return f"{(event.ping.dwell_ms or 0) / 1000:.0f} s, {(event.ping.scroll or 0):.0%} of the page"
        if event.query:
            return event.query
        if event.name == "impression":
            return f"{len(event.items)} products on {event.shown.placement if event.shown else 'the page'}"
        if event.items:
            clicked = f" (rank {event.shown.rank} of {event.shown.placement})" if event.shown else ""
            return self.titles.get(event.items[0].product_id, event.items[0].product_id) + clicked
        return "" if event.page is None else f"the {event.page.kind} page"
