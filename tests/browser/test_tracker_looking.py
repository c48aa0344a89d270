"""What the tracker tells of looking: engaged time, impressions, clicks."""

import pytest
from playwright.sync_api import Page

from models.engagement import dwell_ms
from models.session import SessionRules, apply
from schemas.events import Event
from schemas.learning import Origin
from schemas.record import epoch_ms
from tests.browser.gateway_double import GatewayDouble, shelf
from tests.browser.shop import HOME, init, milliseconds, shows


def test_pings_tell_engaged_time(page: Page, gateway: GatewayDouble) -> None:
    """One after the minimum visit, one a heartbeat while the visitor is active; idle time does not count."""
    page.goto(gateway.page("/", init(heartbeatMs=300, minVisitMs=150), '<div class="tall"></div>'))
    while len(pings := gateway.events("page_ping")) < 3:
        page.mouse.move(10, 10)
        page.mouse.move(20, 20)
        page.wait_for_timeout(30)
    assert [ping["ping"]["dwell_ms"] for ping in pings[:3]] == pytest.approx([150, 450, 750], abs=100)
    page.wait_for_timeout(900)
    assert len(gateway.events("page_ping")) <= len(pings) + 1
    assert {ping["page"]["view_id"] for ping in pings} == {gateway.events("page_view")[0]["page"]["view_id"]}


def test_the_last_ping_counts_to_the_heartbeat_before_it(page: Page, gateway: GatewayDouble) -> None:
    """Whoever leaves between two heartbeats is told to the millisecond, and no heartbeat is counted for it."""
    page.goto(gateway.page("/", init(heartbeatMs=5_000, minVisitMs=100)))
    (first,) = gateway.wait(lambda double: double.events("page_ping"))
    page.mouse.wheel(0, 10)
    page.wait_for_timeout(200)
    page.goto(gateway.page("/next", ""))
    last = gateway.wait(lambda double: len(double.events("page_ping")) > 1 and double.events("page_ping")[1])
    assert last["ping"]["dwell_ms"] >= first["ping"]["dwell_ms"] + 150
    assert 0 < milliseconds(last) - milliseconds(first) < 50


def test_workers_read_the_time_that_was_spent(page: Page, gateway: GatewayDouble) -> None:
    """Left between two heartbeats, a product's dwell is the tracker's own, and its visit is counted once."""
    rules = SessionRules(heartbeat_ms=400, minimum_visit_ms=200, full_dwell_ms=60_000)
    gateway.shelves["home", None] = shelf(products="a b")
    gateway.page("/p/b", init(kind="product", productId="b", heartbeatMs=400, minVisitMs=200))
    page.goto(gateway.page("/", init() + HOME))
    page.click("text=Product b")
    while len(gateway.events("page_ping")) < 2:
        page.mouse.move(10, 10)
        page.mouse.move(20, 20)
        page.wait_for_timeout(30)
    page.wait_for_timeout(250)
    left_ms = page.evaluate("Date.now()")
    page.goto(gateway.page("/next", ""))
    gateway.wait(lambda double: len(double.events("page_ping")) >= 3)
    gone_ms = page.evaluate("Date.now()")
    visitor, lessons = None, []
    for offset, plain in enumerate(gateway.events()):
        event = Event.model_validate(plain | {"visitor_id": "v1", "consent": "personalisation"})
        origin = Origin(topic="clickstream.events", partition=0, offset=offset)
        applied = apply(visitor, event, origin=origin, item_of=str, rules=rules)
        visitor = applied.visitor
        lessons += [applied.step.kind] if applied.step else []
    assert visitor is not None
    assert visitor.session is not None
    (step,) = visitor.session.steps
    assert (step.product_id, step.kind, lessons.count("click"), lessons.count("view")) == ("b", "click", 1, 0)
    begun_ms = epoch_ms(Event.model_validate(gateway.events("view_item")[0] | {"visitor_id": "v1"}).at)
    assert 0.8 * (left_ms - begun_ms) <= dwell_ms(step, rules) <= 1.2 * (gone_ms - begun_ms)


