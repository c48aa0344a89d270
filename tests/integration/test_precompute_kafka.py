"""`aisle precompute` on Apache Kafka, killed half-way and started again."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from models.session import SessionRules, apply, encode
from schemas.judgements import JudgementTable
from schemas.learning import Origin
from schemas.topics import CHANGELOG, EVENTS, JUDGEMENTS, PRODUCTS, SLATES
from streams.brokers import Broker
from streams.cli.main import main
from streams.kafka import confluent_config, partition_of
from streams.partitions import WATERMARK_KEY, Watermark
from streams.past.case import Selection
from streams.past.reach import client_of
from streams.past.verification import verify_past
from streams.runs.output import Emitted, Output
from streams.settings import Settings
from streams.simulated.server import SimulatedJudge
from tests.installation import PARTITIONS, Installation
from tests.judging import GEAR, Visits, shop

TIERS = ("low", "mid", "high")
VISITORS = [f"v{n}" for n in range(100)]


@pytest.fixture
def judged(kafka_broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Give an installation whose visitors bought something a while ago, and a language model to ask."""
    one, visits = Installation(kafka_broker, tmp_path), Visits(datetime.now(UTC) - timedelta(days=2))
    one.put(((product.product_id.encode(), product.encode()) for product in shop().values()), PRODUCTS)
    for n, visitor in enumerate(VISITORS):
        event = visits("purchase", f"adults-{GEAR[n % 4].lower()}-{n % 10}", visitor=visitor)
        at = Origin(topic=EVENTS, partition=0, offset=n)
        state = apply(None, event, origin=at, item_of=str, rules=SessionRules()).visitor
        assert state is not None
        one.produce(CHANGELOG, visitor.encode(), encode(state))
    for partition in range(PARTITIONS):
        one.produce(CHANGELOG, WATERMARK_KEY, Watermark(len(VISITORS), 0).encode(), partition=partition)
    one.flush()
    (tmp_path / "visitors.txt").write_text("\n".join([*VISITORS, "nobody"]))
    with SimulatedJudge(latency_ms=20) as judge:
        told = {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "k", "AISLE_LLM_MODEL": "simulated-judge"}
        for name, value in (one.environment() | told).items():
            monkeypatch.setenv(name, value)
        yield one
    one.close()
    kafka_broker.delete_topics(one.prefix)


@pytest.mark.kafka
def test_a_killed_campaign_goes_on_and_nobody_takes_its_slates_for_answers(
    judged: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every visitor has each slate once, in their partition; what was judged before the kill is not asked again."""
    options = ["precompute", "--visitors", str(tmp_path / "visitors.txt"), "--campaign", "spring", "--json"]
    killed = subprocess.run([sys.executable, "-m", "tests.integration.killed_precompute", *options], check=False)
    assert (killed.returncode, len(judged.read(SLATES))) == (-signal.SIGKILL, 160)
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 0
    done = json.loads(capsys.readouterr().out)
    slates = [(message.partition(), orjson.loads(message.value())) for message in judged.read(SLATES)]
    assert (done["slates"]["written"], done["slates"]["already"], done["judged"]["calls"]) == (40, 160, 0)
    assert len({slate["slate_id"] for _, slate in slates}) == len(slates) == 200
    assert {slate["judged"]["by"] for _, slate in slates} == {"fine"}
    assert all(partition_of(slate["visitor_id"].encode(), PARTITIONS) == at for at, slate in slates)
    tables = [JudgementTable.decode(message.value()) for message in judged.read(JUDGEMENTS, 1)]
    assert {(table.segment, len(table.scores)) for table in tables} >= {(f"returning.{at}.outdoor", 60) for at in TIERS}

    settings = Settings()
    report = asyncio.run(verify_past(settings, client_of(settings), Selection()))
    assert (report.campaigns, report.compared, dict(report.missing)) == (200, 0, {})
    taken: list[Emitted] = []
    output = Output(confluent_config(settings), settings.topics, taken.append)
    output.open()
    output.drain()
    output.close()
    assert not taken
