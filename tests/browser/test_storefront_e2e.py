"""The demo's shop in a browser, on real Kafka: what a visitor does is in the shelves they look at."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page

from models.visitor import Visitor
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.stage import Stage

pytestmark = pytest.mark.kafka

SHOWN = 10
HARD_LIMIT_MS = 5_000
"""On a machine that does other things, too; alone it is far below a second."""


def ms_of(event: dict[str, Any]) -> float:
    """Give when an event happened, milliseconds since 1970."""
    return datetime.fromisoformat(event["at"]).timestamp() * 1000


def test_a_first_visit_gets_a_slate_of_its_own(meet: Meet) -> None:
    """Once they agreed: ten products, each with its reason, from the slate that answers their page view."""
    person = meet()
    person.come()
    person.filled("home")
    assert len(set(person.shelf("home"))) == SHOWN
    reasons = person.page.locator(".shelf[data-placement=home] [data-slate] .card-reason")
    assert all(reasons.all_inner_texts())
    assert [cookie["name"] for cookie in person.context.cookies()] == ["aisle_visitor"]


def test_three_tents_turn_the_home_shelf_towards_camping(
    meet: Meet, stage: Stage, say: Callable[[str], object]
) -> None:
    """On the page that is open beside them, at once after the third view; and the page does not jump."""
    person = meet()
    person.come()
    person.filled("home")

    def outdoor() -> int:
        return sum(stage.department(one) == "Outdoor" for one in person.shelf("home"))

    before, tab, tents = outdoor(), person.tab(), stage.sold("Outdoor", "Tents")
    for tent in tents[:2]:
        person.look_at(tent, tab)
        person.stay(tab)
    event_id = person.look_at(tents[2], tab)
    slate, after = person.slate_of(event_id, "home"), outdoor()
    (view,) = [event for event in person.events("view_item") if event["event_id"] == event_id]
    took_ms = slate["at_ms"] - ms_of(view)
    say(f"third view to changed shelf: {took_ms:.0f} ms; outdoor products {before} -> {after} of {SHOWN}")
    assert after > before
    assert took_ms < HARD_LIMIT_MS
    assert person.page.evaluate("noticed.shift") < 0.1


def test_what_was_passed_over_sinks(meet: Meet, stage: Stage) -> None:
    """Seen above a clicked product and not clicked: the worker notes it, and the next slate has it further down."""
    person = meet()
    person.come()
    person.filled("home")
    home = person.shelf("home")
    person.page.mouse.wheel(0, 300)
    passed = home[:4]

    def seen() -> set[str]:
        return {item["product_id"] for event in person.events("impression") for item in event["items"]}

    person.until(lambda: seen() >= set(passed))
    person.page.click(f".shelf[data-placement=home] [data-product={home[4]}] a")
    person.page.wait_for_url(f"**/p/{home[4]}")

    def is_noted(visitor: Visitor) -> bool:
        return {seen.product_id for seen in visitor.shown if seen.skipped} >= set(passed)

    stage.visitor_when(person.visitor_id(), is_noted)
    person.page.goto("/")
    person.filled("home")
    later = person.shelf("home")
    places = [later.index(one) if one in later else SHOWN for one in passed]
    assert sum(places) > sum(range(len(passed)))


def test_what_was_bought_is_not_offered_again(meet: Meet, stage: Stage) -> None:
    """From the shelf into the cart and paid for: it is on no shelf of the next page."""
    person = meet()
    person.come()
    person.filled("home")
    bought = person.shelf("home")[0]
    person.look_at(bought)
    person.page.click("[data-buy] button")
    person.page.goto("/cart")
    person.page.click("[data-buy-all]")
    person.page.wait_for_url("**/thanks")
    person.filled("confirmation")
    assert bought not in person.shelf("confirmation")

    def has_it(visitor: Visitor) -> bool:
        return (bought, "purchase") in {(entry.product_id, entry.kind) for entry in visitor.profile.entries}

    stage.visitor_when(person.visitor_id(), has_it)
    person.page.goto("/")
    person.filled("home")
    assert bought not in person.shelf("home")


def test_what_sells_out_leaves_an_open_page(meet: Meet, stage: Stage) -> None:
    """A reserve takes its place; the other products stay."""
    person = meet()
    person.come()
    person.filled("home")
    before = person.shelf("home")
    stage.change(before[2], stock=0)
    try:
        gone = "(shown, product) => shown.length && !shown.includes(product)"
        after = person.shows_until("home", gone, before[2])
    finally:
        stage.change(before[2])
    assert len(after) == SHOWN
    assert after[: SHOWN - 1] == [one for one in before if one != before[2]]
    assert after[-1] not in before


def test_the_back_button_shows_a_shelf_that_lives(meet: Meet, stage: Stage) -> None:
    """Whether the browser kept the page or loads it again, the next look elsewhere is in it."""
    person = meet()
    person.come()
    person.filled("home")
    first = person.shelf("home")[0]
    person.page.click(f".shelf[data-placement=home] [data-product={first}] a")
    person.filled("product")
    person.page.go_back()
    person.filled("home")
    assert len(person.shelf("home")) == SHOWN
    event_id = person.look_at(stage.sold("Outdoor", "Tents")[0], person.tab())
    person.slate_of(event_id, "home")


def test_two_tabs_of_one_visitor_both_rearrange(meet: Meet, stage: Stage) -> None:
    """A look in a third reaches both, as the same slate."""
    person = meet()
    person.come()
    person.filled("home")
    other = person.tab()
    other.goto("/")
    person.filled("home", other)
    event_id = person.look_at(stage.sold("Outdoor", "Tents")[1], person.tab())
    slates = [person.slate_of(event_id, "home", tab)["slate_id"] for tab in (person.page, other)]
    assert slates[0] == slates[1]
    assert person.shelf("home") == person.shelf("home", other)


def test_product_tabs_keep_their_own_shelves(meet: Meet, stage: Stage) -> None:
    """Each has what goes with its product; a further look at one changes the tab of that one only."""
    person = meet()
    person.come()
    tent, mug = stage.sold("Outdoor", "Tents")[0], stage.sold("Coffee and tea", "Mugs")[0]
    tabs = {product: person.tab() for product in (tent, mug)}
    for product, tab in tabs.items():
        person.look_at(product, tab)
        person.filled("product", tab)
    _is_answered(person, tabs[tent], tent)
    _is_answered(person, tabs[mug], mug)
    shelves = {product: person.shelf("product", tab) for product, tab in tabs.items()}
    assert shelves[tent] != shelves[mug]
    heard = len(tabs[mug].evaluate("noticed.slates"))
    event_id = person.look_at(tent, person.tab())
    person.slate_of(event_id, "product", tabs[tent])
    assert person.shelf("product", tabs[mug]) == shelves[mug]
    assert len(tabs[mug].evaluate("noticed.slates")) == heard


def _is_answered(person: Person, page: Page, product_id: str) -> None:
    """Hold a shelf against what the gateway has for its product."""
    asked = person.context.request.get(f"/v1/recommendations?placement=product&product_id={product_id}")
    assert asked.json()["anchor"] == product_id
    page.wait_for_selector(f".shelf[data-placement=product] [data-slate='{asked.json()['slate_id']}']")
