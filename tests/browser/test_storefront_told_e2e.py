"""What the shop's pages tell, on real Kafka: dwell as it was, each event once, and without consent nothing."""

import json
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from models.engagement import dwell_ms
from models.session_rules import SessionRules
from models.visitor import Step, Visitor
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.stage import Stage

pytestmark = pytest.mark.kafka

READS_MS = 12_000
STORED = "[localStorage, sessionStorage].flatMap((storage) => Object.keys(storage))"


def read(page: Page, ms: int) -> float:
    """Read a page to its middle, the hand never still for long; gives the share of it that was in view."""
    for second in range(1, ms // 1000 + 1):
        page.mouse.move(200 + 20 * second, 300)
        page.wait_for_function("ms => performance.now() > ms", arg=second * 1000)
        if second == 2:
            page.mouse.wheel(0, 250)
    return float(page.evaluate("(scrollY + innerHeight) / document.documentElement.scrollHeight"))


def step_of(visitor: Visitor, product_id: str) -> Step | None:
    """Give the first step with a product."""
    steps = visitor.session.steps if visitor.session else ()
    return next((step for step in steps if step.product_id == product_id), None)


def test_dwell_and_scroll_are_what_they_were(meet: Meet, stage: Stage) -> None:
    """Twelve seconds on a product's page, scrolled once: the worker knows both to a fifth."""
    person = meet(viewport={"width": 1000, "height": 600})
    person.come()
    product = stage.sold("Outdoor", "Tents")[0]
    person.look_at(product)
    seen = read(person.page, READS_MS)
    stayed_ms = float(person.page.evaluate("performance.now()"))
    person.page.goto("/")

    def is_told(visitor: Visitor) -> bool:
        step = step_of(visitor, product)
        return step is not None and step.told_ms > READS_MS / 2

    visitor = stage.visitor_when(person.visitor_id(), is_told)
    step = step_of(visitor, product)
    assert step is not None
    assert dwell_ms(step, SessionRules()) == pytest.approx(stayed_ms, rel=0.2)
    assert step.scroll / 100 == pytest.approx(seen, rel=0.2)


def test_offline_and_back_nothing_is_lost_and_nothing_twice(meet: Meet, stage: Stage) -> None:
    """What is done without a network waits in the browser, and is in the log once when it is back."""
    person = meet()
    person.come()
    person.filled("home")
    person.look_at(stage.sold("Coffee and tea", "Mugs")[0])
    person.page.wait_for_function("() => noticed.accepted === 2")
    person.context.set_offline(offline=True)
    for _ in range(3):
        person.page.click("[data-buy] button")
    person.page.wait_for_function(
        "() => JSON.parse(localStorage['aisle.queue'] ?? '[]').filter((e) => e.name === 'add_to_cart').length === 3"
    )
    waiting = [event["event_id"] for event in json.loads(person.page.evaluate("localStorage['aisle.queue']"))]
    person.context.set_offline(offline=False)
    person.page.wait_for_function("() => !localStorage['aisle.queue']")
    ids = {event["event_id"] for event in person.sent}
    assert ids >= set(waiting)
    stage.site.wait(lambda: {event.event_id for event in stage.events()} >= ids, 30)
    times = Counter(event.event_id for event in stage.events())
    assert {event["name"]: times[event["event_id"]] for event in person.sent if times[event["event_id"]] != 1} == {}
    person.problems[:] = [one for one in person.problems if "ERR_INTERNET_DISCONNECTED" not in one]


def refuses(person: Person) -> None:
    """Answer the shop's question."""
    person.come(consent="refused")


def is_asked_by_the_browser(person: Person) -> None:
    """Come with a browser that answers for its user."""
    person.context.set_extra_http_headers({"Sec-GPC": "1"})
    person.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    person.page.goto("/")
    person.page.wait_for_selector("text=Your browser asks not to be followed")
    assert not person.page.is_visible("#consent")


@pytest.mark.parametrize(
    ("comes", "kept"),
    [(refuses, ["shop.consent"]), (is_asked_by_the_browser, [])],
    ids=["refused", "global privacy control"],
)
def test_who_refuses_leaves_no_trace(
    meet: Meet, stage: Stage, comes: Callable[[Person], None], kept: list[str]
) -> None:
    """No event, no cookie, nothing stored but the choice itself; shelves fill by what is on the page."""
    person = meet()
    comes(person)
    person.filled("home", contextual=True)
    tent = stage.sold("Outdoor", "Tents")[0]
    for path, placement in ((f"/p/{tent}", "product"), ("/c/outdoor/tents", "category"), ("/search?q=tent", "search")):
        person.page.goto(path)
        person.filled(placement, contextual=True)
        assert person.page.evaluate(STORED) == kept
    asked = {urlsplit(request.url).path for request in person.requests}
    assert "/v1/recommendations" in asked
    assert not {"/v1/events", "/v1/stream"} & asked
    assert not any(request.header_value("cookie") for request in person.requests)
    assert person.context.cookies() == []
