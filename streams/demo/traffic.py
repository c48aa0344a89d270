"""Between the demo and its workers: records out, slates in, and how far the workers are."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.products import Product
from schemas.topics import EVENTS, LEARNING, PRODUCTS
from streams.demo.judged import JudgeBoard
from streams.demo.judging import Judging
from streams.demo.places import Placed, Places, Sent
from streams.kafka import confluent_config, partition_of
from streams.runs.children import Children
from streams.runs.feeding import feed
from streams.runs.on_kafka import HEAR_EVERY_S, WORKERS, environment_of, free_port
from streams.runs.output import Emitted, Logged, Output
from streams.runs.progress import NOTHING, ProgressClient
from streams.runs.window import Window
from streams.settings import Settings
from streams.sources.writer import Writer
from streams.worker_files import Kind, files_of

AHEAD = 600
"""Events under way at most. What follows from one is 10 KB of slates and 1 KB of learning: a reader that falls this far
behind misses nothing on the embedded broker, which keeps 5 MB of a partition."""

STALLED_S = 180
"""Without any progress for this long, something is wrong that will not mend itself; a first start compiles kernels."""

POLL_S = 0.01


class Traffic:
    """A fresh set of topics and the workers on it; leaving it stops the workers.

    Args:
        settings: of this demo: servers, prefix, partitions, worker slot.
        environment: what workers need to know of the broker.
        taken: called with every slate, what is known of its cause where that is the demo's own, and when it came.
        sent: called with every event of the demo's own as encoded.
        read: called with every event in the log, whoever sent it.
        judged: counts what a judge does, where there is one: its worker is started too.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environment: Mapping[str, str],
        taken: Callable[[Emitted, Sent | None, float], object],
        sent: Callable[[bytes], object] = lambda _event: None,
        read: Callable[[Logged], object] = lambda _event: None,
        judged: JudgeBoard | None = None,
    ) -> None:
        self._settings = settings
        self._sent = sent
        self._told = read
        self._places = Places(taken)
        self._window = Window(settings.partitions, ahead=AHEAD)
        self._heard = NOTHING
        self._heard_at = self._moved_at = time.monotonic()
        self._ports: dict[Kind, int] = {kind: free_port() for kind in WORKERS}
        config = {**confluent_config(settings), "log_level": 2}  # a broker that goes first, at the end, is no news
        directory = settings.data_dir / "runs" / (settings.worker_slot or "demo")
        with ExitStack() as stack:
            self._judging = stack.enter_context(closing(Judging(judged)))
            output = Output(config, settings.topics, self._slate, judgement=self._judging.judgement, event=self._read)
            self._writer = stack.enter_context(closing(Writer(config, settings.topics)))
            self._output = stack.enter_context(closing(output))
            self._progress = stack.enter_context(closing(ProgressClient(self._ports["clicks"])))
            self._embedding = stack.enter_context(closing(ProgressClient(self._ports["catalog"])))
            self._children = stack.enter_context(Children(directory, environment_of(settings, environment)))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is None:  # else they may say why
            kinds: tuple[Kind, ...] = (*WORKERS, "judge")
            for worker in kinds:
                shutil.rmtree(files_of(self._settings, worker), ignore_errors=True)

    @property
    def room(self) -> int:
        """Give how many events may be sent now."""
        return self._window.room

    @property
    def idle(self) -> bool:
        """Say whether everything sent is worked through, as far as was last heard."""
        return self._window.done(self._heard.committed)

    @property
    def dead_letters(self) -> int:
        """Count what was refused so far."""
        return self._output.dead_letters

    @property
    def about(self) -> Mapping[str, str]:
        """Say what the console needs to know of the workers, as environment variables."""
        ports = (*self._ports.values(), *self._judging.ports)
        pages = ",".join(f"http://127.0.0.1:{port}/metrics" for port in ports)
        return {**self._judging.environment, "AISLE_CONSOLE_METRICS": pages}

    def start(self, products: Sequence[Product]) -> None:
        """Start the workers and hand them the catalogue, never faster than they read."""
        self._output.open()
        for kind, port in self._ports.items():
            environment = {**self._judging.environment, "AISLE_HTTP_PORT": str(port)}
            self._children.start("worker", kind, environment=environment)
        self._judging.start(self._children)
        feed(products, self._writer, self._applied)
        while not (self._heard.ready and self._judging.ready()):
            self._applied()

    def send(self, event: Event, sent: Sent, placed: Placed, *, origin: str | None = None) -> None:
        """Send an event.

        Args:
            event: of the demo's own.
            sent: what is to be known of it when its slates come.
            placed: called once it is known where the event lies, before its slates and in the order of sending.
            origin: marks imports.
        """
        key, value = event.visitor_id.encode(), event.encode()
        partition = partition_of(key, self._settings.partitions)
        self._window.send(partition)
        place = self._places.send(partition, sent, placed)

        def acked(partition: int, offset: int, _appended_ms: int) -> None:
            self._window.acknowledged(partition, offset)
            place(offset)

        self._writer.write(EVENTS, key, value, origin=origin, acked=acked)
        self._sent(value)

    def change(self, product: Product) -> None:
        """Write a product anew."""
        self._writer.write(PRODUCTS, product.product_id.encode(), product.encode())

    def receive(self, *, hear_every_s: float) -> None:
        """Take what has come, and now and then ask how far the worker is, which takes its time."""
        self._writer.poll(0)
        self._output.poll(POLL_S)
        if time.monotonic() - self._heard_at > hear_every_s:
            self._heard_at = time.monotonic()
            self._hear()
        self._judging.hear()

    def settle(self, timeout_s: float) -> None:
        """Wait until everything sent is worked through and every slate has come, or time is up."""
        self._writer.flush()
        until = time.monotonic() + timeout_s
        while not self.idle and time.monotonic() < until:
            self.receive(hear_every_s=0.05)
        self._output.drain()
        self._judging.hear(every_s=0)

    def _applied(self) -> int:
        """Wait a little, and give how many products the workers know with their vectors."""
        self._writer.poll(HEAR_EVERY_S)
        self._hear()
        self._embedding.ask()  # refuses where it cannot embed
        return self._heard.catalogue

    def _slate(self, slate: Emitted) -> None:
        self._places.take(slate, time.time())

    def _read(self, event: Logged) -> None:
        self._window.seen(event.partition, event.offset)
        self._told(event)

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
