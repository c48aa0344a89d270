"""The fault suite's own parts: what it would catch, and that its plans can be staged."""

import signal
import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import orjson
import pytest

from schemas.events import Event
from schemas.record import epoch_ms
from schemas.topics import CHANGELOG, ERASURES, EVENTS, EVENTS_DEAD, LEARNING, SLATES, TopicName
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.demo.shop import generate_shop
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, PartitionState
from streams.settings import Settings
from tests.faults.checks import CHECKED, Checks, Verdict
from tests.faults.driver import Staged
from tests.faults.fault import Simple, Together
from tests.faults.marks import Marks
from tests.faults.model_check import ModelCheck
from tests.faults.oracle import Oracle
from tests.faults.plan import MOST_WORKERS, make_plan
from tests.faults.proxy import Proxy
from tests.faults.registry import KINDS, SHORT
from tests.faults.report import Report
from tests.faults.served import Served
from tests.faults.shoppers import Sent, Shoppers

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 4
Logs = dict[TopicName, list[LogRecord]]


def written(count: int = 500) -> Logs:
    """Give what is in every topic after a worker that nothing happened to has done its work."""
    shoppers = Shoppers(1, generate_shop(seed=1, n=100), lambda: NOW, visitors=50)
    settings = Settings(_env_file=None)
    agent = ClicksAgent(build_world(settings), clicks_rules(settings), clock=lambda: NOW)
    logs: Logs = {name: [] for name in CHECKED}
    parts = {p: PartitionState(p) for p in range(PARTITIONS)}
    gone = Event(name="forget", event_id="gone", visitor_id="v-0000", at=NOW, consent="personalisation")
    for sent in [*(shoppers.next() for _ in range(count)), Sent(b"v-0000", gone.encode())]:
        p = partition_of(sent.key or b"", PARTITIONS)
        record = LogRecord(p, parts[p].mark + 1, epoch_ms(NOW), sent.key, sent.value)
        logs[EVENTS].append(record)
        outcome = agent.handle([record], parts[p])
        for out in outcome.outputs:
            if out.topic in logs:
                logs[out.topic].append(record._replace(partition=out.partition, key=out.key, value=out.value))
        for key, value in outcome.touched.items():
            logs[CHANGELOG].append(LogRecord(p, 0, 0, key, value, parts[p].headers(value)))
        logs[CHANGELOG].append(LogRecord(p, 0, 0, WATERMARK_KEY, parts[p].watermark().encode()))
    return logs


LOGS = written()


def judged(logs: Logs) -> Verdict:
    """Check logs, those that the workers wrote first."""
    checks = Checks()
    for name, records in reversed(logs.items()):
        checks.take(name, records)
    return checks.verdict()


def changed(name: TopicName, change: Callable[[list[LogRecord]], list[LogRecord]]) -> Verdict:
    """Check the logs with one of them changed."""
    return judged(LOGS | {name: change(list(LOGS[name]))})


def test_a_faultless_worker_is_exact() -> None:
    """What a worker writes that nothing happened to is exactly what the oracle says, and all of it is looked at."""
    assert judged(LOGS) == Verdict()
    assert min(len(LOGS[name]) for name in (SLATES, LEARNING, CHANGELOG)) > 100
    assert len(LOGS[EVENTS_DEAD]) > 1
    assert {record.value is None for record in LOGS[CHANGELOG]} == {True, False}


@pytest.mark.parametrize("name", [SLATES, LEARNING, EVENTS_DEAD, ERASURES])
def test_what_is_missing_is_lost(name: TopicName) -> None:
    """One slate, learning step, dead letter or erasure less is one lost."""
    verdict = changed(name, lambda records: records[:-1])
    assert (len(verdict.lost), verdict.doubled, verdict.mismatches) == (1, (), ())


def test_a_slate_twice_is_a_repeat() -> None:
    """A slate with an id that was there before is counted apart: consumers keep the first."""
    verdict = changed(SLATES, lambda records: [*records, records[7]])
    assert verdict == Verdict(repeats=1)


@pytest.mark.parametrize("name", [LEARNING, EVENTS_DEAD, ERASURES])
def test_what_is_known_by_its_source_may_come_twice(name: TopicName) -> None:
    """Learning steps, dead letters and erasures may be written again."""
    assert changed(name, lambda records: [*records, records[0]]) == Verdict(rewritten=1)


