"""What tests in a browser share: the browser, and a page in it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from streams.brokers import Broker
from tests.browser.gateway_double import GatewayDouble
from tests.browser.person import Person
from tests.browser.stage import Stage
from tests.conftest import absent

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_path() -> str:
    """Find the browser: AISLE_CHROMIUM, else one on the PATH. Skip where there is none; in CI, fail."""
    found = [os.environ.get("AISLE_CHROMIUM"), *map(shutil.which, NAMES)]
    path = next(filter(None, found), None)
    if path is None:
        absent("no browser: install Chromium, or set AISLE_CHROMIUM to its path")
    return str(path)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give a headless Chromium."""
    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_context(chromium: Browser) -> Iterator[BrowserContext]:
    """Give a browser's cookies and storage; new ones for each test take a second."""
    context = chromium.new_context()
    context.set_default_timeout(5_000)
    yield context
    context.close()


@pytest.fixture
def context(shared_context: BrowserContext) -> BrowserContext:
    """Give a browser of somebody new: without cookies; storage is by the port, which is another for each gateway."""
    shared_context.clear_cookies()
    shared_context.set_offline(offline=False)
    return shared_context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Give an empty page, in which nothing may go wrong unnoticed."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    """Give a double of the gateway."""
    with GatewayDouble() as gateway:
        yield gateway


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], object]:
    """Give what puts a measured time on the terminal, whether the test passes or not."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line} (load {os.getloadavg()[0]:.1f})\n")

    return write


@pytest.fixture(scope="session")
def stage(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a shop on real Kafka, with its worker and its console."""
    stage = Stage(kafka_broker, tmp_path_factory.mktemp("stage"))
    try:
        stage.open()
        yield stage
    finally:
        stage.close()
        kafka_broker.delete_topics(stage.site.prefix)


class Meet(Protocol):
    """Gives somebody new, with a browser of their own."""

    def __call__(self, **options: Any) -> Person: ...


@pytest.fixture
def meet(chromium: Browser, stage: Stage) -> Iterator[Meet]:
    """Give people; nothing may have gone wrong in their browsers that a test does not know of."""
    met: list[Person] = []

    def someone(**options: Any) -> Person:
        met.append(Person(chromium, stage, **options))
        return met[-1]

    yield someone
    problems = [problem for person in met for problem in person.problems]
    for person in met:
        person.close()
    assert problems == []
