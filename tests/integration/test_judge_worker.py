"""The judge worker on Apache Kafka: what is asked for comes out as a table, and money is never spent twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.intent import JudgementKey
from models.wording import word
from schemas.judgements import SPENDING_KEY, JudgementRequest, JudgementTable, Spending
from streams.brokers import Broker
from streams.simulated.faults import Fault
from streams.simulated.server import SimulatedJudge
from tests.installation import Installation
from tests.judging import shop

pytestmark = pytest.mark.kafka

ALONE = (sys.executable, "-m", "streams.judge_app")
SUPERVISED = (sys.executable, "-m", "streams.cli.main", "worker", "judge")
FINE, COARSE = JudgementKey("loyal.mid.outdoor", "outdoor/kids.low.comparing"), JudgementKey("any", "outdoor/kids")
NONSENSE: tuple[Fault, ...] = (
    "truncated_content", "cut_off", "prose", "not_json", "html", "huge", "deep", "no_choices", "empty_content",
    "refusal", "content_filter", "foreign_ids", "repeated_ids", "missing_ids", "text_scores", "nan_scores",
    "out_of_range", "nested_scores",
)  # fmt: skip
"""What does not look as if the server was away."""
PRODUCTS = shop()
ITEMS = [f"{whom}-{leaf}-{n}" for n in range(10) for leaf in ("boots", "jackets") for whom in ("kids", "adults")]


class Site:
    """An installation with a catalogue, a simulated judge, and judge workers."""

    def __init__(self, kafka: Broker, folder: Path, judge: SimulatedJudge) -> None:
        self.installation = Installation(kafka, folder)
        self.judge = judge
        self._folder = folder
        products = [(one.product_id.encode(), one.encode()) for one in PRODUCTS.values()]
        self.installation.put(products, "catalog.products")

    def start(self, command: Sequence[str], **env: str) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until it is ready."""
        told = {"OPENAI_BASE_URL": self.judge.base_url, "OPENAI_API_KEY": "", "AISLE_LLM_MODEL": "simulated-judge"}
        worker = self.installation.start(command=command, **(told | env))
        until(lambda: self.ask("/readyz")[0] == 200)
        return worker

    def ask(self, page: str) -> tuple[int, str]:
        """Ask the worker's health page."""
        return self.installation.ask(page, at=self.status().get("http", "http://127.0.0.1:9"))

    def status(self) -> dict[str, Any]:
        """Give which process the worker is, and where it answers."""
        file = self._folder / "worker-judge-one" / "status.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def want(self, key: JudgementKey, items: Sequence[str] = ITEMS, askers: int = 3) -> None:
        """Let visitors ask for a key."""
        now = datetime.now(UTC)
        for n in range(askers):
            request = JudgementRequest(
                segment=key.segment, intent=key.intent, product_ids=tuple(items), asker=f"v{n}", at=now,
                deadline_at=now + timedelta(seconds=2),
            )  # fmt: skip
            self.installation.produce("judgements.requests", key.encode(), request.encode())
        self.installation.flush()

    def written(self) -> list[tuple[bytes, bytes | None]]:
        """Read `judgements`."""
        return [(record.key(), record.value()) for record in self.installation.read("judgements", 1)]

    def tables(self) -> list[JudgementTable]:
        """Read all tables, each as often as it was written."""
        return [
            JudgementTable.decode(data) for key, data in self.written() if not key.startswith(SPENDING_KEY) and data
        ]

    def spent(self) -> float:
        """Give what the last records say was spent, in USD."""
        last = {key: Spending.decode(data) for key, data in self.written() if key.startswith(SPENDING_KEY)}
        return sum(sum(one.usd.values()) for one in last.values())

    def until_judged(self, calls: int) -> None:
        """Wait for the answers of so many calls, and for what is written of them."""
        until(lambda: self.metric('aisle_llm_calls_total{outcome="ok"}') >= calls and self.turns() >= 1)

    def turns(self) -> float:
        """Count the turns of keys that have come to an end."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("aisle_judge_turns_total{"))

    def metric(self, line: str) -> float:
        """Read one series of the worker's metrics, 0 for one that is not there."""
        found = [each for each in self.ask("/metrics")[1].splitlines() if each.startswith(line + " ")]
        return float(found[0].split()[-1]) if found else 0.0


