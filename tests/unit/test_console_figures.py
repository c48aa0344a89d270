"""The arithmetic of the console's figures, from records to what a page draws."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest

from schemas.judgements import Spending
from schemas.topics import CHANGELOG, EVENTS, EVIDENCE, SLATES
from streams.console import roster as rosters
from streams.console.course import SECONDS, Course, named, spread
from streams.console.coverage import Coverage, Refusals, spent_usd
from streams.console.roster import Roster
from streams.console.scraping import Scraping

NOW = 1_700_000_000


def at(seconds: float) -> int:
    """Give ms of a time before now."""
    return int((NOW - seconds) * 1000)


def record(key: str, value: bytes | None = b"{}", offset: int = 0, ms: int = 0) -> SimpleNamespace:
    """Give a record as the consumer's parser makes them."""
    return SimpleNamespace(offset=offset, timestamp=ms, key=key.encode(), value=value, headers=())


def slate(offset: int, placement: str, revision: int = 0) -> bytes:
    """Give a slate's first bytes."""
    return b'{"schema_version":"1.0","slate_id":"s-3-%d-%s-0685","revision":%d}' % (
        offset,
        placement.encode(),
        revision,
    )


def test_events_and_slates_are_counted_by_the_second_they_bear() -> None:
    """By placement; what bears another time, such as a producer's wrong clock, counts as of now."""
    course = Course(clock=lambda: NOW)
    for ms in (at(2), at(2), at(1), at(100_000)):
        course.event(0, ms, ms)
    found = named(slate(7, "home"))
    assert found is not None
    course.slate(0, found, at(2))
    told = course.plain()
    assert len(told["events"]) == SECONDS
    assert told["events"][-2:] == [2, 1]
    assert told["slates"]["home"][-2:] == [1, 0]
    assert not told["sampled"]


def test_what_was_passed_over_is_counted_too() -> None:
    """Events by their number; slates as the placements of those that were read."""
    clock = SimpleNamespace(now=NOW - 1)
    course = Course(clock=lambda: clock.now)
    course.skipped("events", 50)
    for offset, placement in enumerate(("home", "home", "home", "product")):
        found = named(slate(offset, placement))
        assert found is not None
        course.slate(0, found, at(1))
    course.skipped("slates", 12)
    clock.now = NOW
    told = course.plain()
    assert told["events"][-1] == 50
    assert (told["slates"]["home"][-1], told["slates"]["product"][-1]) == (12, 4)
    assert told["sampled"]


def test_latency_is_from_the_events_arrival_to_the_slates_write() -> None:
    """Revisions wait for judgements and are counted apart; slates whose event was not read tell none."""
    course = Course(clock=lambda: NOW)
    course.event(3, 7, at(5))
    for value, ms in ((slate(7, "home"), at(5) + 30), (slate(7, "home", 1), at(5) + 400), (slate(8, "home"), at(1))):
        found = named(value)
        assert found is not None
        course.slate(3, found, ms)
    told = course.plain()
    assert (told["latency"]["count"], told["latency"]["p50"]) == (1, 30)
    assert (told["revised"]["count"], told["revised"]["p50"]) == (1, 400)


def test_a_slate_may_be_read_before_its_event() -> None:
    """Logs are read side by side."""
    course = Course(clock=lambda: NOW)
    found = named(slate(7, "home"))
    assert found is not None
    course.slate(3, found, at(5) + 30)
    course.event(3, 7, at(5))
    assert course.plain()["latency"]["p50"] == 30


@pytest.mark.parametrize("value", [None, b"", b"nonsense", b'{"slate_id":"x-1-home-0685"}', b"\xff" * 1000])
def test_what_is_no_slate_has_no_name(value: bytes | None) -> None:
    """Whatever the bytes are."""
    assert named(value) is None


