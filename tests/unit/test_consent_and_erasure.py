"""What the engine writes down of people, and what it erases."""

import pytest

from schemas.products import Product
from streams.engine import Engine
from streams.settings import Settings
from tests.journey import event


@pytest.fixture
def engine() -> Engine:
    """Give an engine that keeps evidence of every slate, and a shop of two products."""
    engine = Engine(Settings(_env_file=None, evidence_share=1.0))
    for name in ("lamp", "sofa"):
        engine.put_product(Product(product_id=name, title=name))
    return engine


def test_evidence_of_an_event_without_consent_holds_no_state(engine: Engine) -> None:
    """What is known of the visitor was not used, and is not written down again."""
    engine.feed(event("purchase", "lamp"))
    assert engine.evidence[-1].state
    engine.feed(event("view_item", "sofa", at_s=5, consent="none"))
    assert engine.evidence[-1].at == event("view_item", "sofa", at_s=5).at
    assert engine.evidence[-1].state is None


def test_forget_leaves_an_entry_for_the_visitor_and_for_the_user_they_are(engine: Engine) -> None:
    """Whatever reads the past again learns from it whom to leave out, and up to when."""
    engine.feed(event("view_item", "lamp", user_id="v1"))
    engine.feed(event("forget", at_s=5))
    assert [one.key() for one in engine.erasures] == [b"visitor:v1", b"user:v1"]
    assert {one.until for one in engine.erasures} == {event("forget", at_s=5).at}
    assert {one.origin.offset for one in engine.erasures} == {1}


def test_forgetting_a_user_nobody_here_knows_leaves_an_entry_too(engine: Engine) -> None:
    """The request comes from a visitor without state; what it names may stand in logs all the same."""
    engine.feed(event("forget", user_id="u9", consent="none"))
    assert [one.key() for one in engine.erasures] == [b"visitor:v1", b"user:u9"]


def test_nobody_is_erased_unasked(engine: Engine) -> None:
    """Other events, signing in among them, write no entry."""
    engine.feed(event("identify", user_id="u1"))
    engine.feed(event("purchase", "sofa", at_s=3))
    assert engine.erasures == []


def test_forget_leaves_no_trace_of_the_visitor_in_state_and_model(engine: Engine) -> None:
    """State, history, factors and sessions are gone; who comes back is new."""
    engine.feed(event("purchase", "lamp", user_id="u1"))
    engine.feed(event("forget", at_s=5))
    assert engine.visitor("v1") is None
    model = engine.knowledge.model
    assert not {"v1", "u1"} & {*model.history.keys.numbers, *model.factors.users.names.numbers}
    assert not model.session_knn.slots
    engine.feed(event("view_item", "sofa", at_s=9))
    assert list(model.history.keys.numbers) == ["v1"]


@pytest.mark.parametrize("first", ["page_view", "view_item", "page_ping"])
def test_a_user_first_told_by_any_event_has_what_the_visitor_did(engine: Engine, first: str) -> None:
    """From the event itself on, on every device of theirs."""
    engine.feed(event("add_to_cart", "lamp"))
    engine.feed(event(first, "sofa", at_s=5, user_id="u1"))
    model = engine.knowledge.model
    assert list(model.history.keys.numbers) == ["u1"]
    assert list(model.factors.users.names.numbers) == ["u1"]
