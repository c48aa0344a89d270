"""The tracker in a browser, against a double of the gateway."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from streams.tracker import MOST_BYTES, module, script
from tests.browser.gateway_double import Answer, GatewayDouble, item, shelf

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = [
    pytest.param(text, id=f"{name}-{number}")
    for name in ("tracker.md", "mapping.md")
    for number, text in enumerate(re.findall(r"^```js\n(.*?)^```", (DOCS / name).read_text(), re.DOTALL | re.MULTILINE))
]
RENDER = """
function render(item) {
  const link = document.createElement("a");
  link.href = item.url;
  link.textContent = item.title;
  return link;
}
"""
HOME = RENDER + 'aisle.slot(document.querySelector("#home"), {placement: "home", render});'


def init(**options: Any) -> str:
    """Write the call that starts the tracker, with consent and short times unless told otherwise."""
    told = {"consent": "granted", "heartbeatMs": 200, "minVisitMs": 60_000, "seenMs": 60, "kind": "home", **options}
    return f"aisle.init({json.dumps(told)});\n"


def titles(page: Page) -> list[str]:
    """Give what the home slot shows."""
    return [text.removeprefix("Product ") for text in page.locator("#home > *").all_inner_texts()]


def shows(page: Page, products: str) -> None:
    """Wait until the home slot shows these products."""
    page.wait_for_function(
        "names => [...document.querySelectorAll('#home > *')].map(e => e.dataset.product).join(' ') === names",
        arg=products,
    )


def storage(page: Page) -> int:
    """Count what the page has stored."""
    return int(page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length"))


@pytest.mark.parametrize("file", [script(), module()], ids=["script", "module"])
def test_the_file_is_small(file: Any) -> None:
    """Gzipped as servers do it."""
    assert len(gzip.compress(file.body, 6)) <= MOST_BYTES


def test_the_module_is_the_same_tracker(page: Page, gateway: GatewayDouble) -> None:
    """It has the same calls."""
    page.goto(gateway.page("/", ""))
    calls = "async () => Object.keys((await import('/aisle.mjs')).default).join() === Object.keys(window.aisle).join()"
    assert page.evaluate(calls)


def test_events_keep_their_names(page: Page, gateway: GatewayDouble) -> None:
    """GA4's names are ours; a product is known by its id, else by its name."""
    products = {
        "view_item_list": [{"item_id": "a"}, {"item_name": "b"}],
        "select_item": [{"item_id": 7}],
        "view_item": [{"item_id": "a"}],
        "add_to_cart": [{"item_id": "a", "item_name": "b"}],
        "remove_from_cart": [{"item_id": "a"}],
        "begin_checkout": [{"item_id": "a"}, {"no": "name"}],
        "refund": [{"item_id": "a"}],
    }
    calls = [f"aisle.track({json.dumps(name)}, {{items: {json.dumps(items)}}});" for name, items in products.items()]
    page.goto(gateway.page("/", init() + "".join(calls)))
    gateway.wait(lambda double: double.events("refund"))
    told = {event["name"]: [one["product_id"] for one in event["items"]] for event in gateway.events()[1:]}
    assert told == {key: ["a"] for key in products} | {"view_item_list": ["a", "b"], "select_item": ["7"]}


def test_a_purchase_is_told_with_its_lines(page: Page, gateway: GatewayDouble) -> None:
    """Prices and quantities are numbers, the currency is the order's, and loaded again it is the same event."""
    order = {"transaction_id": "T1", "currency": "EUR", "items": [{"item_id": "a", "price": "9.5", "quantity": 2}]}
    page.goto(gateway.page("/", init() + f"aisle.track('purchase', {json.dumps(order)});"))
    (event,) = gateway.wait(lambda double: double.events("purchase"))
    assert event["event_id"] == "purchase:T1"
    assert event["items"] == [{"product_id": "a", "quantity": 2, "price": 9.5, "currency": "EUR"}]


