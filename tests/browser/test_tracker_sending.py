"""What the tracker does with events it cannot send, or may not."""

import json

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.gateway_double import Answer, GatewayDouble, shelf
from tests.browser.shop import HOME, init, shows, storage


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
