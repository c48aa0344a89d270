"""Open streams: what pages are told, and when they end."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from streams.gateway import hub
from streams.gateway.event_stream import EventStream, read_place
from streams.gateway.hub import HEARTBEAT_S, PER_VISITOR, FullError
from tests.collecting import asked
from tests.erasing import erasure
from tests.feed import Feed, Listener
from tests.slates_held import record


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_page_is_told_what_there_is_and_what_comes() -> None:
    """In the order the slates were written, each with its place; other visitors' are not for it."""

    async def run() -> None:
        feed = Feed()
        feed.take(record(2, placement="cart"), record(1), record(3, visitor="w"))
        page = Listener(feed, EventStream("v"))
        told = await page.events(2)
        feed.take(record(4, ["p2", "p1"]))
        told = await page.events(3)
        assert [(kind, data["placement"], tag) for kind, data, tag in told] == [
            ("slate", "home", "0-1"),
            ("slate", "cart", "0-2"),
            ("slate", "home", "0-4"),
        ]
        assert page.text.startswith("retry: 2000\n\n")

    asyncio.run(run())


def test_a_page_is_told_of_its_own_shelves_only() -> None:
    """By placement, or by placement and anchor."""

    async def run() -> None:
        feed = Feed()
        page = Listener(feed, EventStream("v", wanted=[("product", "p1"), ("cart", None)]))
        feed.take(record(1), record(2, placement="product", anchor="p2"), record(3, placement="product", anchor="p1"))
        feed.take(record(4, placement="cart", anchor="p3"))
        assert [tag for _, _, tag in await page.events(2)] == ["0-3", "0-4"]

    asyncio.run(run())


def test_a_slow_page_gets_the_newest() -> None:
    """Never a backlog, however much comes meanwhile."""

    async def run() -> None:
        feed = Feed()
        page = Listener(feed, EventStream("v"))
        await settle()
        page.reads.clear()
        feed.take(record(0))
        await settle()
        for number in range(1, 100):
            feed.take(record(number))
        page.reads.set()
        await page.events(2)
        await settle()
        assert [tag for _, _, tag in await page.events(2)] == ["0-0", "0-99"]

    asyncio.run(run())


def test_an_old_slate_is_never_told_after_a_newer_one() -> None:
    """Not by a revision that comes late either."""

    async def run() -> None:
        feed = Feed()
        page = Listener(feed, EventStream("v"))
        feed.take(record(5))
        await page.events(1)
        feed.take(record(4, revision=1, offset=6), record(3, offset=7))
        await settle()
        assert len(await page.events(1)) == 1

    asyncio.run(run())


def test_who_comes_back_is_told_what_is_newer_and_what_is_gone() -> None:
    """What the page has already is not sent again, but what can no longer be bought on it is withdrawn."""

    async def run() -> None:
        feed = Feed()
        feed.take(record(3, ["p1", "p2"]), record(9, placement="cart"))
        feed.sell("p2", stock=0)
        page = Listener(feed, EventStream("v", seen=read_place("0-3")))
        assert [(kind, data.get("product_ids"), tag) for kind, data, tag in await page.events(2)] == [
            ("slate", None, "0-9"),
            ("withdraw", ["p2"], ""),
        ]

    asyncio.run(run())


def test_of_another_partition_everything_may_be_newer() -> None:
    """A visitor who moved is told all."""

    async def run() -> None:
        feed = Feed()
        feed.take(record(3))
        page = Listener(feed, EventStream("v", seen=read_place("5-900")))
        assert [tag for _, _, tag in await page.events(1)] == ["0-3"]

    asyncio.run(run())


@pytest.mark.parametrize("text", [None, "", "3", "3-", "-3", "a-b", "1-2-3", "٣-٤", "9" * 40 + "-1"])
def test_nonsense_for_a_place_is_none(text: str | None) -> None:
    """A browser may send whatever it likes."""
    assert read_place(text) is None


def test_what_sells_out_is_withdrawn_and_comes_back() -> None:
    """On pages that show it, and on no other; a slate that is shown again does not move the page's place back."""

    async def run() -> None:
        feed = Feed()
        page, other = Listener(feed, EventStream("v")), Listener(feed, EventStream("w"))
        feed.take(record(1, ["p1", "p2"]), record(2, ["p3"], visitor="w"), record(3, ["p3"], placement="cart"))
        await page.events(2)
        feed.sell("p1", "p4", stock=0)
        await feed.hub.offers()
        assert (await page.events(3))[2] == ("withdraw", {"product_ids": ["p1"]}, "")
        feed.sell("p1", stock=1)
        await feed.hub.offers()
        kind, shelf, tag = (await page.events(4))[3]
        assert (kind, shelf["placement"], shelf["items"][0]["product_id"], tag) == ("slate", "home", "p1", "")
        assert len(await other.events(1)) == 1

    asyncio.run(run())


def test_what_is_back_before_a_slow_page_reads_was_never_gone() -> None:
    """It would be told of the shelf with the product, and right after it that the product is gone."""

    async def run() -> None:
        feed = Feed()
        page = Listener(feed, EventStream("v"))
        feed.take(record(1, ["p1", "p2"]))
        await page.events(1)
        page.reads.clear()
        feed.hub.beat()
        feed.s = HEARTBEAT_S
        feed.hub.beat()
        await settle()
        for stock in (0, 1):
            feed.sell("p1", stock=stock)
            await feed.hub.offers()
        page.reads.set()
        assert [kind for kind, _, _ in await page.events(2)] == ["slate", "slate"]
        await settle()
        assert "withdraw" not in page.text

    asyncio.run(run())


