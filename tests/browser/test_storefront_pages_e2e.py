"""The shop's pages and the console as pages: quiet, still, for everybody, on every screen."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.stage import Stage

pytestmark = pytest.mark.kafka

MOST_SHIFT = 0.1
GRAVE = {"serious", "critical"}
CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, summary")].filter(
  (node) => node.checkVisibility({visibilityProperty: true}) && !node.disabled)"""


def walk(person: Person, stage: Stage) -> Iterator[str]:
    """Show every kind of page, its shelves filled, one after the other; gives its name."""
    page, tent = person.page, stage.sold("Outdoor", "Tents")[0]
    page.goto("/")
    person.filled("home")
    yield "home"
    page.goto("/c/outdoor/tents")
    person.filled("category")
    yield "category"
    person.look_at(tent)
    person.filled("product")
    yield "product"
    page.click("[data-buy] button")
    page.goto("/search?q=tent")
    person.filled("search")
    yield "search"
    page.goto("/cart")
    page.wait_for_selector(".cart-line")
    person.filled("cart")
    yield "cart"
    page.click("[data-buy-all]")
    page.wait_for_url("**/thanks")
    person.filled("confirmation")
    yield "thanks"


def test_no_page_says_an_error_or_jumps(meet: Meet, stage: Stage) -> None:
    """Not while it fills, and not while its shelves rearrange; nothing breaks the content security policy."""
    person = meet()
    person.come()
    other, mug = person.tab(), stage.sold("Coffee and tea", "Mugs")[0]
    shifts = {}
    for name in walk(person, stage):
        if name == "home":
            person.slate_of(person.look_at(mug, other), "home")
        noticed = person.page.evaluate("noticed")
        shifts[name] = noticed["shift"]
        assert noticed["violations"] == []
    assert max(shifts.values()) < MOST_SHIFT, shifts


def grave(page: Page) -> list[str]:
    """Name what axe finds that keeps people out, in the page's colours by day and by night."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = Axe().run(page).response["violations"]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += Axe().run(page, options=CONTRAST).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})" for one in found if one["impact"] in GRAVE
    ]


def test_axe_finds_nothing_grave_in_the_shop(meet: Meet, stage: Stage) -> None:
    """On each kind of page and the question for consent, light and dark."""
    person = meet(reduced_motion="reduce")
    person.page.goto("/")
    person.page.wait_for_selector("#consent")
    person.filled("home", contextual=True)
    found = {"consent": grave(person.page)}
    person.page.click("#consent [data-consent=granted]")
    for name in walk(person, stage):
        found[name] = grave(person.page)
    assert not any(found.values()), found


def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press Tab until the focus is where it should come to."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} was not reached")


def test_the_keyboard_is_enough(meet: Meet) -> None:
    """From the top: the skip link, the question, a product of a shelf, the cart, and paying."""
    person = meet()
    page = person.page
    page.goto("/")
    page.wait_for_selector("#consent")
    person.filled("home", contextual=True)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")
    tab_to(page, "#consent [data-consent=granted]")
    page.keyboard.press("Enter")
    person.filled("home")
    page.reload()
    person.filled("home")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tab_to(page, ".shelf[data-placement=home] a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/*")
    tab_to(page, "[data-buy] button")
    page.keyboard.press("Enter")
    tab_to(page, "[data-told] a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cart")
    page.wait_for_selector(".cart-line")
    tab_to(page, "[data-buy-all]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/thanks")


def test_tab_reaches_all_there_is(meet: Meet) -> None:
    """Each link, button and field of the front page, and each shows that it has the focus."""
    person = meet()
    person.come()
    person.filled("home")
    person.page.reload()
    person.filled("home")
    count = person.page.evaluate(f"({REACHABLE})().length")
    person.page.evaluate("window.reached = new Set(); window.unmarked = []")
    for _ in range(count + 2):
        person.page.keyboard.press("Tab")
        person.page.evaluate("""() => {
          const {activeElement: node} = document;
          reached.add(node);
          if (getComputedStyle(node).outlineStyle === "none" && node !== document.body) unmarked.push(node.outerHTML);
        }""")
    missed = person.page.evaluate(f"({REACHABLE})().filter((n) => !reached.has(n)).map((n) => n.outerHTML)")
    assert missed == []
    assert person.page.evaluate("unmarked") == []


@pytest.mark.parametrize("size", [(390, 844), (360, 740)], ids=["390", "360"])
def test_nothing_is_wider_than_a_phone(meet: Meet, stage: Stage, size: tuple[int, int]) -> None:
    """No page of the shop scrolls sideways, nor does the question for consent."""
    person = meet(viewport={"width": size[0], "height": size[1]}, is_mobile=True, has_touch=True)
    wide = "document.documentElement.scrollWidth > innerWidth || innerWidth > screen.width"
    person.page.goto("/")
    person.page.wait_for_selector("#consent")
    assert not person.page.evaluate(wide)
    person.page.click("#consent [data-consent=granted]")
    assert [name for name in walk(person, stage) if person.page.evaluate(wide)] == []
