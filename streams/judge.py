"""The judge agent: requests in, judgements out.

Pure of Kafka: `handle` takes requests, any number of `work` judge one key after the other, `write` is all that leaves.
Nothing of it is in the way of a slate, and what is lost with the process, the queue and the counts, is asked for again
by the next slates.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing, suppress
from datetime import datetime

from models.intent import JudgementKey
from models.judgements import JudgingRules
from models.wording import Worded
from schemas.errors import CallFailedError, DecodeError, RefusedError
from schemas.judgements import MAX_JUDGED, JudgementRequest, JudgementTable, judgement_key
from schemas.record import epoch_ms
from schemas.topics import JUDGEMENT_REQUESTS
from streams.asking import REQUEST_PARTITIONS
from streams.flow import LogRecord
from streams.judging.caller import Caller, NotCalledError
from streams.judging.kept import KeptTables
from streams.judging.keys import KeyCounts, Place, place_for
from streams.judging.publisher import OvertakenError, Publisher, Write
from streams.judging.purse import Purses
from streams.judging.queue import NOBODY_WAITS, Queue, Wanted
from streams.judging.tables import TableMaker
from streams.kafka import partition_of
from streams.telemetry import Seldom, count, gauge
from streams.unreadable import unreadable

log = logging.getLogger(__name__)

OLD_S = 60.0
"""A request read so late is a backlog: who asked has long left, or asked again."""

REFUSED_S = 60.0
"""A server that wants an operator is asked once in so long whether one came."""

SWEPT = 100
"""Expired tables taken away at a time."""


class JudgeAgent:
    """Turns records of `judgements.requests` into records of `judgements`.

    Args:
        caller: asks the language model.
        rules: name the model, and say how long a judgement holds.
        word: gives what may be read of an item; None for what must not be judged.
        kept: the fold of `judgements`.
        budget_usd_per_hour: what the installation may spend in any hour.
        write: what leaves.
        clock: the time.
        monotonic: the caller's clock, in seconds.

    `refusal` says what an operator has to change, "" for nothing.
    """

    def __init__(
        self,
        caller: Caller,
        rules: JudgingRules,
        *,
        word: Callable[[str], Worded | None],
        kept: KeptTables,
        budget_usd_per_hour: float,
        write: Write,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue = Queue()
        self.counts = KeyCounts()
        self.refusal = ""
        self._publisher = Publisher(kept, write=write, clock=clock)
        self.purses = Purses(
            budget_usd_per_hour, shares=REQUEST_PARTITIONS, record=self._publisher.spending, clock=clock
        )
        self._caller = caller
        self._rules = rules
        self._maker = TableMaker(caller, rules, word=word, clock=clock)
        self._kept = kept
        self._clock = clock
        self._monotonic = monotonic
        self._news = asyncio.Event()
        self._seldom = Seldom(monotonic)

    def own(self, partitions: Collection[int]) -> None:
        """Judge for these partitions of the requests from now on; `judgements` is read to its end."""
        self._publisher.own(partitions)
        for partition in partitions:
            self.purses.own(partition, self._kept.spending.get(partition))
        self.queue.keep(partitions)
        self._news.set()
        self.show()

    async def leave(self) -> None:
        """Judge for none: what the next owner reads on `judgements` when this has returned is all there is."""
        self.purses.leave()
        await self._publisher.leave()
        self.show()

    @property
    def owned(self) -> frozenset[int]:
        """The partitions of the requests that are judged here."""
        return self._publisher.owned

    def handle(self, records: Sequence[LogRecord]) -> None:
        """Take requests, in each partition's order."""
        for record in records:
            try:
                request = _read(record)
            except DecodeError as error:
                unreadable(JUDGEMENT_REQUESTS, str(error), partition=record.partition, offset=record.offset)
            else:
                self._take(request, record)
        gauge("judge_queue", len(self.queue))

    async def work(self) -> None:
        """Judge one key after the other, until cancelled."""
        while True:
            wanted = self.queue.take(self._monotonic(), self.owned)
            if wanted is None:
                self._news.clear()
                await self._news.wait()
            else:
                await self._turn(wanted)

    async def sweep(self) -> None:
        """Take away tables of which no judgement holds any more: none is younger than its record."""
        before_ms = epoch_ms(self._clock()) - self._rules.ttl_ms
        for partition in self.owned:
            live = self._kept.live(partition)
            expired = [name for name, written_ms in live.items() if written_ms < before_ms][:SWEPT]
            if expired:
                with suppress(OvertakenError):
                    await self._publisher.tables(partition, dict.fromkeys(expired))

    def show(self) -> None:
        """Tell how the agent stands."""
        gauge("judge_queue", len(self.queue))
        gauge("judge_keys", sum(map(self._kept.count, self.owned)))
        self.purses.show()
        self._caller.show()

    def _take(self, request: JudgementRequest, record: LogRecord) -> None:
        now, wall = self._monotonic(), self._clock()
        if epoch_ms(wall) - record.timestamp_ms > OLD_S * 1000:
            count("judge_shed", why="old")
            return
        key = JudgementKey(request.segment, request.intent)
        name = key.encode()
        self.counts.asked(name, request.asker, now)
        if not (self._kept.has(name) or self.counts.enough(name, now)):
            return
        left_s = (request.deadline_at - wall).total_seconds() if request.deadline_at else NOBODY_WAITS
        self._put(Wanted(key, record.partition, request.product_ids, now + left_s, now))

    async def _turn(self, wanted: Wanted) -> None:
        """Judge a key, and count what came of it."""
        name = wanted.key.encode()
        asked: Sequence[str] = wanted.product_ids
        try:
            if self._place(name, wanted.partition).given:
                asked, outcome = await self._judge(wanted, name)
                count("judge_turns", outcome=outcome)
            else:
                count("judge_shed", why="rare")
        except NotCalledError as error:
            asked = ()
            self._fail(error.why, str(error))
        except CallFailedError as error:
            self._fail(error.fault, str(error))
        except RefusedError as error:
            self.refusal = str(error)
            self._caller.leave_alone(REFUSED_S)
            self._fail("refused", str(error))
        except OvertakenError:
            count("judge_turns", outcome="overtaken")
        finally:
            self.queue.done(wanted.key, asked, self._monotonic())
            self._news.set()
            self.show()

    async def _judge(self, wanted: Wanted, name: bytes) -> tuple[Sequence[str], str]:
        """Write a key's table after each chunk; what is not urgent waits when a slate does for another key.

        Returns:
            the items that were asked about, and what came of it.
        """
        table, offset, outcome = self._kept.table(name), self._kept.offset(name), "nothing"
        items = self._worth(wanted, table)
        turn = self._maker.tables(
            wanted.key, items, table, purse=self.purses.of(wanted.partition), deadline_s=wanted.deadline
        )
        async with aclosing(turn) as made:
            async for table in made:
                self.refusal = ""
                offset = await self._save(wanted, table, offset)
                outcome = self._when(wanted) if outcome == "nothing" else outcome
                left = tuple(item for item in items if item not in table.scores)
                if left and self.queue.urgent(self._monotonic(), self.owned):
                    self._put(wanted._replace(product_ids=left, deadline=NOBODY_WAITS))
                    return [item for item in items if item in table.scores], outcome
        return items, outcome

    def _worth(self, wanted: Wanted, table: JudgementTable | None) -> tuple[str, ...]:
        """Choose what is judged: of a full table only what decides whether the best candidates are covered."""
        full = len(self._maker.holding(table)) >= MAX_JUDGED
        return wanted.product_ids[: self._rules.of] if full else wanted.product_ids

    async def _save(self, wanted: Wanted, table: JudgementTable, offset: int) -> int:
        name = wanted.key.encode()
        place = self._place(name, wanted.partition)
        if self._kept.offset(name) > offset or not place.given:
            raise OvertakenError
        gone = {} if place.instead_of is None else {place.instead_of: None}
        return await self._publisher.tables(wanted.partition, {name: table.encode(), **gone})

    def _place(self, name: bytes, partition: int) -> Place:
        now = self._monotonic()
        return place_for(
            name, self._kept.live(partition), lambda key: self.counts.demand(key, now), spared=self.queue.busy()
        )

    def _put(self, wanted: Wanted) -> None:
        if self.queue.put(wanted):
            count("judge_shed", why="full")
        self._news.set()

    def _when(self, wanted: Wanted) -> str:
        if wanted.deadline == NOBODY_WAITS:
            return "unwaited"
        return "in_time" if self._monotonic() <= wanted.deadline else "late"

    def _fail(self, kind: str, detail: str) -> None:
        count("judge_turns", outcome="failed")
        if self._seldom(kind):
            log.warning("no judgements: %s", detail)


def _read(record: LogRecord) -> JudgementRequest:
    """Read a request that is where its key belongs: two workers would judge it otherwise."""
    request = JudgementRequest.decode(record.value)
    name = judgement_key(request.segment, request.intent)
    if (name, partition_of(name, REQUEST_PARTITIONS)) != (record.key, record.partition):
        raise DecodeError("schema", "the key or the partition is not this request's")
    return request
