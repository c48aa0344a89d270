"""From products that want judging to a table: chunk by chunk, each of use as soon as it is there."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from models.chunks import Chunk, aligned, next_chunk
from models.intent import JudgementKey
from models.judgements import JudgingRules
from models.prompt import prompt_for
from models.verdict import VerdictFault, read_verdict
from models.wording import Worded
from schemas.judgements import Judgement, JudgementTable
from streams.judging.caller import Caller
from streams.judging.payment import Purse
from streams.telemetry import count


class TableMaker:
    """Judge products for one key at a time.

    Args:
        caller: asks the language model.
        rules: name the model, and say how long a judgement holds.
        word: gives what may be read of an item; None for what must not be judged, or is not sold.
        clock: the time, written into judgements.

    Attributes:
        faults: what was wrong with answers so far, by kind.
    """

    def __init__(
        self,
        caller: Caller,
        rules: JudgingRules,
        *,
        word: Callable[[str], Worded | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._caller = caller
        self._rules = rules
        self._word = word
        self._clock = clock
        self.faults: Counter[VerdictFault] = Counter()

    async def tables(
        self,
        key: JudgementKey,
        wanted: Sequence[str],
        table: JudgementTable | None,
        *,
        purse: Purse | None,
        deadline_s: float | None,
    ) -> AsyncGenerator[JudgementTable, None]:
        """Give the key's table after each chunk.

        An answer without a valid score ends it: what is still wanted will be asked for again by who needs it.

        Args:
            key: the segment and intent.
            wanted: items, best candidate first.
            table: what is known so far.
            purse: pays.
            deadline_s: no retry after it, by the caller's clock; None for all retries.

        Raises:
            CallFailedError: there is no answer; tables given before are good.
            RefusedError: there will be none until an operator changes something.
        """
        known, left = self.holding(table), self.lacking(wanted, table)
        readable = {item: worded for item in (*left, *known) if (worded := self._word(item)) is not None}
        while chunk := next_chunk(left, {item: one.score for item, one in known.items() if item in readable}):
            made = await self._judge(key, chunk, known, readable, purse=purse, deadline_s=deadline_s)
            if not made:
                return
            left = [item for item in left if item not in chunk.fresh]
            known = bounded({**known, **made}, wanted, room=key.room)
            yield JudgementTable(
                segment=key.segment,
                intent=key.intent,
                model=self._rules.model,
                prompt_version=self._rules.prompt_version,
                scores=known,
            )

    def lacking(self, wanted: Sequence[str], table: JudgementTable | None) -> list[str]:
        """List what is wanted, can be judged and is not."""
        known = self.holding(table)
        return [item for item in wanted if item not in known and self._word(item) is not None]

    def holding(self, table: JudgementTable | None) -> dict[str, Judgement]:
        """Give the judgements of a table that still hold: of this model and prompt, this text and price, and young."""
        rules = self._rules
        if table is None or (table.model, table.prompt_version) != (rules.model, rules.prompt_version):
            return {}
        since = self._clock() - timedelta(milliseconds=rules.ttl_ms)
        return {item: one for item, one in table.scores.items() if one.judged_at > since and self._reads(item, one)}

    async def _judge(
        self,
        key: JudgementKey,
        chunk: Chunk,
        known: Mapping[str, Judgement],
        readable: Mapping[str, Worded],
        *,
        purse: Purse | None,
        deadline_s: float | None,
    ) -> dict[str, Judgement]:
        """Make one call of it."""
        items = chunk.product_ids
        seed = f"{key.segment}|{key.intent}|{chunk.fresh[0]}"
        asked = prompt_for(key.segment, key.intent, [readable[item] for item in items], seed=seed)
        answer = await self._caller.call(asked.prompt, deadline_s=deadline_s, purse=purse)
        verdict = read_verdict(answer.text, len(items))
        self.faults.update(verdict.faults)
        for fault, times in verdict.faults.items():
            count("llm_invalid", times, kind=fault)
        scores = {items[asked.order[n - 1]]: score for n, score in verdict.scores.items()}
        judged = {item: one.score for item, one in known.items()}
        at = self._clock()
        return {
            item: Judgement(
                score=score,
                text_hash=readable[item].text_hash,
                price_band=readable[item].price_band,
                judged_at=at,
            )
            for item, score in aligned(scores, chunk, judged).items()
        }

    def _reads(self, item: str, judgement: Judgement) -> bool:
        worded = self._word(item)
        return worded is not None and (worded.text_hash, worded.price_band) == (
            judgement.text_hash,
            judgement.price_band,
        )


def bounded(scores: Mapping[str, Judgement], wanted: Sequence[str], *, room: int) -> dict[str, Judgement]:
    """Keep at most `room` judgements: what is wanted now, then what was judged last, ties by item."""
    if len(scores) <= room:
        return dict(scores)
    now = set(wanted)
    order = sorted(scores, key=lambda item: (item not in now, -scores[item].judged_at.timestamp(), item))
    return {item: scores[item] for item in order[:room]}
