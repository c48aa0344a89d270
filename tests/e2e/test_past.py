"""The past on real Kafka: what two workers decided, one killed half-way, comes out again and can be explained."""

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition
from rich.console import Console

from models.snapshot import freeze, pieces
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from schemas.slates import Slate
from schemas.topics import EVENTS, EVIDENCE, LEARNING, SLATES
from streams.bootstrap import clicks_rules
from streams.cli.main import main
from streams.kafka import kafka_python_config
from streams.past.case import Selection
from streams.past.explaining import explain
from streams.past.explanation import Explanation
from streams.past.finding import Wanted
from streams.past.positions import Positions
from streams.past.reach import client_of
from streams.past.report import Report
from streams.past.showing import show
from streams.past.verification import verify_past
from streams.past.worlds import Inputs
from streams.settings import Settings
from streams.snapshots import open_store, tail_name
from tests.installation import PARTITIONS, Installation
from tests.recording import JUDGED, Recording

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SLATES_WANTED = 300
EVIDENCE_SHARE = 0.9


class Past:
    """An installation with a past."""

    def __init__(self, installation: Installation, settings: Settings) -> None:
        self.installation = installation
        self.settings = settings
        self.slates = [Slate.decode(message.value()) for message in installation.read(SLATES)]
        told = [message.value() for message in installation.read(EVIDENCE)]
        self.bare = [one for one in self.slates if not any(one.slate_id.encode() + b'"' in data for data in told)]

    def verify(self, selection: Selection | None = None, **more: Any) -> Report:
        """Verify in this process."""
        wanted = selection or Selection()
        return asyncio.run(verify_past(self.settings, client_of(self.settings), wanted, **more))

    def cut(self, starts: dict[tuple[str, int], int]) -> None:
        """Let partitions begin at these offsets, as retention does."""
        client = KafkaAdminClient(**kafka_python_config(self.settings))
        client.delete_records({KafkaPartition(*place): start for place, start in starts.items()})
        client.close()

    def explain(self, wanted: Wanted) -> Explanation:
        """Explain in this process."""
        return asyncio.run(explain(self.settings, client_of(self.settings), wanted))


