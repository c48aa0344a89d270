"""A run on a broker: real topics, real workers, in lock-step."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.topics import EVENTS, LEARNING
from streams.kafka import confluent_config, partition_of
from streams.runs.children import Children
from streams.runs.display import Watch
from streams.runs.feeding import feed
from streams.runs.output import Emitted, Output
from streams.runs.progress import NOTHING, ProgressClient
from streams.runs.shelf import products_of
from streams.runs.tally import Tally
from streams.runs.window import Window
from streams.settings import Settings
from streams.sources.event_file import EventFile
from streams.sources.importing import ORIGIN
from streams.sources.writer import Writer
from streams.worker_files import Kind, files_of

STALLED_S = 120
"""Without any progress for this long, something is wrong that will not mend itself."""

HEAR_EVERY_S = 0.05
"""Between two questions to the worker, which answers in the time it has for events."""

POLL_S = 0.01

WORKERS: tuple[Kind, ...] = ("clicks", "catalog")

_KEPT_TIMES = 4096
"""Arrival times kept for latencies: well above what can be under way."""


class KafkaRun:
    """One file through the workers of a broker whose topics exist and are empty; leaving it stops the workers.

    Args:
        file: what to run over.
        settings: of this run: servers, prefix, partitions, and a worker slot, which names the files of its workers.
        tally: counts.
        environment: what workers need to know of the broker.
        taken: called with every slate.
        contexts: keep every visitor's last context.
    """

    def __init__(
        self,
        file: EventFile,
        settings: Settings,
        tally: Tally,
        *,
        environment: Mapping[str, str],
        taken: Callable[[Emitted], object],
        contexts: bool = False,
    ) -> None:
        self._file = file
        self._settings = settings
        self._tally = tally
        self._taken = taken
        self._window = Window(settings.partitions)
        self._appended: dict[tuple[int, int], int] = {}
        self._heard = NOTHING
        self._heard_at = self._asked_at = time.monotonic()
        self._ports: dict[Kind, int] = {kind: free_port() for kind in WORKERS}
        config = confluent_config(settings)
        directory = settings.data_dir / "runs" / (settings.worker_slot or "run")
        with ExitStack() as stack:
            self._writer = stack.enter_context(closing(Writer(config, settings.topics)))
            output = Output(config, settings.topics, self._slate, contexts=contexts)
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
            for worker in WORKERS:
                shutil.rmtree(files_of(self._settings, worker), ignore_errors=True)

    def run(self, watch: Watch) -> Mapping[str, bytes]:
        """Start the workers, write the products, then the events, and wait until all is worked through.

        Returns:
            the visitors' contexts as encoded, where they are kept.
        """
        self._output.open()
        for kind, port in self._ports.items():
            self._children.start("worker", kind, environment={"AISLE_HTTP_PORT": str(port)})
        self._catalogue(watch)
        watch.stage("events", self._file.rows)
        events = iter(self._file.events())
        while self._send(events) or not self._window.done(self._heard.committed):
            self._output.poll(POLL_S)
            if time.monotonic() - self._asked_at > HEAR_EVERY_S:
                self._hear()
            watch.reached(self._file.taken)
        self._output.drain()
        self._tally.dead_letters = self._output.dead_letters
        self._tally.scoring.finish()
        return self._output.contexts

    def _catalogue(self, watch: Watch) -> None:
        """Write the products, and wait until the workers know them and their vectors."""
        products = list(products_of(self._file))
        watch.stage("products", len(products))

        def applied() -> int:
            self._writer.poll(HEAR_EVERY_S)
            self._hear()
            self._embedding.ask()  # refuses where it cannot embed
            watch.reached(self._heard.catalogue)
            return self._heard.catalogue

        feed(products, self._writer, applied)
        while not self._heard.ready:
            applied()

    def _send(self, events: Iterator[Event]) -> bool:
        """Send what there is room for; False when the file is at its end."""
        room = self._window.room
        sent = 0
        for event in islice(events, room):
            key = event.visitor_id.encode()
            partition = partition_of(key, self._settings.partitions)
            offset = self._window.send(partition)
            self._tally.event(event, partition=partition, offset=offset)
            acked = partial(self._acked, (partition, offset))
            self._writer.write(EVENTS, key, event.encode(), origin=ORIGIN, acked=acked)
            sent += 1
        self._writer.poll(0)
        return sent == room

    def _acked(self, expected: tuple[int, int], partition: int, offset: int, appended_ms: int) -> None:
        if (partition, offset) != expected:
            raise RefusedError(
                f"Another producer writes to {self._settings.topics[EVENTS]}: run with a prefix of its own."
            )
        self._window.acknowledged(partition, offset)
        self._appended[expected] = appended_ms
        if len(self._appended) > _KEPT_TIMES:
            del self._appended[next(iter(self._appended))]

    def _slate(self, slate: Emitted) -> None:
        appended_ms = self._appended.get((slate.partition, slate.cause))
        latency_ms = None if appended_ms is None else slate.appended_ms - appended_ms
        self._tally.slate(
            slate.placement, slate.products, partition=slate.partition, cause=slate.cause, latency_ms=latency_ms
        )
        self._taken(slate)

    def _hear(self) -> None:
        """Ask the worker how far it is.

        Raises:
            RefusedError: a worker has ended, or nothing has moved for long.
        """
        self._asked_at = time.monotonic()
        progress = self._progress.ask()
        learned = self._output.end_of(self._settings.topics[LEARNING], 0)
        self._window.heard(marks=progress.marks, unlearned=max(0, learned - 1 - progress.model))
        if progress != self._heard:
            self._heard, self._heard_at = progress, time.monotonic()
        elif time.monotonic() - self._heard_at > STALLED_S:
            raise RefusedError(f"The workers have not moved for {STALLED_S} s.\n{self._children.last_words()}")
        self._children.check()


def environment_of(settings: Settings, broker: Mapping[str, str]) -> dict[str, str | None]:
    """Give a worker the run's settings; what belongs to the installation's own workers is switched off.

    So is the language model, which may cost money: no run over a file calls one. A key or an endpoint in `.env` is
    covered by nothing, in the environment; whatever else the API's client would read there goes.
    """
    return {
        **broker,
        **{name: None for name in os.environ if name.upper().startswith("OPENAI_")},
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
        "AISLE_TOPIC_PREFIX": settings.topic_prefix,
        "AISLE_PARTITIONS": str(settings.partitions),
        "AISLE_DATA_DIR": str(settings.data_dir),
        "AISLE_SNAPSHOT_URL": None,
        "AISLE_WORKER_SLOT": settings.worker_slot,
        "QDRANT_URL": None,
    }


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
