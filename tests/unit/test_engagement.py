"""Dwell, scroll, bounces: what a look weighs."""

import math

import pytest

from models.context import context_of
from models.engagement import dwell_ms, step_weight
from models.session_rules import unweighted
from models.visitor import UNKNOWN, Step
from tests.journey import RULES, Journey

HALVED = 0.5 ** (1 / 5)


def test_engaged_time_is_heartbeats_plus_the_minimum_visit() -> None:
    """Three distinct heartbeats of 10 s, one of them told twice, are 2 x 10 s + 5 s."""
    visit = Journey()
    visit("view_item", "lamp", view="p1")
    for at_s in (10, 21, 21.5, 35):
        visit("page_ping", at_s=at_s, view="p1", ping={})
    assert dwell_ms(visit.visitor.session.steps[0], RULES) == 25_000


def test_pings_come_to_the_same_in_any_order() -> None:
    """Late pings still count for their page, and the session stays where it is."""
    ordered, shuffled = Journey(), Journey()
    for visit, times in ((ordered, (10, 20, 30)), (shuffled, (30, 10, 20))):
        visit("view_item", "lamp", view="p1")
        for at_s in times:
            visit("page_ping", at_s=at_s, view="p1", ping={"scroll": at_s / 100})
    assert ordered.visitor.session.steps == shuffled.visitor.session.steps
    assert shuffled.last.note == "late"
    assert shuffled.visitor.session.last_ms == ordered.visitor.session.last_ms


def test_a_tracker_that_measures_engaged_time_is_believed_where_it_says_more() -> None:
    """The larger of heartbeats and `dwell_ms` counts, at most five minutes."""
    visit = Journey()
    visit("view_item", "lamp", view="p1")
    visit("page_ping", at_s=10, view="p1", ping={"dwell_ms": 9_000})
    assert dwell_ms(visit.visitor.session.steps[0], RULES) == 9_000
    visit("page_ping", at_s=20, view="p1", ping={"dwell_ms": 4_000})
    assert dwell_ms(visit.visitor.session.steps[0], RULES) == 15_000
    visit("page_ping", at_s=30, view="p1", ping={"dwell_ms": 86_000_000})
    assert dwell_ms(visit.visitor.session.steps[0], RULES) == 300_000


def test_a_ping_goes_to_its_own_page() -> None:
    """With two pages open, the ping's page view says which product is being looked at."""
    visit = Journey()
    visit("view_item", "lamp", view="p1")
    visit("view_item", "sofa", at_s=20, view="p2")
    visit("page_ping", at_s=30, view="p1", ping={"scroll": 0.4})
    visit("page_ping", at_s=31, view="elsewhere", ping={"scroll": 0.9})
    lamp, sofa = visit.visitor.session.steps
    assert (lamp.scroll, sofa.scroll) == (40, UNKNOWN)


def test_without_pings_dwell_is_the_gap_to_the_next_event() -> None:
    """A gap counts up to five minutes; the last look's dwell is unknown, never zero."""
    visit = Journey()
    visit("view_item", "lamp")
    visit("view_item", "sofa", at_s=12)
    visit("view_item", "bed", at_s=1000)
    lamp, sofa, bed = visit.visitor.session.steps
    assert [dwell_ms(one, RULES) for one in (lamp, sofa, bed)] == [12_000, 300_000, UNKNOWN]
    assert visit.weights()["bed"] == 1.0


def test_what_happens_while_a_page_is_looked_at_does_not_end_its_dwell() -> None:
    """Impressions and lists load under a page; a cart on the same page view leaves it open."""
    visit = Journey()
    visit("view_item", "lamp", view="p1")
    visit("impression", "sofa", at_s=1, view="p1", slate=("s1", 1))
    visit("view_item_list", "bed", at_s=1, view="p1")
    assert visit.visitor.session.steps[0].gap_ms == UNKNOWN
    visit("add_to_cart", "lamp", at_s=20, view="p1")
    visit("page_view", at_s=50, view="p2")
    visit("page_view", at_s=90, view="p3")
    assert visit.visitor.session.steps[0].gap_ms == 50_000


def test_a_bounce_counts_against_the_product() -> None:
    """Gone within three seconds without scrolling weighs -0.2; with scrolling it is a short look."""
    visit = Journey()
    visit("view_item", "lamp", view="p1")
    visit("view_item", "sofa", at_s=2, view="p2")
    assert visit.weights()["lamp"] == pytest.approx(-0.2 * HALVED)
    look = Step("lamp", "view", 0, gap_ms=2_000, scroll=60)
    assert step_weight(look, RULES) == pytest.approx(math.log1p(2) / math.log1p(60) * 0.8)


def test_weight_is_kind_times_engagement_times_recency() -> None:
    """Recency halves every five steps; a minute's look, scrolled to the end, is full engagement."""
    visit = Journey()
    visit("view_item", "lamp", view="p0")
    visit("page_ping", at_s=5, view="p0", ping={"dwell_ms": 60_000, "scroll": 1.0})
    visit("view_item", "sofa", at_s=100, view="p1")
    visit("page_ping", at_s=105, view="p1", ping={"dwell_ms": 15_000, "scroll": 0.5})
    visit("add_to_cart", "sofa", at_s=130, view="p1")
    visit("remove_from_cart", "sofa", at_s=140, view="p1")
    for place in range(2):
        visit("view_item", f"bed{place}", at_s=200 + 60 * place, view=f"p{2 + place}")
    steps = visit.last.context.steps
    assert steps[0] == ("lamp", 0.5)
    assert steps[1][1] == pytest.approx(math.log1p(15) / math.log1p(60) * 0.75 * 0.5**0.8)
    assert steps[2] == ("sofa", pytest.approx(3 * 0.5**0.6))
    assert steps[3] == ("sofa", pytest.approx(-2 * 0.5**0.4))


def test_unweighted_steps_count_for_their_kind_alone() -> None:
    """A bounce is a look, a skip is nothing, an old step is as good as a new one; the state is the same one."""
    visit = Journey()
    visit("impression", "rug", "sofa", slate=("s1", 1))
    visit("view_item", "lamp", at_s=1, view="p1")
    visit("page_ping", at_s=2, view="p1", ping={"scroll": 0.1})
    visit("view_item", "sofa", at_s=3, view="p2", slate=("s1", 2))
    visit("add_to_cart", "bed", at_s=4)
    assert visit.last.context.steps[0][1] < 0.5
    plain = context_of("v", visit.last.after, unweighted(RULES))
    assert plain.steps == (("lamp", 1.0), ("sofa", 1.0), ("bed", 3.0))
    assert plain.views == visit.last.context.views
