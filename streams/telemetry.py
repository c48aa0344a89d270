"""Metric names in one place (the documentation's table is made from them), and how logs are written."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from prometheus_client import Counter, Gauge, Histogram

MetricName = Literal[
    "events",
    "slates",
    "timed_out",
    "dead_letters",
    "dead_letter_share",
    "requeued",
    "unreadable",
    "foreign_keys",
    "batches",
    "batch_seconds",
    "restore_seconds",
    "source_lag",
    "follower_lag",
    "committed_offset",
    "partitions",
    "visitors",
    "visitors_freed",
    "oldest_vector_age_seconds",
    "ready",
    "refused",
    "answer_seconds",
    "snapshot_age_seconds",
    "snapshot_offset",
    "drift",
    "drift_mean",
    "judged_slates",
    "revisions",
    "judgement_tables",
    "judgement_weight",
    "llm_calls",
    "llm_tokens",
    "llm_usd",
    "llm_call_seconds",
    "llm_breaker",
    "llm_in_flight",
    "llm_invalid",
    "llm_budget_spent",
    "judge_queue",
    "judge_keys",
    "judge_shed",
    "judge_turns",
    "gateway_events",
    "gateway_ack_seconds",
    "gateway_waiting",
    "gateway_browser_seconds",
    "gateway_streams",
    "gateway_shelves",
    "gateway_slates",
    "gateway_slate_seconds",
    "gateway_contextual",
]


@dataclass(frozen=True)
class Metric:
    """What a metric counts, and by which labels."""

    kind: type[Counter] | type[Gauge] | type[Histogram]
    help: str
    labels: tuple[str, ...] = ()


METRICS: dict[MetricName, Metric] = {
    "events": Metric(Counter, "Events applied, by what became of them.", ("note",)),
    "slates": Metric(Counter, "Slates decided.", ("placement",)),
    "timed_out": Metric(Counter, "Sources that did not answer in time; the slate was decided without.", ("source",)),
    "dead_letters": Metric(Counter, "Records refused, by reason.", ("reason",)),
    "dead_letter_share": Metric(
        Gauge, "Share refused of the last 1,000 records; above AISLE_DEAD_LETTER_LIMIT the worker stops."
    ),
    "requeued": Metric(
        Counter, "Dead letters sent again, by what became of them: taken, or again: taken before.", ("outcome",)
    ),
    "unreadable": Metric(Counter, "Records that this build cannot read and skips, and visitors so lost.", ("topic",)),
    "foreign_keys": Metric(
        Counter, "Records and visitors that belong to another partition: key by visitor_id, by murmur2."
    ),
    "batches": Metric(Counter, "Batches worked through."),
    "batch_seconds": Metric(Histogram, "Time a batch takes, by step.", ("step",)),
    "restore_seconds": Metric(Histogram, "Time until the state of the assigned partitions was back."),
    "source_lag": Metric(Gauge, "Records not yet applied.", ("partition",)),
    "follower_lag": Metric(Gauge, "Records of a followed log not yet applied.", ("topic",)),
    "committed_offset": Metric(Gauge, "Offset committed to the group.", ("partition",)),
    "partitions": Metric(Gauge, "Partitions the installation has; those that no worker tells a lag of have no owner."),
    "visitors": Metric(Gauge, "Visitors whose state is held.", ("partition",)),
    "visitors_freed": Metric(Counter, "Visitors whose profile had ended, freed by the sweep."),
    "oldest_vector_age_seconds": Metric(Gauge, "Age of the oldest product vector; 0 without any."),
    "ready": Metric(Gauge, "1 when restored and every follower is at its end."),
    "refused": Metric(Gauge, "1 while the worker may not run and an operator has to decide; /readyz says what."),
    "answer_seconds": Metric(
        Histogram, "From an event's arrival until its slates are written; the oldest event of each piece of a batch."
    ),
    "snapshot_age_seconds": Metric(Gauge, "Time since the newest model snapshot in the store was written."),
    "snapshot_offset": Metric(Gauge, "Offset of `learning` that the newest model snapshot ends with."),
    "drift": Metric(
        Counter, "Changes of what the model watches, raised once; the log names offset, before and after.", ("what",)
    ),
    "drift_mean": Metric(
        Gauge, "Since the last change: loss of the blend before it learns, clicks on slates by impression.", ("what",)
    ),
    "judged_slates": Metric(
        Counter,
        "Slates of judged placements, by what covers them: judgements of their own key (fine) or of everybody with the "
        "intent (coarse), too few (partial), none (missing), or nothing to judge by (no_key).",
        ("placement", "state"),
    ),
    "revisions": Metric(
        Counter,
        "Slates that waited for judgements: sent again, late, superseded by a newer slate, shed (too many), or gone "
        "(the visitor withdrew, or the partition went to another worker).",
        ("outcome",),
    ),
    "judgement_tables": Metric(Gauge, "Segments and intents with judgements."),
    "judgement_weight": Metric(
        Gauge, "What the blend gives a language model's judgement now; its floor until it has learned its worth."
    ),
    "llm_calls": Metric(
        Counter,
        "Calls of the language model: ok, what failed, or not made: open (the circuit breaker), budget.",
        ("outcome",),
    ),
    "llm_tokens": Metric(Counter, "Tokens paid for: prompt and completion.", ("kind",)),
    "llm_usd": Metric(Counter, "What calls of the language model have cost, in USD."),
    "llm_call_seconds": Metric(Histogram, "Time of one call of the language model, whatever came of it."),
    "llm_breaker": Metric(Gauge, "Circuit breaker at the last call: 0 closed, 1 half open, 2 open."),
    "llm_in_flight": Metric(Gauge, "Calls of the language model that are on their way."),
    "llm_invalid": Metric(
        Counter, "What was wrong with answers, by kind; with too_long, not_json or too_few nothing is taken.", ("kind",)
    ),
    "llm_budget_spent": Metric(
        Gauge, "Share of the hour's budget that is spent or reserved, of the partitions this worker judges for."
    ),
    "judge_queue": Metric(Gauge, "Keys (segment and intent) that wait to be judged."),
    "judge_keys": Metric(Gauge, "Keys with judgements, of the partitions this worker judges for."),
    "judge_shed": Metric(
        Counter,
        "Requests for judgements that were dropped: read over a minute late (old), or too many keys wait (full).",
        ("why",),
    ),
    "judge_turns": Metric(
        Counter,
        "Turns of keys, by what came of them: judgements in_time for a slate that waits, too late for it, or unwaited; "
        "nothing (all was judged, or the answer said nothing), failed (no call, or no answer), rare (rarer than all "
        "keys that have a table), overtaken (somebody else judges it now).",
        ("outcome",),
    ),
    "gateway_events": Metric(
        Counter,
        "Events sent to the gateway: accepted (Kafka has them), or the reason that the answer gives.",
        ("outcome",),
    ),
    "gateway_ack_seconds": Metric(Histogram, "From a request's events until Kafka has acknowledged all of them."),
    "gateway_waiting": Metric(Gauge, "Events that wait for Kafka's acknowledgement."),
    "gateway_browser_seconds": Metric(
        Histogram, "From an event on a page to the painted slate that answers it, as browsers tell it."
    ),
    "gateway_streams": Metric(Gauge, "Open streams of this gateway."),
    "gateway_shelves": Metric(Gauge, "Visitors and contexts whose newest slates this gateway holds."),
    "gateway_slates": Metric(
        Counter,
        "Slates read: taken, stale, or campaign (for no page); streamed: handed to an open stream; evicted: all of a "
        "visitor, for want of memory.",
        ("outcome",),
    ),
    "gateway_slate_seconds": Metric(Histogram, "From a slate in Kafka until it is handed to an open stream."),
    "gateway_contextual": Metric(
        Counter,
        "Shelves of nobody in particular: exact, broader (of a context around it), none, or unknown (no such product); "
        "and events that ask for them: asked, unsent, over_budget.",
        ("outcome",),
    ),
}

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


@cache
def metric(name: MetricName) -> Any:
    """Give the collector of a metric, registered once."""
    spec = METRICS[name]
    full = f"aisle_{name}"
    if spec.kind is Histogram:
        return Histogram(full, spec.help, spec.labels, buckets=BUCKETS_S)
    return spec.kind(full, spec.help, spec.labels)


def count(name: MetricName, amount: float = 1, **labels: str) -> None:
    """Add to a counter."""
    _of(name, labels).inc(amount)


def gauge(name: MetricName, value: float, **labels: str) -> None:
    """Set a gauge."""
    _of(name, labels).set(value)


def forget_gauge(name: MetricName, **labels: str) -> None:
    """Take a gauge away; its last value would be told for ever. One that was never set is ignored."""
    metric(name).remove(*(labels[label] for label in METRICS[name].labels))


def observe(name: MetricName, seconds: float, **labels: str) -> None:
    """Add one duration to a histogram."""
    _of(name, labels).observe(seconds)


def _of(name: MetricName, labels: dict[str, str]) -> Any:
    return metric(name).labels(**labels) if labels else metric(name)


def metrics_table() -> str:
    """Write the metrics as a Markdown table.

    >>> metrics_table().splitlines()[2]
    '| `aisle_events_total` | counter | note | Events applied, by what became of them. |'
    """
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for name in get_args(MetricName):
        spec = METRICS[name]
        full = f"aisle_{name}" + ("_total" if spec.kind is Counter else "")
        lines.append(f"| `{full}` | {spec.kind.__name__.lower()} | {', '.join(spec.labels)} | {spec.help} |")
    return "\n".join(lines)


WHERE = ("topic", "partition", "offset", "slate", "what", "before", "after")
"""Fields that a log call may give by `extra`; never a visitor's id."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what the call gave by `extra` of `WHERE` is a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record with its time, level, logger and text; a traceback goes into `error`."""
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in WHERE if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