@pytest.fixture(scope="module")
def past(kafka_broker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Two workers, one killed half-way, that ask a judge; nine of ten slates have evidence."""
    folder: Path = tmp_path_factory.mktemp("past")
    installation = Installation(kafka_broker, folder)
    recording = Recording(installation, products=240, rate=100)
    try:
        recording.open()
        for slot in ("one", "two"):
            installation.start(slot, AISLE_EVIDENCE_SHARE=str(EVIDENCE_SHARE), **JUDGED)
        for slot in ("one", "two"):
            installation.wait_ready(slot)
        installation.wait(lambda: len(installation.progress("two").get("partitions", ())) == PARTITIONS // 2)
        recording.run(SLATES_WANTED, lambda: recording.kill("two"), seconds=150)
        changes = {"topic_prefix": installation.prefix, "partitions": PARTITIONS, "data_dir": folder}
        yield Past(installation, kafka_broker.settings.model_copy(update=changes))
    finally:
        installation.close()
        kafka_broker.delete_topics(installation.prefix)


def test_everything_with_evidence_comes_out_again(past: Past) -> None:
    """Byte for byte, states too; what has no evidence is counted as missing and never as equal."""
    report = past.verify()
    told = report.plain()
    assert report.differences == []
    assert report.proven, told
    assert report.equal + sum(report.missing.values()) + report.repeats == len(past.slates), told
    assert report.missing["evidence"] == len(past.bare) > 0, told
    assert report.states_equal + report.states_none == report.equal - report.revisions > SLATES_WANTED / 2, told
    assert 0 < report.revisions <= sum(slate.revision for slate in past.slates), told
    assert report.other == {}


def test_the_hash_follows_from_the_slates(past: Past) -> None:
    """Twice the same selection is the same hash; another partition is another one; nothing proves nothing."""
    first = past.verify(Selection(partitions=[1]))
    assert first.compared > 0
    assert past.verify(Selection(partitions=[1])).hash == first.hash
    assert past.verify(Selection(partitions=[1], limit=5)).hash != first.hash
    nothing = past.verify(Selection(partitions=[1], until_ms=1))
    assert nothing.compared == 0
    assert not nothing.proven


def test_a_changed_constant_is_caught(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other rules under the same name, and another constant of a kernel; the field that differs is named."""
    rules = clicks_rules(past.settings)
    other = replace(rules, slates=replace(rules.slates, fatigue=0.8, diversity=0.2))
    report = past.verify(Selection(partitions=[0]), rules=other)
    assert report.differing > 0
    assert report.differences[0].first.path.startswith(("items[", "explored"))
    assert not report.proven
    monkeypatch.setattr("models.blend.INTERCEPT", -2.9)
    report = past.verify(Selection(partitions=[0], limit=30))
    assert report.differing > 0
    assert report.states_differing == 0


def test_a_changed_session_rule_shows_in_the_states(past: Past) -> None:
    """The states that come out are held against those that were recorded."""
    rules = clicks_rules(past.settings)
    other = replace(rules, session=replace(rules.session, seen=1))
    report = past.verify(Selection(partitions=[0]), rules=other)
    assert report.states_differing > 0
    assert any(one.what == "state" for one in report.differences)


def test_other_settings_are_said_and_never_counted_as_equal(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slate of another settings name is not compared."""
    monkeypatch.setattr("streams.bootstrap.rules_hash", lambda *_: "another")
    report = past.verify(Selection(partitions=[0]))
    assert report.other["settings"] > 0
    assert report.states_equal == report.states_differing == 0
    assert report.compared == 0
    assert not report.proven


def test_a_slate_is_explained_from_its_evidence(past: Past) -> None:
    """The way it came about is told, and what came out is what was recorded."""
    bare = {one.slate_id for one in past.bare}
    slate = max((one for one in past.slates if one.slate_id not in bare and one.explored), key=lambda one: one.event_at)
    told = past.explain(Wanted(slate_id=slate.slate_id, revision=slate.revision))
    decision = told.decision
    assert told.state_from == "evidence"
    assert told.missing == ()
    assert decision is not None
    assert decision.equal
    assert [item.product_id for item in decision.items] == [item.product_id for item in slate.items]
    assert [item.rank for item in decision.items if item.explored] == [slate.explored.rank if slate.explored else 0]
    assert {place.log for place in told.lineage} >= {"catalog.products", "catalog.embeddings", "learning"}
    assert all(place.at for place in told.lineage)
    assert sum(source.count for source in decision.sources) >= decision.candidates
    assert told.session.known


def test_slates_without_evidence_are_explained_from_events(past: Past) -> None:
    """The state is rebuilt and the index searched exactly: they come out equal, and it is said where they are from."""
    for slate in past.bare[-3:]:
        told = past.explain(Wanted(slate_id=slate.slate_id, revision=slate.revision))
        assert told.state_from == "events"
        assert "no evidence" in told.missing[0]
        assert told.decision is not None
        assert told.decision.equal, told.decision.difference


def test_a_revision_is_explained_beside_its_slate(past: Past) -> None:
    """The newest is told by default, equal to what was recorded, with what judgements changed."""
    slate = next(one for one in reversed(past.slates) if one.revision and one not in past.bare)
    told = past.explain(Wanted(slate_id=slate.slate_id))
    assert told.slate["revision"] == 1
    assert told.revisions == (0, 1)
    assert told.decision is not None
    assert told.decision.equal, told.decision.difference
    assert told.decision.judged is not None
    assert told.decision.judged.covered
    assert told.moves


def test_a_visitors_newest_slate_is_found_by_time(past: Past) -> None:
    """At or before the time, of the placement."""
    slate = max((one for one in past.slates if one.placement == "home"), key=lambda one: one.event_at)
    wanted = Wanted(visitor_id=slate.visitor_id, at_ms=epoch_ms(slate.event_at), placement="home")
    assert past.explain(wanted).slate["slate_id"] == slate.slate_id
    with pytest.raises(RefusedError, match="no slate of this visitor"):
        past.explain(wanted._replace(at_ms=1))


def test_what_is_not_there_is_refused_in_a_sentence(past: Past) -> None:
    """A slate that never was, and what is no id."""
    with pytest.raises(RefusedError, match="There is no slate"):
        past.explain(Wanted(slate_id="s-1-999999999-home-0685"))
    with pytest.raises(RefusedError, match="not the id"):
        past.explain(Wanted(slate_id="x\x1b[31m"))


def test_an_explanation_fits_100_columns(past: Past) -> None:
    """And has no control character but line ends."""
    text = io.StringIO()
    show(past.explain(Wanted(slate_id=past.slates[-1].slate_id)), Console(file=text, width=100))
    assert max(map(len, text.getvalue().splitlines())) <= 100
    assert all(c.isprintable() or c == "\n" for c in text.getvalue())
    assert "equal to the recorded slate" in text.getvalue()


def test_the_commands_say_it_in_json(
    past: Past, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`aisle replay --verify` exits with 0 when everything is equal, `aisle explain` names its slate."""
    installation = past.installation
    environment = {"KAFKA_BOOTSTRAP_SERVERS": installation.bootstrap, "AISLE_TOPIC_PREFIX": installation.prefix}
    for name, value in (environment | {"AISLE_PARTITIONS": str(PARTITIONS)}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        main(["replay", "--verify", "--partition", "2", "--limit", "9", "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["equal"] == 9
    with pytest.raises(SystemExit) as left:
        main(["explain", past.slates[-1].slate_id, "--json"])
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["slate"]["slate_id"] == past.slates[-1].slate_id
    assert told["decision"]["equal"]
    revised = next(slate for slate in past.slates if slate.revision)
    with pytest.raises(SystemExit) as left:
        main(["explain", revised.slate_id, "--revision", "0", "--json"])
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["slate"]["revision"], told["revisions"]) == (0, [0, 1])


def test_cut_logs_are_missing_and_snapshots_stand_in(past: Past, tmp_path: Path) -> None:
    """Where `learning` is cut a snapshot reaches the later slates; states go on from the changelog; nothing differs."""
    models = sorted(slate.lineage.model for slate in past.slates)
    middle = models[len(models) // 2]
    settings = past.settings.model_copy(update={"snapshot_url": str(tmp_path)})
    asyncio.run(_snapshot(settings, middle))
    events = past.installation.prefix + EVENTS
    cause = sorted(slate.cause.offset for slate in past.slates if slate.cause.partition == 0)
    past.cut({(past.installation.prefix + LEARNING, 0): middle + 1, (events, 0): cause[len(cause) // 2]})

    past.settings = settings
    report = past.verify()
    told = report.plain()
    assert report.differences == [], told
    assert report.proven
    assert report.missing["learning"] > 0
    assert report.missing["event"] > 0
    here = past.verify(Selection(partitions=[0]))
    assert here.states_equal > 0, here.plain()

    early = min((one for one in past.slates if one.cause.partition == 1), key=lambda one: one.lineage.model)
    explained = past.explain(Wanted(slate_id=early.slate_id))
    assert explained.decision is None
    assert "learning no longer reaches back" in explained.missing[-1]
    text = io.StringIO()
    show(explained, Console(file=text, width=100))
    assert "learning no longer reaches back" in text.getvalue()


async def _snapshot(settings: Settings, offset: int) -> None:
    """Write what the model was at an offset."""
    store = open_store(settings)
    assert store is not None
    async with Inputs(settings, client_of(settings), None) as inputs:
        at = Positions((((LEARNING, 0), offset),))
        world = await (await inputs.world(at)).to(at)
        model, tail = world.knowledge.model, tail_name(world.learning.last)
        store.write(pieces(freeze(model, tail=tail)), offset, 1)
