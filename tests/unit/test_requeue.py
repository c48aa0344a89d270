"""What `aisle dead requeue` sends, what it leaves, and that it sends nothing twice wherever it is killed."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.events import ORIGIN_HEADER
from schemas.learning import Origin
from schemas.letter_id import Place
from schemas.products import Product
from schemas.topics import EVENTS, EVENTS_DEAD, PRODUCTS, TopicName, Topics
from streams.dead import requeue as module
from streams.dead.fixes import FixError
from streams.dead.letters import NOTE_HEADER, Selection
from streams.dead.mending import Mending
from streams.dead.newest import Newest
from streams.dead.purge import plan_purge
from streams.dead.requeue import Report, Requeuer
from streams.dead.survey import Survey, survey
from streams.dead_letters import refused
from streams.erased import Erased
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.requeued import letter_of
from streams.writer import Row
from tests.journey import START_MS, event
from tests.memory_log import KilledError, MemoryLog

PARTITIONS = 2
MENDED = b'"name":"view_item"'


def bad(visitor: str = "v1", number: int = 0, **fields: Any) -> bytes:
    """Write an event under a name that there is not."""
    good = event("view_item", "lamp", visitor_id=visitor, event_id=f"{visitor}-{number}", **fields).encode()
    return good.replace(MENDED, b'"name":"teleport"')


def mend(value: bytes) -> bytes:
    """Give events their name back."""
    return value.replace(b'"name":"teleport"', MENDED)


class Desk:
    """An operator's desk: logs with letters on them, and the command."""

    def __init__(self) -> None:
        self.log = MemoryLog(Topics(partitions=PARTITIONS))
        self.erased = Erased()

    def refuse(
        self,
        value: bytes | None,
        *,
        topic: TopicName = EVENTS,
        key: bytes | None = b"v1",
        partition: int = 0,
        **more: Any,
    ) -> LogRecord:
        """Let a record arrive and be refused; `more` are reason, arrival and headers."""
        headers = more.get("headers", ())
        record = self.log.append(topic, partition, Row(key, value, headers), at_ms=more.get("at_ms", START_MS))
        error = DecodeError(more.get("reason", "schema"), "Event.name: literal_error")
        self.log.put([refused(topic, record, error)])
        return record

    def run(
        self, topic: TopicName = EVENTS, *, send: bool = True, selection: Selection | None = None, **how: Any
    ) -> Report:
        """Send letters again; `how` is what `Mending` takes."""
        partitions = 4 if topic == PRODUCTS else PARTITIONS
        mending = replace(Mending(topic, partitions, self.erased, fix=mend), **how)
        requeuer = Requeuer(
            self.log,
            self.log if send else None,
            self.log.topics,
            mending=mending,
            selection=selection or Selection(),
            newest=Newest(self.log) if topic == PRODUCTS else None,
        )
        return asyncio.run(requeuer.run())

    def sent(self, topic: TopicName = EVENTS) -> list[LogRecord]:
        """Give what was sent again."""
        return [
            one for (name, _), log in sorted(self.log.logs.items()) for one in log
            if name == topic and letter_of(one.headers)
        ]  # fmt: skip


@pytest.fixture
def desk() -> Desk:
    """An empty one."""
    return Desk()


def test_a_mended_event_goes_where_it_came_from(desk: Desk) -> None:
    """Same key, same partition, its own headers, the letter's name, and an origin that lifts the limit on age."""
    desk.refuse(bad(), key=b"v1", partition=1, headers=(("trace", b"t-1"),))
    assert desk.run().sent == 1
    (sent,) = desk.sent()
    assert (sent.partition, sent.key, sent.value) == (1, b"v1", mend(bad()))
    assert sent.headers == (
        ("trace", b"t-1"),
        ("origin", b"replay"),
        ("requeued", b"clickstream.events/1/0@%d" % START_MS),
    )


