"""The judging pass: key after key, a few at a time, every chunk kept as soon as it is there."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from models.demand import Need
from schemas.errors import CallFailedError
from streams.judging.caller import Caller, NotCalledError
from streams.judging.tables import TableMaker
from streams.lift.cap import Cap, KeyPurse
from streams.lift.heard import Heard
from streams.lift.store import JudgementStore, Kept

SPENT, AWAY, UNUSABLE = "the cap in USD was reached", "the server was away", "answers could not be used"


class Judging(NamedTuple):
    """What came of a judging pass: by key how many of its items are judged now, and why keys were given up."""

    judged: tuple[int, ...]
    given_up: Counter[str]


class JudgingPass:
    """Judges what is needed and not kept yet.

    Args:
        caller: asks the language model.
        maker: makes tables of answers.
        heard: knows who answers.
        store: keeps tables.
        cap: pays.
        at_once: keys at a time.
    """

    def __init__(
        self, caller: Caller, maker: TableMaker, heard: Heard, store: JudgementStore, cap: Cap, *, at_once: int
    ) -> None:
        self._caller = caller
        self._maker = maker
        self._heard = heard
        self._store = store
        self._cap = cap
        self._at_once = at_once
        self._given_up: Counter[str] = Counter()

    def run(self, needs: Sequence[Need], *, called: Callable[[int], object]) -> Judging:
        """Judge.

        Args:
            needs: what is to be judged, what matters most first.
            called: told how many calls were made, each time there is a table.

        Raises:
            RefusedError: there will be no answer until an operator changes something; what was judged is kept.
        """
        asyncio.run(self._all(needs, called))
        return Judging(tuple(self._count(need) for need in needs), self._given_up)

    async def _all(self, needs: Iterable[Need], called: Callable[[int], object]) -> None:
        left = iter(needs)
        try:
            await asyncio.gather(*(self._some(left, called) for _ in range(self._at_once)))
        finally:
            await self._caller.close()

    async def _some(self, left: Iterator[Need], called: Callable[[int], object]) -> None:
        for need in left:
            try:
                await self._one(need, called)
            except CallFailedError as error:
                self._given_up[_why(error)] += 1

    async def _one(self, need: Need, called: Callable[[int], object]) -> None:
        kept = self._store.get(need.key)
        calls, usd = (kept.calls, kept.usd) if kept else (0, 0.0)
        purse = KeyPurse(self._cap)
        tables = self._maker.tables(need.key, need.items, kept and kept.table, purse=purse, deadline_s=None)
        async for table in tables:
            by = frozenset(self._heard.answered_by) | (kept.answered_by if kept else frozenset())
            self._store.put(need.key, Kept(table, calls + purse.calls, usd + purse.usd, by))
            called(self._cap.calls)
        if not self._count(need):
            self._given_up[UNUSABLE] += 1

    def _count(self, need: Need) -> int:
        kept = self._store.get(need.key)
        known = self._maker.holding(kept.table) if kept else {}
        return sum(item in known for item in need.items)


def _why(error: CallFailedError) -> str:
    if not isinstance(error, NotCalledError):
        return f"the call failed: {error.fault.replace('_', ' ')}"
    return SPENT if error.why == "budget" else AWAY
