"""Pages of a shop for the tests of the tracker, and what they say."""

import json
from typing import Any

from playwright.sync_api import Page

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


def milliseconds(event: dict[str, Any]) -> int:
    """Give the time of day of an event."""
    hours, minutes, seconds = event["at"][11:-1].split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)
