"""The console beside the shop, each in a browser of its own: an operator looks on while somebody browses."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from streams.web.keys import line_of, new_key
from tests.browser.conftest import Meet
from tests.browser.person import NOTICE, PATIENCE_MS
from tests.browser.stage import Stage
from tests.browser.test_storefront_pages_e2e import grave
from tests.conftest import ROOT

pytestmark = pytest.mark.kafka

FILLED_HOME = ".shelf[data-placement=home][data-state=filled]"
LIVE_S = 20
"""The console gives way to everything else."""


@pytest.fixture
def console(chromium: Browser, stage: Stage) -> Iterator[Page]:
    """Give an operator's browser with the console in it, in which nothing may go wrong."""
    context = chromium.new_context(base_url=stage.console, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(NOTICE)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", lambda said: said.type in {"error", "warning"} and problems.append(said.text))
    page = context.new_page()
    page.goto("/console")
    page.wait_for_selector("#live[data-state=live]")
    yield page
    violations = page.evaluate("noticed.violations")
    context.close()
    assert problems + violations == []


def test_operators_log_in_and_out(chromium: Browser, stage: Stage, tmp_path: Path) -> None:
    """By a form, as browsers send it: with a wrong key it says so, with a right one there are figures, till the end."""
    key, keys = new_key(), tmp_path / "keys"
    keys.write_text(line_of("ann", "view", key) + "\n")
    page = chromium.new_context(base_url=stage.locked_console(keys)).new_page()
    page.goto("/console")
    page.fill("#key", new_key())
    page.click("button[type=submit]")
    assert page.inner_text("#said")
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.wait_for_selector("#live[data-state=live]")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("#key")
    page.context.close()


def find(console: Page, visitor_id: str) -> None:
    """Look for a visitor by the exact id."""
    console.click("#to-visitors")
    console.fill("#sought", visitor_id)
    console.click(".search button")
    console.wait_for_selector(".visitor-head")


def test_an_operator_sees_a_visit_while_it_happens(
    meet: Meet, stage: Stage, console: Page, say: Callable[[str], object]
) -> None:
    """A look is a step soon after; candidates with what each source gave, what was kept off, and the offsets."""
    person = meet()
    person.come()
    person.filled("home")
    tents, visitor_id = stage.sold("Outdoor", "Tents"), person.visitor_id()
    person.look_at(tents[0])
    find(console, visitor_id)
    console.wait_for_selector(f"td.step-title[title={tents[0]}]")
    began = time.monotonic()
    person.look_at(tents[1])
    console.wait_for_selector(f"td.step-title[title={tents[1]}]")
    took_s = time.monotonic() - began
    say(f"a look is on the operator's page after {took_s:.1f} s")
    assert took_s < LIVE_S
    person.page.click("[data-buy] button")
    console.click("[data-key=shelf-home]")
    console.wait_for_selector("table.matrix tr.shown")
    assert console.locator("table.matrix tr.shown td.heat:not(.none)").count() > 0
    console.wait_for_selector("tr:has(th:text-is('in the cart'))")
    lineage = console.locator(".card:has(h2:text-is('Lineage')) tbody tr th").all_inner_texts()
    assert {"clickstream.events", "catalog.products", "catalog.embeddings", "learning"} <= set(lineage)


def test_ids_are_shortened_until_they_are_revealed(meet: Meet, stage: Stage, console: Page) -> None:
    """Nowhere on the page, in its address or its title; then in its heading."""
    person = meet()
    person.come()
    person.filled("home")
    visitor_id = person.visitor_id()
    find(console, visitor_id)
    assert console.inner_text(".visitor-head h1") == f"{visitor_id[:4]}…"
    assert visitor_id not in console.content() + console.url
    console.click("[data-key=reveal]")
    console.wait_for_selector(f".visitor-head h1:text-is('{visitor_id}')")


def test_axe_finds_nothing_grave_in_the_console(meet: Meet, stage: Stage, console: Page) -> None:
    """Figures and a visitor's view, light and dark, and nothing scrolls sideways on a phone."""
    person = meet()
    person.come()
    person.look_at(stage.sold("Outdoor", "Tents")[0])
    found = {"figures": grave(console)}
    find(console, person.visitor_id())
    console.wait_for_selector("table.matrix tr.shown")
    found["visitor"] = grave(console)
    assert not any(found.values()), found
    console.set_viewport_size({"width": 390, "height": 844})
    console.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")


def test_what_they_look_like(meet: Meet, stage: Stage, console: Page, tmp_path: Path) -> None:
    """Shop and console, wide and on a phone: into the docs where AISLE_SCREENSHOTS is set."""
    folder = ROOT / "docs" / "images" if os.environ.get("AISLE_SCREENSHOTS") else tmp_path
    folder.mkdir(exist_ok=True)
    person = meet(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    person.come()
    tab, tents = person.tab(), stage.sold("Outdoor", "Tents")
    person.filled("home")
    person.look_at(tents[0], tab)
    person.stay(tab)
    event_id = person.look_at(tents[1], tab)
    tab.click("[data-buy] button")
    person.slate_of(event_id, "home")
    find(console, person.visitor_id())
    console.click("[data-key=shelf-home]")
    console.wait_for_selector("table.matrix tr.shown")
    person.page.mouse.move(5, 5)
    for page, name, ready in ((person.page, "shop", FILLED_HOME), (console, "console", "table.matrix tr.shown")):
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / f"{name}.png", scale="css", animations="disabled")
        page.set_viewport_size({"width": 390, "height": 844})
        page.reload()
        page.wait_for_selector(ready)
        page.screenshot(path=folder / f"{name}-phone.png", scale="css", animations="disabled")
    sizes = {file.name: file.stat().st_size for file in folder.glob("*.png")}
    assert len(sizes) >= 4
    assert max(sizes.values()) <= 300_000, sizes
