"""Revisions in the past: proved as their slates are, and explained with what judgements changed."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest
from rich.console import Console

from schemas.errors import RefusedError
from schemas.slates import Slate
from schemas.topics import EVIDENCE, SLATES, TopicName
from streams.erased import Erased
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.past.case import Selection
from streams.past.explaining import explain
from streams.past.explanation import Explanation
from streams.past.finding import Wanted
from streams.past.logs import Bounds
from streams.past.report import Report
from streams.past.showing import show
from streams.past.telling import print_report
from streams.past.verification import verify_past
from tests.judging import NOON, SETTINGS, Serving, slates

VISITOR = next(name for name in "abcdef" if partition_of(name.encode(), 2) == 0)


class Recorded(NamedTuple):
    """What a worker has written, and the slate that a table came in time for, before and after."""

    logs: Mapping[TopicName, list[LogRecord]]
    first: Slate
    second: Slate


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """Record some visits."""
    serving = Serving()
    for n in range(30):
        serving.look(visitor=f"o{n % 7}", product=f"adults-boots-{n % 10}")
    first = slates(serving.look(visitor=VISITOR))[0]
    serving.pass_ms(200)
    serving.judge()
    second = next(one for one in slates(serving.revised()) if one.slate_id == first.slate_id)
    serving.look(visitor=VISITOR, product="kids-boots-3")
    return Recorded(serving.logs, first, second)


class MemoryPast:
    """A past as `streams.past` reads it."""

    def __init__(self, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
        self.logs = {name: list(log) for name, log in recorded.logs.items()}
        self.first, self.second = recorded.first, recorded.second
        for module in ("gathering", "worlds", "finding"):
            monkeypatch.setattr(f"streams.past.{module}.Logs", self._open)
        for module in ("verification", "finding"):
            monkeypatch.setattr(f"streams.past.{module}.read_erased", self._erased)
            monkeypatch.setattr(f"streams.past.{module}.has_grown", self._grown)

    def verify(self) -> Report:
        """Verify everything."""
        return asyncio.run(verify_past(SETTINGS, {}, Selection()))

    def explain(self, **wanted: Any) -> Explanation:
        """Explain the slate that was revised, or another one."""
        return asyncio.run(explain(SETTINGS, {}, Wanted(**({"slate_id": self.first.slate_id} | wanted))))

    def drop(self, topic: TopicName, needle: bytes) -> None:
        """Let records be gone; the others keep their offsets."""
        log = self.logs[topic]
        log[:] = [one for one in log if needle not in (one.value or b"")]

    def _open(self, _client: Mapping[str, Any], places: Sequence[tuple[str, int]]) -> "MemoryReader":
        topics = SETTINGS.topics
        return MemoryReader({(topics[name], 0): log for name, log in self.logs.items()}, places)

    async def _erased(self, *_: Any) -> Erased:
        return Erased()

    async def _grown(self, *_: Any) -> bool:
        return False


class MemoryReader:
    """Reads logs in memory as `streams.past.logs.Logs` reads a broker's."""

    def __init__(self, logs: Mapping[tuple[str, int], list[LogRecord]], places: Sequence[tuple[str, int]]) -> None:
        self._logs = {place: logs.get(place, []) for place in places}
        self._at = dict.fromkeys(places, 0)
        self.bounds = {place: Bounds(0, log[-1].offset + 1 if log else 0) for place, log in self._logs.items()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on from an offset."""
        self._at[topic, partition] = offset

    async def seek_time(self, topic: str, partition: int, ms: int) -> None:
        """Go on from a time."""
        log = self._logs[topic, partition]
        self.seek(topic, partition, next((one.offset for one in log if one.timestamp_ms >= ms), 1 << 40))

    async def upto(self, topic: str, partition: int, last: int = 1 << 40) -> AsyncIterator[LogRecord]:
        """Give the next records up to an offset."""
        place = topic, partition
        for record in self._logs[place]:
            if self._at[place] <= record.offset <= last:
                self._at[place] = record.offset + 1
                yield record

    async def at(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """Give the record at an offset."""
        self.seek(topic, partition, offset + 1)
        return next((one for one in self._logs[topic, partition] if one.offset == offset), None)


@pytest.fixture
def past(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> MemoryPast:
    """A past with a revision, for a test to change."""
    return MemoryPast(recorded, monkeypatch)


def test_every_revision_is_decided_again(past: MemoryPast, capsys: pytest.CaptureFixture[str]) -> None:
    """Each from its own evidence and lineage; the state behind them is compared once."""
    report = past.verify()
    told = report.plain()
    written = [Slate.decode(one.value) for one in past.logs[SLATES]]
    assert report.proven, told
    assert (report.equal, report.revisions) == (len(written), 1)
    assert report.states_equal == len(written) - 1
    assert report.missing == {}
    assert past.verify().hash == report.hash
    print_report(report)
    assert "of them later revisions" in capsys.readouterr().out


def test_a_revision_that_was_decided_otherwise_is_caught(past: MemoryPast) -> None:
    """Its slate is not taken for it; the report names the revision."""
    log = past.logs[SLATES]
    place = next(n for n, one in enumerate(log) if b'"revision":1' in (one.value or b""))
    other = past.second.model_copy(update={"items": past.first.items})
    log[place] = log[place]._replace(value=other.encode())
    report = past.verify()
    assert (report.differing, report.differences[0].revision) == (1, 1)
    assert report.differences[0].first.path.startswith("items[")
    assert not report.proven


def test_a_revision_without_evidence_is_missing_and_not_equal(past: MemoryPast) -> None:
    """A worker that was killed between the two writes left none; the slate's own evidence does not stand in."""
    everything = past.verify().equal
    past.drop(EVIDENCE, b'"decided_at":"%s"' % past.second.model_dump(mode="json")["decided_at"].encode())
    report = past.verify()
    assert report.missing == {"evidence": 1}
    assert (report.equal, report.revisions) == (everything - 1, 0)


def test_a_repeated_revision_counts_once(past: MemoryPast) -> None:
    """As a slate does."""
    log = past.logs[SLATES]
    again = next(one for one in log if b'"revision":1' in (one.value or b""))
    log.append(again._replace(offset=len(log)))
    report = past.verify()
    assert (report.repeats, report.revisions) == (1, 1)
    assert report.proven


def text_of(told: Explanation) -> str:
    """Show an explanation on 100 columns."""
    text = io.StringIO()
    show(told, Console(file=text, width=100))
    assert max(map(len, text.getvalue().splitlines())) <= 100
    return text.getvalue()


def test_the_newest_revision_is_explained_with_what_it_was_judged_by(past: MemoryPast) -> None:
    """Segment, intent, table, how many are judged, and each product's score; decided again it is equal."""
    told = past.explain()
    decision = told.decision
    assert told.slate["revision"] == 1
    assert told.revisions == (0, 1)
    assert decision is not None
    assert decision.equal, decision.difference
    assert decision.judged is not None
    assert decision.judged[1:4] == ("outdoor/kids.low.browsing", "coarse", "any|outdoor/kids")
    assert (decision.judged.hits, decision.judged.of, decision.judged.covered) == (20, 20, True)
    fitting = {"kids": 9.0, "adults": 3.0, "lamp": 1.0}
    assert {one.product_id: one.judged for one in decision.items} == {
        one.product_id: fitting[one.product_id.split("-")[0]] for one in decision.items
    }
    said = text_of(told)
    assert "revision 1" in said
    assert "table     any|outdoor/kids (coarse); 20 of the 20 best candidates are judged" in " ".join(said.split("\n"))
    assert "judge 9.0 of 10" in said
    assert json.loads(json.dumps(told.plain()))["decision"]["items"][0]["judged"] == 9.0


def test_the_slate_before_and_after_judgement_is_told(past: MemoryPast) -> None:
    """Whichever revision is explained: the ranks of what either shows."""
    for revision in (0, 1):
        told = past.explain(revision=revision)
        assert told.slate["revision"] == revision
        before = {item.product_id: item.rank for item in past.first.items}
        after = {item.product_id: item.rank for item in past.second.items}
        assert len(told.moves) >= 20
        assert all((before.get(one.product_id), after.get(one.product_id)) == one[2:] for one in told.moves)
        assert [one.after for one in told.moves[:20]] == list(range(1, 21))
        assert any(one.before != one.after for one in told.moves)
        assert "The slate before and after judgement" in text_of(told)


def test_the_first_revision_says_what_it_lacked(past: MemoryPast) -> None:
    """No table, no scores; decided again it is equal."""
    told = past.explain(revision=0)
    assert told.decision is not None
    assert told.decision.equal
    assert told.decision.judged is not None
    assert (told.decision.judged.by, told.decision.judged.table, told.decision.judged.hits) == ("none", "", 0)
    assert {one.judged for one in told.decision.items} == {None}
    assert "table     none" in text_of(told)


@pytest.mark.parametrize("revision", [0, 1])
def test_revisions_without_evidence_are_explained_from_events(past: MemoryPast, revision: int) -> None:
    """The index is searched where the slate was first decided; both come out equal."""
    past.drop(EVIDENCE, past.first.slate_id.encode() + b'"')
    told = past.explain(revision=revision)
    assert told.state_from == "events"
    assert told.decision is not None
    assert told.decision.equal, told.decision.difference


def test_a_visitors_newest_slate_comes_in_its_newest_revision(past: MemoryPast) -> None:
    """The newest slate by its event; its revisions do not make an older one newer."""
    at_ms = past.logs[SLATES][-1].timestamp_ms
    newest = past.explain(slate_id=None, visitor_id=VISITOR, at_ms=at_ms, placement="home")
    assert newest.slate["slate_id"] != past.first.slate_id
    assert (newest.revisions, newest.moves) == ((0,), ())
    earlier = int(past.first.event_at.timestamp() * 1000)
    found = past.explain(slate_id=None, visitor_id=VISITOR, at_ms=earlier, placement="home")
    assert (found.slate["slate_id"], found.slate["revision"]) == (past.first.slate_id, 1)
    assert past.first.event_at > NOON


def test_a_revision_that_is_not_there_is_refused_in_a_sentence(past: MemoryPast) -> None:
    """With those that are."""
    with pytest.raises(RefusedError, match=r"There is no revision 7 of slate .*: there is 0 and 1"):
        past.explain(revision=7)
