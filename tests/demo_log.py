"""What tests of the demo share: a log without a broker, and slates made by hand."""

from datetime import UTC, datetime
from functools import partial

from schemas.slates import Cause, Lineage, Slate, SlateItem
from streams.demo.places import Places, Sent
from streams.runs.output import Emitted

AT = datetime(2026, 5, 1, tzinfo=UTC)


def home_slate(visitor: str, *products: str) -> Slate:
    """Show products on the front page."""
    return Slate(
        slate_id="s-1",
        visitor_id=visitor,
        placement="home",
        items=tuple(
            SlateItem(product_id=one, rank=rank, score=1.0, reason="Popular right now")
            for rank, one in enumerate(products, start=1)
        ),
        cause=Cause(topic="clickstream.events", partition=0, offset=0, event_id="e"),
        lineage=Lineage(settings="x", build="x"),
        event_at=AT,
        decided_at=AT,
        expires_at=AT,
    )


class Log:
    """A log, the demo's places in it, and what it was told in which order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.places = Places(self._answered)

    def send(self, name: str, partition: int = 0) -> partial[object]:
        """Send an event; gives what acknowledges it."""
        return partial(self.places.send(partition, Sent(float(len(name))), partial(self._placed, name)))

    def slate(self, cause: int, partition: int = 0, *, at_s: float = 0.0) -> None:
        """Let a slate come."""
        self.places.take(Emitted("home", [], partition, cause, 0, b""), at_s)

    def _placed(self, name: str, *, partition: int, offset: int) -> None:
        self.told.append(f"{name} at {partition}/{offset}")

    def _answered(self, slate: Emitted, sent: Sent | None, at_s: float) -> None:
        whose = "a foreign one" if sent is None else f"one of {sent.at_s:g}"
        self.told.append(f"slate {slate.partition}/{slate.cause} of {whose}, came {at_s:g}")
