"""Shelves of nobody in particular: asked for once per context, within a budget, never in a page's way for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from models.placements import PLACEMENTS
from schemas.events import decode_event, of_context
from streams.gateway import contextual
from streams.gateway.context import ASKED_BY, Context, context_of
from tests.collecting import asked
from tests.feed import Feed
from tests.slates_held import NOON_MS, record


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contextual, "WAIT_S", 0.03)


def run(asking: Callable[[Feed], Awaitable[Any]], **fields: Any) -> Any:
    """Run with a feed."""

    async def inside() -> Any:
        return await asking(Feed(**fields))

    return asyncio.run(inside())


async def get(feed: Feed, query: str, **headers: str) -> httpx.Response:
    """Ask for a shelf."""
    return await asked(feed.app, "GET", f"/v1/recommendations?{query}", headers=headers)


async def answered(feed: Feed, asking: Awaitable[Any]) -> Any:
    """Let the worker answer as soon as something is asked."""
    task = asyncio.ensure_future(asking)
    before = len(feed.log.records)
    while len(feed.log.records) == before and not task.done():  # noqa: ASYNC110  the log tells nobody
        await asyncio.sleep(0)
    feed.answer(after=before)
    return await task


@pytest.mark.parametrize("placement", ASKED_BY)
def test_each_event_asks_for_its_placement_and_leaves_no_trace(placement: str) -> None:
    """It is a valid event of nobody, without consent, that triggers the placement."""
    context = context_of(placement, anchor="p1", country="nl", device="mobile", campaign="Spring")
    assert context is not None
    event = decode_event(context.event(Feed().now()).encode(), arrival_ms=NOON_MS)
    asked_for = {one.name: one.anchor_name(event, ()) for one in PLACEMENTS if one.triggered_by(event)}
    assert asked_for[placement] == context.anchor
    assert (event.consent, event.user_id, of_context(event.visitor_id)) == ("none", None, True)
    assert event.context is not None
    assert (event.context.country, event.context.device, event.context.utm_campaign) == ("NL", "mobile", "spring")


def test_a_context_is_asked_for_once_and_shown_to_all() -> None:
    """The first page waits for its slate, others that come meanwhile wait for the same one."""

    async def asking(feed: Feed) -> tuple[list[httpx.Response], Feed]:
        many = asyncio.gather(*(get(feed, "placement=home") for _ in range(5)))
        answers = await answered(feed, many)
        return [*answers, await get(feed, "placement=home")], feed

    answers, feed = run(asking)
    assert len(feed.log.records) == 1
    assert feed.log.records[0][1] == "gateway"
    assert len({answer.text for answer in answers}) == 1
    shelf = answers[0].json()
    assert (shelf["contextual"], [item["product_id"] for item in shelf["items"]]) == (True, ["p1", "p2"])
    assert answers[0].headers["cache-control"] == "public, max-age=30"
    assert answers[0].headers["vary"] == "Cookie, Origin"


def test_a_visitors_own_slate_comes_first() -> None:
    """And is nobody else's to cache."""

    async def asking(feed: Feed) -> httpx.Response:
        feed.take(record(1, ["p3"]))
        return await get(feed, "placement=home", **feed.cookie("v"))

    answer = run(asking)
    assert (answer.json()["contextual"], answer.headers["cache-control"]) == (False, "private, no-store")


def test_a_shelf_that_did_not_change_is_not_sent_again() -> None:
    """304 for who has it, whatever else they name."""

    async def asking(feed: Feed) -> list[httpx.Response]:
        feed.take(record(1, ["p3"]))
        first = await get(feed, "placement=home", **feed.cookie("v"))
        known = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
        again = await get(feed, "placement=home", **feed.cookie("v"), **known)
        feed.take(record(2, ["p4"]))
        return [again, await get(feed, "placement=home", **feed.cookie("v"), **known)]

    again, changed = run(asking)
    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


def test_nobody_answers() -> None:
    """The page gets an empty shelf after a moment, not to be kept."""
    answer = run(lambda feed: get(feed, "placement=home"))
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


