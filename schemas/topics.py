"""Which topics there are: names, keys, partitions and policies, in one place."""

from dataclasses import dataclass, field
from typing import Literal

DAY_MS = 24 * 3600 * 1000

TopicName = Literal[
    "clickstream.events",
    "catalog.products",
    "catalog.embeddings",
    "visitors.changelog",
    "learning",
    "erasures",
    "generations",
    "recommendations",
    "recommendations.evidence",
    "judgements.requests",
    "judgements",
    "rules",
    "clickstream.events.dead",
    "catalog.products.dead",
]

EVENTS: TopicName = "clickstream.events"
PRODUCTS: TopicName = "catalog.products"
EMBEDDINGS: TopicName = "catalog.embeddings"
CHANGELOG: TopicName = "visitors.changelog"
LEARNING: TopicName = "learning"
ERASURES: TopicName = "erasures"
GENERATIONS: TopicName = "generations"
SLATES: TopicName = "recommendations"
EVIDENCE: TopicName = "recommendations.evidence"
JUDGEMENT_REQUESTS: TopicName = "judgements.requests"
JUDGEMENTS: TopicName = "judgements"
RULES: TopicName = "rules"
EVENTS_DEAD: TopicName = "clickstream.events.dead"
PRODUCTS_DEAD: TopicName = "catalog.products.dead"

DEAD_OF: dict[TopicName, TopicName] = {EVENTS: EVENTS_DEAD, PRODUCTS: PRODUCTS_DEAD}
"""Where the refused records of a topic go."""


@dataclass(frozen=True)
class TopicSpec:
    """One topic as `aisle topics create` makes it.

    `partitions` 0 means "as many as clickstream.events": state, output and source partition p belong together.
    """

    name: TopicName
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def _delete(days: float) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(int(days * DAY_MS))}


_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
"""The broker's clock: with the writer's, a worker an hour ahead is refused by Kafka 4, and one far behind writes what
retention deletes at once."""

_KEEP_HISTORY = {"cleanup.policy": "compact", "min.compaction.lag.ms": str(7 * DAY_MS)}

SPECS: tuple[TopicSpec, ...] = (
    # Room above the 64 KiB record limit: an oversized record must reach the worker to become a dead letter.
    TopicSpec(EVENTS, 0, _delete(7) | _ARRIVAL),
    TopicSpec(PRODUCTS, 4, _KEEP_HISTORY),
    TopicSpec(EMBEDDINGS, 1, _KEEP_HISTORY | _ARRIVAL),
    # A restore reads all of it, so little more than one state a visitor may lie there. A segment in use is never
    # compacted: after ten minutes the next write begins another. Compaction starts when a tenth is superseded; by
    # default it waits for half, which doubles a restore. It leaves the last five minutes alone, since it keeps a
    # visitor's last state and a restore the newest: they differ where a worker that had lost the partition wrote late,
    # and the next owner writes the newest again with its first batch. Tombstones stay for a day, longer than a restore.
    TopicSpec(
        CHANGELOG,
        0,
        {
            "cleanup.policy": "compact",
            "segment.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
            "min.compaction.lag.ms": "300000",
        }
        | _ARRIVAL,
    ),
    # Much longer than the snapshots reach back: `aisle doctor` holds it against their interval.
    TopicSpec(LEARNING, 1, _delete(30) | _ARRIVAL),
    # Kept for good: whatever is read again, in however many years, must leave these people out.
    TopicSpec(ERASURES, 1, {"cleanup.policy": "compact"} | _ARRIVAL),
    TopicSpec(GENERATIONS, 1, {"cleanup.policy": "compact"} | _ARRIVAL),
    TopicSpec(SLATES, 0, _delete(1) | _ARRIVAL),
    TopicSpec(EVIDENCE, 0, _delete(1) | _ARRIVAL),
    TopicSpec(JUDGEMENT_REQUESTS, 4, _delete(1 / 24) | _ARRIVAL),
    # Each call of the judge writes a whole table anew, 20 KB of it: a dollar an hour is a third of a GB a day. The past
    # of it is needed while slates are kept, and compaction leaves a segment alone that is still written.
    TopicSpec(
        JUDGEMENTS,
        1,
        {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(2 * DAY_MS),
            "segment.ms": str(DAY_MS),
            "segment.bytes": str(128 << 20),
        }
        | _ARRIVAL,
    ),
    TopicSpec(RULES, 1, _KEEP_HISTORY),
    TopicSpec(EVENTS_DEAD, 0, _delete(30) | _ARRIVAL),
    TopicSpec(PRODUCTS_DEAD, 4, _delete(30) | _ARRIVAL),
)


STATE: frozenset[TopicName] = frozenset({CHANGELOG, LEARNING})
"""What a generation of an installation has for itself; everything else outlives it."""

DERIVED: frozenset[TopicName] = STATE | {SLATES, EVIDENCE, EVENTS_DEAD}
"""What follows from the clickstream: a replay writes its own."""


@dataclass(frozen=True)
class Topics:
    """The names of one installation, and of one generation of its state.

    `own` are the topics that belong to the generation alone.

    >>> Topics(prefix="shop1.")["learning"]
    'shop1.learning'
    >>> Topics(prefix="shop1.").logical("shop1.learning")
    'learning'
    >>> Topics(prefix="shop1.", generation="two")["learning"], Topics(prefix="shop1.", generation="two")["rules"]
    ('shop1.two.learning', 'shop1.rules')
    """

    prefix: str = ""
    partitions: int = 8
    generation: str = ""
    own: frozenset[TopicName] = STATE

    def __getitem__(self, name: TopicName) -> str:
        """Give the name on the broker."""
        if self.generation and name in self.own:
            return f"{self.prefix}{self.generation}.{name}"
        return self.prefix + name

    @property
    def names(self) -> list[str]:
        """Give all names on the broker."""
        return [self[spec.name] for spec in SPECS]

    def logical(self, name: str) -> str:
        """Give the name without the prefix: what records and slate ids carry."""
        return name.removeprefix(self.prefix)

    def partitions_of(self, spec: TopicSpec) -> int:
        """Count the partitions a topic must have in this installation."""
        return spec.partitions or self.partitions
