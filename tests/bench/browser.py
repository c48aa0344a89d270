"""`make bench-browser`: from a click on the page to the shelf that answers it, painted, through real Kafka.

A headless Chromium is on a product page of the demo's shop, which gets a home shelf beside its own, and clicks on "Add
to cart". The page's own clock runs from the click's handler until the frame after the shelf with the slate that names
the click as its cause. Prints one JSON line; a visitor clicks 40 times, as more slates a minute are for bots.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from conditions import Stolen, machine
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as NoAnswerError
from telling import tell

from streams.brokers import open_broker
from streams.settings import Settings
from tests.browser.conftest import browser_path
from tests.browser.person import Person
from tests.browser.stage import Stage

CLICKS_EACH, WARM_UP = 40, 4
MOST_WAIT_MS = 10_000

WATCH = """async () => {
  const {default: aisle} = await import("/aisle.mjs");
  const list = document.createElement("ul");
  document.querySelector("main").append(list);
  const render = (item) => Object.assign(document.createElement("li"), {textContent: item.title});
  const asked = {};
  const {fetch} = window;
  window.answered = {};
  let clickedAt;
  window.fetch = (url, options) => {
    for (const {event_id, name} of JSON.parse(options?.body ?? "{}").events ?? []) {
      if (name === "add_to_cart") asked[(window.last = event_id)] = clickedAt;
    }
    return fetch(url, options);
  };
  document.addEventListener("click", () => (clickedAt = performance.now()), true);
  aisle.slot(list, {placement: "home", size: 10, render});
  aisle.on("slate", ({shelf: {placement, event_id}}) => {
    if (placement === "home" && event_id in asked) answered[event_id] = performance.now() - asked[event_id];
  });
}"""


def clicks(chromium: Browser, stage: Stage, count: int) -> list[float]:
    """Let somebody new click, again when the answer is there; gives milliseconds, infinite where none came."""
    person = Person(chromium, stage)
    try:
        person.come()
        person.filled("home")
        product = next(iter(stage.sold("Outdoor", "Tents")))
        person.look_at(product)
        person.filled("product")
        person.page.evaluate(WATCH)
        person.page.wait_for_selector("main > ul [data-slate]")
        return [_click(person) for _ in range(count)]
    finally:
        person.close()


def _click(person: Person) -> float:
    before = person.page.evaluate("window.last")
    person.page.click("[data-buy] button")
    person.page.wait_for_function("before => window.last && window.last !== before", arg=before)
    try:
        answer = person.page.wait_for_function("() => answered[last]", timeout=MOST_WAIT_MS)
    except NoAnswerError:
        return float("inf")
    return float(answer.json_value())


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Run once."""
    load_before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        open_broker(asked.broker, Settings(_env_file=None)) as broker,
        sync_playwright() as playwright,
    ):
        stage = Stage(broker, Path(folder))
        try:
            stage.open()
            chromium = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
            clicks(chromium, stage, WARM_UP)
            load_quiet, stolen = os.getloadavg()[0], Stolen()
            visitors = -(-asked.clicks // CLICKS_EACH)
            took = [ms for _ in range(visitors) for ms in clicks(chromium, stage, CLICKS_EACH)]
            found = {
                "clicks": len(took), "unanswered": sum(ms == float("inf") for ms in took),
                **{f"p{q}_ms": round(float(np.quantile(took, q / 100, method="higher")), 1) for q in (50, 95, 99)},
                "load average at the start of clicks, at the end": (load_quiet, os.getloadavg()[0]),
                "stolen": round(stolen.share(), 3), "broker": broker.kind, "browser": chromium.version,
                **machine(load_before, "shared by broker, worker, shop, console and browser"),
            }  # fmt: skip
            chromium.close()
            return found
        finally:
            stage.close()
            broker.delete_topics(stage.site.prefix)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=240, help="in all, by visitors of forty each")
    parser.add_argument("--broker", default="auto")
    tell(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
