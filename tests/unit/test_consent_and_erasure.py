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
