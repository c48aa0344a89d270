"""The four parts of `make takeover`, each on fresh topics of one broker."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aisle_worker import ask, start_aisle
from handler import PRODUCT_COUNT
from measure import load, loading
from meter import Meter
from processes import Child, descendants, peak_bytes, rss_bytes
from shop import GAP, Visitors, products
from stage import Files, Stage
from states import Written, visitor_id, write_past
from takeover_scale import Backlog, Results, Rolling, Scale, Start, TakenOver
from tape import Taped, write_tape
from waits import answered, read_waits, served_s, worst_s

from schemas.topics import SLATES
from streams.brokers import Broker

PARTITIONS = 8
RESTORED = re.compile(r"restored partitions .* in ([\d.]+) s: (\d+) visitors")
PATIENCE_S = 60.0
QUIET_S = 3.0
"""Between two restarts, as an operator would wait."""


class Parts:
    """Measure one part after the other.

    Args:
        scale: how much.
        broker: real Kafka.
        files: where to keep what is prepared.
        say: told what is going on.
    """

    def __init__(self, scale: Scale, broker: Broker, files: Files, say: Callable[[str], object]) -> None:
        self._scale = scale
        self._broker = broker
        self._files = files
        self._say = say
        self._past = Written(0, 0)
        self._tape: list[Taped] = []

    def run(self, only: Collection[str] | None = None) -> Results:
        """Measure all parts, or only those named."""
        parts: dict[str, Callable[[], Any]] = {
            "start": self.start, "takeover": self.take_over, "rolling": self.roll, "backlog": self.back_log,
        }  # fmt: skip
        return Results(**{name: part() for name, part in parts.items() if not only or name in only})

    def start(self) -> Start:
        """Start a worker with a large past and events waiting."""
        with self._stage(self._scale.visitors, self._scale.waiting) as stage, self._meter(stage) as meter:
            load(stage, 0, self._scale.waiting, 0)
            self._say(f"Starting a worker with {self._scale.visitors:,} visitors")
            began_ns = time.time_ns()
            with self._worker(stage, "one") as worker:
                worker.wait_ready()
                ready_s = (time.time_ns() - began_ns) / 1e9
                pid = descendants(worker.pid)[-1]
                memory, peak = rss_bytes(pid), peak_bytes(pid)
                self._drain(meter, self._scale.waiting)
                found = RESTORED.search(worker.said())
                assert found is not None
            slates_s = sorted(seen.appended_ms / 1e3 - began_ns / 1e9 for seen in meter.seen)
        return Start(
            self._past.visitors, self._past.size, int(found[2]), float(found[1]), ready_s, slates_s[0], slates_s[-1],
            memory, peak,
        )  # fmt: skip

    def take_over(self) -> TakenOver:
        """Kill one of two workers while events come."""
        scale = self._scale
        events = int(scale.takeover_rate * scale.takeover_s)
        with (
            self._stage(scale.taken_over, events) as stage,
            self._meter(stage) as meter,
            self._worker(stage, "one") as one,
            self._worker(stage, "two") as two,
        ):
            self._wait_both(one, two)
            lost = _partitions(ask(two.folder, "/progress"))
            with loading(stage, 0, events, scale.takeover_rate) as sender:
                time.sleep(QUIET_S)
                self._say(f"Killing a worker with {scale.taken_over:,} visitors between two")
                killed_ms = time.time_ns() // 1_000_000
                two.kill()
                sender.result(scale.takeover_s + 60)
            self._drain(meter, events)
            waits = read_waits(stage.broker.bootstrap, stage.topics, meter.seen)
        return TakenOver(
            scale.taken_over, scale.session_timeout_s, served_s(waits, lost, killed_ms), worst_s(waits),
            answered(self._tape[:events], meter.seen),
        )  # fmt: skip

    def roll(self) -> Rolling:
        """Restart both of two workers, one after the other, while events come."""
        scale = self._scale
        events = int(scale.rolling_rate * scale.rolling_s)
        stops_s, starts_s = [], []
        with (
            self._stage(scale.taken_over, events) as stage,
            self._meter(stage) as meter,
            contextlib.ExitStack() as workers,
        ):
            running = {slot: workers.enter_context(self._worker(stage, slot)) for slot in ("one", "two")}
            self._wait_both(*running.values())
            with loading(stage, 0, events, scale.rolling_rate) as sender:
                time.sleep(QUIET_S)
                for slot in ("one", "two"):
                    self._say(f"Restarting worker {slot} of two")
                    stops_s.append(running[slot].end())
                    began = time.monotonic()
                    running[slot] = workers.enter_context(self._worker(stage, slot))
                    running[slot].wait_ready()
                    starts_s.append(time.monotonic() - began)
                    time.sleep(QUIET_S)
                sender.result(scale.rolling_s + 60)
            self._drain(meter, events)
            waits = read_waits(stage.broker.bootstrap, stage.topics, meter.seen)
        slates = sum(taped.slates for taped in self._tape[:events])
        done = answered(self._tape[:events], meter.seen)
        return Rolling(slates / scale.rolling_s, worst_s(waits), stops_s, starts_s, done)

    def back_log(self) -> Backlog:
        """Give a worker far more events than it can work through in a while."""
        scale = self._scale
        with (
            self._stage(0, scale.backlog) as stage,
            self._meter(stage) as meter,
            self._worker(stage, "one") as worker,
        ):
            worker.wait_ready()
            load(stage, 0, 500, 100)  # what the first batches of a process take is no backlog's fault
            self._drain(meter, 500)
            pid = descendants(worker.pid)[-1]
            before = peak = rss_bytes(pid)
            self._say(f"{scale.backlog:,} events at once")
            load(stage, 500, scale.backlog - 500, 0)
            end = time.monotonic() + scale.backlog_s
            while time.monotonic() < end:
                peak = max(peak, rss_bytes(pid))
                time.sleep(0.1)
            worker.check()
            return Backlog(
                scale.backlog, sum(len(taped.value) for taped in self._tape[: scale.backlog]), before, peak,
                rss_bytes(pid), scale.backlog - len({seen[:2] for seen in meter.seen}),
            )  # fmt: skip

    @contextlib.contextmanager
    def _stage(self, visitors: int, events: int) -> Iterator[Stage]:
        """Build topics with a past, a catalogue and nothing learned yet, and make the events to send."""
        with Stage.build(self._broker, PARTITIONS, self._files) as stage:
            self._say(f"Writing {visitors:,} visitors")
            self._past = write_past(self._broker.bootstrap, stage.topics, visitors)
            stage.inform()
            self._tape = self._write_tape(max(visitors, 10_000), events)
            yield stage

    def _write_tape(self, visitors: int, events: int) -> list[Taped]:
        """Write events of visitors of the past, each of whom comes back once or twice."""
        random = Random(3)
        shop = Visitors(products(PRODUCT_COUNT), datetime.now(UTC) - timedelta(hours=1) - events * GAP)
        names = [visitor_id(random.randrange(visitors)) for _ in range(events)]
        made = (
            event.model_copy(update={"visitor_id": name, "event_id": f"new-{event.event_id}"})
            for event, name in zip(shop.events(len(names)), names, strict=True)
        )
        return write_tape(self._files.tape, made, PARTITIONS)

    def _worker(self, stage: Stage, slot: str) -> Child:
        more = {
            "AISLE_WORKER_SLOT": slot,
            "AISLE_LOG_LEVEL": "info",
            "AISLE_SESSION_TIMEOUT_S": str(self._scale.session_timeout_s),
        }
        return start_aisle(self._broker, stage.topics, more)

    def _meter(self, stage: Stage) -> Meter:
        return Meter(self._broker.bootstrap, stage.topics[SLATES], PARTITIONS)

    def _wait_both(self, *workers: Child) -> None:
        """Wait until all are ready and each holds its share."""
        share = PARTITIONS // len(workers)
        deadline = time.monotonic() + PATIENCE_S
        for worker in workers:
            worker.wait_ready()
        while any(len(_partitions(ask(worker.folder, "/progress"))) != share for worker in workers):
            if time.monotonic() > deadline:
                raise SystemExit("the partitions were not shared within a minute")
            time.sleep(0.1)
        for worker in workers:
            worker.wait_ready()

    def _drain(self, meter: Meter, events: int) -> None:
        """Wait until the first events of the tape are answered, or for a minute."""
        meter.wait(sum(taped.slates for taped in self._tape[:events]), until=time.monotonic() + PATIENCE_S)


def _partitions(progress: str) -> set[int]:
    """Name the partitions a worker holds, by its progress page."""
    return {int(partition) for partition in json.loads(progress or '{"partitions":{}}')["partitions"]}
