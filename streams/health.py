"""What a worker says about itself: alive, ready, and how far it has come."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.follower import Follower
from streams.partitions import PartitionState
from streams.telemetry import gauge

STALLED_S = 60.0


@dataclass
class Health:
    """The figures of one worker.

    `log_ends` and `committed` are asked for the source; `states` are the partitions held.
    """

    states: Callable[[], Mapping[int, PartitionState]]
    followers: Sequence[Follower]
    log_ends: Callable[[Sequence[int]], Mapping[int, int]]
    committed: Callable[[], Mapping[int, int]]
    clock: Callable[[], float] = time.monotonic
    restored: bool = False
    _seen: Mapping[int, int] = field(default_factory=dict)
    _moved_at: float = field(default_factory=time.monotonic)

    def progress(self) -> dict[str, Any]:
        """Say, per partition, what is applied (`mark`), committed, and in the log; and where followers are."""
        states = dict(self.states())
        ends, committed = self.log_ends(list(states)), self.committed()
        return {
            "ready": not self.why_not_ready(),
            "partitions": {
                str(p): {"mark": state.mark, "end": ends.get(p, -1), "committed": committed.get(p, -1)}
                for p, state in sorted(states.items())
            },
            "followers": {
                follower.fold.topic: {"positions": follower.positions(), "lag": follower.lag()}
                for follower in self.followers
            },
        }

    def why_not_ready(self) -> list[str]:
        """Name what has not caught up yet."""
        reasons = [] if self.restored else ["partitions are not assigned or not restored yet"]
        reasons += [f"{one.fold.topic}: {one.lag()} records behind" for one in self.followers if not one.ready]
        return reasons

    def why_not_alive(self) -> list[str]:
        """Name what does not move: committed offsets must, unless everything is applied."""
        states, committed = dict(self.states()), self.committed()
        ends = self.log_ends(list(states))
        lag = sum(max(0, end - state.mark - 1) for p, state in states.items() if (end := ends.get(p)) is not None)
        if committed != self._seen or lag == 0 or not self.restored:
            self._seen, self._moved_at = committed, self.clock()
        still_s = self.clock() - self._moved_at
        return [f"{lag} records wait and nothing was committed for {still_s:.0f} s"] if still_s > STALLED_S else []

    def publish(self) -> None:
        """Set the gauges."""
        progress = self.progress()
        for p, at in progress["partitions"].items():
            gauge("source_lag", max(0, at["end"] - at["mark"] - 1) if at["end"] >= 0 else 0, partition=p)
            gauge("committed_offset", at["committed"], partition=p)
        for p, state in dict(self.states()).items():
            gauge("visitors", len(state.visitors), partition=str(p))
        for topic, at in progress["followers"].items():
            gauge("follower_lag", at["lag"], topic=topic)
        gauge("ready", progress["ready"])
