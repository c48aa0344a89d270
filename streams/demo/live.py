"""The demo on a broker: real topics, real workers, simulated shoppers."""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.products import Embedding, Product
from schemas.slates import Slate
from schemas.topics import EMBEDDINGS, EVENTS, LEARNING, PRODUCTS, TopicName
from streams.demo.scoreboard import Scoreboard
from streams.demo.shoppers import Crowd, Happening
from streams.kafka import confluent_config, partition_of
from streams.runs.children import Children
from streams.runs.on_kafka import WORKERS, environment_of, free_port
from streams.runs.output import Emitted, Output
from streams.runs.progress import NOTHING, ProgressClient, WorkerProgress
from streams.runs.window import Window
from streams.settings import Settings
from streams.sources.writer import Writer
from streams.worker_files import files_of

AHEAD = 1500
"""Events under way at most: unread records stay far below what the embedded broker keeps."""

HEARS_EVERY_S, REPLAY_HEARS_EVERY_S = 0.25, 0.05

SLOWER_ABOVE_MS = 300.0
"""Where slates take longer than this on average, the machine is too busy for so many shoppers: they slow down."""

SLOWEST = 8.0
_SMOOTHING = 0.02
STALLED_S = 60
LEFT_OVER_S = 5.0
POLL_S = 0.01
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of an event until its slates have come."""

    visitor_id: str
    organic: bool
    sent_s: float


class Watcher:
    """What looks on while the demo lives; this one looks away."""

    def event(self, event: Event) -> None:
        """Take an event that was just sent."""

    def slate(self, slate: Slate) -> None:
        """Take a slate that a shopper may see."""

    def tick(self, now_s: float) -> None:
        """Take a moment to draw."""


class Live:
    """Shoppers on one side, workers on the other, topics between; leaving it stops the workers.

    Args:
        settings: of this demo: servers, prefix, partitions.
        environment: what workers need to know of the broker.
        crowd: who shops.
        board: what counts.
    """

    def __init__(self, settings: Settings, *, environment: Mapping[str, str], crowd: Crowd, board: Scoreboard) -> None:
        self._settings = settings
        self._crowd = crowd
        self._board = board
        self._watcher = Watcher()
        self._window = Window(settings.partitions, ahead=AHEAD)
        self._sent: dict[tuple[int, int], _Sent] = {}
        self._next: defaultdict[int, int] = defaultdict(int)
        self._live_from: dict[int, int] | None = None
        self._heard = NOTHING
        self._heard_at = self._moved_at = time.monotonic()
        self._waiting: list[Happening] = []
        self._latency_ms = 0.0
        self._port = free_port()
        config = {**confluent_config(settings), "log_level": 2}  # a broker that goes first, at the end, is no news
        directory = settings.data_dir / "runs" / (settings.worker_slot or "demo")
        with ExitStack() as stack:
            self._writer = stack.enter_context(closing(Writer(config, settings.topics)))
            self._output = stack.enter_context(closing(Output(config, settings.topics, self._slate)))
            self._progress = stack.enter_context(closing(ProgressClient(self._port)))
            self._children = stack.enter_context(Children(directory, environment_of(settings, environment)))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is None:  # else they may say why
            for worker in WORKERS:
                shutil.rmtree(files_of(self._settings, worker), ignore_errors=True)

    def start(self, products: Sequence[Product], embeddings: Sequence[Embedding]) -> None:
        """Start the workers and hand them the catalogue and its vectors, never faster than they read."""
        self._output.open()
        self._children.start("worker", "clicks", environment={"AISLE_HTTP_PORT": str(self._port)})
        self._children.start("worker", "catalog", environment={"AISLE_HTTP_PORT": "0"})
        self._feed(PRODUCTS, products, lambda heard: heard.products)
        self._feed(EMBEDDINGS, embeddings, lambda heard: heard.embeddings)

    def _feed(
        self, topic: TopicName, records: Sequence[Product | Embedding], read: Callable[[WorkerProgress], int]
    ) -> None:
        for sent, record in enumerate(records):
            while sent - read(self._heard) >= AHEAD:
                self._pause()
            self._writer.write(topic, record.product_id.encode(), record.encode())
        self._writer.flush()
        while not self._heard.ready or read(self._heard) < len(records):
            self._pause()

    def _pause(self) -> None:
        self._writer.poll(0.1)
        self._hear()

    def replay(self, history: Sequence[Event], progress: Callable[[int], object]) -> None:
        """Send a history as fast as the worker takes it, and wait until all of it is learned.

        Args:
            history: events in event-time order.
            progress: told how many events were sent since it was told last.
        """
        left = iter(history)
        done = 0
        while done < len(history) or not self._window.done(self._heard.committed):
            sent = 0
            for event in islice(left, self._window.room):
                sent += 1
                partition, offset = self._send(event)
                self._board.past(event, partition=partition, offset=offset)
            self._output.poll(POLL_S)
            self._hear_now_and_then(REPLAY_HEARS_EVERY_S)
            progress(sent)
            done += sent
        self._output.drain()

    def run(self, seconds: float | None, watcher: Watcher, *, stopped: Callable[[], bool]) -> None:
        """Let shoppers shop until time is up, counted from the first slate, or until told to stop."""
        self._watcher = watcher
        self._live_from = dict(self._next)
        until: float | None = None
        while not stopped():
            now_s = time.time()
            if until is None and seconds is not None and self._board.tally.slates:
                until = now_s + seconds
            if until is not None and now_s >= until:
                break
            self._waiting.extend(self._crowd.advance(int(now_s * 1000)))
            self._send_waiting(now_s)
            self._output.poll(POLL_S)
            self._hear_now_and_then(HEARS_EVERY_S)
            watcher.tick(now_s)
        self._finish()

    def _finish(self) -> None:
        """Wait for the slates of what was sent."""
        self._writer.flush()
        until = time.monotonic() + LEFT_OVER_S
        while not self._window.done(self._heard.committed) and time.monotonic() < until:
            self._output.poll(POLL_S)
            self._hear()
        self._output.drain()
        self._board.tally.dead_letters = self._output.dead_letters
        self._board.tally.scoring.finish()

    def _send_waiting(self, now_s: float) -> None:
        room = self._window.room
        for one in self._waiting[:room]:
            partition, offset = self._send(one.event, organic=one.organic)
            self._board.happened(one, partition=partition, offset=offset, now_s=now_s)
            self._watcher.event(one.event)
        del self._waiting[:room]

    def _send(self, event: Event, *, organic: bool = True) -> tuple[int, int]:
        key = event.visitor_id.encode()
        partition = partition_of(key, self._settings.partitions)
        place = (partition, self._window.send(partition))
        self._next[partition] += 1
        self._sent[place] = _Sent(event.visitor_id, organic, time.time())
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._writer.write(EVENTS, key, event.encode(), acked=partial(self._acked, place))
        return place

    def _acked(self, expected: tuple[int, int], partition: int, offset: int, _appended_ms: int) -> None:
        if (partition, offset) != expected:
            raise RefusedError(f"Another producer writes to {self._settings.topics[EVENTS]}: start the demo again.")

    def _slate(self, slate: Emitted) -> None:
        """Count a slate when it has arrived, and put it on its visitor's page."""
        now_s = time.time()
        if self._live_from is None or slate.cause < self._live_from.get(slate.partition, 0):
            return
        sent = self._sent[slate.partition, slate.cause]
        latency_ms = (now_s - sent.sent_s) * 1000
        self._latency_ms += _SMOOTHING * (latency_ms - self._latency_ms)
        self._crowd.pace = min(SLOWEST, max(1.0, self._latency_ms / SLOWER_ABOVE_MS))
        self._board.slate(
            slate.placement,
            slate.products,
            partition=slate.partition,
            cause=slate.cause,
            latency_ms=latency_ms,
            now_s=now_s,
        )
        if not sent.organic:
            shown = Slate.decode(slate.value)
            self._crowd.show(shown)
            self._watcher.slate(shown)

    def _hear_now_and_then(self, every_s: float) -> None:
        """Ask rarely: each question takes the worker's time."""
        if time.monotonic() - self._heard_at > every_s:
            self._heard_at = time.monotonic()
            self._hear()

    def _hear(self) -> None:
        """Ask the worker how far it is.

        Raises:
            RefusedError: a worker has ended, or nothing has moved for long.
        """
        self._children.check()
        progress = self._progress.ask()
        learned = self._output.end_of(self._settings.topics[LEARNING], 0)
        self._window.heard(marks=progress.marks, unlearned=max(0, learned - 1 - progress.model))
        idle = progress.ready and self._window.done(progress.committed)
        if progress != self._heard or idle:
            self._heard, self._moved_at = progress, time.monotonic()
        elif time.monotonic() - self._moved_at > STALLED_S:
            raise RefusedError(f"The workers have not moved for {STALLED_S} s.\n{self._children.last_words()}")
