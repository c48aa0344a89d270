"""Fill tables of judgements: several at a time, each written as soon as a call has added to it."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from models.intent import JudgementKey
from schemas.errors import CallFailedError, DecodeError, RefusedError
from schemas.judgements import JudgementTable
from schemas.topics import JUDGEMENTS
from streams.bootstrap import judging_rules
from streams.flow import LogRecord
from streams.judging.caller import Caller, NotCalledError
from streams.judging.questions import worded_of
from streams.judging.tables import TableMaker
from streams.precompute.estimate import Want
from streams.precompute.purse import RunPurse
from streams.replay.replaying import Installation, counting
from streams.world import World
from streams.writer import Row

Tables = Mapping[JudgementKey, JudgementTable]


async def read_tables(site: Installation, keys: Sequence[JudgementKey]) -> Tables:
    """Read the newest tables of some keys; what cannot be read is not there."""
    by_name = {key.encode(): key for key in keys}
    found: dict[JudgementKey, JudgementTable] = {}

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            key = by_name.get(record.key or b"")
            if key is None:
                continue
            found.pop(key, None)
            try:
                if record.value is not None:
                    found[key] = JudgementTable.decode(record.value)
            except DecodeError:  # the world has counted it
                continue

    name = site.topics[JUDGEMENTS]
    await site.logs.read(name, await site.logs.bounds(name, 1), take)
    return found


class Filling:
    """One run's calls.

    What is written began with what stood there when the run did. A judge worker may write the same key meanwhile: the
    last table wins, and what it lacks is asked for again by whoever needs it.

    Args:
        site: the installation.
        world: its catalogue.
        caller: asks the language model.
        most_usd: what the calls may cost.
        clock: the time, written into judgements.
    """

    def __init__(
        self, site: Installation, world: World, caller: Caller, *, most_usd: float, clock: Callable[[], datetime]
    ) -> None:
        self._site = site
        self._maker = TableMaker(
            caller,
            judging_rules(site.settings),
            word=partial(worded_of, knowledge=world.knowledge),
            clock=clock,
        )
        self._most_usd = most_usd
        self._writing = asyncio.Lock()
        self._failed: Counter[str] = Counter()
        self._stop: Exception | None = None
        self.purse = RunPurse(most_usd)
        self.filled = self.products = 0

    async def fill(self, wants: Sequence[Want], tables: Tables) -> None:
        """Fill the tables.

        Raises:
            RefusedError: the money is spent, or the language model cannot be asked, or did not answer for some keys;
                what was done is written.
        """
        queue = deque(want for want in wants if want.missing)
        told = counting(self._site.watch, "judging", sum(len(want.missing) for want in queue))
        total = len(queue)

        async def work() -> None:
            while queue and self._stop is None:
                await self._one(queue.popleft(), tables, told)

        await asyncio.gather(*(work() for _ in range(self._site.settings.llm_concurrency)))
        self._refuse_half(total)

    async def _one(self, want: Want, tables: Tables, told: Callable[[int], object]) -> None:
        """Fill one key's table; a call that fails ends it, and some failures end everything."""
        left = len(want.missing)
        try:
            made = self._maker.tables(want.key, want.missing, tables.get(want.key), purse=self.purse, deadline_s=None)
            async for table in made:
                await self._write(want.key, table)
                now = sum(item not in table.scores for item in want.missing)
                self.products += left - now
                told(left - now)
                left = now
            self.filled += 1
        except NotCalledError as error:
            self._stop = self._stop or error
        except CallFailedError as error:
            self._failed[error.fault] += 1
        except RefusedError as error:
            self._stop = error

    async def _write(self, key: JudgementKey, table: JudgementTable) -> None:
        async with self._writing:
            await self._site.logs.write({(self._site.topics[JUDGEMENTS], 0): [Row(key.encode(), table.encode())]})

    def _refuse_half(self, total: int) -> None:
        stop, kept = self._stop, f"{self.filled:,} of {total:,} tables are filled, and what was judged is kept"
        if isinstance(stop, NotCalledError) and stop.why == "budget":
            raise RefusedError(
                f"This run may cost {self._most_usd:.2f} USD and has cost {self.purse.spent_usd:.4f}: {kept}. The same "
                "command goes on; --most-usd allows more."
            )
        if isinstance(stop, CallFailedError):
            raise RefusedError(f"The language model is away ({stop}): {kept}. The same command goes on.")
        if stop is not None:
            raise RefusedError(f"{stop} {kept[0].upper()}{kept[1:]}.")
        if self._failed:
            why = ", ".join(f"{fault} {count}x" for fault, count in self._failed.most_common())
            raise RefusedError(f"The language model did not answer for all ({why}): {kept}. The same command goes on.")