def test_a_revision_may_come_or_not_but_never_of_nothing() -> None:
    """One that was lost or repeated is harmless; one of a slate that nobody asked for is one too many."""
    revision = _renamed(LOGS[SLATES][3], revision=1)
    assert changed(SLATES, lambda records: [*records, revision, revision]) == Verdict()
    verdict = changed(SLATES, lambda records: [*records, _renamed(revision, slate_id="s-0-9999-home-0685")])
    assert len(verdict.doubled) == 1


def test_a_slate_that_answers_nothing_is_doubled() -> None:
    """A slate under an id that no event asks for is one too many."""
    verdict = changed(SLATES, lambda records: [*records, _renamed(records[0], slate_id="s-0-9999-home-0685")])
    assert len(verdict.doubled) == 1


def test_a_slate_of_another_visitor_is_wrong() -> None:
    """A slate must be the visitor's whose event asked for it."""
    verdict = changed(SLATES, lambda records: [_renamed(records[0], visitor_id="v-nobody"), *records[1:]])
    assert len(verdict.mismatches) == 1


def test_another_context_is_a_mismatch() -> None:
    """One byte of one visitor's newest context is seen."""

    def spoil(records: list[LogRecord]) -> list[LogRecord]:
        place = max(i for i, record in enumerate(records) if record.value and record.key != WATERMARK_KEY)
        records[place] = records[place]._replace(value=(records[place].value or b"")[:-1] + b" }")
        return records

    assert len(changed(CHANGELOG, spoil).mismatches) == 1


def test_a_context_behind_its_events_is_a_mismatch() -> None:
    """A visitor whose last state was not written is seen, also where it is that nothing is kept any more."""
    last = {(record.partition, record.key): i for i, record in enumerate(LOGS[CHANGELOG])}
    tombstones = [i for i in last.values() if LOGS[CHANGELOG][i].value is None]
    states = [i for i in last.values() if LOGS[CHANGELOG][i].value and LOGS[CHANGELOG][i].key != WATERMARK_KEY]
    for place in (states[0], next(i for i in tombstones if _known_before(i))):
        verdict = changed(CHANGELOG, lambda records, at=place: records[:at] + records[at + 1 :])
        assert len(verdict.mismatches) == 1


def test_an_old_state_behind_a_new_one_is_harmless() -> None:
    """What a worker writes that was replaced meanwhile does not count: the highest `applied` does."""
    old = next(record for record in LOGS[CHANGELOG] if record.value and record.key != WATERMARK_KEY)
    assert changed(CHANGELOG, lambda records: [*records, old]) == Verdict()


def test_a_difference_is_told_once() -> None:
    """What was found after one fault is not found again after the next."""
    checks = Checks()
    checks.take(EVENTS, LOGS[EVENTS])
    assert checks.verdict().lost
    assert checks.verdict() == Verdict()


def test_the_oracle_needs_only_each_partitions_order() -> None:
    """Partitions may be read one after the other or mixed: contexts are the same."""
    mixed, apart = Oracle(), Oracle()
    for record in LOGS[EVENTS]:
        mixed.take(record)
    for record in sorted(LOGS[EVENTS], key=lambda record: record.partition):
        apart.take(record)
    assert {key: mixed.context(key) for key in mixed.visitors()} == {
        key: apart.context(key) for key in apart.visitors()
    }


def test_a_model_without_a_step_is_another() -> None:
    """The digest is that of the log up to an offset: the same for whoever folds it, another with a step left out."""
    records = [record._replace(offset=number) for number, record in enumerate(LOGS[LEARNING])]
    one, other, without = ModelCheck(), ModelCheck(), ModelCheck()
    for check in (one, other):
        check.take(LEARNING, records)
    without.take(LEARNING, [*records[:50], *records[51:]])
    one.digest(30)
    assert one.digest(200) == other.digest(200) != without.digest(200)


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_can_be_staged(seed: int) -> None:
    """Every kind is in a long plan, none too often, and each has the workers it needs."""
    plan = make_plan(KINDS, seed=seed, faults=200)
    counts = Counter(planned.fault.name for planned in plan)
    assert set(counts) == {kind.name for kind in KINDS}
    assert all(counts[kind.name] <= kind.most for kind in KINDS if kind.most)
    assert all(planned.fault.needs <= planned.workers <= MOST_WORKERS for planned in plan)
    assert sum(count for name, count in counts.items() if "kill -9" in name) > 100


