"""What filling tables will take, before anybody is asked."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from models.intent import JudgementKey
from models.knowledge import Knowledge
from schemas.judgements import JudgementTable
from streams.judging.prices import Prices
from streams.judging.questions import questions, quote, worded_of


class Estimate(NamedTuple):
    """Tables to fill, products that lack a judgement, and what asking for them takes if no call is repeated.

    `cached` counts products whose judgements hold already; tokens and `usd_expected` are about right, `usd_at_most` is
    what is reserved before the calls.
    """

    keys: int
    products: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd_expected: float
    usd_at_most: float


class Want(NamedTuple):
    """What is to be judged for a key: items that lack a judgement, best first, and those that have one.

    `held` are the judged items of the key's table, `cached` how many of them were wanted.
    """

    key: JudgementKey
    missing: tuple[str, ...]
    held: tuple[str, ...]
    cached: int


def wants_of(
    wanted: Mapping[JudgementKey, Sequence[str]],
    tables: Mapping[JudgementKey, JudgementTable],
    knowledge: Knowledge,
    *,
    at_ms: int,
) -> list[Want]:
    """Hold what is wanted against what is judged already; `knowledge` has these tables, too."""

    def lacking(key: JudgementKey, items: Sequence[str]) -> list[str]:
        rows = np.array([knowledge.facts.row(item) for item in items], np.int32)
        return knowledge.judgements.missing(key, rows, at_ms)

    found = []
    for key, items in wanted.items():
        table = tables.get(key)
        scored = list(table.scores) if table else []
        held = set(scored) - set(lacking(key, scored)) if len(scored) else set()
        held = {item for item in held if worded_of(item, knowledge) is not None}
        missing = tuple(lacking(key, items))
        found.append(Want(key, missing, tuple(sorted(held)), len(held.intersection(items))))
    return found


def estimate(wants: Sequence[Want], knowledge: Knowledge, prices: Prices) -> Estimate:
    """Write the questions as they will be asked, but for which products are repeated, and price them."""
    word = partial(worded_of, knowledge=knowledge)
    told = quote([one for want in wants for one in questions(want.key, want.missing, want.held, word)], prices)
    return Estimate(
        keys=sum(1 for want in wants if want.missing),
        products=sum(len(want.missing) for want in wants),
        cached=sum(want.cached for want in wants),
        calls=told.calls,
        prompt_tokens=told.prompt_tokens,
        completion_tokens=told.completion_tokens,
        usd_expected=round(told.usd, 6),
        usd_at_most=round(told.usd_at_most, 6),
    )
