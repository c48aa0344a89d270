"""One shopper of the demo, as the view follows them: what they did, and the slate they look at."""

from collections import deque
from collections.abc import Mapping, Sequence

from schemas.events import Event
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.shopper import is_organic

KEPT = 6
GONE_AFTER_S = 8.0
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
    """Follows one visitor who sees slates until they leave, then the next one who comes.

    Args:
        products: for the titles.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self.titles = {product.product_id: product.title for product in products}
        self.visitor_id = ""
        self.steps: deque[tuple[str, str]] = deque(maxlen=KEPT)
        self.slate: Slate | None = None
        self._last_s = 0.0

    def event(self, event: Event) -> None:
        """Take an event; whoever lands after the last one left is the next to be watched."""
        at_s = event.at.timestamp()
        if event.visitor_id != self.visitor_id:
            landing = event.name == "page_view" and event.context is not None
            if not landing or at_s - self._last_s < GONE_AFTER_S or is_organic(event.visitor_id):
                return
            self.visitor_id, self.slate = event.visitor_id, None
            self.steps.clear()
        self._last_s = at_s
        if event.name in _VERBS:
            self.steps.append((_VERBS[event.name], self._object(event)))

    def take(self, slate: Slate) -> None:
        """Take a slate; the view shows the one of the front page."""
        if slate.visitor_id == self.visitor_id and slate.placement == "home":
            self.slate = slate

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
