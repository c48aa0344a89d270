"""Next-click scoring of slates."""

from datetime import UTC, datetime, timedelta

from models.scoring import Scoring
from schemas.events import Event, EventName, Item

START = datetime(2026, 5, 1, tzinfo=UTC)


def event(minute: float, product_id: str, *, visitor: str = "v", name: EventName = "view_item") -> Event:
    """Make an event of one product."""
    return Event(
        event_id=f"{visitor}-{minute}",
        name=name,
        visitor_id=visitor,
        at=START + timedelta(minutes=minute),
        items=(Item(product_id=product_id),),
    )


def test_the_latest_slate_before_the_click_is_the_prediction() -> None:
    """A click is held against the slate before it, never against its own."""
    scoring = Scoring()
    scoring.event(event(0, "a"), partition=0, offset=0)
    scoring.slate(["x", "b"], partition=0, cause=0)
    scoring.event(event(1, "b"), partition=0, offset=1)
    scoring.slate(["b", "c"], partition=0, cause=1)
    scoring.finish()
    assert scoring.scores().queries == 1
    assert scoring.scores().slates == (1.0, 0.5)


def test_slates_that_arrive_late_score_the_same() -> None:
    """All events first, all slates after: only their causes' order matters."""
    scoring = Scoring()
    for offset, product_id in enumerate("abca"):
        scoring.event(event(offset, product_id), partition=0, offset=offset)
    for offset, slate in enumerate((["b"], ["x", "c"], ["x"])):
        scoring.slate(slate, partition=0, cause=offset)
    scoring.finish()
    assert scoring.scores().queries == 3
    assert scoring.scores().slates == (2 / 3, 0.5)


def test_a_first_click_is_no_query() -> None:
    """Without a slate before it there is nothing to hold it against."""
    scoring = Scoring()
    scoring.event(event(0, "a"), partition=0, offset=0)
    scoring.finish()
    assert scoring.scores().queries == 0


def test_a_new_session_starts_without_a_slate() -> None:
    """A slate of more than 30 minutes ago is not what the visitor saw before this click."""
    scoring = Scoring()
    scoring.event(event(0, "a"), partition=0, offset=0)
    scoring.slate(["b"], partition=0, cause=0)
    scoring.event(event(31, "b"), partition=0, offset=1)
    scoring.finish()
    assert scoring.scores().queries == 0


def test_the_references_answer_the_same_queries() -> None:
    """Popularity and co-occurrence know only what came before the click."""
    scoring = Scoring()
    clicks = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b")]
    for offset, (visitor, product_id) in enumerate(clicks):
        scoring.event(event(offset, product_id, visitor=visitor), partition=0, offset=offset)
        scoring.slate([], partition=0, cause=offset)
    scoring.finish()
    scores = scoring.scores()
    assert scores.queries == 2
    assert scores.popularity == (0.5, 0.25)
    assert scores.cooccurrence == (0.5, 0.5)


def test_clicks_on_the_current_product_can_be_left_out() -> None:
    """`other` keeps only clicks that lead somewhere else."""
    scoring = Scoring()
    for offset, product_id in enumerate("aab"):
        scoring.event(event(offset, product_id), partition=0, offset=offset)
        scoring.slate(["a"], partition=0, cause=offset)
    scoring.finish()
    assert (scoring.scores().queries, scoring.scores().slates.hr) == (2, 0.5)
    assert (scoring.scores(other=True).queries, scoring.scores(other=True).slates.hr) == (1, 0.0)


def test_clicks_that_do_not_count_are_still_learned_by_the_references() -> None:
    """Visitors who see slates teach everybody and are no queries."""
    scoring = Scoring()
    scoring.event(event(0, "a", visitor="seen"), partition=0, offset=0, counted=False)
    scoring.event(event(1, "b", visitor="organic"), partition=1, offset=0)
    scoring.slate(["a"], partition=1, cause=0)
    scoring.event(event(2, "a", visitor="organic"), partition=1, offset=1)
    scoring.finish()
    assert scoring.scores().queries == 1
    assert scoring.scores().popularity.hr == 1.0


def test_purchase_only_data_is_scored_on_carts() -> None:
    """With `add_to_cart` as the label, the next line of an invoice is the next click."""
    scoring = Scoring(labels={"add_to_cart"})
    for offset, product_id in enumerate("ab"):
        scoring.event(event(0, product_id, name="add_to_cart"), partition=0, offset=offset)
        scoring.slate(["b"], partition=0, cause=offset)
    scoring.finish()
    assert scoring.scores().slates == (1.0, 1.0)


def test_memory_follows_live_sessions() -> None:
    """Sessions that ended are forgotten, settled events too."""
    scoring = Scoring()
    for offset in range(500):
        scoring.event(event(offset, "a", visitor=f"v{offset}"), partition=0, offset=offset)
        scoring.slate(["a"], partition=0, cause=offset)
    assert len(scoring._sessions) <= 31
    assert len(scoring._waiting[0]) == 1
