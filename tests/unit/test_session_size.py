"""How large visitors get, and how much work a session of many events is."""

import time
from random import Random

import pytest

from models.session import decode_visitor, encode
from tests.journey import RULES, Journey, event, step


def browse(visit: Journey, random: Random, pages: int, *, start_s: float = 0.0) -> None:
    """Look at products with 12-character ids, two pings each, and a shelf of six on every third page."""
    for page in range(pages):
        at_s, view = start_s + 40 * page, f"view-{page:07d}"
        product = f"SKU{random.randrange(10**9):09d}"
        visit("view_item", product, at_s=at_s, view=view, event_id=f"e-{start_s}-{page}")
        for beat in (10, 20):
            visit("page_ping", at_s=at_s + beat, view=view, ping={"scroll": 0.5}, event_id=f"p-{start_s}-{page}-{beat}")
        if page % 3 == 0:
            shelf = [f"SKU{random.randrange(10**9):09d}" for _ in range(6)]
            visit("impression", *shelf, at_s=at_s + 1, slate=(f"s-{start_s}-{page}", 1), event_id=f"i-{start_s}-{page}")


def test_a_first_visit_is_a_kilobyte_and_a_customers_record_two() -> None:
    """Five pages of a first visit; then two more visits, each with two products bought; all with 12-character ids."""
    random, visit = Random(7), Journey()
    browse(visit, random, 5)
    assert len(encode(visit.visitor)) < 1024
    for day in (1, 2):
        browse(visit, random, 5, start_s=day * 86_400)
        products = [f"SKU{random.randrange(10**9):09d}" for _ in range(2)]
        visit("add_to_cart", *products, at_s=day * 86_400 + 300)
        visit("purchase", *products, at_s=day * 86_400 + 400)
    assert len(encode(visit.visitor)) < 2.5 * 1024


@pytest.mark.slow
def test_a_session_of_many_events_stays_small_and_fast() -> None:
    """One session of 30,000 events: bounded, and the last thousand cost what the second thousand cost."""
    visitor, costs = None, []
    for thousand in range(30):
        begun = time.process_time()
        for place in range(1000):
            number = 1000 * thousand + place
            name = ("view_item", "page_ping", "impression", "add_to_cart")[number % 4]
            visitor = step(visitor, event(name, f"product-{number}", at_s=number, event_id=str(number)), number).visitor
        costs.append(time.process_time() - begun)
        assert visitor is not None
        assert len(encode(visitor)) <= RULES.max_bytes
    assert visitor.session.events == 30_000
    assert (len(visitor.session.steps), len(visitor.shown), len(visitor.seen)) == (20, 64, 512)
    assert decode_visitor(encode(visitor)) == visitor
    assert sorted(costs[-9:])[4] < 4 * sorted(costs[1:10])[4]
