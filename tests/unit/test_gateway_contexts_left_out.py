"""What the gateway asks for nobody in particular is nobody's history."""

from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.events import Event
from streams.gateway.context import Context
from streams.sources.event_topic import EventTopic

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


class TwoEvents(EventTopic):
    """A topic that holds a visitor's event and one of a context."""

    def _records(self) -> Iterator[tuple[int, int, bytes | None]]:
        own = Event(event_id="e1", name="page_view", visitor_id="v1", at=AT)
        for offset, event in enumerate((own, Context("home").event(AT))):
            yield 0, offset, event.encode()


def test_a_topic_taken_as_a_history_gives_people_only() -> None:
    """`aisle backfill` learns from visitors, and so does an evaluation of their topic."""
    topic = TwoEvents({}, "events", since={}, until={0: 2})
    assert [event.visitor_id for event in topic.events()] == ["v1"]
    assert not topic.refused
