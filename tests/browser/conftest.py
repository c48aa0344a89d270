"""What tests in a browser share: the browser, and a page in it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.gateway_double import GatewayDouble
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
