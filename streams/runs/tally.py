"""What a run comes to: counts, latency, and how often the next click was in the slate."""

from collections.abc import Collection, Sequence

from models.scoring import Scores, Scoring
from schemas.events import Event, EventName
from streams.runs.latencies import Latencies

SCORED_PLACEMENT = "home"
"""The shelf every click answers: the next product, whatever the page."""


class Tally:
    """Counts as things happen; see `models.scoring` for the order they must come in.

    Args:
        labels: the events that are clicks.
        k: how much of a slate counts.
    """

    def __init__(self, labels: Collection[EventName], *, k: int = 20) -> None:
        self.k = k
        self.scoring = Scoring(labels=labels, k=k)
        self.events = 0
        self.slates = 0
        self.dead_letters = 0
        self.latencies = Latencies()

    def event(self, event: Event, *, partition: int, offset: int) -> None:
        """Take the next event, before its slates."""
        self.events += 1
        self.scoring.event(event, partition=partition, offset=offset)

    def slate(
        self, placement: str, products: Sequence[str], *, partition: int, cause: int, latency_ms: float | None
    ) -> None:
        """Take a slate that answers the event at offset `cause`; unknown latency is None."""
        self.slates += 1
        if latency_ms is not None:
            self.latencies.add(latency_ms)
        if placement == SCORED_PLACEMENT:
            self.scoring.slate(products, partition=partition, cause=cause)

    def summary(self) -> dict[str, object]:
        """Give the line that `--json` ends with."""
        scores = self.scoring.scores()
        return {
            "events": self.events,
            "slates": self.slates,
            "dead_letters": self.dead_letters,
            "latency_ms": self.latencies.summary(),
            **_scores(scores, self.k),
        }


def _scores(scores: Scores, k: int) -> dict[str, float]:
    named = {"": scores.slates, "popularity_": scores.popularity, "cooc_": scores.cooccurrence}
    return {
        f"{name}{metric}@{k}": round(value, 4)
        for name, score in named.items()
        for metric, value in (("hr", score.hr), ("mrr", score.mrr))
    }
