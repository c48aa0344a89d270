"""The demo counts hits on organic clicks alone, follows one shopper, and says that they are simulated."""

import io
from datetime import timedelta

from rich.console import Console

from schemas.events import Event, Item, Landing, Page, Shown
from schemas.products import Product
from streams.demo.scoreboard import Scoreboard
from streams.demo.shopper import is_organic
from streams.demo.shoppers import Happening
from streams.demo.view import LiveView, PlainView, summary
from streams.demo.watched import Watched
from tests.demo_log import AT, home_slate

SHOP = [Product(product_id=f"p{i}", group_id="g" if i < 2 else None, title=f"Mug {i}") for i in range(40)]
ORGANIC = next(name for name in map(str, range(50)) if is_organic(name))
SHOWN = next(name for name in map(str, range(50)) if not is_organic(name))


def happening(name: str, *, product: str = "", visitor: str = ORGANIC, best: tuple[str, ...] = ()) -> Happening:
    """Let a visitor do something."""
    items = (Item(product_id=product),) if product else ()
    page = Page(kind="home")
    event = Event(event_id="e", name=name, visitor_id=visitor, at=AT, items=items, page=page, context=Landing())
    return Happening(event, is_organic(visitor), best)


def scored(board: Scoreboard, clicked: str, *, visitor: str = ORGANIC, shown: list[str]) -> None:
    """Let a visitor land, get a slate, and click."""
    board.happened(happening("page_view", visitor=visitor), partition=0, offset=0, now_s=0.0)
    board.slate("home", shown, partition=0, cause=0, latency_ms=4.0, now_s=0.0)
    click = happening("view_item", product=clicked, visitor=visitor, best=("g",) if is_organic(visitor) else ())
    board.happened(click, partition=0, offset=1, now_s=1.0)
    board.tally.scoring.finish()


def test_another_colour_of_what_was_shown_is_a_hit() -> None:
    """Hits are counted by item, as learning is."""
    board = Scoreboard(SHOP)
    scored(board, "p1", shown=["p5", "p0"])
    said = board.summary()
    assert said["hr@20"] == 1.0
    assert said["mrr@20"] == 0.5
    assert said["oracle_hr@20"] == 1.0
    assert said["popularity_hr@20"] == said["cooc_hr@20"] == 0.0


def test_clicks_of_those_who_see_slates_are_not_counted() -> None:
    """What we showed them would prove itself."""
    board = Scoreboard(SHOP)
    scored(board, "p1", visitor=SHOWN, shown=["p1"])
    assert board.clicks == 0
    assert board.summary()["events"] == 2


def test_the_history_is_counted_apart_and_teaches_the_references() -> None:
    """Past events are no queries and no events of the demo, but popularity knows them."""
    board = Scoreboard(SHOP)
    board.past(happening("view_item", product="p7").event, partition=1, offset=0)
    scored(board, "p7", shown=["p9"])
    said = board.summary()
    assert (said["events"], said["history_events"], said["organic_clicks"]) == (2, 1, 1)
    assert said["popularity_hr@20"] == 1.0
    assert said["hr@20"] == 0.0


def test_the_summary_has_the_keys_that_scripts_read() -> None:
    """The last line of `--json` is stable, and says that shoppers are simulated."""
    said = Scoreboard(SHOP).summary()
    wanted = {"events", "slates", "dead_letters", "latency_ms", "hr@20", "mrr@20", "popularity_hr@20"}
    assert wanted | {"popularity_mrr@20", "cooc_hr@20", "cooc_mrr@20", "oracle_hr@20"} <= set(said)
    assert said["simulated"] is True
    assert said["judge"] == {"kind": "off"}


def test_a_revision_is_no_other_slate() -> None:
    """Hits, slates and latency are those of the slate as it was first served."""
    board = Scoreboard(SHOP)
    board.happened(happening("page_view"), partition=0, offset=0, now_s=0.0)
    board.slate("home", ["p5"], partition=0, cause=0, latency_ms=4.0, now_s=0.0)
    board.slate("home", ["p7"], partition=0, cause=0, latency_ms=700.0, now_s=0.7, revision=1)
    board.happened(happening("view_item", product="p7"), partition=0, offset=1, now_s=1.0)
    board.tally.scoring.finish()
    said = board.summary()
    assert (said["slates"], said["hr@20"], said["latency_ms"]) == (1, 0.0, {"p50": 4.0, "p99": 4.0})


def test_rates_look_back_a_few_seconds() -> None:
    """What happened long ago does not count as speed."""
    board = Scoreboard(SHOP)
    for second in range(10):
        board.happened(happening("page_view"), partition=0, offset=second, now_s=float(second))
    assert board.rate("events", 9.0) == 6 / 5
    assert board.rate("events", 60.0) == 0