def test_a_hidden_page_sends_no_pings(page: Page, gateway: GatewayDouble) -> None:
    """Nor is its time counted."""
    hide = """
    Object.defineProperty(document, "hidden", {value: true, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
    """
    page.goto(gateway.page("/", hide + init(minVisitMs=100)))
    gateway.wait(lambda double: double.events("page_view"))
    for _ in range(6):
        page.mouse.move(10, 10)
        page.mouse.move(20, 20)
        page.wait_for_timeout(100)
    assert gateway.events("page_ping") == []


def test_impressions_come_once_and_in_runs(page: Page, gateway: GatewayDouble) -> None:
    """Contiguous ranks share an event; what is out of sight is not told, and nothing twice."""
    first = shelf(products="a b c d", reserves="e")
    del first["items"][2]
    gateway.shelves["home", None] = first
    page.goto(gateway.page("/", init() + HOME))
    shows(page, "a b d")
    gateway.wait(lambda double: len(double.events("impression")) == 2)
    runs = [
        (event["shown"]["rank"], [one["product_id"] for one in event["items"]])
        for event in gateway.events("impression")
    ]
    assert runs == [(1, ["a", "b"]), (4, ["d"])]
    gateway.wait(lambda double: double.streams)
    gateway.push("slate", first | {"revision": 1})
    gateway.push("slate", shelf(products="a b", slate="s-0-2-home-0685", at=2))
    shows(page, "a b")
    gateway.wait(lambda double: len(double.events("impression")) == 3)
    last = gateway.events("impression")[2]
    assert last["shown"] == {"slate_id": "s-0-2-home-0685", "revision": 0, "placement": "home", "rank": 1}


def test_what_is_out_of_sight_is_no_impression(page: Page, gateway: GatewayDouble) -> None:
    """Until the visitor scrolls to it."""
    gateway.shelves["home", None] = shelf(products="a")
    style = '<link rel="stylesheet" href="/tall.css">'
    gateway.pages["/tall.css"] = ("text/css", b".tall { height: 3000px }")
    page.goto(gateway.page("/", init() + HOME, '<div class="tall"></div><div id="home"></div>', head=style))
    shows(page, "a")
    page.wait_for_timeout(300)
    assert gateway.events("impression") == []
    page.evaluate("scrollTo(0, 3000)")
    gateway.wait(lambda double: double.events("impression"))


def test_a_click_reaches_the_product_page(page: Page, gateway: GatewayDouble) -> None:
    """`select_item` is sent though the page goes, once though the page tells it too; `view_item` carries its rank."""
    gateway.shelves["home", None] = shelf(products="a b")
    own = """
    document.querySelector("#home").addEventListener("click", () =>
      aisle.track("select_item", {items: [{item_id: "b"}]}));
    """
    gateway.page("/p/b", init(kind="product", productId="b"))
    page.goto(gateway.page("/", init() + HOME + own))
    page.click("text=Product b")
    (view,) = gateway.wait(lambda double: double.events("view_item"))
    (click,) = gateway.wait(lambda double: double.events("select_item"))
    assert click["shown"] == {"slate_id": "s-0-1-home-0685", "revision": 0, "placement": "home", "rank": 2}
    assert view["shown"] == click["shown"]
    assert click["items"] == [{"product_id": "b"}]
    page.reload()
    gateway.wait(lambda double: len(double.events("view_item")) == 2)
    assert "shown" not in gateway.events("view_item")[1]


def test_the_wait_for_a_slate_is_told(page: Page, gateway: GatewayDouble) -> None:
    """From the event that was tracked here to the painted slate, with the next batch."""
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    (view,) = gateway.events("page_view")
    page.evaluate("aisle.on('slate', ({ms}) => { window.ms = ms; })")
    gateway.push("slate", shelf(event_id=view["event_id"]))
    page.wait_for_function("() => window.ms > 0")
    page.evaluate("aisle.track('begin_checkout')")
    gateway.wait(lambda double: double.events("begin_checkout"))
    timings = [timing for posted in gateway.posted for timing in posted.body["timings"]]
    assert timings == [{"slate_id": "s-0-1-home-0685", "revision": 0, "ms": page.evaluate("ms")}]
