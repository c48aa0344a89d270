"""`aisle audit` of an installation's topics, on Apache Kafka."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.brokers import Broker
from streams.cli.main import main
from tests.audit_log import CATALOGUE, FAIR_EVENTS, FAIR_SLATES, vector_of
from tests.installation import Installation


@pytest.fixture
def shop(kafka_broker: Broker, tmp_path: Path) -> Iterator[Installation]:
    """Fill an installation's topics, as a shop and its workers do; the vector of p0 is of another text."""
    shop = Installation(kafka_broker, tmp_path)
    shop.put(((one.product_id.encode(), one.encode()) for one in CATALOGUE), "catalog.products")
    before = CATALOGUE[0].model_copy(update={"title": "before"})
    vectors = [vector_of(one) for one in (before, *CATALOGUE[1:])]
    shop.put(((one.product_id.encode(), one.encode()) for one in vectors), "catalog.embeddings")
    shop.put(((one.visitor_id.encode(), one.encode()) for one in FAIR_SLATES), "recommendations")
    for one in FAIR_EVENTS:
        headers = [("origin", b"import")]
        shop.produce("clickstream.events", one.visitor_id.encode(), one.encode(), headers=headers)
    shop.put([(b"v", b"{rubbish")], "clickstream.events")
    yield shop
    shop.close()
    kafka_broker.delete_topics(shop.prefix)


@pytest.mark.kafka
def test_topics_are_audited_by_arrival(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of the last hour: the stale vector is found, the unreadable event counted; nothing of a time before."""
    for name, value in (shop.environment() | {"AISLE_AUDIT_EVIDENCE": "4"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as crossed:
        main(["audit", "--json", "--from", "1h"])
    found = json.loads(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main(["audit", "--json", "--to", "1h"])

    assert crossed.value.code == 1
    assert found["crossed"] == ["stale vectors"]
    assert (found["counts"]["slates"], found["counts"]["touches"]) == (120, 480)
    assert found["unreadable"]["clickstream.events"] == {"not_json": 1}
    assert {one["name"]: one["value"] for one in found["figures"]}["stale vectors"] == 0.05
    assert "holds no slate that can be read" in capsys.readouterr().err