def test_an_open_page_outlives_its_visitors_place_in_memory() -> None:
    """Where others' slates have pushed its own out: nothing older comes, and what sells out is still withdrawn."""

    async def run() -> None:
        feed = Feed(cache_bytes=12_000)
        page = Listener(feed, EventStream("v"))
        feed.take(record(8, ["p1"]), record(9, ["p2"], placement="cart"))
        await page.events(2)
        feed.take(*(record(number, visitor=f"w{number}") for number in range(20)))
        assert not feed.shelves.of("v")
        feed.take(record(7, ["p3"], revision=1, offset=30), record(31, ["p3"], placement="search"))
        feed.sell("p2", stock=0)
        await feed.hub.offers()
        told = await page.events(4)
        assert [(kind, data.get("placement")) for kind, data, _ in told[2:]] == [
            ("slate", "search"),
            ("withdraw", None),
        ]

    asyncio.run(run())


def test_a_load_of_products_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look goes through all streams: not one for each of the catalogue's changes."""

    async def run() -> list[int]:
        feed, changes, looks = Feed(), 0, []
        pause = asyncio.Event()

        async def breathe(_seconds: float) -> None:
            looks.append(changes)
            await pause.wait()

        monkeypatch.setattr(hub, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": breathe}))
        task = asyncio.create_task(feed.hub.run())
        for changes in range(1, 101):  # noqa: B007  the pause notes how many there were
            feed.hub.products_changed()
            await settle()
        pause.set()
        task.cancel()
        await asyncio.wait({task})
        return looks

    assert len(asyncio.run(run())) == 1


def test_quiet_streams_get_a_heartbeat() -> None:
    """After fifteen seconds without anything, and only then."""

    async def run() -> None:
        feed = Feed()
        quiet, busy = Listener(feed, EventStream("v")), Listener(feed, EventStream("w"))
        await settle()
        feed.s = HEARTBEAT_S - 1
        feed.take(record(1, visitor="w"))
        await busy.events(1)
        feed.s = HEARTBEAT_S
        feed.hub.beat()
        await settle()
        assert quiet.text == "retry: 2000\n\n: \n\n"
        assert ": \n\n" not in busy.text.replace("retry: 2000\n\n", "")

    asyncio.run(run())


def test_a_page_that_leaves_is_let_go() -> None:
    """Nothing of it stays: neither a stream nor a task."""

    async def run() -> None:
        feed = Feed()
        pages = [Listener(feed, EventStream("v")) for _ in range(3)]
        await settle()
        for page in pages:
            page.leave()
        await asyncio.gather(*(page.task for page in pages))
        await settle()
        assert len(feed.hub) == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_streams_end_when_the_process_is_about_to_stop() -> None:
    """Those that are open, and those that would open then."""

    async def run() -> None:
        feed = Feed()
        page = Listener(feed, EventStream("v"))
        await settle()
        feed.hub.leave()
        late = Listener(feed, EventStream("w"))
        await asyncio.gather(page.task, late.task)
        assert page.ended
        assert late.ended

    asyncio.run(run())


def test_streams_of_who_is_forgotten_end() -> None:
    """Whether they asked here, or anywhere."""

    async def run() -> None:
        feed = Feed()
        here, there, other = (Listener(feed, EventStream(name)) for name in ("v", "w", "x"))
        await settle()
        feed.hub.forget("v")
        feed.hub.erase(erasure("w", offset=9))
        await asyncio.gather(here.task, there.task)
        await settle()
        assert not other.task.done()
        feed.hub.leave()
        await other.task

    asyncio.run(run())


def test_streams_are_limited() -> None:
    """Per visitor and per process; the answer says which, and when to try again."""

    async def run() -> list[httpx.Response]:
        feed = Feed(limit=PER_VISITOR + 1)
        for _ in range(PER_VISITOR):
            feed.hub.open(EventStream("v"))
        with pytest.raises(FullError):
            feed.hub.open(EventStream("v"))
        mine = await asked(feed.app, "GET", "/v1/stream", headers=feed.cookie("v"))
        feed.hub.open(EventStream("w"))
        return [mine, await asked(feed.app, "GET", "/v1/stream", headers=feed.cookie("x"))]

    answers = asyncio.run(run())
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(429, "10"), (503, "10")]


def test_nobody_known_has_no_stream() -> None:
    """204 tells a browser not to try again; a named origin may read it."""

    async def run() -> httpx.Response:
        feed = Feed(gateway_origins="https://other.example")
        return await asked(feed.app, "GET", "/v1/stream", headers={"origin": "https://other.example"})

    answer = asyncio.run(run())
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "https://other.example")
    assert answer.headers["vary"] == "Cookie, Origin"


@pytest.mark.parametrize(
    ("query", "status"),
    [("shelf=nowhere", 404), ("shelf=email", 404), ("shelf=product:", 422), ("shelf=home&" * 51, 422)],
)
def test_shelves_that_cannot_be_are_refused(query: str, status: int) -> None:
    """In a sentence."""

    async def run() -> httpx.Response:
        feed = Feed()
        return await asked(feed.app, "GET", f"/v1/stream?{query}", headers=feed.cookie("v"))

    answer = asyncio.run(run())
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")