def until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for something."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def opened(kafka: Broker, folder: Path, judge: SimulatedJudge) -> Iterator[Site]:
    """Give topics and a catalogue, and take them away."""
    site = Site(kafka, folder, judge)
    yield site
    site.installation.close()
    kafka.delete_topics(site.installation.prefix)


@pytest.fixture(scope="module")
def quick(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a worker whose language model answers at once."""
    with SimulatedJudge(latency_ms=20) as judge:
        for site in opened(kafka_broker, tmp_path_factory.mktemp("quick"), judge):
            site.start(ALONE)
            yield site


@pytest.fixture
def slow(kafka_broker: Broker, tmp_path: Path) -> Iterator[Site]:
    """Give an installation whose language model answers never."""
    with SimulatedJudge(latency_ms=3_600_000, keep_prompts=9) as judge:
        yield from opened(kafka_broker, tmp_path, judge)


def check(tables: Sequence[JudgementTable]) -> None:
    """Hold every entry against what slates of now accept."""
    assert tables
    for item, one in [entry for table in tables for entry in table.scores.items()]:
        worded = word(PRODUCTS[item])
        assert worded is not None
        assert (one.text_hash, one.price_band) == (worded.text_hash, worded.price_band)


def test_three_visitors_who_ask_get_a_table_of_what_may_be_read_now(quick: Site) -> None:
    """Two are not enough; kids' things are the better ones for a visit for the kids."""
    quick.want(FINE, askers=2)
    quick.want(COARSE)
    quick.until_judged(2)
    tables = quick.tables()
    assert {table.segment for table in tables} == {COARSE.segment}

    scores = {item: one.score for item, one in tables[-1].scores.items()}
    assert set(scores) == set(ITEMS)
    kids = [score for item, score in scores.items() if item.startswith("kids")]
    assert sum(kids) / len(kids) > sum(scores.values()) / len(scores) + 1
    check(tables)
    assert 0 < quick.spent() < 0.01
    assert quick.metric('aisle_judge_turns_total{outcome="in_time"}') == 1


def test_whatever_the_language_model_says_only_judgements_are_written(quick: Site) -> None:
    """All kinds of nonsense at random: the worker works on, and logs no trace."""
    done = quick.turns()
    quick.judge.fail(*NONSENSE, share=0.9)
    for n in range(20):
        quick.want(JudgementKey("new.any.any", f"outdoor/kids.low.{n}"), ITEMS[n:] + ITEMS[:n])
    until(lambda: quick.turns() >= done + 20)
    quick.judge.recover()

    check(quick.tables())
    assert quick.judge.outcomes.keys() & set(NONSENSE)
    assert quick.ask("/readyz")[0] == 200
    assert b"Traceback" not in quick.installation.log()


def test_a_worker_killed_in_a_call_has_spent_what_it_had_reserved(slow: Site) -> None:
    """The one that comes back makes no call that the budget does not allow, and says so."""
    price = {"AISLE_LLM_USD_PER_MILLION_PROMPT": "0.8", "AISLE_LLM_USD_PER_MILLION_COMPLETION": "3.2"}
    slow.start(SUPERVISED, AISLE_LLM_BUDGET_USD_PER_HOUR="0.01", AISLE_LLM_TIMEOUT_S="600", **price)
    slow.want(COARSE)
    until(lambda: len(slow.judge.prompts) == 1)
    killed = slow.status()["pid"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: slow.status()["pid"] != killed and slow.ask("/readyz")[0] == 200)
    reserved = slow.spent()
    assert 0.005 < reserved <= 0.01

    slow.want(FINE)
    until(lambda: slow.metric('aisle_llm_calls_total{outcome="budget"}') == 1)
    assert (len(slow.judge.prompts), slow.spent()) == (1, reserved)
    assert slow.metric("aisle_llm_budget_spent") == pytest.approx(reserved / 0.01)


def test_a_worker_told_to_stop_in_a_call_does_not_wait_for_the_answer(slow: Site) -> None:
    """What the call may have cost stays spent."""
    supervisor = slow.start(SUPERVISED, AISLE_LLM_TIMEOUT_S="600")
    slow.want(COARSE)
    until(lambda: len(slow.judge.prompts) == 1)

    began = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(30) == 0
    assert time.monotonic() - began < 5
    assert slow.spent() > 0