def test_a_plan_is_its_seeds() -> None:
    """The same seed gives the same faults at the same moments, another one does not."""
    one, again, other = (make_plan(KINDS, seed=seed, faults=40) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one[3].random.random() == again[3].random.random()


def test_the_short_plan_has_every_mark() -> None:
    """No marked point of a batch is left out of the plan that every test run stages."""
    names = " ".join(fault.name for fault in SHORT)
    wanted = ("before-output", "after-output", "between-visitors", "before-watermark", "after-watermark", "restore")
    assert all(mark in names for mark in wanted)


def test_faults_together_are_undone_after_all_are_done() -> None:
    """A mixture does all its harm first."""
    done: list[str] = []

    class Noted(Simple):
        def __init__(self, name: str) -> None:
            self.name = name

        def harm(self, stage: object, random: Random) -> None:
            done.append(f"harm {self.name}")

        def mend(self, stage: object, random: Random) -> None:
            done.append(f"mend {self.name}")

    both = Together(Noted("a"), Noted("b"))
    both.harm(None, Random(1))  # type: ignore[arg-type]
    both.mend(None, Random(1))  # type: ignore[arg-type]
    assert (both.name, done) == ("a + b", ["harm a", "harm b", "mend a", "mend b"])


def test_a_mark_strikes_once(tmp_path: Path) -> None:
    """A mark strikes at the visit that was asked for, in one process, and not again."""
    sent: list[signal.Signals] = []
    one, other = Marks(tmp_path, send=sent.append), Marks(tmp_path, send=sent.append)
    assert not one.due("restore")
    one.arm("restore", visit=2)
    assert [one.due("restore"), one.due("revoked"), one.due("restore"), other.due("restore")] == [
        False,
        False,
        True,
        False,
    ]
    one.strike()
    other.strike()
    assert sent == [signal.SIGKILL]
    assert one.struck
    assert not one.due("restore")


def test_a_cut_proxy_keeps_what_is_under_way() -> None:
    """What is sent while the way is cut arrives when it is open again."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        proxy = Proxy(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            far, _ = server.accept()
            with far:
                client.sendall(b"one")
                assert far.recv(10) == b"one"
                proxy.cut()
                client.sendall(b"two")
                far.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    far.recv(10)
                proxy.heal()
                far.settimeout(5)
                assert far.recv(10) == b"two"
        proxy.close()


def test_recovery_is_told_by_partition() -> None:
    """A partition has recovered once an event behind the bar was answered there."""
    served, bar = Served(), {0: 2, 1: 5}
    assert not served.any_beyond(bar)
    served.take([_slate(0, 1), _slate(0, 2)])
    assert served.any_beyond(bar)
    assert not served.all_beyond(bar)
    served.take([_slate(1, 7)])
    assert served.all_beyond(bar)


def test_the_report_counts() -> None:
    """Whatever is not as it must be makes the run fail, and the line for machines says how much of it there was."""
    good = Staged("kill -9", Verdict(), first_s=2.0, whole_s=3.0)
    assert Report([good]).exact
    bad = Staged("cut", Verdict(lost=("a", "b"), mismatches=("c",)), first_s=4.0, whole_s=4.0)
    hung = Staged("cut", Verdict(), hung="no lag")
    report = Report([good, bad, hung])
    assert not report.exact
    assert not Report([good, hung]).exact
    assert not Report([good], again=Verdict(doubled=("a",))).exact
    told = orjson.loads(report.last_line())
    assert {key: told[key] for key in ("faults", "lost", "doubled", "mismatches", "hung")} == {
        "faults": 3, "lost": 2, "doubled": 0, "mismatches": 1, "hung": 1,
    }  # fmt: skip
    assert told["recovery_s"] == {"p50": 3.0, "max": 4.0}
    assert report.table().row_count == 3


def _known_before(place: int) -> bool:
    """Tell whether a visitor had a state before a record of the changelog."""
    record = LOGS[CHANGELOG][place]
    mine = [one for one in LOGS[CHANGELOG][:place] if (one.partition, one.key) == (record.partition, record.key)]
    return bool(mine) and mine[-1].value is not None


def _renamed(record: LogRecord, **fields: str) -> LogRecord:
    return record._replace(value=orjson.dumps(orjson.loads(record.value or b"") | fields))


def _slate(partition: int, offset: int) -> LogRecord:
    return LogRecord(partition, 0, 0, None, orjson.dumps({"cause": {"offset": offset}}))
