"""Somebody with a browser of their own: what they do on the shop's pages, and what the browser noticed meanwhile."""

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, Request

from tests.browser.stage import Stage

PATIENCE_MS = 30_000

NO_BOUNCE_MS = 4_000
"""Whoever leaves a product within three seconds did not like it; the page takes a moment before they count."""

NOTICE = """
window.noticed = {shift: 0, violations: [], slates: [], changed: {}, accepted: 0};
try {
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) noticed.shift += entry.value;
  }).observe({type: "layout-shift", buffered: true});
} catch {}
// Not by the tracker's word: timers of a tab in the background run once a second.
new MutationObserver((changes) => {
  for (const {target, addedNodes} of changes) {
    for (const {dataset} of [target, ...addedNodes]) {
      if (dataset?.slate) noticed.changed[dataset.slate] ??= performance.timeOrigin + performance.now();
    }
  }
}).observe(document, {subtree: true, childList: true, attributeFilter: ["data-slate"]});
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  noticed.violations.push(`${violatedDirective} ${blockedURI}`));
"""

LISTEN = """
if (location.protocol === "http:") import("/aisle.mjs").then(({default: aisle}) => {
  aisle.on("sent", ({accepted}) => (noticed.accepted += accepted));
  aisle.on("slate", ({shelf}) => noticed.slates.push({
    at_ms: noticed.changed[shelf.slate_id], event_id: shelf.event_id, placement: shelf.placement,
    slate_id: shelf.slate_id, contextual: shelf.contextual,
  }));
});
"""

FILLED = """([placement, contextual]) => {
  const shown = document.querySelector(`.shelf[data-placement="${placement}"][data-state="filled"] [data-slate]`);
  const slate = noticed.slates.findLast((one) => one.placement === placement);
  return slate && shown?.dataset.slate === slate.slate_id && (contextual || !slate.contextual);
}"""

PRODUCTS = "nodes => nodes.map((node) => node.dataset.product)"


class Person:
    """A visitor whom nobody has seen before.

    Args:
        chromium: where a context of their own is made.
        stage: the shop they visit.
        options: of the context, such as `viewport`.
    """

    def __init__(self, chromium: Browser, stage: Stage, **options: Any) -> None:
        self.stage = stage
        self.context = chromium.new_context(base_url=stage.shop, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(NOTICE + LISTEN)
        self.problems: list[str] = []
        self.requests: list[Request] = []
        self.sent: list[dict[str, Any]] = []
        self.context.on("request", self._request)
        self.context.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.context.on("console", lambda said: said.type in {"error", "warning"} and self.problems.append(said.text))
        self.page = self.tab()

    def tab(self) -> Page:
        """Open another tab."""
        return self.context.new_page()

    def close(self) -> None:
        """Close the browser."""
        self.context.close()

    def come(self, path: str = "/", *, consent: str = "granted") -> None:
        """Open a page and answer the shop's question."""
        self.page.goto(path)
        self.page.click(f"#consent [data-consent={consent}]")

    def look_at(self, product_id: str, page: Page | None = None) -> str:
        """Open a product's page, wait until its view is taken; gives the event's id."""
        page = page or self.page
        with page.expect_response(lambda answer: _views(answer.request, product_id)) as taken:
            page.goto(f"/p/{product_id}")
        assert taken.value.status == 202
        return next(one["event_id"] for one in events_of(taken.value.request) if one["name"] == "view_item")

    def stay(self, page: Page) -> None:
        """Stay on a product's page long enough to like it."""
        page.wait_for_function("ms => performance.now() > ms", arg=NO_BOUNCE_MS)

    def filled(self, placement: str, page: Page | None = None, *, contextual: bool = False) -> None:
        """Wait until a shelf shows a slate: the visitor's own, or any."""
        (page or self.page).wait_for_function(FILLED, arg=[placement, contextual])

    def shelf(self, placement: str, page: Page | None = None) -> list[str]:
        """List what a shelf shows."""
        items = (page or self.page).locator(f'.shelf[data-placement="{placement}"] [data-slot] > [data-slate]')
        return list(items.evaluate_all(PRODUCTS))

    def shows_until(self, placement: str, true: str, argument: object, page: Page | None = None) -> list[str]:
        """Wait until a shelf's products are as wanted; `true` is a function of them and the argument."""
        script = f"""([placement, given]) => ({true})([...document.querySelectorAll(
          `.shelf[data-placement="${{placement}}"] [data-slot] > [data-slate]`)].map((node) => node.dataset.product),
          given)"""
        (page or self.page).wait_for_function(script, arg=[placement, argument])
        return self.shelf(placement, page)

    def slate_of(self, event_id: str, placement: str, page: Page | None = None) -> dict[str, Any]:
        """Wait for the slate that answers an event; gives when the shelf changed."""
        script = "([id, placement]) => noticed.slates.find((s) => s.event_id === id && s.placement === placement)"
        found = (page or self.page).wait_for_function(script, arg=[event_id, placement])
        return dict(found.json_value())

    def until(self, true: Callable[[], object]) -> None:
        """Wait, and let the browser go on, until something is so."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not true():
            assert time.monotonic() < end, "it did not come about"
            self.page.wait_for_timeout(50)

    def events(self, name: str) -> list[dict[str, Any]]:
        """List the events of a name that were sent, in requests answered or not."""
        return [event for event in self.sent if event["name"] == name]

    def visitor_id(self) -> str:
        """Say who this is to the shop."""
        return self.stage.visitor_of(self.sent[0]["event_id"])

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        self.sent += events_of(request)


def events_of(request: Request) -> list[dict[str, Any]]:
    """Read the events in a request; a request for anything else has none."""
    if not request.url.endswith("/v1/events") or request.method != "POST":
        return []
    return list(json.loads(request.post_data or "{}").get("events", []))


def _views(request: Request, product_id: str) -> bool:
    return any(one["name"] == "view_item" and one["items"][0]["product_id"] == product_id for one in events_of(request))