@pytest.mark.parametrize("origin", ["import", "replay"])
def test_an_origin_is_kept(desk: Desk, origin: str) -> None:
    """Imported history is throttled less."""
    desk.refuse(bad(), headers=((ORIGIN_HEADER, origin.encode()),))
    desk.run()
    assert dict(desk.sent()[0].headers)["origin"] == origin.encode()


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    """And says the same."""
    desk.refuse(bad())
    before = {name: list(log) for name, log in desk.log.logs.items()}
    assert desk.run(send=False).sent == 1
    assert {name: log for name, log in desk.log.logs.items() if log} == before
    assert desk.run().sent == 1


def test_the_second_time_there_is_nothing_to_send(desk: Desk) -> None:
    """Though a record that was refused twice left two letters."""
    record = desk.refuse(bad())
    desk.log.put([refused(EVENTS, record, DecodeError("schema", "again"))])
    first, second = desk.run(), desk.run()
    assert (first.selected, first.sent, first.already) == (1, 1, 0)
    assert (second.selected, second.sent, second.already) == (1, 0, 1)


@pytest.mark.parametrize("writes", range(1, 13))
@pytest.mark.parametrize("lands", [0, 1, 2, 1 << 30])
def test_killed_anywhere_it_goes_on_and_sends_each_once(
    desk: Desk, writes: int, lands: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, in and after each write, with a part of it landed: in the end every letter stands once in the source."""
    monkeypatch.setattr(module, "AT_ONCE", 3)
    letters = [desk.refuse(bad(f"v{n}", n), key=b"v%d" % n, partition=n % 2) for n in range(12)]
    desk.log.writes_left, desk.log.lands = writes, lands
    with pytest.raises(KilledError):
        desk.run()
    desk.log.writes_left = 1 << 30
    report = desk.run()
    assert report.selected == report.sent + report.already == len(letters)
    found = Counter(letter_of(one.headers) for one in desk.sent())
    assert set(found.values()) == {1}
    assert len(found) == len(letters)
    assert desk.run().already == len(letters)


def test_what_may_have_been_sent_is_not_looked_for_in_a_topic_created_anew(desk: Desk) -> None:
    """Its letters bear other arrivals."""
    desk.refuse(bad())
    desk.run()
    desk.log.logs[EVENTS, 0].clear()
    desk.refuse(bad(number=1), at_ms=START_MS + 99)
    report = desk.run()
    assert (report.selected, report.already, report.sent) == (2, 1, 1)


def test_only_what_was_selected_is_sent(desk: Desk) -> None:
    """By reason, by arrival, by id."""
    for n, reason in enumerate(["schema", "unknown_version", "schema"]):
        desk.refuse(bad(number=n), reason=reason, at_ms=START_MS + n)
    for selection, count in [
        (Selection(reasons=frozenset({"unknown_version"})), 1),
        (Selection(from_ms=START_MS + 1), 2),
        (Selection(to_ms=START_MS + 1), 1),
        (Selection(places=frozenset({Place(EVENTS, 0, 2)})), 1),
        (Selection(places=frozenset({Place(PRODUCTS, 0, 2)})), 0),
        (Selection(), 3),
    ]:
        assert desk.run(send=False, selection=selection).selected == count


def test_what_is_still_refused_stays(desk: Desk) -> None:
    """By its own arrival: an event that was too old then is too old now, unless its origin is given."""
    desk.refuse(bad(), at_ms=START_MS + 8 * 24 * 3600 * 1000, reason="clock_skew")
    desk.refuse(b"{nope", reason="not_json")
    report = desk.run()
    assert (report.sent, report.refused) == (0, {"clock_skew": 1, "not_json": 1})
    assert desk.run(origin="import").sent == 1
    assert dict(desk.sent()[0].headers)["origin"] == b"import"


def test_a_value_that_was_not_kept_whole_stays(desk: Desk) -> None:
    """Half a record is none."""
    desk.refuse(bad() + b" " * 700_000, reason="too_large")
    assert desk.run().stays == {"cut": 1}


def test_who_asked_to_be_forgotten_is_left_out(desk: Desk) -> None:
    """What arrived before the request; not what came from somebody new later."""
    origin = Origin(topic=EVENTS, partition=0, offset=9)
    entry = Erasure(subject="visitor", subject_id="v1", until=event("forget").at, origin=origin)
    desk.erased.apply(LogRecord(0, 0, 0, entry.key(), entry.encode()))
    desk.refuse(bad())
    desk.refuse(bad(number=1), at_ms=START_MS + 1)
    report = desk.run()
    assert (report.sent, report.stays) == (1, {"erased": 1})


def test_what_killed_the_worker_must_be_named(desk: Desk) -> None:
    """Else it would kill it again."""
    desk.refuse(mend(bad()), reason="handler")
    assert desk.run().stays == {"handler": 1}
    assert desk.run(handler=True).sent == 1


def test_a_fix_may_not_change_an_events_id(desk: Desk) -> None:
    """Or the event and its twin would count twice."""
    desk.refuse(bad())
    assert desk.run(fix=lambda value: mend(value).replace(b"v1-0", b"x")).stays == {"changes_id": 1}


def test_an_event_without_an_id_gets_its_letters(desk: Desk) -> None:
    """So that it is the same however often it is sent."""
    desk.refuse(bad().replace(b'"event_id":"v1-0",', b""))
    desk.run()
    assert b'"event_id":"clickstream.events/0/0@%d"' % START_MS in (desk.sent()[0].value or b"")


def test_a_fix_that_fails_or_gives_nothing_leaves_the_letter(desk: Desk) -> None:
    """The others are sent."""

    def fix(value: bytes) -> bytes | None:
        if b"v1-0" in value:
            raise FixError("no")
        return None if b"v1-1" in value else mend(value)

    for n in range(3):
        desk.refuse(bad(number=n))
    report = desk.run(fix=fix)
    assert (report.sent, report.stays) == (1, {"fix_failed": 1, "left": 1})


@pytest.mark.parametrize(
    ("key", "visitor", "mended"),
    [(None, "v1", "v1"), (b"x" * 5000, "v1", "v1"), (b"bro\x00ken", "bro\\u0000ken", "whole")],
)
def test_an_event_whose_key_is_no_use_goes_to_its_visitors_partition(
    desk: Desk, key: bytes | None, visitor: str, mended: str
) -> None:
    """Where a record had no key, one too long to be kept, or that of a visitor id which was mended."""
    value = bad(mended).replace(b'"visitor_id":"%s"' % mended.encode(), b'"visitor_id":"%s"' % visitor.encode())
    desk.refuse(value, key=key, partition=1 - partition_of(mended.encode(), PARTITIONS))
    desk.run(fix=lambda value: mend(value).replace(visitor.encode(), mended.encode()))
    (sent,) = desk.sent()
    assert (sent.key, sent.partition) == (mended.encode(), partition_of(mended.encode(), PARTITIONS))


def test_a_letter_from_before_there_were_more_partitions_goes_where_its_visitor_went(desk: Desk) -> None:
    """Nobody looks for them in its own any more; that of a later letter is still right."""
    away = 1 - partition_of(b"v1", PARTITIONS)
    for number in range(2):
        desk.refuse(bad(number=number), partition=away, at_ms=START_MS + number)
    desk.run(moved_ms=START_MS + 1)
    assert [(b"v1-0" in (one.value or b""), one.partition == away) for one in desk.sent()] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )


def test_a_session_keyed_otherwise_stays_together(desk: Desk) -> None:
    """A producer that keys or hashes in its own way has the visitor's other events there too."""
    desk.refuse(bad(), key=b"someone-else", partition=1)
    desk.run()
    assert (desk.sent()[0].key, desk.sent()[0].partition) == (b"someone-else", 1)


def product(price: int) -> bytes:
    """Write a product."""
    return Product(product_id="lamp", title="Lamp", price=7).encode().replace(b"7.0", b"%d" % price)


def cheaper(value: bytes) -> bytes:
    """Mend a price."""
    return value.replace(b"-1", b"1")


def test_a_product_is_sent_unless_a_newer_record_is_there(desk: Desk) -> None:
    """Of two refused ones the newer; of a tombstone none; under its key, in its partition."""
    home = partition_of(b"lamp", 4)
    for _ in range(2):
        desk.refuse(product(-1), topic=PRODUCTS, key=b"lamp", partition=home)
    report = desk.run(PRODUCTS, fix=cheaper)
    assert (report.sent, report.stays) == (1, {"newer": 1})
    (sent,) = desk.sent(PRODUCTS)
    assert (sent.partition, sent.key, sent.value) == (home, b"lamp", product(1))
    assert desk.run(PRODUCTS, fix=cheaper).already == 1

    desk.refuse(product(-1), topic=PRODUCTS, key=b"lamp", partition=home)
    desk.log.append(PRODUCTS, home, Row(b"lamp", None))
    assert desk.run(PRODUCTS, fix=cheaper).stays == {"newer": 2}


def test_a_product_under_anothers_key_stays(desk: Desk) -> None:
    """Which of the two is meant, nobody knows."""
    desk.refuse(product(1), topic=PRODUCTS, key=b"sofa")
    assert desk.run(PRODUCTS, fix=None).refused == {"schema": 1}


def test_what_is_no_letter_is_counted_and_passed_over(desk: Desk) -> None:
    """Somebody else's record, or a note that cannot be read."""
    desk.log.append(EVENTS_DEAD, 0, Row(None, b"{}"))
    desk.log.append(EVENTS_DEAD, 0, Row(None, b"{}", ((NOTE_HEADER, b"sent"),)))
    desk.refuse(bad())
    report = desk.run()
    assert (report.sent, report.unreadable) == (1, 2)


def counted(desk: Desk, selection: Selection | None = None, *, newest: int = 0) -> Survey:
    """Take stock."""
    one = Survey(EVENTS, selection or Selection(), newest=newest)
    asyncio.run(survey(desk.log, one, advance=lambda _: None))
    return one


def test_a_survey_counts_a_record_once_and_what_was_sent_again(desk: Desk) -> None:
    """With the first and the last arrival of each reason, and the newest letters' names."""
    for n in range(5):
        record = desk.refuse(bad(number=n), at_ms=START_MS + n)
    desk.log.put([refused(EVENTS, record, DecodeError("schema", "again"))])
    desk.refuse(b"{", reason="not_json", at_ms=START_MS + 5)
    desk.refuse(b"{", reason="not_json", partition=1, at_ms=START_MS - 1)
    desk.run(selection=Selection(to_ms=START_MS + 2, reasons=frozenset({"schema"})))
    found = counted(desk, newest=2)
    tally = found.tallies["schema"]
    assert (tally.letters, tally.first_ms, tally.last_ms, tally.requeued) == (5, START_MS, START_MS + 4, 2)
    assert found.tallies["not_json"].letters == 2
    assert [str(letter) for letter, _ in found.newest] == ["events/0/4", "events/0/5"]
    assert counted(desk, Selection(reasons=frozenset({"not_json"}))).tallies.keys() == {"not_json"}


def test_a_purge_takes_the_oldest_of_each_partition(desk: Desk) -> None:
    """Up to the first letter that stays: of a log only the start can go."""
    for n, (partition, ms) in enumerate([(0, 0), (0, 9), (0, 1), (1, 2)]):
        desk.refuse(bad(number=n), partition=partition, at_ms=START_MS + ms)
    desk.run(selection=Selection(places=frozenset({Place(EVENTS, 1, 0)})))
    plan = asyncio.run(plan_purge(desk.log, EVENTS, START_MS + 5, advance=lambda _: None))
    # Partition 1 holds the two notes of what was sent again too.
    assert plan.before == {0: 1, 1: 3}
    assert (len(plan.gone), plan.kept, plan.unsent) == (2, 2, 1)
    assert asyncio.run(plan_purge(desk.log, EVENTS, 1 << 62, advance=lambda _: None)).before == {0: 3, 1: 3}
