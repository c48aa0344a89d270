"""The judge worker on Apache Kafka: what is asked for comes out as a table, and money is never spent twice."""

import json
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
from streams.simulated.server import SimulatedJudge
from tests.installation import Installation
from tests.judging import shop

pytestmark = pytest.mark.kafka

JUDGE = (sys.executable, "-m", "streams.cli.main", "worker", "judge")
KEY = JudgementKey("loyal.mid.outdoor", "outdoor/kids.low.comparing")
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

    def start(self, **env: str) -> None:
        """Start a worker, and wait until it is ready."""
        told = {"OPENAI_BASE_URL": self.judge.base_url, "OPENAI_API_KEY": "", "AISLE_LLM_MODEL": "simulated-judge"}
        self.installation.start(command=JUDGE, **(told | env))
        until(lambda: self.ask("/readyz")[0] == 200)

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


@pytest.fixture
def site(kafka_broker: Broker, tmp_path: Path) -> Iterator[Site]:
    """Topics, a catalogue and a simulated judge that is quick."""
    with SimulatedJudge(latency_ms=20) as judge:
        site = Site(kafka_broker, tmp_path, judge)
        yield site
        site.installation.close()
        kafka_broker.delete_topics(site.installation.prefix)


def test_three_visitors_who_ask_get_a_table_of_what_may_be_read_now(site: Site) -> None:
    """Two are not enough; each chunk is a table, and its entries are those that slates of now accept."""
    site.start()
    site.want(KEY, askers=2)
    other = JudgementKey("any", "outdoor/kids")
    site.want(other)
    until(lambda: any(len(table.scores) == len(ITEMS) for table in site.tables()))
    assert {table.segment for table in site.tables()} == {"any"}

    site.want(KEY)
    until(lambda: {table.segment for table in site.tables()} == {"any", KEY.segment})
    last = site.tables()[-1]
    for item, one in last.scores.items():
        worded = word(PRODUCTS[item])
        assert worded is not None
        assert (one.text_hash, one.price_band) == (worded.text_hash, worded.price_band)
    kids, adults = (
        [one.score for item, one in last.scores.items() if item.startswith(whom)] for whom in ("kids", "adults")
    )
    assert sum(kids) / len(kids) > sum(adults) / len(adults) + 2
    assert 0 < site.spent() < 0.1
