"""The demo while people shop in it too: their slates are theirs, and the shoppers' figures stay the shoppers'."""

from functools import partial

from schemas.events import Event, Page
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.live import Live
from streams.demo.places import Placed, Sent
from streams.demo.ports import Watcher
from streams.demo.scoreboard import Scoreboard
from streams.demo.shop import generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.stock import Stock
from streams.demo.taste import hidden_truth
from streams.runs.output import Emitted, Logged
from tests.demo_log import AT, home_slate

SHOP = generate_shop(3, 300)
CROWD = partial(Crowd, SHOP, hidden_truth(SHOP, 3), seed=3, rate=60)


class Way:
    """A way to workers who answer each event with one slate, at once."""

    def __init__(self, live: Live) -> None:
        self.room, self.dead_letters = 50, 0
        self.sent: list[Sent] = []
        self.changed: list[Product] = []
        self._live = live

    def send(self, event: Event, sent: Sent, placed: Placed, *, origin: str | None = None) -> None:
        """Place an event and answer it."""
        offset = len(self.sent)
        self.sent.append(sent)
        placed(partition=0, offset=offset)
        slate = home_slate(event.visitor_id, SHOP[1].product_id)
        self._live.take(emitted(slate, offset), sent, sent.at_s + 0.004)

    def change(self, product: Product) -> None:
        """Keep a product's change."""
        self.changed.append(product)

    def receive(self, *, hear_every_s: float) -> None:
        """Nothing is held back."""

    def settle(self, timeout_s: float) -> None:
        """Nothing is held back."""


class Onlooker(Watcher):
    """Keeps whom it saw."""

    def __init__(self) -> None:
        self.people: list[str] = []
        self.slates: list[str] = []

    def person(self, event: Event) -> None:
        """Keep a person."""
        self.people.append(event.visitor_id)

    def slate(self, slate: Slate) -> None:
        """Keep whose slate it was."""
        self.slates.append(slate.visitor_id)


def emitted(slate: Slate, cause: int) -> Emitted:
    """Give a slate as it comes from the log."""
    products = [item.product_id for item in slate.items]
    return Emitted("home", products, 0, cause, 0, slate.encode(), visitor_id=slate.visitor_id)


def logged(visitor: str) -> Logged:
    """Give an event as it lies in the log."""
    event = Event(event_id="e", name="page_view", visitor_id=visitor, at=AT, page=Page(kind="home"))
    return Logged(0, 0, visitor.encode(), event.encode())


def watched_by(live: Live, onlooker: Onlooker) -> None:
    """Let somebody look on, in a shop that closes at once."""
    live.run(None, Way(live), onlooker, stopped=lambda: True)


def test_the_history_counts_nowhere_and_its_slates_are_nobodys() -> None:
    """It only teaches the references."""
    crowd, board = CROWD(), Scoreboard(SHOP)
    live = Live(crowd, board, Stock(SHOP, seed=1))
    past = crowd.history(40, until_ms=1_790_000_000_000)
    live.replay(past, Way(live), lambda _steps: None)
    assert board.history_events == len(past)
    assert (board.tally.events, board.tally.slates, board.others.slates) == (0, 0, 0)


def test_shoppers_get_their_slates_and_are_counted() -> None:
    """Every event, its slate, and how long that took."""
    board = Scoreboard(SHOP)
    live = Live(CROWD(rate=2000), board, Stock(SHOP, seed=1))
    way = Way(live)
    live.run(None, way, Watcher(), stopped=lambda: bool(way.sent))
    assert board.tally.events == board.tally.slates == len(way.sent)
    assert board.tally.latencies.summary() == {"p50": 4.0, "p99": 4.0}
    assert board.others.slates == 0


def test_what_is_not_the_crowds_is_counted_apart_and_looked_at() -> None:
    """A person's events and slates reach whoever looks on; a context's are nobody's; the crowd's own are passed by."""
    crowd, board, onlooker = CROWD(), Scoreboard(SHOP), Onlooker()
    crowd.history(40, until_ms=1_790_000_000_000)
    live = Live(crowd, board, Stock(SHOP, seed=1))
    watched_by(live, onlooker)
    for visitor in ("w-me", "~context"):
        live.read(logged(visitor))
        live.take(emitted(home_slate(visitor, "p00001"), 0), None, 0.0)
    live.read(logged("v000001"))
    assert board.others.summary() == {"visitors": 1, "events": 1, "slates": 1, "contextual_slates": 1}
    assert (onlooker.people, onlooker.slates) == (["w-me"], ["w-me"])
    assert (board.tally.events, board.tally.slates) == (0, 0)


def test_a_record_that_is_no_event_is_none_of_the_demos_business() -> None:
    """It becomes a dead letter elsewhere."""
    onlooker = Onlooker()
    live = Live(CROWD(), Scoreboard(SHOP), Stock(SHOP, seed=1))
    watched_by(live, onlooker)
    for value in (b"{", b"\xff", None):
        live.read(Logged(0, 0, b"\xff", value))
    assert onlooker.people == []
