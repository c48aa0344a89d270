"""What a proof works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.deciding import ClicksRules
from streams.past.positions import Positions
from streams.past.report import Report
from streams.past.spool import Kept, Spool
from streams.runs.display import Watch
from streams.settings import Settings

NEVER_MS = 1 << 62


@dataclass(frozen=True)
class Selection:
    """Which slates: by their event's arrival, by partition, the oldest so many, a share 0..1 by hash of the id."""

    since_ms: int = 0
    until_ms: int = NEVER_MS
    partitions: Sequence[int] | None = None
    limit: int | None = None
    share: float = 1.0


class Task(NamedTuple):
    """A slate that can be decided again: its event's arrival, its place in the world's logs, and its bytes."""

    arrived_ms: int
    slate_id: str
    revision: int
    at: Positions
    slate: Kept
    evidence: Kept
    event: Kept


@dataclass
class Case:
    """What a proof works on, and how far it is.

    Args:
        settings: the installation's.
        client: keyword arguments that every aiokafka client takes.
        selection: which slates.
        rules: constants to apply and decide by.
        spool: takes what is put aside.
        watch: told how far it is.
        grown: visitors have moved to other partitions, where their first events are not.
        report: counts.
        tasks: the slates to be decided again.
    """

    settings: Settings
    client: Mapping[str, Any]
    selection: Selection
    rules: ClicksRules
    spool: Spool
    watch: Watch
    grown: bool = False
    report: Report = field(default_factory=Report)
    tasks: list[Task] = field(default_factory=list)
    _done: int = 0

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._done = 0
        self.watch.stage(name, total)

    def moved(self, steps: int) -> None:
        """Go on by so many steps."""
        self._done += steps
        self.watch.reached(self._done)
