"""Consent, identity, forgetting, and bots."""

import pytest

from models.session import SessionRules, encode
from tests.journey import Journey, event, step


def test_without_consent_nothing_is_kept_or_learned() -> None:
    """A new visitor leaves no state, no step; the slate is decided from this event alone."""
    visit = Journey()
    seen = visit("view_item", "lamp", consent="none", context={"country": "NL"}, query="lamps")
    assert (seen.visitor, seen.changed, seen.step, seen.triggers, seen.note) == (None, False, None, True, "ok")
    context = seen.context
    assert (context.consent, context.steps, context.views, context.session_id) == (False, (), (), None)
    assert (context.landing.country, context.query) == ("NL", "lamps")


def test_withdrawn_consent_leaves_the_state_as_it_was() -> None:
    """An event without consent leaves no trace in what is known, and sees nothing of it."""
    visit = Journey()
    visit("view_item", "lamp")
    before = encode(visit.visitor)
    seen = visit("view_item", "sofa", at_s=5, consent="none")
    assert (seen.changed, seen.step) == (False, None)
    assert encode(seen.visitor) == before
    assert seen.context.steps == ()
    assert visit("view_item", "bed", at_s=9).context.views == ("lamp", "bed")


def test_identify_links_the_visitor_and_keeps_the_visit() -> None:
    """One step says who it is; later steps carry the user."""
    visit = Journey()
    visit("add_to_cart", "lamp")
    who = visit("identify", at_s=5, user_id="u1")
    assert (who.step.kind, who.step.visitor_id, who.step.user_id, who.step.items) == ("identify", "v1", "u1", ())
    assert who.context.cart == ("lamp",)
    assert visit("view_item", "sofa", at_s=9).step.user_id == "u1"
    assert visit("identify", at_s=10).step is None


@pytest.mark.parametrize("at_s", [5, -5])
def test_whatever_first_says_who_a_visitor_is_tells_learning(at_s: float) -> None:
    """A page view, on time or late, writes the step that `identify` would; the next one has nothing to tell."""
    visit = Journey()
    visit("add_to_cart", "lamp")
    who = visit("page_view", at_s=at_s, user_id="u1").step
    assert (who.kind, who.visitor_id, who.user_id, who.items) == ("identify", "v1", "u1", ())
    assert visit("page_view", at_s=9, user_id="u1").step is None


def test_a_product_event_that_says_who_it_is_tells_it_in_its_own_step() -> None:
    """One step an event; and somebody new has nothing that could be handed over."""
    visit = Journey()
    assert visit("page_view", user_id="u1").step is None
    other = Journey()
    other("add_to_cart", "lamp")
    told = other("view_item", "sofa", at_s=5, user_id="u1").step
    assert (told.kind, told.user_id) == ("view", "u1")


def test_another_user_on_the_same_visitor_starts_from_nothing() -> None:
    """Session, profile and slates seen are the other person's."""
    visit = Journey()
    visit("identify", user_id="u1")
    visit("purchase", "lamp", at_s=1)
    visit("impression", "sofa", at_s=2, slate=("s1", 1))
    other = visit("identify", at_s=3, user_id="u2").context
    assert (other.user_id, other.purchased, other.profile_items, dict(other.shown)) == ("u2", (), (), {})
    assert (other.steps, other.n_sessions) == ((), 1)


def test_a_late_event_of_another_user_touches_nobody_elses_session() -> None:
    """It is learned for its own user, without context."""
    visit = Journey()
    visit("identify", at_s=10, user_id="u1")
    visit("add_to_cart", "lamp", at_s=20)
    before = visit.visitor.profile
    late = visit("add_to_cart", "sofa", at_s=5, user_id="u2")
    assert (late.step.user_id, late.step.session, late.step.context, late.step.cart) == ("u2", None, (), ())
    assert visit.visitor.profile == before


def test_a_late_identify_links_all_the_same() -> None:
    """Who it is does not depend on the order of two events."""
    visit = Journey()
    visit("view_item", "lamp", at_s=10)
    assert visit("identify", at_s=9, user_id="u1").step.user_id == "u1"
    assert visit("view_item", "sofa", at_s=20).step.user_id == "u1"


@pytest.mark.parametrize("consent", ["none", "personalisation"])
def test_forget_tombstones_the_state_and_says_whom_to_erase(consent: str) -> None:
    """With or without consent; the linked user is erased with the visitor."""
    visit = Journey()
    visit("identify", user_id="u1")
    gone = visit("forget", at_s=1, consent=consent)
    assert (gone.visitor, gone.changed, gone.triggers) == (None, True, False)
    assert (gone.step.kind, gone.step.visitor_id, gone.step.user_id) == ("forget", "v1", "u1")
    assert visit("view_item", "lamp", at_s=2).context.user_id is None


def test_forgetting_a_stranger_is_passed_on_without_a_tombstone() -> None:
    """Other stores may know them."""
    gone = step(None, event("forget", user_id="u9"), 0)
    assert (gone.changed, gone.step.user_id) == (False, "u9")


def test_more_than_twenty_views_a_minute_are_served_but_not_learned() -> None:
    """The twenty-first view within a minute teaches nothing; a minute later the visitor is a person again."""
    visit = Journey()
    notes = [visit("view_item", f"p{place}", at_s=place).note for place in range(22)]
    assert notes == ["ok"] * 20 + ["bot"] * 2
    assert (visit.last.step, visit.last.triggers) == (None, True)
    assert visit("add_to_cart", "p1", at_s=30).step is None
    assert visit("view_item", "p99", at_s=90).note == "ok"


def test_late_events_do_not_get_a_bot_past_the_limit() -> None:
    """Views count by the visitor's newest time."""
    visit = Journey()
    visit("view_item", "p0", at_s=100)
    notes = [visit("view_item", f"q{place}", at_s=99 - 3 * place).note for place in range(25)]
    assert notes[18:21] == ["late", "bot", "bot"]


def test_more_than_three_hundred_views_an_hour_are_a_bots() -> None:
    """One view every ten seconds for fifty minutes is, and stays, too much; then it passes."""
    visit = Journey()
    notes = [visit("view_item", f"p{place}", at_s=10 * place).note for place in range(305)]
    assert notes == ["ok"] * 300 + ["bot"] * 5
    assert visit("view_item", "q", at_s=3040 + 3700).note == "ok"


def test_declared_crawlers_teach_nothing() -> None:
    """The collector marks them by device."""
    assert Journey()("view_item", "lamp", context={"device": "Bot"}).note == "bot"


def test_more_than_sixty_slate_triggers_a_minute_get_no_slate() -> None:
    """The sixty-first asks in vain; pings never count."""
    visit = Journey()
    for place in range(60):
        assert visit("page_view", at_s=place / 2).triggers
        visit("page_ping", at_s=place / 2, ping={})
    throttled = visit("page_view", at_s=31)
    assert (throttled.note, throttled.triggers) == ("throttled", False)
    assert visit("page_view", at_s=95).triggers


def test_imported_history_has_no_limit_on_slates() -> None:
    """All lines of an invoice bear one time; without a limit nothing is kept to count by."""
    visit = Journey(SessionRules(slates_per_minute=1 << 31))
    assert all(visit("add_to_cart", f"p{place}", at_s=place / 10).triggers for place in range(200))
    assert visit.visitor.rates.triggers == ()