def test_a_page_view_comes_first_and_says_where_from(page: Page, gateway: GatewayDouble) -> None:
    """The address is told without its query, the campaign beside it; a search is a page view and a search."""
    gateway.page("/find", init(kind="search"))
    page.goto(gateway.url + "/find?q=red+tent&utm_campaign=spring&email=me@example.com")
    first, second = gateway.wait(lambda double: double.events())
    assert (first["name"], second["name"], second["query"]) == ("page_view", "search", "red tent")
    assert first["page"]["url"] == gateway.url + "/find"
    assert first["context"]["utm_campaign"] == "spring"
    assert first["page"]["view_id"] == second["page"]["view_id"]
    assert first["at"] < second["at"]


def test_a_product_page_is_viewed_once(page: Page, gateway: GatewayDouble) -> None:
    """Told by `init`, by the data layer and by a call, it is one view."""
    view = '"view_item", {items: [{item_id: "a"}]}'
    setup = f"aisle.track({view}); dataLayer.push({{event: 'view_item', ecommerce: {{items: [{{item_id: 'a'}}]}}}});"
    setup += "aisle.track('add_to_cart', {items: [{item_id: 'a'}]});"
    page.goto(gateway.page("/p/a", init(kind="product", productId="a", dataLayer="dataLayer") + setup))
    gateway.wait(lambda double: double.events("add_to_cart"))
    assert len(gateway.events("view_item")) == 1


def test_the_data_layer_is_read_in_both_forms_before_and_after(page: Page, gateway: GatewayDouble) -> None:
    """GTM's objects and gtag's arguments; the page's own push still works and answers."""
    before = """
    window.dataLayer = [];
    function gtag() { dataLayer.push(arguments); }
    gtag("js", new Date());
    gtag("event", "search", {search_term: "tent"});
    dataLayer.push({event: "view_item_list", ecommerce: {items: [{item_id: "a"}]}}, {ecommerce: null}, null, "text");
    """
    after = """
    gtag("event", "add_to_cart", {currency: "EUR", items: [{item_id: "b"}]});
    window.answer = dataLayer.push({event: "their own"}, {event: "begin_checkout", ecommerce: {items: []}});
    """
    page.goto(gateway.page("/", before + init(dataLayer="dataLayer") + after))
    gateway.wait(lambda double: double.events("begin_checkout"))
    names = [event["name"] for event in gateway.events()]
    assert names == ["page_view", "search", "view_item_list", "add_to_cart", "begin_checkout"]
    assert page.evaluate("answer === dataLayer.length && dataLayer.length === 9")


def test_calls_are_safe_in_any_order(page: Page, gateway: GatewayDouble) -> None:
    """Calls before `init` wait for it; nonsense is told to those who listen, never thrown."""
    setup = """
    window.errors = [];
    aisle.on("error", (error) => errors.push(String(error)));
    aisle.on("error", () => { throw new Error("a bad listener"); });
    aisle.track("add_to_cart", {items: [{item_id: "early"}]});
    aisle.page(); aisle.flush(); aisle.slot(null).close(); aisle.slot(document.body, null).close();
    """
    wrong = "aisle.track('no such event'); aisle.track(); aisle.track('view_item', {items: 7}); aisle.init();"
    page.goto(gateway.page("/", setup + init() + wrong))
    gateway.wait(lambda double: double.events("add_to_cart"))
    assert page.evaluate("errors.length") == 5


def test_pings_tell_engaged_time(page: Page, gateway: GatewayDouble) -> None:
    """One after the minimum visit, one a heartbeat while the visitor is active; idle time does not count."""
    page.goto(gateway.page("/", init(heartbeatMs=300, minVisitMs=150), '<div class="tall"></div>'))
    while len(pings := gateway.events("page_ping")) < 3:
        page.mouse.move(10, 10)
        page.mouse.move(20, 20)
        page.wait_for_timeout(30)
    assert [ping["ping"]["dwell_ms"] for ping in pings[:3]] == pytest.approx([150, 450, 750], rel=0.2)
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


