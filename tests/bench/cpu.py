"""CPU time of every part of a slate, without Kafka; also makes the history and the answers the other jobs use.

The handler's functions are wrapped in timers of CPU time: each part counts what it spends itself, without the parts
inside it.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tape import Answer, Taped, read_tape, write_answers
from telling import tell

from schemas.topics import SLATES

BATCH = 32
"""Events handled between two rounds of learning: about what a worker takes at once at 500 a second."""


class Timed(NamedTuple):
    """A function and the part it belongs to; `whole`: with everything that it calls."""

    owner: object
    name: str
    part: str
    whole: bool = False


class Stopwatch:
    """CPU seconds by part, each without the parts inside it."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []
        self._closed = 0

    def wrap(self, timed: Timed) -> None:
        """Replace a function by one that is timed."""
        inner = getattr(timed.owner, timed.name)
        setattr(timed.owner, timed.name, self._timed(inner, timed.part, whole=timed.whole))

    def _timed(self, inner: Callable[..., Any], part: str, *, whole: bool) -> Callable[..., Any]:
        def outer(*args: Any, **kwargs: Any) -> Any:
            if self._closed:
                return inner(*args, **kwargs)
            self._inner.append(0.0)
            self._closed += whole
            began = time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                took = time.process_time() - began
                self._closed -= whole
                self.spent_s[part] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return outer


def timed_functions() -> list[Timed]:
    """Name the parts of a slate."""
    from models.catalogue import Catalogue
    from models.complements import Complements
    from models.content import Content
    from models.covisitation import Covisitation
    from models.factors import Factors
    from models.history import History
    from models.landing import LandingPopularity
    from models.session_knn import SessionKnn
    from models.trending import Trending
    from models.words import TitleIndex
    from streams import clicks, deciding
    from streams.world import LearningFold

    return [
        Timed(deciding, "decode_event", "decode"),
        Timed(clicks, "decode_visitor", "session"),
        Timed(clicks, "apply", "session"),
        Timed(clicks, "retrieve", "candidates: joining"),
        Timed(Covisitation, "rank", "candidates: covisitation"),
        Timed(SessionKnn, "rank", "candidates: session_knn"),
        Timed(History, "rank", "candidates: history"),
        Timed(Factors, "rank", "candidates: factors"),
        Timed(Trending, "rank", "candidates: popular"),
        Timed(LandingPopularity, "rank", "candidates: popular"),
        Timed(Complements, "rank", "candidates: together"),
        Timed(Content, "near", "candidates: content"),
        Timed(Content, "session_vector", "candidates: content"),
        Timed(TitleIndex, "match", "candidates: words"),
        Timed(Catalogue, "newest", "candidates: new"),
        Timed(clicks, "score", "blend"),
        Timed(deciding, "decide", "decide: filter, diversify, explore, explain"),
        Timed(deciding, "encode_slate", "encode"),
        Timed(clicks, "encode", "encode"),
        Timed(clicks.ClicksAgent, "_learn", "step to learn, with its training row", whole=True),
        Timed(clicks.ClicksAgent, "handle", "the rest of the handler"),
        Timed(LearningFold, "apply", "learning"),
    ]


def batches(tape: Sequence[Taped], counts: dict[int, int]) -> Iterator[dict[int, list[Any]]]:
    """Cut a tape into batches of records by partition; `counts` are the next offsets."""
    from streams.flow import LogRecord

    now_ms = time.time_ns() // 1_000_000
    for first in range(0, len(tape), BATCH):
        batch: dict[int, list[Any]] = {}
        for taped in tape[first : first + BATCH]:
            offset = counts[taped.partition]
            counts[taped.partition] += 1
            record = LogRecord(taped.partition, offset, now_ms, taped.key, taped.value)
            batch.setdefault(taped.partition, []).append(record)
        yield batch


class Run(NamedTuple):
    """What a stretch of the tape came to."""

    outputs: list[Any]
    states: dict[tuple[int, int], int]
    took_s: float


def run(handler: Any, tape: Sequence[Taped], counts: dict[int, int]) -> Run:
    """Handle a stretch of the tape and learn from it; `states` are sizes by (partition, offset)."""
    outputs: list[Any] = []
    states: dict[tuple[int, int], int] = {}
    took_s = 0.0
    for batch in batches(tape, counts):
        began = time.process_time()
        outcomes = [(records, handler.handle(records)) for records in batch.values()]
        for _, outcome in outcomes:
            handler.learn(outcome.outputs)
        took_s += time.process_time() - began
        for records, outcome in outcomes:
            outputs += outcome.outputs
            states |= {(r.partition, r.offset): len(outcome.touched.get(r.key) or b"") for r in records}
    return Run(outputs, states, took_s)


def main() -> None:
    """Learn the history, then handle events without and with timers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--history-events", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--answers", type=Path, required=True)
    arguments = parser.parse_args()
    from handler import Handler, write_history

    tape = read_tape(arguments.tape)
    first, second = arguments.history_events, arguments.history_events + arguments.events
    handler = Handler(None, arguments.partitions)
    counts = dict.fromkeys(range(arguments.partitions), 0)
    write_history(arguments.history, run(handler, tape[:first], counts).outputs)
    plain = run(handler, tape[first:second], counts)
    answers, sample = _answers(plain)
    write_answers(arguments.answers, answers, sample)
    watch = Stopwatch()
    for timed in timed_functions():
        watch.wrap(timed)
    split = run(handler, tape[second : second + arguments.events], counts)
    slates = sum(out.topic == SLATES for out in split.outputs)
    scale = 1000 / slates
    tell(
        json.dumps(
            {
                "parts_s": {part: spent * scale for part, spent in watch.spent_s.items()},
                "total_s": plain.took_s * 1000 / sum(out.topic == SLATES for out in plain.outputs),
                "slates": slates,
                "state_bytes": sum(split.states.values()) / len(split.states),
                "slate_bytes": sum(len(out.value) for out in split.outputs if out.topic == SLATES) / slates,
            }
        )
    )


def _answers(done: Run) -> tuple[dict[str, list[Answer]], bytes]:
    """Group what was answered by event name: placements, and so sizes, follow from it."""
    slates: defaultdict[tuple[int, int], list[bytes]] = defaultdict(list)
    for out in done.outputs:
        if out.topic == SLATES:
            slates[out.partition, out.source_offset].append(out.value)
    answers: defaultdict[str, list[Answer]] = defaultdict(list)
    names = {("home", "product"): "view_item", ("home", "cart"): "add_to_cart", ("home", "search"): "search"}
    for cause, written in slates.items():
        placements = tuple(json.loads(slate)["placement"] for slate in written)
        answers[names.get(placements, "page_view")].append(
            Answer([len(slate) for slate in written], done.states[cause])
        )
    return dict(answers), next(iter(slates.values()))[0]


if __name__ == "__main__":
    main()