TELL_S = 60.0


class Seldom:
    """Say yes at most once a minute for each name: a log full of nonsense must not fill the other one.

    >>> now = 0.0
    >>> seldom = Seldom(lambda: now)
    >>> seldom("a"), seldom("a"), seldom("b")
    (True, False, True)
    >>> now = TELL_S
    >>> seldom("a"), seldom("a")
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def __call__(self, name: str) -> bool:
        """Say whether it is time again."""
        now = self._clock()
        if name in self._said and now - self._said[name] < TELL_S:
            return False
        self._said[name] = now
        return True


class LibrarySeldom(logging.Filter):
    """Let a library say each thing once a minute: without a broker, clients complain a hundred times a second."""

    def __init__(self, tell: Callable[[str], bool] | None = None) -> None:
        super().__init__()
        self._tell = tell or Seldom()

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass what is ours; of the others the first of each text, whatever it is filled with."""
        ours = record.name.startswith(("streams", "models"))
        return ours or self._tell(f"{record.name} {record.msg}"[:200])


def logging_config(level: str, form: str) -> dict[str, Any]:
    """Describe logging for `logging.config.dictConfig`: everything to standard error, libraries from warnings on.

    Args:
        level: least level of our own logs.
        form: `json` or `text`.
    """
    formatters = {
        "json": {"()": JsonFormatter},
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatters[form]},
        "filters": {"seldom": {"()": LibrarySeldom}},
        "handlers": {
            "err": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["seldom"],
                "stream": "ext://sys.stderr",
            },
        },
        # Not "warning": faust turns the root logger to debug when the worker's level is above info.
        "root": {"level": "WARNING", "handlers": ["err"]},
        "loggers": {
            "streams": {"level": level.upper()},
            "models": {"level": level.upper()},
            "streams.transport": {"level": "WARNING"},  # faust logs its services under our subclasses' name
        },
    }
