"""The demo while it lives: shoppers shop, slates come back, and somebody looks on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from schemas.events import Event
from schemas.slates import Slate
from streams.demo.scoreboard import Scoreboard
from streams.demo.shoppers import Crowd, Happening
from streams.demo.traffic import Traffic
from streams.runs.output import Emitted
from streams.sources.importing import ORIGIN

HEARS_EVERY_S, REPLAY_HEARS_EVERY_S = 0.25, 0.05
LEFT_OVER_S = 5.0
REPLAYED_S = 300.0

SLOWER_ABOVE_MS = 300.0
"""Where slates take longer than this on average, the machine is too busy for so many shoppers: they slow down."""

SLOWEST = 8.0
_SMOOTHING = 0.02
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of an event until its slates have come."""

    organic: bool
    at_s: float


class Watcher:
    """What looks on while the demo lives; this one looks away."""

    def event(self, event: Event) -> None:
        """Take an event that was just sent."""

    def slate(self, slate: Slate) -> None:
        """Take a slate that is on a shopper's page now."""

    def tick(self, now_s: float) -> None:
        """Take a moment to draw."""


class Live:
    """Shoppers on one side, what counts and looks on at the other.

    Args:
        crowd: who shops.
        board: what counts.
    """

    def __init__(self, crowd: Crowd, board: Scoreboard) -> None:
        self._crowd = crowd
        self._board = board
        self._watcher = Watcher()
        self._sent: dict[tuple[int, int], _Sent] = {}
        self._live_from: dict[int, int] | None = None
        self._waiting: list[Happening] = []
        self._latency_ms = 0.0

    def replay(self, history: Sequence[Event], traffic: Traffic, progress: Callable[[int], object]) -> None:
        """Send a history as fast as the worker takes it, and wait until all of it is learned.

        Args:
            history: events in event-time order.
            traffic: to the workers.
            progress: told how many events were sent since it was told last.
        """
        left = iter(history)
        while chunk := list(islice(left, max(1, traffic.room))):
            for event in chunk:
                partition, offset = traffic.send(event, origin=ORIGIN)  # nobody waits for it: no judge is asked
                self._board.past(event, partition=partition, offset=offset)
            progress(len(chunk))
            while not traffic.room:
                traffic.receive(hear_every_s=REPLAY_HEARS_EVERY_S)
        traffic.settle(REPLAYED_S)

    def run(self, seconds: float | None, traffic: Traffic, watcher: Watcher, *, stopped: Callable[[], bool]) -> None:
        """Let shoppers shop until time is up, counted from the first slate, or until told to stop."""
        self._watcher = watcher
        self._live_from = traffic.next_offsets()
        until: float | None = None
        while not stopped():
            now_s = time.time()
            if until is None and seconds is not None and self._board.tally.slates:
                until = now_s + seconds
            if until is not None and now_s >= until:
                break
            self._waiting.extend(self._crowd.advance(int(now_s * 1000)))
            self._send_waiting(traffic, now_s)
            traffic.receive(hear_every_s=HEARS_EVERY_S)
            watcher.tick(now_s)
        traffic.settle(LEFT_OVER_S)
        self._board.tally.dead_letters = traffic.dead_letters
        self._board.tally.scoring.finish()

    def take(self, slate: Emitted) -> None:
        """Count a slate when it has arrived, and put it on its visitor's page; those of the history are nobody's."""
        now_s = time.time()
        if self._live_from is None or slate.cause < self._live_from.get(slate.partition, 0):
            return
        sent = self._sent[slate.partition, slate.cause]
        latency_ms = (now_s - sent.at_s) * 1000
        if not slate.revision:  # which waits for judgements, not for the machine
            self._latency_ms += _SMOOTHING * (latency_ms - self._latency_ms)
            self._crowd.pace = min(SLOWEST, max(1.0, self._latency_ms / SLOWER_ABOVE_MS))
        self._board.slate(
            slate.placement,
            slate.products,
            partition=slate.partition,
            cause=slate.cause,
            latency_ms=latency_ms,
            now_s=now_s,
            revision=slate.revision,
            judged=slate.judged,
        )
        if not sent.organic:
            shown = Slate.decode(slate.value)
            if self._crowd.show(shown):
                self._watcher.slate(shown)

    def _send_waiting(self, traffic: Traffic, now_s: float) -> None:
        room = traffic.room
        for one in self._waiting[:room]:
            partition, offset = traffic.send(one.event)
            self._sent[partition, offset] = _Sent(one.organic, time.time())
            if len(self._sent) > _REMEMBERED:
                del self._sent[next(iter(self._sent))]
            self._board.happened(one, partition=partition, offset=offset, now_s=now_s)
            self._watcher.event(one.event)
        del self._waiting[:room]
