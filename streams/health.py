"""What a worker says about itself: alive, ready, and how far it has come."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.follower import Follower
from streams.partitions import PartitionState
from streams.telemetry import MetricName, forget_gauge, gauge

STALLED_S = 60.0
"""Something that waits and does not move for this long will not move again by itself."""


@dataclass
class _Movement:
    """For how long a figure has been standing still although there is work."""

    since: float
    seen: object = None

    def still_s(self, figure: object, *, waiting: bool, now: float) -> float:
        if figure != self.seen or not waiting:
            self.seen, self.since = figure, now
        return now - self.since


PARTITION_GAUGES: tuple[MetricName, ...] = ("source_lag", "committed_offset", "visitors")


@dataclass
class Health:
    """The figures of one worker.

    A worker goes through three kinds of work, each with a figure of its own that has to move while there is any:
    restoring (`restore_steps`), following (a follower's positions), and, behind both, the source (committed offsets).
    They are judged apart, so that a follower that moves hides no delivery that hangs.

    `log_ends` is told what is applied of the source's partitions and says where their records end, `committed` what the
    group has; `states` are the partitions held. A follower more than `follower_lag_limit` records behind makes a worker
    not ready at any time, not only at its start. `stalled_s` is longer than a rebalance may take.
    """

    states: Callable[[], Mapping[int, PartitionState]]
    followers: Sequence[Follower]
    log_ends: Callable[[Mapping[int, int]], Mapping[int, int]]
    committed: Callable[[], Mapping[int, int]]
    follower_lag_limit: int
    stalled_s: float = STALLED_S
    clock: Callable[[], float] = time.monotonic
    restored: bool = False
    restore_steps: int = 0
    _movements: dict[str, _Movement] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def restoring(self, steps: int = 1) -> None:
        """Count what a restore has done: records read, or a step without any."""
        self.restore_steps += steps

    def progress(self) -> dict[str, Any]:
        """Say, per partition, what is applied (`mark`), committed, and in the log; and where followers are."""
        states = dict(self.states())
        ends, committed = self._ends(states), self.committed()
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

    def _ends(self, states: Mapping[int, PartitionState]) -> Mapping[int, int]:
        return self.log_ends({p: state.mark for p, state in states.items()})

    def why_not_ready(self) -> list[str]:
        """Name what has not caught up yet, or has fallen behind."""
        reasons = [] if self.restored else ["partitions are not assigned or not restored yet"]
        for one in self.followers:
            if not one.ready:
                lag = one.lag()
                reasons.append(f"{one.fold.topic}: " + (f"{lag} records behind" if lag else "its end is not known yet"))
            elif (lag := one.lag()) > self.follower_lag_limit:
                limit = f"AISLE_FOLLOWER_LAG_LIMIT={self.follower_lag_limit}"
                reasons.append(f"{one.fold.topic}: fell {lag} records behind, more than {limit}")
        return reasons

    def why_not_alive(self) -> list[str]:
        """Name what waits and does not move."""
        states, committed = dict(self.states()), self.committed()
        ends = self._ends(states)
        lag = sum(max(0, end - state.mark - 1) for p, state in states.items() if (end := ends.get(p)) is not None)
        open_gate = self.restored and all(one.ready for one in self.followers)
        reasons = [self._still("restore", self.restore_steps, "partitions are not restored", waiting=not self.restored)]
        for one in self.followers:
            waiting = not one.ready or one.lag() > 0
            text = f"{one.fold.topic}: {one.lag()} records behind and none applied"
            reasons.append(self._still(one.fold.topic, one.positions(), text, waiting=waiting))
        text = f"{lag} records wait and nothing was committed"
        reasons.append(self._still("source", committed, text, waiting=open_gate and lag > 0))
        return [reason for reason in reasons if reason]

    def _still(self, name: str, figure: object, text: str, *, waiting: bool) -> str:
        now = self.clock()
        still_s = self._movements.setdefault(name, _Movement(now)).still_s(figure, waiting=waiting, now=now)
        return f"{text} for {still_s:.0f} s" if still_s > self.stalled_s else ""

    def revoked(self) -> None:
        """Take the partitions' gauges away: they would tell their last values for ever, beside the new owner's."""
        self.restored = False
        for p in self._told:
            for name in PARTITION_GAUGES:
                forget_gauge(name, partition=p)
        self._told.clear()

    def publish(self) -> None:
        """Set the gauges, and look whether things move: probes may come too seldom to see it."""
        self.why_not_alive()
        progress = self.progress()
        self._told.update(progress["partitions"])
        for p, at in progress["partitions"].items():
            gauge("source_lag", max(0, at["end"] - at["mark"] - 1) if at["end"] >= 0 else 0, partition=p)
            gauge("committed_offset", at["committed"], partition=p)
        for p, state in dict(self.states()).items():
            gauge("visitors", len(state.visitors), partition=str(p))
        for topic, at in progress["followers"].items():
            gauge("follower_lag", at["lag"], topic=topic)
        gauge("ready", progress["ready"])