def milliseconds(event: dict[str, Any]) -> int:
    """Give the time of day of an event."""
    hours, minutes, seconds = event["at"][11:-1].split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)


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


def test_a_page_of_a_single_page_shop_is_a_view(page: Page, gateway: GatewayDouble) -> None:
    """It has an id of its own, and the page before it for a referrer."""
    page.goto(gateway.page("/", init()))
    gateway.wait(lambda double: double.events("page_view"))
    page.evaluate("history.pushState({}, '', '/p/a'); aisle.page({kind: 'product', productId: 'a'})")
    (view,) = gateway.wait(lambda double: double.events("view_item"))
    first, second = (event["page"] for event in gateway.events("page_view"))
    assert view["page"] == second
    assert first["view_id"] != second["view_id"]
    assert second["referrer"] == gateway.url + "/"


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


def test_what_could_not_be_sent_is_sent_later(page: Page, context: BrowserContext, gateway: GatewayDouble) -> None:
    """Offline, events are stored; back online, and after another page was opened, they go with the same ids."""
    page.goto(gateway.page("/", init()))
    gateway.wait(lambda double: double.events("page_view"))
    context.set_offline(True)
    page.evaluate("aisle.track('add_to_cart', {items: [{item_id: 'a'}]})")
    page.wait_for_function("() => JSON.parse(localStorage['aisle.queue'] || '[]').length === 1")
    (stored,) = json.loads(page.evaluate("localStorage['aisle.queue']"))
    context.set_offline(False)
    (sent,) = gateway.wait(lambda double: double.events("add_to_cart"))
    assert sent == stored
    page.wait_for_function("() => localStorage.length === 0")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_gateway_is_given_time(page: Page, gateway: GatewayDouble, status: int) -> None:
    """Not before Retry-After, then with the same ids; old events keep their time."""
    gateway.answers.append(Answer(status, retry_after="1"))
    page.goto(gateway.page("/", init()))
    gateway.wait(lambda double: double.posted)
    asked = page.evaluate("performance.now()")
    gateway.wait(lambda double: double.events("page_view"))
    assert page.evaluate("performance.now()") - asked > 950
    (refused,) = gateway.events("page_view", status=status)
    assert gateway.events("page_view") == [refused]


def test_what_is_refused_is_dropped_and_told(page: Page, gateway: GatewayDouble) -> None:
    """A 4xx for the whole batch, a 202 for one event; what the broker did not take is sent again."""
    rejected = [{"index": 0, "reason": "schema", "detail": "Event.at"}, {"index": 1, "reason": "not_acknowledged"}]
    gateway.answers += [Answer(413), Answer(202, {"accepted": 1, "rejected": rejected})]
    setup = "window.told = []; aisle.on('rejected', (what) => told.push([what.status, what.rejected.length]));"
    page.goto(gateway.page("/", setup + init()))
    page.wait_for_function("() => told.length === 1")
    cart = "aisle.track('add_to_cart', {items: [{item_id: 'a'}]});"
    page.evaluate(cart + cart.replace("'a'", "'b'") + cart.replace("'a'", "'c'"))
    gateway.wait(lambda double: len(double.posted) == 3)
    assert page.evaluate("told") == [[413, 0], [202, 2]]
    assert gateway.posted[2].body["events"] == [gateway.posted[1].body["events"][1]]


def test_nothing_is_sent_or_stored_before_consent(page: Page, context: BrowserContext, gateway: GatewayDouble) -> None:
    """Shelves fill without the visitor's cookie; once granted, what was held goes."""
    context.add_cookies([{"name": "aisle_visitor", "value": "w1", "url": gateway.url, "httpOnly": True}])
    gateway.shelves["home", None] = shelf(contextual=True)
    page.goto(gateway.page("/", init(consent="unknown") + HOME))
    shows(page, "p1 p2 p3")
    page.click("text=Product p1", modifiers=["Control"])
    page.wait_for_timeout(300)
    assert (gateway.posted, gateway.streams, storage(page)) == ([], [], 0)
    assert {asked["cookie"] for asked in gateway.asked} == {""}
    page.evaluate("aisle.consent('granted')")
    gateway.wait(lambda double: double.events("select_item"))
    assert gateway.events()[0]["name"] == "page_view"
    gateway.wait(lambda double: double.streams)


