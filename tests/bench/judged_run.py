"""One run of a clicks worker under load, alone or with a judge whose language model fails in every way it can."""

import contextlib
import json
import os
import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from aisle_worker import ask, start_aisle
from measure import load
from meter import Appended, Latency, spread
from processes import Child, descendants, rss_bytes
from stage import Stage
from tape import Taped

from schemas.errors import DecodeError
from schemas.judgements import SPENDING_KEY, JudgementTable
from schemas.slates import Slate
from schemas.topics import EVENTS, JUDGEMENTS, SLATES
from streams.simulated.faults import FAULTS

WARM_S = 10.0
"""At the start of a run, without faults and not counted."""

PATIENCE_S = 20.0
SHARE = 0.5
"""Of the calls that fail: with more, the circuit breaker would keep the rest of the faults from ever being met."""

NICE = 10

LATENCY_MS = 600.0
"""Of an answer: what thirty scores take a fast model; some come in time for a revision, some do not."""


class Run(NamedTuple):
    """What one run came to.

    `owed` and `answered` count revisions 0, `revised` slates with a revision 1; `invalid` slates and tables that are
    not what they should be, by what is wrong; `faults` calls by outcome as the simulated judge counts them; `said`
    lines of the logs that tell of an exception; `waiting` the longest queue; `grown` MB of memory gained by both.
    """

    judged: bool
    append: Latency
    owed: int
    answered: int
    revised: int
    invalid: Counter[str]
    faults: Counter[str]
    said: Sequence[str]
    waiting: float
    grown: float


class Reader:
    """Read a topic on a thread of its own: key, value, and the broker's time.

    Args:
        bootstrap: the broker.
        topic: as the broker names it.
        partitions: of the topic.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        from confluent_kafka import Consumer, TopicPartition

        settings = {"bootstrap.servers": bootstrap, "group.id": f"{topic}.reader", "enable.auto.commit": False}
        self._consumer: Any = Consumer(settings)
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        self.records: list[tuple[bytes, bytes | None, int]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name=topic)

    def _read(self) -> None:
        while not self._stopped.is_set():
            for message in self._consumer.consume(500, 0.02):
                self.records.append((message.key() or b"", message.value(), message.timestamp()[1]))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()


def run(stage: Stage, tape: Sequence[Taped], rate: float, seconds: float, *, judged: bool) -> Run:
    """Send events, let the model fail meanwhile, and look at all that was written."""
    warm, topics = int(rate * WARM_S), stage.topics
    stage.inform()
    with contextlib.ExitStack() as opened:
        url = opened.enter_context(_simulated()) if judged else ""
        more = _environment(url)
        clicks = opened.enter_context(start_aisle(stage.broker, topics, more))
        workers = [clicks]
        if judged:
            workers.append(opened.enter_context(start_aisle(stage.broker, topics, more, worker="judge")))
        slates = opened.enter_context(Reader(stage.broker.bootstrap, topics[SLATES], topics.partitions))
        tables = opened.enter_context(Reader(stage.broker.bootstrap, topics[JUDGEMENTS], 1))
        for worker in workers:
            worker.wait_ready()
        load(stage, 0, warm, rate)
        before = sum(rss_bytes(descendants(worker.pid)[-1]) for worker in workers)
        with _failing(url, seconds), _watching(workers[-1]) as queue:
            load(stage, warm, len(tape) - warm, rate)
        owed = sum(taped.slates for taped in tape)
        until = time.monotonic() + PATIENCE_S
        while len(_firsts(slates.records)) < owed and time.monotonic() < until:
            time.sleep(0.2)
        for worker in workers:
            worker.check()
        grown = sum(rss_bytes(descendants(worker.pid)[-1]) for worker in workers) - before
        faults = Counter(json.loads(_get(url, "/calls"))["outcomes"]) if judged else Counter[str]()
        said = [line for worker in workers for line in _exceptions(worker.said())]
    return _summed(stage, tape, warm, judged, slates, tables, faults, said, max(queue, default=0.0), grown / 1e6)


def _environment(url: str) -> dict[str, str]:
    """Give both workers the same language model, or none, whatever the shell has."""
    return {
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": url and f"{url}/v1",
        "AISLE_LLM_MODEL": "simulated-judge",
        "AISLE_LLM_TIMEOUT_S": "2",
        "AISLE_LLM_BUDGET_USD_PER_HOUR": "1000",
    }


@contextlib.contextmanager
def _simulated() -> Iterator[str]:
    """Start the simulated judge; gives its address."""
    command = ["-m", "streams.simulated", "--latency-ms", str(LATENCY_MS)]
    with Child(command, ready=lambda folder: "/v1" in (folder / "out.log").read_text()) as child:
        child.wait_ready()
        os.setpriority(os.PRIO_PROCESS, child.pid, NICE)  # elsewhere it would have a machine of its own
        yield child.said().split()[-1].removesuffix("/v1")


@contextlib.contextmanager
def _failing(url: str, seconds: float) -> Iterator[None]:
    """Switch on every fault in turn for half of the time, then all of them at random."""
    stop = threading.Event()

    def fail() -> None:
        for name in FAULTS:
            _post(url, {"fault": name, "share": SHARE})
            if stop.wait(seconds / 2 / len(FAULTS)):
                return
        _post(url, {"random": True, "share": SHARE})

    thread = threading.Thread(target=fail, name="faults")
    if url:
        thread.start()
    yield
    stop.set()
    if url:
        thread.join()


@contextlib.contextmanager
def _watching(worker: Child) -> Iterator[list[float]]:
    """Look at the length of the judge's queue every second."""
    stop, seen = threading.Event(), []

    def look() -> None:
        while not stop.wait(1.0):
            found = re.findall(r"^aisle_judge_queue (\S+)$", ask(worker.folder, "/metrics"), re.MULTILINE)
            seen.extend(map(float, found))

    thread = threading.Thread(target=look, name="queue")
    thread.start()
    yield seen
    stop.set()
    thread.join()


