"""The demo while it lives: shoppers shop, slates come back, and somebody looks on."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from schemas.errors import DecodeError
from schemas.events import Event
from schemas.slates import Slate
from streams.demo.others import is_contextual
from streams.demo.places import Sent
from streams.demo.ports import Beside, Watcher, Way
from streams.demo.scoreboard import Scoreboard
from streams.demo.shoppers import Crowd, Happening
from streams.demo.stock import Stock
from streams.runs.output import Emitted, Logged
from streams.sources.importing import ORIGIN

HEARS_EVERY_S, REPLAY_HEARS_EVERY_S = 0.25, 0.05
LEFT_OVER_S = 5.0
REPLAYED_S = 300.0

SLOWER_ABOVE_MS = 300.0
"""Where slates take longer than this on average, the machine is too busy for so many shoppers: they slow down."""

SLOWEST = 8.0
_SMOOTHING = 0.02


class Live:
    """Shoppers on one side, what counts and looks on at the other.

    Args:
        crowd: who shops.
        board: what counts.
        stock: knows what is sold out; a click on that asks nothing of slates.
    """

    def __init__(self, crowd: Crowd, board: Scoreboard, stock: Stock) -> None:
        self._crowd = crowd
        self._board = board
        self._stock = stock
        self._watcher = Watcher()
        self._waiting: list[Happening] = []
        self._latency_ms = 0.0

    def replay(self, history: Sequence[Event], traffic: Way, progress: Callable[[int], object]) -> None:
        """Send a history as fast as the worker takes it, and wait until all of it is learned.

        Args:
            history: events in event-time order.
            traffic: to the workers.
            progress: told how many events were sent since it was told last.
        """
        left = iter(history)
        while chunk := list(islice(left, max(1, traffic.room))):
            for event in chunk:
                placed = partial(self._board.past, event)
                # Nobody waits for it: no judge is asked.
                traffic.send(event, Sent(time.time(), past=True), placed, origin=ORIGIN)
            progress(len(chunk))
            while not traffic.room:
                traffic.receive(hear_every_s=REPLAY_HEARS_EVERY_S)
        traffic.settle(REPLAYED_S)

    def run(
        self,
        seconds: float | None,
        traffic: Way,
        watcher: Watcher,
        *,
        stopped: Callable[[], bool],
        beside: Sequence[Beside] = (),
    ) -> None:
        """Let shoppers shop until time is up, counted from the first slate, or until told to stop."""
        self._watcher = watcher
        until: float | None = None
        while not stopped():
            now_s = time.time()
            if until is None and seconds is not None and self._board.tally.slates:
                until = now_s + seconds
            if until is not None and now_s >= until:
                break
            self._waiting.extend(self._crowd.advance(int(now_s * 1000)))
            self._send_waiting(traffic, now_s)
            for product in self._stock.due(now_s):
                traffic.change(product)
            traffic.receive(hear_every_s=HEARS_EVERY_S)
            for one in (watcher, *beside):
                one.tick(now_s)
        traffic.settle(LEFT_OVER_S)
        self._board.tally.dead_letters = traffic.dead_letters
        self._board.tally.scoring.finish()

    def take(self, slate: Emitted, sent: Sent | None, at_s: float) -> None:
        """Count a slate, and put it on its visitor's page; those of the history are nobody's.

        Args:
            slate: as it came.
            sent: what is known of its cause; None for an event of somebody else's.
            at_s: when it came.
        """
        if sent is None:
            self._board.others.slate(slate.visitor_id, revision=slate.revision)
            if not is_contextual(slate.visitor_id):
                shown = Slate.decode(slate.value)
                self._stock.shown(shown, person=True)
                self._watcher.slate(shown)
        elif not sent.past:
            self._answer(slate, sent, at_s)

    def read(self, event: Logged) -> None:
        """Look at an event in the log, whoever sent it: what is nobody's of the crowd is counted apart."""
        visitor_id = event.key.decode(errors="replace")
        if self._crowd.knows(visitor_id):
            return
        self._board.others.event(visitor_id)
        if is_contextual(visitor_id):
            return
        try:
            self._watcher.person(Event.decode(event.value))
        except DecodeError:
            return  # a dead letter, which the worker writes

    def _answer(self, slate: Emitted, sent: Sent, at_s: float) -> None:
        latency_ms = (at_s - sent.at_s) * 1000
        if not slate.revision:  # which waits for judgements, not for the machine
            self._latency_ms += _SMOOTHING * (latency_ms - self._latency_ms)
            self._crowd.pace = min(SLOWEST, max(1.0, self._latency_ms / SLOWER_ABOVE_MS))
        self._board.slate(
            slate.placement,
            slate.products,
            partition=slate.partition,
            cause=slate.cause,
            latency_ms=latency_ms,
            now_s=at_s,
            revision=slate.revision,
            judged=slate.judged,
        )
        if not sent.organic:
            shown = Slate.decode(slate.value)
            if self._crowd.show(shown):
                self._stock.shown(shown)
                self._watcher.slate(shown)

    def _send_waiting(self, traffic: Way, now_s: float) -> None:
        room = traffic.room
        for one in self._waiting[:room]:
            counted = one if self._stock.sells(one.event) else one._replace(organic=False, best=())
            placed = partial(self._board.happened, counted, now_s=now_s)
            traffic.send(one.event, Sent(time.time(), organic=one.organic), placed)
            self._watcher.event(one.event)
        del self._waiting[:room]