def test_a_refusal_leaves_nothing(page: Page, gateway: GatewayDouble) -> None:
    """What was held is dropped, and nothing more is sent."""
    page.goto(gateway.page("/", init(consent="unknown") + "aisle.consent('refused');"))
    page.evaluate("aisle.track('add_to_cart', {items: [{item_id: 'a'}]})")
    page.wait_for_timeout(300)
    assert (gateway.posted, storage(page)) == ([], 0)


def test_a_withdrawal_forgets(page: Page, context: BrowserContext, gateway: GatewayDouble) -> None:
    """`forget` is sent, storage is empty, shelves are asked for without a cookie, and nothing more is sent."""
    gateway.shelves["home", None] = shelf()
    page.goto(gateway.page("/", "window.told = []; aisle.on('consent', (now) => told.push(now));" + init() + HOME))
    gateway.wait(lambda double: double.streams)
    context.set_offline(True)
    page.evaluate("aisle.track('add_to_cart', {items: [{item_id: 'a'}]})")
    page.wait_for_function("() => localStorage.length === 1")
    asked = len(gateway.asked)
    context.set_offline(False)
    page.evaluate("aisle.consent('refused'); aisle.track('begin_checkout')")
    (event,) = gateway.wait(lambda double: double.events("forget"))
    assert "visitor_id" not in event
    gateway.wait(lambda double: len(double.asked) > asked)
    page.wait_for_timeout(200)
    assert storage(page) == 0
    assert gateway.asked[-1]["cookie"] == ""
    assert gateway.events()[-1] == event
    assert page.evaluate("told") == ["refused"]


@pytest.mark.parametrize("signal", ["globalPrivacyControl: true", "doNotTrack: '1'"])
def test_a_browser_that_objects_is_obeyed(page: Page, gateway: GatewayDouble, signal: str) -> None:
    """Whatever the page says."""
    name, value = signal.split(": ")
    page.add_init_script(f"Object.defineProperty(navigator, '{name}', {{value: {value}}})")
    page.goto(gateway.page("/", init(consent="granted") + "aisle.consent('granted');"))
    page.wait_for_timeout(300)
    assert (gateway.posted, storage(page)) == ([], 0)


def test_a_newer_slate_replaces_an_older_one_only(page: Page, gateway: GatewayDouble) -> None:
    """Revisions and events in their order; what is known of a visitor before what is not."""
    gateway.shelves["home", None] = shelf(products="a b", at=5, contextual=True)
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    newest = shelf(products="c d", slate="s-0-7-home-0685", at=4, revision=1)
    gateway.push("slate", newest)
    shows(page, "c d")
    gateway.push("slate", shelf(products="x", slate="s-0-7-home-0685", at=4))
    gateway.push("slate", shelf(products="y", slate="s-0-6-home-0685", at=3, revision=1))
    gateway.push("slate", shelf(products="z", at=9, contextual=True))
    gateway.push("slate", shelf(products="e f", slate="s-0-8-home-0685", at=6))
    shows(page, "e f")
    assert page.locator("#home > [data-slate='s-0-8-home-0685']").count() == 2


