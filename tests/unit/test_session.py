"""The session context by example: visits, carts, slates, what is learned when."""

import pytest

from models.session import SessionRules, encode
from models.session_rules import DAY_MS, HOUR_MS
from tests.journey import Journey, event, step

DAY_S, HOUR_S = DAY_MS // 1000, HOUR_MS // 1000


def test_a_session_ends_by_the_next_events_own_time() -> None:
    """Thirty minutes of silence are the same visit, a millisecond more is another."""
    visit = Journey()
    first = visit("view_item", "lamp").context.session_id
    assert visit("view_item", "sofa", at_s=1800).context.session_id == first
    again = visit("view_item", "bed", at_s=3600.001)
    assert again.context.session_id != first
    assert again.context.views == ("bed",)
    assert again.context.n_sessions == 2
    assert again.context_before.steps == ()
    assert again.step.context == ()


def test_a_profile_ends_after_180_days_as_if_the_visitor_were_new() -> None:
    """What expiry discards may be swept away before: the state after the next event is the same."""
    visit = Journey()
    visit("purchase", "lamp")
    late = event("view_item", "sofa", at_s=180 * DAY_S + 1)
    assert step(visit.visitor, late, 9).visitor == step(None, late, 9).visitor
    kept = step(visit.visitor, event("view_item", "sofa", at_s=180 * DAY_S), 9)
    assert [product for product, _ in kept.context.purchased] == ["lamp"]


def test_replayed_and_duplicate_events_change_nothing() -> None:
    """An offset applied before is a no-op; a known event id moves `applied` and nothing else."""
    visit = Journey()
    one = event("view_item", "lamp", event_id="e1")
    visit.take(one)
    before = visit.visitor
    replayed = step(before, event("view_item", "sofa"), 0)
    assert (replayed.note, replayed.changed, replayed.step, replayed.triggers) == ("replayed", False, None, False)
    assert replayed.visitor == before
    again = visit.take(one)
    assert (again.note, again.step, again.triggers) == ("duplicate", None, False)
    assert visit.visitor.applied == 1
    assert encode(visit.visitor).split(b",", 1)[1] == encode(before).split(b",", 1)[1]


def test_a_late_event_is_learned_but_does_not_move_the_session() -> None:
    """Its context is what was done before its time."""
    visit = Journey()
    visit("view_item", "lamp")
    visit("view_item", "bed", at_s=100)
    before = visit.visitor.session
    late = visit("view_item", "sofa", at_s=50)
    assert (late.note, late.triggers) == ("late", False)
    assert visit.visitor.session == before
    assert late.step.items == (("sofa", 1.0),)
    assert [item for item, _ in late.step.context] == ["lamp"]
    assert late.step.session == before.session_id
    assert visit("view_item", "rug", at_s=-9000).step.session is None


def test_a_click_and_the_page_it_leads_to_are_one_visit() -> None:
    """select_item, then its page: one step, learned once, timed from the page, and the slate is still asked for."""
    visit = Journey()
    click = visit("select_item", "lamp", view="list", slate=("s1", 3))
    assert (click.step.kind, click.step.slate_id, click.step.rank) == ("click", "s1", 3)
    visit("page_view", at_s=0.8, view="p1")
    arrival = visit("view_item", "lamp", at_s=1, view="p1")
    assert (arrival.step, arrival.triggers, arrival.note) == (None, True, "ok")
    visit("page_view", at_s=31, view="p2")
    (only,) = visit.visitor.session.steps
    assert (only.kind, only.gap_ms) == ("click", 30_200)
    assert visit("view_item", "lamp", at_s=60, view="p3").step.kind == "view"


def test_a_click_that_arrives_after_its_page_is_not_learned_twice() -> None:
    """Trackers send the click while the page unloads; it may come second."""
    visit = Journey()
    visit("view_item", "lamp", at_s=1, slate=("s1", 1))
    late = visit("select_item", "lamp", at_s=0, slate=("s1", 1))
    assert (late.note, late.step) == ("late", None)


def test_skips_are_what_was_seen_above_the_clicked_rank() -> None:
    """Only what an impression showed, on the same slate, above the click; a later visit forgives."""
    visit = Journey()
    visit("impression", "a", "b", "c", "d", slate=("s1", 1))
    visit("impression", "x", at_s=1, slate=("s2", 1))
    clicked = visit("view_item", "c", at_s=5, slate=("s1", 3))
    assert clicked.context.skipped == {"a", "b"}
    assert clicked.step.kind == "click"
    assert visit.weights() == {"a": -0.1, "b": -0.1, "c": 1.0}
    assert clicked.context.steps[-1][0] == "c"
    assert visit("view_item", "b", at_s=60).context.skipped == {"a"}
    assert visit("view_item", "e", at_s=3 * HOUR_S).context.skipped == frozenset()


