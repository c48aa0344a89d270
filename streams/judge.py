"""The judge agent: requests in, judgements out.

Pure of Kafka: `handle` takes requests, any number of `work` judge one key after the other, `write` is all that leaves.
Nothing of it is in the way of a slate, and what is lost with the process, the queue and the counts, is asked for again
by the next slates.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from models.judgements import JudgingRules
from models.wording import Worded
from schemas.errors import CallFailedError, RefusedError
from schemas.judgements import JudgementTable
from schemas.record import epoch_ms
from streams.asking import REQUEST_PARTITIONS
from streams.flow import LogRecord
from streams.judging.caller import AWAY, Caller, NotCalledError
from streams.judging.intake import Intake
from streams.judging.kept import KeptTables
from streams.judging.keys import KeyCounts, Place, place_for
from streams.judging.publisher import OvertakenError, Publisher, Write
from streams.judging.purse import Purses
from streams.judging.queue import NOBODY_WAITS, Queue, Wanted
from streams.judging.tables import TableMaker
from streams.telemetry import Seldom, count, gauge

log = logging.getLogger(__name__)

REFUSED_S: Final = 60.0
"""A server that wants an operator is asked once in so long whether one came."""

SWEPT: Final = 100
"""Expired tables of a partition taken away at a time."""


@dataclass(slots=True)
class _Turn:
    """One key's turn.

    Args:
        wanted: what was taken from the queue.
        name: the key as on the topic.
        offset: where the table that is built on stands, -1 for none.
        asked: items that the language model was asked about, as far as is known.
        outcome: what came of it.
        barren: there was an answer, without a score.
    """

    wanted: Wanted
    name: bytes
    offset: int
    asked: Sequence[str]
    outcome: Literal["in_time", "late", "unwaited", "nothing", "failed", "overtaken", "rare"] = "nothing"
    barren: bool = False


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
        self.queue, self.refusal = Queue(), ""
        self._publisher = Publisher(kept, write=write, clock=clock)
        self.purses = Purses(
            budget_usd_per_hour, shares=REQUEST_PARTITIONS, record=self._publisher.spending, clock=clock
        )
        self._counts = KeyCounts()
        self._intake = Intake(self.queue, self._counts, has_table=kept.has, clock=clock, monotonic=monotonic)
        self._caller = caller
        self._rules = rules
        self._maker = TableMaker(caller, rules, word=word, clock=clock)
        self._kept = kept
        self._clock = clock
        self._monotonic = monotonic
        self._news = asyncio.Event()
        self._seldom = Seldom(monotonic)

    @property
    def owned(self) -> frozenset[int]:
        """The partitions of the requests that are judged here."""
        return self._publisher.owned

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

    def handle(self, records: Sequence[LogRecord]) -> None:
        """Take requests, in each partition's order."""
        self._intake.take(records)
        self._news.set()
        gauge("judge_queue", len(self.queue))

    async def work(self) -> None:
        """Judge one key after the other, until cancelled."""
        while True:
            wanted = self.queue.take(self._monotonic(), self.owned)
            if wanted is None:
                self._news.clear()
                await self._news.wait()
            else:
                await self._take_turn(wanted)
                await asyncio.sleep(0)  # without a call it waited for nothing, and heartbeats wait for it

    async def sweep(self) -> None:
        """Take away tables of which no judgement holds any more: none is younger than its record."""
        before_ms = epoch_ms(self._clock()) - self._rules.ttl_ms
        for partition in self.owned:
            live = self._kept.live(partition)
            if expired := [name for name, written_ms in live.items() if written_ms < before_ms][:SWEPT]:
                with suppress(OvertakenError):
                    await self._publisher.tables(partition, dict.fromkeys(expired))

    def show(self) -> None:
        """Tell how the agent stands."""
        gauge("judge_queue", len(self.queue))
        gauge("judge_keys", sum(map(self._kept.count, self.owned)))
        self.purses.show()
        self._caller.show()

    async def _take_turn(self, wanted: Wanted) -> None:
        name = wanted.key.encode()
        turn = _Turn(wanted, name, self._kept.offset(name), wanted.product_ids)
        try:
            await self._judge(turn)
        except CallFailedError as error:
            self._fail(turn, error)
        except RefusedError as error:
            self.refusal = str(error)
            self._caller.leave_alone(REFUSED_S)
            self._fail(turn, error)
        except OvertakenError:
            turn.outcome = "overtaken"
        finally:
            count("judge_turns", outcome=turn.outcome)
            self.queue.done(wanted.key, turn.asked, self._monotonic(), barren=turn.barren)
            self._news.set()  # it may be the turn of what was asked for meanwhile
            self.show()

    async def _judge(self, turn: _Turn) -> None:
        """Write a key's table: after each chunk while a slate waits for it, else once, since a table is written whole.

        The rest of it waits when a slate waits for another key.
        """
        wanted, table = turn.wanted, self._kept.table(turn.name)
        if not self._place(turn).given:
            turn.outcome = "rare"
            return
        items = self._worth(wanted, table)
        purse = self.purses.of(wanted.partition)
        tables = self._maker.tables(wanted.key, items, table, purse=purse, deadline_s=wanted.deadline)
        async with aclosing(tables), self._saving(turn) as unsaved:
            async for made in tables:
                unsaved.append(made)
                if self._monotonic() <= wanted.deadline:
                    await self._save(turn, unsaved)
                left = tuple(item for item in items if item not in made.scores)
                if left and self.queue.urgent(self._monotonic(), self.owned, than=wanted.key):
                    turn.asked = [item for item in items if item in made.scores]
                    self._intake.put(wanted._replace(product_ids=left, deadline=NOBODY_WAITS))
                    return
        turn.barren = turn.outcome == "nothing" and bool(self._maker.lacking(items, table))

    def _worth(self, wanted: Wanted, table: JudgementTable | None) -> tuple[str, ...]:
        """Choose what is judged: of a full table only what decides whether the best candidates are covered."""
        full = len(self._maker.holding(table)) >= wanted.key.room
        return wanted.product_ids[: self._rules.of] if full else wanted.product_ids

    @asynccontextmanager
    async def _saving(self, turn: _Turn) -> AsyncIterator[list[JudgementTable]]:
        """Write at the end what was made and not written, also where the next call fails: it was paid for."""
        unsaved: list[JudgementTable] = []
        try:
            yield unsaved
        except (CallFailedError, RefusedError):
            await self._save(turn, unsaved)
            raise
        await self._save(turn, unsaved)

    async def _save(self, turn: _Turn, unsaved: list[JudgementTable]) -> None:
        """Write the last of the tables that were made, which holds the others."""
        if not unsaved:
            return
        table = unsaved[-1]
        unsaved.clear()
        self.refusal = ""
        place = self._place(turn)
        if self._kept.offset(turn.name) > turn.offset or not place.given:
            raise OvertakenError
        gone = {} if place.instead_of is None else {place.instead_of: None}
        turn.offset = await self._publisher.tables(turn.wanted.partition, {turn.name: table.encode(), **gone})
        if turn.outcome == "nothing":
            in_time = self._monotonic() <= turn.wanted.deadline
            turn.outcome = "unwaited" if turn.wanted.deadline == NOBODY_WAITS else "in_time" if in_time else "late"

    def _place(self, turn: _Turn) -> Place:
        now, live = self._monotonic(), self._kept.live(turn.wanted.partition)
        return place_for(turn.name, live, lambda name: self._counts.demand(name, now), spared=self.queue.busy())

    def _fail(self, turn: _Turn, error: CallFailedError | RefusedError) -> None:
        if isinstance(error, NotCalledError):
            turn.asked = ()  # nobody was asked: nothing has to cool down
        if turn.outcome == "nothing":
            turn.outcome = "failed"
            turn.barren = isinstance(error, CallFailedError) and error.fault not in AWAY and len(turn.asked) > 0
        if self._seldom(_kind(error)):
            log.warning("no judgements for now, see aisle_llm_calls_total: %s", error)


def _kind(error: CallFailedError | RefusedError) -> str:
    """Name what is told once a minute."""
    if isinstance(error, NotCalledError):
        return error.why
    return error.fault if isinstance(error, CallFailedError) else "refused"