def test_two_anchors_are_kept_apart(page: Page, gateway: GatewayDouble) -> None:
    """One stream brings both shelves, each to its slot."""
    for name in "ab":
        gateway.shelves["product", name] = shelf("product", f"{name}1", anchor=name)
    slots = RENDER + "for (const id of ['a', 'b']) aisle.slot(document.querySelector('#' + id),"
    slots += "{placement: 'product', productId: id, render});"
    page.goto(gateway.page("/", init() + slots, '<div id="a"></div><div id="b"></div>'))
    page.wait_for_selector("#a [data-product=a1]")
    page.wait_for_selector("#b [data-product=b1]")
    gateway.wait(lambda double: double.streams)
    assert sorted(gateway.streams[-1][0]) == ["product:a", "product:b"]
    gateway.push("slate", shelf("product", "a2", anchor="a", slate="s-0-2-product-0685", at=2))
    page.wait_for_selector("#a [data-product=a2]")
    assert page.locator("#b [data-product=b1]").count() == 1
    assert len(gateway.streams) == 1


def test_nothing_moves_under_the_pointer(page: Page, gateway: GatewayDouble) -> None:
    """An update waits until the pointer has left; a product that sold out is only marked."""
    gateway.shelves["home", None] = shelf(products="a b")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    page.hover("text=Product a")
    gateway.push("slate", shelf(products="c d", slate="s-0-2-home-0685", at=2))
    gateway.push("withdraw", {"product_ids": ["a"]})
    page.wait_for_selector("[data-product=a][aria-disabled=true]")
    assert titles(page) == ["a", "b"]
    page.mouse.move(700, 500)
    shows(page, "c d")


def test_nothing_moves_while_the_focus_is_inside(page: Page, gateway: GatewayDouble) -> None:
    """And an update that comes at last leaves the focus where it was, on the same node."""
    gateway.shelves["home", None] = shelf(products="a b")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    page.evaluate("window.node = document.querySelector('[data-product=b]')")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    gateway.push("slate", shelf(products="c b a", slate="s-0-2-home-0685", at=2))
    page.wait_for_timeout(400)
    assert titles(page) == ["a", "b"]
    shows(page, "c b a")
    assert page.evaluate("document.activeElement === node && node.dataset.rank === '2'")


def test_what_sold_out_makes_room_for_reserves(page: Page, gateway: GatewayDouble) -> None:
    """They keep the ranks of the slate, so that gaps stay."""
    gateway.shelves["home", None] = shelf(products="a b", reserves="c d")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    gateway.push("withdraw", {"product_ids": ["a", "c"]})
    shows(page, "b d")
    assert page.locator("#home > *").evaluate_all("nodes => nodes.map(node => node.dataset.rank)") == ["2", "4"]


def test_moving_products_shift_no_layout(page: Page, gateway: GatewayDouble) -> None:
    """Nodes of products that stay are the same ones, and the browser counts no shift."""
    gateway.shelves["home", None] = shelf(products="a b c")
    watch = """
    window.shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { shifts += entry.value; }))
      .observe({type: "layout-shift", buffered: true});
    """
    gateway.pages["/rows.css"] = ("text/css", b"#home > * { display: block; height: 60px }")
    head = '<link rel="stylesheet" href="/rows.css">'
    body = '<div id="home"></div>'
    page.goto(gateway.page("/", watch + init() + HOME.replace("render}", "render, size: 3}"), body, head=head))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b c")
    page.evaluate("window.node = document.querySelector('[data-product=a]')")
    gateway.push("slate", shelf(products="c d a", slate="s-0-2-home-0685", at=2))
    shows(page, "c d a")
    page.wait_for_function("() => document.getAnimations().length === 0")
    assert page.evaluate("document.querySelector('[data-product=a]') === node")
    assert page.evaluate("new Promise((done) => setTimeout(() => done(shifts), 100))") == 0


def test_titles_are_text(page: Page, gateway: GatewayDouble) -> None:
    """Whatever a catalogue says, nothing of it runs."""
    evil = item("a", 1) | {"title": '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>'}
    gateway.shelves["home", None] = shelf() | {"items": [evil]}
    page.goto(gateway.page("/", init() + HOME))
    shows(page, "a")
    assert page.evaluate("document.querySelector('#home a').textContent") == evil["title"]
    assert page.evaluate("window.evil") is None


