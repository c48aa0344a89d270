"""The crowd: many shoppers at once, told event by event; deterministic given slates, paces, and when they came."""

import heapq
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from schemas.events import Event
from schemas.products import Product
from schemas.record import from_epoch_ms
from schemas.slates import Slate
from streams.demo.shopper import Act, Scene, Shopper
from streams.demo.taste import Truth
from streams.demo.visit import Visit

EVENTS_PER_SHOPPER_S = 0.75
"""Events per second of one shopper at the pace of the demo, measured; the crowd's size follows from the rate."""

RAMP_S = 5.0
RETURN_SHARE = 0.4
PAST_PACE = 8
"""In a history shoppers take their time: pages stay open for as long as they were read."""

HOUR_MS = 3_600_000

EVENTS_PER_VISIT = 22
"""Measured; spreads a history's visits over its hours."""

REST = 50
"""So many others come before someone is back: nobody is in the shop twice at once."""


class Happening(NamedTuple):
    """One event, and what only the simulation knows of it.

    `organic` says that the visitor sees no slates; `best` is the oracle's ranking before an organic click.
    """

    event: Event
    organic: bool
    best: tuple[str, ...]


class _Turn(NamedTuple):
    due_ms: int
    number: int
    shopper: Shopper
    act: Act
    rest: Iterator[Act]


class Crowd:
    """Shoppers who come and go.

    `pace` stretches the time between what a shopper does and does next: above 1, the whole shop is slower.

    Args:
        products: the shop's catalogue.
        truth: its hidden side.
        seed: of the simulation.
        rate: events per second to aim at, once everybody has arrived.
    """

    def __init__(self, products: Sequence[Product], truth: Truth, *, seed: int, rate: float = 180.0) -> None:
        self._past = Scene(products, truth, past=True)
        self._now = Scene(products, truth, past=False)
        self._seed = seed
        self._rate = rate
        self.pace = 1.0
        self._random = Random(f"crowd-{seed}")
        self._ids: set[str] = set()
        self._away: list[Shopper] = []
        self._turns: list[_Turn] = []
        self._active: dict[str, Shopper] = {}
        self._told = 0
        self._events = 0
        self._started_ms: int | None = None

    @property
    def active(self) -> int:
        """Count the shoppers in the shop."""
        return len(self._active)

    def knows(self, visitor_id: str) -> bool:
        """Say whether a visitor is one of the crowd, here or gone."""
        return visitor_id in self._ids

    def history(self, events: int, *, until_ms: int, hours: float = 20.0) -> list[Event]:
        """Tell what happened before: the same people at an ordinary pace, without any slates.

        Args:
            events: how many, about; visits are told to their end, few may be none.
            until_ms: event time that all of them lie before, milliseconds since 1970.
            hours: over how long.

        Returns:
            events in event-time order.
        """
        told: list[tuple[int, int, Event]] = []
        arrived_ms = until_ms - hours * HOUR_MS
        between_ms = (hours - 1) * HOUR_MS * EVENTS_PER_VISIT / max(events, 1)
        while len(told) < events and arrived_ms < until_ms:
            shopper = self._arrival()
            arrived_ms += self._random.uniform(0, 2 * between_ms)
            at_ms = int(arrived_ms)
            visit = Visit(shopper, self._past, at_ms // HOUR_MS % 24)
            for act in visit.acts():
                at_ms += act.wait_ms * PAST_PACE
                if at_ms >= until_ms:
                    break
                told.append((at_ms, len(told), self._event(shopper, act, at_ms)))
            self._away.append(shopper)
        return [event for _, _, event in sorted(told, key=lambda one: one[:2])]

    def advance(self, now_ms: int) -> list[Happening]:
        """Tell everything due by now, at the times it was due; to be called often, with growing times."""
        if self._started_ms is None:
            self._started_ms = now_ms
        wanted = self._rate / EVENTS_PER_SHOPPER_S * min(1.0, (now_ms - self._started_ms) / 1000 / RAMP_S)
        while len(self._active) < wanted:
            self._enter(now_ms)
        told = []
        while self._turns and self._turns[0].due_ms <= now_ms:
            turn = heapq.heappop(self._turns)
            event = self._event(turn.shopper, turn.act, turn.due_ms)
            told.append(Happening(event, turn.shopper.organic, turn.act.best))
            self._schedule(turn.shopper, turn.rest, turn.due_ms)
        return told

    def show(self, slate: Slate) -> bool:
        """Put a slate on its visitor's page, where the visitor is here and sees slates, and say whether it is there."""
        shopper = self._active.get(slate.visitor_id)
        return shopper is not None and not shopper.organic and shopper.shelves.put(slate)

    def _enter(self, now_ms: int) -> None:
        shopper = self._arrival()
        self._active[shopper.visitor_id] = shopper
        visit = Visit(shopper, self._now, now_ms // HOUR_MS % 24)
        self._schedule(shopper, visit.acts(), now_ms + self._random.randrange(200))

    def _schedule(self, shopper: Shopper, rest: Iterator[Act], at_ms: int) -> None:
        act = next(rest, None)
        if act is None:
            del self._active[shopper.visitor_id]
            return
        self._told += 1
        heapq.heappush(self._turns, _Turn(at_ms + int(act.wait_ms * self.pace), self._told, shopper, act, rest))

    def _arrival(self) -> Shopper:
        """Let someone come back whose last visit is long over, or someone new."""
        if len(self._away) > REST and self._random.random() < RETURN_SHARE:
            return self._away.pop(self._random.randrange(len(self._away) - REST))
        born = Shopper(f"v{len(self._ids) + 1:06d}", self._seed, self._now.truth)
        self._ids.add(born.visitor_id)
        return born

    def _event(self, shopper: Shopper, act: Act, at_ms: int) -> Event:
        self._events += 1
        return Event.model_validate(
            {
                "event_id": f"e{self._seed}-{self._events}",
                "name": act.name,
                "visitor_id": shopper.visitor_id,
                "at": from_epoch_ms(at_ms),
                **act.fields,
            }
        )