def test_the_view_follows_one_visitor_who_sees_slates_until_they_leave() -> None:
    """Organic visitors are not followed; another one only once the watched one is gone."""
    watched = Watched(SHOP)
    watched.event(happening("page_view").event)
    assert watched.visitor_id == ""
    watched.event(happening("page_view", visitor=SHOWN).event)
    click = happening("view_item", product="p3", visitor=SHOWN).event
    watched.event(click.model_copy(update={"shown": Shown(slate_id="s-1", placement="home", rank=4)}))
    watched.take(home_slate(SHOWN, "p3", "p4"))
    assert [*watched.steps] == [("opens", "the home page"), ("looks at", "Mug 3 (rank 4 of home)")]
    other = next(name for name in map(str, range(50, 99)) if not is_organic(name))
    watched.event(happening("page_view", visitor=other).event)
    assert watched.visitor_id == SHOWN
    late = happening("page_view", visitor=other).event.model_copy(update={"at": AT + timedelta(seconds=60)})
    watched.event(late)
    assert watched.visitor_id == other
    assert watched.slate is None


def test_the_view_follows_people_before_shoppers() -> None:
    """Whatever they do; the next shopper is followed once they have done nothing for a minute."""
    watched, me = Watched(SHOP), "w-me"
    watched.event(happening("page_view", visitor=SHOWN).event)
    watched.person(happening("search", visitor=me).event.model_copy(update={"query": "mug"}))
    watched.take(home_slate(me, "p3"))
    assert (watched.visitor_id, watched.simulated) == (me, False)
    assert [*watched.steps] == [("searches", "mug")]
    assert watched.slate is not None
    watched.person(happening("page_view", visitor="w-other").event)
    soon = happening("page_view", visitor=SHOWN).event.model_copy(update={"at": AT + timedelta(seconds=30)})
    watched.event(soon)
    assert watched.visitor_id == me
    watched.event(soon.model_copy(update={"at": AT + timedelta(seconds=61)}))
    assert (watched.visitor_id, watched.simulated) == (SHOWN, True)
    assert watched.slate is None


def test_an_older_slate_takes_no_newer_ones_place_in_the_view() -> None:
    """As on the page."""
    watched = Watched(SHOP)
    watched.person(happening("page_view", visitor="w-me").event)
    newer = home_slate("w-me", "p3")
    newer = newer.model_copy(update={"cause": newer.cause.model_copy(update={"offset": 7})})
    watched.take(newer)
    watched.take(home_slate("w-me", "p4"))
    assert watched.slate == newer


def test_people_are_in_no_figure_of_the_shoppers() -> None:
    """They and the contexts of a gateway are counted apart, and told of at the end."""
    board, out = Scoreboard(SHOP), io.StringIO()
    for visitor in ("w-1", "w-1", "~context"):
        board.others.event(visitor)
        board.others.slate(visitor, revision=0)
        board.others.slate(visitor, revision=1)
    said = board.summary()
    assert (said["events"], said["slates"]) == (0, 0)
    assert said["people"] == {"visitors": 1, "events": 2, "slates": 2, "contextual_slates": 1}
    Console(file=out, width=200).print(summary(board))
    assert "Beside them one person: 2 events, 2 slates" in out.getvalue()


def test_the_live_view_says_where_a_browser_can_look() -> None:
    """What has ended is not offered any more; an id that looks like markup is none."""
    watched, out = Watched(SHOP), io.StringIO()
    console = Console(file=out, force_terminal=True, width=170, height=60)
    links = {"shop": "http://127.0.0.1:8080/", "console": None}
    with LiveView(Scoreboard(SHOP), watched, console, lambda: links) as view:
        view.person(happening("page_view", visitor="[/w]").event)
        view.tick(1.0)
    assert "http://127.0.0.1:8080/" in out.getvalue()
    assert "console" not in out.getvalue()
    assert "visitor [/w] (a person)" in out.getvalue()


def test_the_live_view_shows_the_visitor_the_slate_and_why() -> None:
    """A frame has the numbers, the references, the context and the reasons, labelled as simulated."""
    board, watched, out = Scoreboard(SHOP), Watched(SHOP), io.StringIO()
    console = Console(file=out, force_terminal=True, width=170, height=60)
    with LiveView(board, watched, console) as view:
        view.event(happening("page_view", visitor=SHOWN).event)
        view.slate(home_slate(SHOWN, "p3"))
        view.tick(1.0)
    frame = out.getvalue()
    for wanted in ("simulated shoppers", "recent popularity", "oracle", "Mug 3", "Popular right now", "opens"):
        assert wanted in frame


def test_the_plain_view_prints_a_line_now_and_then() -> None:
    """Where there is no terminal, a line every five seconds says the same numbers."""
    out = io.StringIO()
    view = PlainView(Scoreboard(SHOP), Console(file=out))
    for second in range(10):
        view.tick(100.0 + second)
    assert len(out.getvalue().splitlines()) == 2
    assert "simulated shoppers" in out.getvalue()


def test_the_summary_for_people_says_what_was_simulated() -> None:
    """The end of a demo names its history and its shoppers for what they are."""
    out = io.StringIO()
    Console(file=out, width=200).print(summary(Scoreboard(SHOP)))
    assert "simulated shoppers" in out.getvalue()
    assert "history" in out.getvalue()