def test_a_page_that_comes_back_is_a_new_view(page: Page, gateway: GatewayDouble) -> None:
    """Out of the browser's memory or loaded again, its shelves are fresh."""
    gateway.shelves["home", None] = shelf()
    gateway.page("/next", init(kind="category"))
    page.goto(gateway.page("/", init() + HOME))
    shows(page, "p1 p2 p3")
    gateway.shelves["home", None] = shelf(products="n", at=2, slate="s-0-2-home-0685")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    shows(page, "n")
    gateway.wait(lambda double: len(double.events("page_view")) == 2)
    page.goto(gateway.url + "/next")
    gateway.wait(lambda double: len(double.events("page_view")) == 3)
    page.go_back()
    shows(page, "n")
    views = gateway.wait(lambda double: len(double.events("page_view")) == 4 and double.events("page_view"))
    assert len({view["page"]["view_id"] for view in views}) == 4


def test_without_streams_the_page_asks(page: Page, gateway: GatewayDouble) -> None:
    """And without an IntersectionObserver shelves still fill."""
    page.add_init_script("delete window.EventSource; delete window.IntersectionObserver;")
    gateway.shelves["home", None] = shelf()
    page.goto(gateway.page("/", init(pollMs=100) + HOME))
    shows(page, "p1 p2 p3")
    gateway.shelves["home", None] = shelf(products="n", at=2, slate="s-0-2-home-0685")
    shows(page, "n")


def test_an_empty_shelf_is_asked_for_again(page: Page, gateway: GatewayDouble) -> None:
    """Its slate is on the way; meanwhile placeholders hold its room."""
    page.goto(gateway.page("/", init(consent="refused") + HOME.replace("render}", "render, size: 2}")))
    gateway.wait(lambda double: double.asked)
    assert page.locator("#home > div:empty").count() == 2
    gateway.shelves["home", None] = shelf(products="a b", contextual=True)
    shows(page, "a b")


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


def test_a_closed_slot_asks_for_nothing_more(page: Page, gateway: GatewayDouble) -> None:
    """The stream is opened anew for the shelves that are left."""
    gateway.shelves["home", None] = gateway.shelves["cart", None] = shelf()
    setup = RENDER + "const {home} = window; window.slots = ['home', 'cart'].map((placement) =>"
    setup += "aisle.slot(document.querySelector('#' + placement), {placement, render}));"
    page.goto(gateway.page("/", init() + setup, '<div id="home"></div><div id="cart"></div>'))
    gateway.wait(lambda double: double.streams and double.streams[-1][0] == ["home", "cart"])
    page.evaluate("slots[1].close()")
    gateway.wait(lambda double: double.streams[-1][0] == ["home"])


@pytest.mark.parametrize("consent", ["granted", "unknown"])
def test_a_browser_without_storage_works(chromium: Browser, gateway: GatewayDouble, consent: str) -> None:
    """Events are sent, and those that fail wait in memory."""
    context = chromium.new_context()
    page = context.new_page()
    for name in ("localStorage", "sessionStorage"):
        page.add_init_script(f"Object.defineProperty(window, '{name}', {{get() {{ throw new Error('no'); }}}})")
    gateway.answers.append(Answer(503, retry_after="0.1"))
    page.goto(gateway.page("/", init(consent=consent) + "aisle.consent('granted');"))
    gateway.wait(lambda double: double.events("page_view"))
    context.close()


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_run(page: Page, gateway: GatewayDouble, text: str) -> None:
    """As they stand in the documentation, without a word to those who listen for errors."""
    gateway.shelves["home", None] = shelf()
    gateway.shelves["product", None] = shelf("product")
    before = "window.wrong = []; aisle.on('error', (error) => wrong.push(String(error)));"
    start = "" if "aisle.init(" in text else init()
    page.goto(gateway.page("/", before + start + text))
    gateway.wait(lambda double: start or "unknown" in text or double.events("page_view"))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert page.evaluate("wrong") == []
