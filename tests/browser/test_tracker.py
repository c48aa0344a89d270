"""The tracker's file, its calls, and what a page tells."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from streams.tracker import MOST_BYTES, module, script
from tests.browser.gateway_double import GatewayDouble, shelf
from tests.browser.shop import init

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    pytest.param(text, id=f"{name}-{number}")
    for name in ("README.md", "docs/tracker.md", "docs/mapping.md")
    for number, text in enumerate(re.findall(r"^```js\n(.*?)^```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE))
]


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
