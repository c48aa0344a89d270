"""How much is measured."""

from dataclasses import dataclass

FASTEST = 1_500
"""No higher rate is tried: the load must stay the lesser part of what two cores do."""


@dataclass(frozen=True)
class Plan:
    """One run of the benchmark; rates are slate-triggering events a second, times are seconds.

    Args:
        rates: at which latency is measured.
        rounds: how often every job is measured at every rate, taking turns.
        settle_s: at the start of each rate, not counted.
        window_s: counted.
        backlog: events that are there already, for the catch-up rate.
        hold_s: how long a rate must be held.
        hold_tries: rates that are tried.
        history: events the model has learned from before.
        profiled: events of the CPU profile.
        partitions: of the events.
        warm_s: the broker's first seconds of work, not counted.
        kernel_products: products of the figures that need no broker.
        kernel_events: events learned for them.
        kernel_decisions: slates decided for them.
    """

    rates: tuple[int, ...] = (50, 100, 250, 500, 1000)
    rounds: int = 2
    settle_s: float = 2.0
    window_s: float = 6.0
    backlog: int = 6_000
    hold_s: float = 30.0
    hold_tries: int = 3
    history: int = 5_000
    profiled: int = 2_000
    partitions: int = 8
    warm_s: float = 10.0
    kernel_products: int = 50_000
    kernel_events: int = 200_000
    kernel_decisions: int = 2_000

    @property
    def past(self) -> int:
        """Count the events before the first that is sent: history and profile."""
        return self.history + 2 * self.profiled

    @property
    def tape(self) -> int:
        """Count the events that any job may be sent."""
        paced = sum(self.rates) * (self.settle_s + self.window_s)
        held = self.hold_tries * self.hold_s * FASTEST + 300
        return int(max(paced, held, self.backlog))


QUICK = Plan(
    rounds=1, settle_s=1.0, window_s=2.0, backlog=1_500, hold_s=4.0, hold_tries=1, history=1_500, profiled=500,
    warm_s=3.0, kernel_products=3_000, kernel_events=5_000, kernel_decisions=200,
)  # fmt: skip