def test_impressions_are_counted_and_lists_are_not_seen() -> None:
    """view_item_list is what was loaded; an impression counts per product, with its last time and clicks."""
    visit = Journey()
    visit("view_item_list", "a", "b")
    assert visit.visitor.shown == ()
    visit("impression", "a", at_s=1, slate=("s1", 1))
    seen = visit("impression", "a", at_s=2, slate=("s2", 1))
    assert seen.context.shown["a"][0] == 2
    assert (seen.step.kind, seen.step.items) == ("impression", (("a", 0.0),))
    assert visit("view_item", "a", at_s=3).context.shown["a"][2] is True


def test_the_cart_is_what_was_put_in_less_what_was_taken_out_or_bought() -> None:
    """Quantities count; a purchase empties its products from the cart and enters the profile."""
    visit = Journey()
    visit("add_to_cart", "a")
    visit("add_to_cart", "b", at_s=1)
    visit("add_to_cart", "a", at_s=2)
    assert visit("remove_from_cart", "a", at_s=3).context.cart == ("b", "a")
    taken = visit("remove_from_cart", "a", at_s=4)
    assert (taken.context.cart, taken.step.kind, taken.step.items) == (("b",), "remove", (("a", -2.0),))
    bought = visit("purchase", "b", "c", at_s=5)
    assert (bought.step.kind, bought.step.items) == ("purchase", (("b", 5.0), ("c", 5.0)))
    assert bought.step.cart == ("b",)
    assert (bought.context.cart, [p for p, _ in bought.context.purchased]) == ((), ["b", "c"])
    refund = visit("refund", "b", at_s=9)
    assert (refund.step.kind, [p for p, _ in refund.context.purchased]) == ("refund", ["c"])


def test_what_is_learned_carries_the_context_from_before() -> None:
    """Products become items, variants of one group count once, skips and removals are no visits."""
    visit = Journey()
    visit("view_item", "shirt.red")
    visit("view_item", "shirt.blue", at_s=60)
    visit("add_to_cart", "shirt.blue", at_s=61)
    visit("remove_from_cart", "shirt.blue", at_s=70)
    done = visit("view_item", "hat.s", at_s=100)
    assert done.step.items == (("hat", 1.0),)
    assert [item for item, _ in done.step.context] == ["shirt"]
    assert done.context_before.views == ("shirt.red", "shirt.blue")
    assert done.context.views == ("shirt.red", "shirt.blue", "hat.s")


@pytest.mark.parametrize("name", ["page_view", "view_item_list", "search", "begin_checkout", "page_ping"])
def test_what_teaches_nothing_writes_no_step(name: str) -> None:
    """Pages, lists, searches and pings are no steps, with products or without."""
    assert Journey()(name, "lamp").step is None


@pytest.mark.parametrize("name", ["view_item", "select_item", "add_to_cart", "remove_from_cart", "purchase", "refund"])
def test_events_without_products_are_taken_without_harm(name: str) -> None:
    """A view of nothing moves the session and teaches nothing."""
    visit = Journey()
    empty = visit(name)
    assert (empty.step, empty.context.steps, empty.context.n_events_in_session) == (None, (), 1)
    assert visit("view_item", "lamp", at_s=10).context.views == ("lamp",)


@pytest.mark.parametrize(
    ("events", "stage"),
    [
        ([("page_view",)], "landing"),
        ([("view_item", "a"), ("view_item", "b")], "browsing"),
        ([("view_item", "a"), ("view_item", "b"), ("view_item", "a")], "comparing"),
        ([("view_item", "a"), ("add_to_cart", "a")], "buying"),
    ],
)
def test_the_stage_follows_the_visit(events: list[tuple[str, ...]], stage: str) -> None:
    """Landing, browsing, comparing, buying."""
    visit = Journey()
    for place, one in enumerate(events):
        visit(*one, at_s=10 * place)
    assert visit.last.context.stage == stage


def test_landing_and_search_belong_to_the_session() -> None:
    """The first context of a visit stays; the last search does too, until the next visit."""
    visit = Journey()
    visit("page_view", context={"country": "NL", "utm_campaign": "spring"})
    visit("search", at_s=1, query="red lamp", context={"country": "DE"})
    now = visit("view_item", "lamp", at_s=2).context
    assert (now.landing.country, now.landing.utm_campaign, now.query) == ("NL", "spring", "red lamp")
    later = visit("view_item", "lamp", at_s=2 * HOUR_S).context
    assert (later.landing, later.query) == (None, None)


def test_constants_are_settings() -> None:
    """Another rule gives another session end."""
    visit = Journey(SessionRules(session_ms=1000))
    visit("view_item", "lamp")
    assert visit("view_item", "sofa", at_s=2).context.n_sessions == 2