def _firsts(records: Sequence[tuple[bytes, bytes | None, int]]) -> list[tuple[bytes, bytes | None, int]]:
    return [record for record in records if b'"revision":0' in (record[1] or b"")]


def _exceptions(said: str) -> list[str]:
    """Keep the lines that tell of something nobody counted."""
    return [line for line in said.splitlines() if "Traceback" in line or " ERROR " in line or "Exception" in line]


def _summed(
    stage: Stage, tape: Sequence[Taped], warm: int, judged: bool, slates: Reader, tables: Reader,  # noqa: FBT001
    faults: Counter[str], said: Sequence[str], waiting: float, grown: float,
) -> Run:  # fmt: skip
    appended = Appended(stage.broker.bootstrap, stage.topics[EVENTS], tape)
    invalid: Counter[str] = Counter()
    first: dict[str, Slate] = {}
    again: set[str] = set()
    waits = []
    for _, value, at_ms in slates.records:
        slate = Slate.decode(value)
        invalid.update(_wrong(slate, first))
        if slate.revision:
            again.add(slate.slate_id)
            continue
        first[slate.slate_id] = slate
        place = slate.cause.partition, slate.cause.offset
        seen = appended.place(*place)
        if seen >= warm:
            waits.append(at_ms - appended.ms(*place))
    for key, value, _ in tables.records:
        if value is not None and not key.startswith(SPENDING_KEY):
            try:
                JudgementTable.decode(value)
            except DecodeError:
                invalid["table"] += 1
    return Run(
        judged, Latency.of(spread(waits)), sum(taped.slates for taped in tape), len(first), len(again), invalid,
        faults, said, waiting, grown,
    )  # fmt: skip


def _wrong(slate: Slate, first: Mapping[str, Slate]) -> Iterator[str]:
    """Say what is wrong with a slate."""
    products = [item.product_id for item in slate.items]
    if len(set(products)) != len(products):
        yield "a product twice"
    if [item.rank for item in slate.items] != list(range(1, len(products) + 1)):
        yield "ranks"
    if slate.revision and slate.slate_id not in first:
        yield "a revision before its slate"
    if not products:
        yield "empty"


def _get(url: str, page: str) -> str:
    with urllib.request.urlopen(url + page, timeout=5) as answer:
        return str(answer.read().decode())


def _post(url: str, body: Mapping[str, object]) -> None:
    request = urllib.request.Request(f"{url}/faults", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()
