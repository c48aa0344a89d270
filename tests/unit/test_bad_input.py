"""What producers get wrong, fed to the engine as a library: refused with a reason or used, and never the end."""

import resource
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.session import SessionRules
from schemas.products import Product
from schemas.slates import Slate
from streams.engine import Engine
from streams.settings import Settings
from tests.bad_input import Case, cases, event

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG = "x" * 120
"""What makes an id as long as ids may be."""


REFUSED = [case for case in cases(AT) if case.reason is not None]
USED = [case for case in cases(AT) if case.reason is None]


@pytest.fixture
def engine() -> Engine:
    """An engine with a shop of 40 mugs."""
    engine = Engine(Settings(_env_file=None, index="numpy"))
    for n in range(40):
        engine.put_product(Product(product_id=f"p{n}", title=f"Mug {n}", category=("Home", "Mugs")))
    return engine


def feed(engine: Engine, value: bytes | None, key: bytes = b"v-bad", *, at: datetime = AT) -> list[Slate]:
    """Bring one record, arriving at its time."""
    return engine.feed_bytes(key, value, arrival=at)


def reasons(engine: Engine) -> list[str]:
    """Name why records were refused, in order."""
    return [letter.reason for letter in engine.dead_letters]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_refused_record_is_a_dead_letter_and_nothing_else(engine: Engine, case: Case) -> None:
    """It goes aside with its reason, its place and its bytes; no state, no slate, no learning."""
    assert feed(engine, case.value, case.key) == []
    (letter,) = engine.dead_letters
    assert (letter.reason, letter.source.topic, letter.source.offset) == (case.reason, "clickstream.events", 0)
    assert letter.value_bytes == len(case.value or b"")
    assert (case.value or b"").startswith(letter.original() or b"")
    assert (engine.contexts(), engine.knowledge.model.offset) == ({}, -1)


@pytest.mark.parametrize("case", USED, ids=lambda case: case.name)
def test_an_odd_record_is_used(engine: Engine, case: Case) -> None:
    """What is unusual and right gets its slates, of products there are, and is remembered."""
    slates = feed(engine, case.value, case.key)
    assert {slate.placement for slate in slates} >= {"home"}
    assert {item.product_id for slate in slates for item in slate.items} <= {f"p{n}" for n in range(40)}
    assert len(engine.contexts()) == 1
    assert reasons(engine) == []


def test_all_of_it_together_stops_nothing(engine: Engine) -> None:
    """Each bad record alone goes aside, in order, and the next shopper is served as if nothing had been."""
    for case in cases(AT):
        feed(engine, case.value, case.key)
    assert reasons(engine) == [case.reason for case in REFUSED]
    assert len(feed(engine, event(AT, visitor_id="v-good"), b"v-good")) == 2


def test_no_detail_repeats_what_was_sent(engine: Engine) -> None:
    """A dead letter's detail names fields, never their values: they may be personal."""
    for case in cases(AT):
        feed(engine, case.value, case.key)
    details = " ".join(letter.detail for letter in engine.dead_letters)
    assert not [word for word in ("teleport", "v-bad", "xxxx", "p1", "watermark") if word in details]


def test_a_record_that_comes_twice_counts_once(engine: Engine) -> None:
    """The second one changes neither visit nor model, and gives no slate: its page has one."""
    once = event(AT, event_id="once")
    assert len(feed(engine, once)) == 2
    before = engine.visitor("v-bad")
    assert feed(engine, once) == []
    after = engine.visitor("v-bad")
    assert before is not None
    assert after is not None
    assert (after.session, after.profile) == (before.session, before.profile)
    assert (engine.knowledge.model.offset, reasons(engine)) == (0, [])


def test_what_comes_late_is_learned_and_moves_no_session(engine: Engine) -> None:
    """An event of the day before, after one of today, leaves the session where it was."""
    feed(engine, event(AT, event_id="now"))
    before = engine.visitor("v-bad")
    feed(engine, event(AT - timedelta(days=1), event_id="yesterday", items=[{"product_id": "p2"}]))
    after = engine.visitor("v-bad")
    assert before is not None
    assert after is not None
    assert after.session == before.session
    assert (engine.knowledge.model.offset, reasons(engine)) == (1, [])


def test_the_largest_event_is_learned(engine: Engine) -> None:
    """An order of 64 KiB, of products with the longest ids, on top of a visit and a cart of such: all of it counts."""
    longest = [f"{n:03}" + "\N{HIKING BOOT}" * 125 for n in range(115)]
    for n, name in enumerate(["view_item", "add_to_cart", "purchase"]):
        items = [{"product_id": product} for product in (longest if name == "purchase" else longest[:20])]
        value = event(AT, event_id=f"e{n}", name=name, items=items)
        assert feed(engine, value)
    assert len(value) > 60_000
    assert (engine.knowledge.model.offset, reasons(engine)) == (2, [])
    assert engine.knowledge.model.count_of(longest[-1]) > 0


@pytest.mark.parametrize("consent", [None, "none"])
def test_without_consent_there_are_slates_and_nothing_else(engine: Engine, consent: str | None) -> None:
    """Consent that is missing or refused gives slates of the context: no state is kept and nothing is learned."""
    slates = feed(engine, event(AT, consent=consent))
    assert {slate.placement for slate in slates} == {"home", "product"}
    assert all(slate.items for slate in slates)
    assert (engine.contexts(), engine.knowledge.model.offset) == ({}, -1)


@pytest.mark.slow
def test_a_session_of_fifty_thousand_events_is_bounded(engine: Engine) -> None:
    """Days of one visit, ever new products under the longest ids: state stays small and memory does not grow."""
    learned = []
    for n in range(50_000):
        at = AT + timedelta(seconds=1.3 * n)
        more: dict[str, Any] = {"items": [{"product_id": f"{LONG}{n}"}]} if n % 25 == 0 else {
            "name": "page_ping", "items": [], "ping": {"scroll": 0.5}, "page": {"view_id": f"{LONG}{n // 25}"},
        }  # fmt: skip
        feed(engine, event(at, event_id=f"{LONG}{n}", visitor_id="long", **more), b"long", at=at)
        if n in {10_000, 49_999}:
            learned.append((engine.knowledge.model.offset, resident_mb()))
    assert len(engine.contexts()["long"]) <= SessionRules().max_bytes
    (_, early), (steps, late) = learned
    assert steps == 1_999
    assert late - early < 40
    assert reasons(engine) == []


def resident_mb() -> float:
    """Give the most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