def test_a_page_is_shown_the_nearest_context_meanwhile() -> None:
    """Without the campaign, the device, the country; the right one is there for the next."""

    async def asking(feed: Feed) -> tuple[list[str], Feed]:
        wide, near = Context("home"), Context("home", country="NL")
        feed.take(record(1, ["p1"], visitor=wide.visitor_id), record(2, ["p2"], visitor=near.visitor_id))
        query = "placement=home&country=NL&device=mobile&campaign=spring"
        first = await get(feed, query)
        feed.answer(products=["p3"])
        return [one.json()["items"][0]["product_id"] for one in (first, await get(feed, query))], feed

    shown, feed = run(asking)
    assert shown == ["p2", "p3"]
    assert len(feed.log.records) == 1


def test_the_widest_context_is_asked_for_with_the_first() -> None:
    """So that there is something to show once the budget is spent."""

    async def asking(feed: Feed) -> Feed:
        await get(feed, "placement=home&campaign=spring")
        return feed

    feed = run(asking)
    visitors = [taken.event.visitor_id for taken, _ in feed.log.records]
    assert visitors == [Context("home").visitor_id, Context("home", campaign="spring").visitor_id]


def test_nobody_makes_us_ask_for_ever() -> None:
    """Unknown products, other placements and words beyond the budget are not asked for."""

    async def asking(feed: Feed) -> list[int]:
        counts = []
        for query in ("placement=product&product_id=nothing", "placement=product", "placement=cart&anchor=p1"):
            assert (await get(feed, query)).json()["items"] == []
            counts.append(len(feed.log.records))
        for number in range(20):
            await get(feed, f"placement=search&query=word{number}")
        return [*counts, len(feed.log.records)]

    assert run(asking, per_s=4) == [0, 0, 0, 3]


def test_asking_can_be_switched_off() -> None:
    """By a budget of nothing."""

    async def asking(feed: Feed) -> int:
        await get(feed, "placement=home")
        return len(feed.log.records)

    assert run(asking, per_s=0) == 0


def test_a_slate_is_asked_for_anew_before_it_is_stale() -> None:
    """Pages go on with what there is meanwhile."""

    async def asking(feed: Feed) -> list[int]:
        await answered(feed, get(feed, "placement=home"))
        feed.ms += 800_000
        await get(feed, "placement=home")
        counts = [len(feed.log.records)]
        feed.ms += 200_000
        assert (await get(feed, "placement=home")).json()["items"]
        for _ in range(5):  # what is asked for beside the answer gets to the log
            await asyncio.sleep(0)
        return [*counts, len(feed.log.records)]

    assert run(asking) == [1, 2]


def test_a_log_that_takes_nothing_is_no_error() -> None:
    """The page gets an empty shelf."""

    async def asking(feed: Feed) -> httpx.Response:
        feed.log.busy = True
        return await get(feed, "placement=home")

    assert run(asking).json()["items"] == []


def test_what_no_page_says_tells_no_contexts_apart() -> None:
    """Countries and devices are of known kinds; a category's page does not count without a visitor."""
    assert context_of("home", country="nowhere", device="fridge", campaign=" ") == Context("home")
    assert context_of("category", anchor="https://shop.example/mugs") == Context("category")
    assert context_of("search", anchor="  ") == Context("search")
    assert [one.campaign for one in Context("home", None, "NL", "mobile", "x").broader()] == [None] * 3


def test_made_up_contexts_do_not_spend_what_every_page_needs() -> None:
    """A part of the budget is for the widest contexts."""

    async def asking(feed: Feed) -> list[bool]:
        for number in range(20):
            await get(feed, f"placement=search&query=word{number}")
        await get(feed, "placement=home&country=NL")
        for _ in range(5):  # what is asked for beside the answer gets to the log
            await asyncio.sleep(0)
        visitors = [taken.event.visitor_id for taken, _ in feed.log.records]
        return [context.visitor_id in visitors for context in (Context("home"), Context("home", country="NL"))]

    assert run(asking, per_s=8) == [True, False]