def test_a_histogram_puts_each_duration_below_its_edge() -> None:
    """The last bar is open, and quantiles are values that were seen."""
    told = spread([1, 2, 2.5, 9999, 20])
    assert told["bars"] == [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (told["p50"], told["p90"], told["p99"]) == (2.5, 9999, 9999)
    assert spread([])["p99"] is None


def test_coverage_is_of_slates_as_first_written() -> None:
    """Of judged placements; slates written again are counted apart."""
    coverage = Coverage(frozenset({"home"}), clock=lambda: NOW)

    def judged(by: str, covered: str) -> bytes:
        return f'{{"judged":{{"by":"{by}","hits":3,"of":9,"covered":{covered}}}}}'.encode()

    for value in (judged("fine", "true"), judged("coarse", "false"), judged("none", "false"), b"{}"):
        coverage.take("home", 0, value, at(1))
    coverage.take("home", 1, judged("fine", "true"), at(1))
    coverage.take("cart", 0, judged("fine", "true"), at(1))
    coverage.take("home", 0, judged("fine", "true"), at(1000))
    told = coverage.plain()
    assert told["by"] == {"fine": 1, "partial": 1, "none": 1, "nothing to judge by": 1}
    assert (told["count"], told["revisions"]) == (4, 1)


def test_spending_is_of_the_last_hour() -> None:
    """Over all partitions of the requests."""
    minute = NOW // 60
    spending = [
        Spending(partition=0, usd={minute: 0.25, minute - 59: 0.5, minute - 60: 9.0}),
        Spending(partition=1, usd={minute - 1: 1.0}),
    ]
    assert spent_usd(spending, NOW) == 1.75


def test_refusals_are_told_by_reason() -> None:
    """A reason of a newer build is another, and what stands between letters is none."""
    refusals = Refusals()
    for reason, ms in (("schema", 5), ("schema", 4), ("of_tomorrow", 9)):
        refusals.take(b'{"schema_version":"1.0","reason":"%s"}' % reason.encode(), ms)
    refusals.take(b'{"requeue":"sent"}', 1)
    refusals.take(None, 1)
    assert refusals.plain() == [
        {"reason": "schema", "count": 2, "last_ms": 5},
        {"reason": "other", "count": 1, "last_ms": 9},
    ]


def test_real_visitors_stand_before_simulated_ones() -> None:
    """And contextual slates are nobody's."""
    roster = Roster()
    for ms, name in enumerate(("w-older", "v1", "w-newer", "v2", "~contextual")):
        roster.take(EVENTS, 0, record(name, ms=ms))
    assert [one.visitor_id for one in roster.newest(10)] == ["w-newer", "w-older", "v2", "v1"]
    assert [one.visitor_id for one in roster.newest(3)] == ["w-newer", "w-older", "v2"]
    assert roster.counts() == (2, 2)


def test_memory_is_bounded_and_the_watched_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was active longest ago loses their records first, and then is nobody known."""
    monkeypatch.setattr(rosters, "KNOWN", 20)
    roster = Roster(most_bytes=1000)
    assert roster.watch("w-watched", 0)
    roster.take(SLATES, 0, record("w-watched", b"x" * 90))
    for number in range(100):
        roster.take(EVENTS, 0, record(f"v{number}", b"x" * 90))
        roster.take(EVIDENCE, 0, record(f"v{number}", b"x" * 90))
    kept = [one for number in range(100) if (one := roster.get(f"v{number}")) is not None]
    watched = roster.get("w-watched")
    assert watched is not None
    assert len(watched.slates) == 1
    assert len(roster) == 20
    assert sum(one.size for one in (*kept, watched)) <= 1000
    assert roster.watched_partitions() == frozenset({0})


def test_one_visitors_records_are_bounded_too() -> None:
    """A robot that never stops keeps as much as anybody."""
    roster = Roster()
    for number in range(300):
        roster.take(EVENTS, 0, record("w1", b"x" * 10, offset=number))
        roster.take(CHANGELOG, 0, record("w1", b"y" * 7, offset=number))
    one = roster.get("w1")
    assert one is not None
    assert (one.count, len(one.events), one.events[0].offset) == (300, rosters.EVENTS_KEPT, 300 - rosters.EVENTS_KEPT)
    assert one.size == rosters.EVENTS_KEPT * 10 + 7


def test_who_is_forgotten_is_listed_no_more() -> None:
    """Not by what is read later but is older either: topics are read side by side. Who comes back is new."""
    roster = Roster()
    roster.take(EVENTS, 0, record("w1", ms=5))
    roster.take(CHANGELOG, 0, record("w1", None, ms=7))
    roster.take(EVENTS, 0, record("w1", ms=6))
    assert (roster.newest(10), roster.counts()) == ([], (0, 0))
    roster.take(EVENTS, 0, record("w1", ms=8))
    assert [one.count for one in roster.newest(10)] == [1]


def test_who_asked_to_be_forgotten_is() -> None:
    """The tombstone of their state takes everything that was kept here along."""
    roster = Roster()
    for topic in (EVENTS, SLATES, EVIDENCE, CHANGELOG):
        roster.take(topic, 0, record("w1", b"x"))
    roster.take(CHANGELOG, 0, record("w1", None))
    one = roster.get("w1")
    assert one is not None
    assert (one.size, len(one.events), one.state) == (0, 0, None)


def test_who_was_erased_is_gone_however_late_their_records_are_read() -> None:
    """Logs are read side by side; what comes after the erasure is a new life."""
    roster = Roster()
    roster.take(EVENTS, 0, record("v", offset=1, ms=10))
    roster.take(EVENTS, 0, record("w", offset=2, ms=10))
    roster.erase("v", 20)
    assert [one.visitor_id for one in roster.newest(9)] == ["w"]
    for topic in (EVENTS, SLATES, EVIDENCE):
        roster.take(topic, 0, record("v", offset=3, ms=20))
    assert roster.get("v") is None
    roster.take(EVENTS, 0, record("v", offset=4, ms=21))
    back = roster.get("v")
    assert back is not None
    assert [raw.offset for raw in back.events] == [4]


def test_somebody_who_is_looked_at_can_be_erased() -> None:
    """Whoever looks sees that nothing is known any more."""
    roster = Roster()
    roster.watch("v", 0)
    roster.take(EVENTS, 0, record("v", offset=1, ms=10))
    one = roster.get("v")
    assert one is not None
    version = one.version
    roster.erase("v", 20)
    assert (len(one.events), one.count, one.size) == (0, 0, 0)
    assert one.version > version
    roster.unwatch("v")


PAGE = """# TYPE aisle_ready gauge
aisle_ready 1.0
# TYPE aisle_source_lag gauge
aisle_source_lag{partition="0"} 3.0
aisle_source_lag{partition="1"} 4.0
# TYPE aisle_gateway_browser_seconds histogram
aisle_gateway_browser_seconds_bucket{le="0.05"} 2.0
aisle_gateway_browser_seconds_bucket{le="+Inf"} 3.0
"""


def test_metrics_are_summed_and_what_does_not_answer_is_said_to() -> None:
    """A page that is none of metrics is no reason to end."""
    answers: dict[str, Callable[[], httpx.Response]] = {
        "/one": lambda: httpx.Response(200, text=PAGE),
        "/two": lambda: httpx.Response(200, text=PAGE),
        "/down": lambda: httpx.Response(500),
        "/odd": lambda: httpx.Response(200, text="<html>"),
        "/edgeless": lambda: httpx.Response(200, text=PAGE.replace('{le="0.05"}', "")),
    }
    transport = httpx.MockTransport(lambda request: answers[request.url.path]())
    urls = [*(f"http://there{path}" for path in answers), "http://[no-address"]
    scraping = Scraping(urls, lambda: True, transport)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            for url in urls:
                await scraping.ask(client, url)

    asyncio.run(ask())
    told = scraping.plain()
    assert [page["answers"] for page in told["pages"]] == [True, True, False, False, False, False]
    assert (told["pages"][0]["kind"], told["pages"][0]["source_lag"]) == ("clicks", 7)
    assert told["histograms"]["gateway_browser_seconds"]["bars"] == [4, 2]
    assert told["histograms"]["gateway_slate_seconds"] is None
