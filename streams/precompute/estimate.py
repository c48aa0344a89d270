"""What filling tables will take, before anybody is asked."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.chunks import next_chunk
from models.intent import JudgementKey
from models.knowledge import Knowledge
from models.ports import Prompt
from models.prompt import prompt_for
from models.wording import Worded, word
from schemas.judgements import JudgementTable
from streams.judging.prices import FRAME_TOKENS, Prices

BYTES_PER_TOKEN = 4
"""About so many of a catalogue's texts and of JSON."""

MIDDLING = 5.0
"""Stands for scores that are not known yet: which products are repeated as anchors depends on them."""


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
    prompts = [prompt for want in wants for prompt in _prompts(want, knowledge)]
    tokens = [(_tokens(prompt), prompt.max_tokens // 2) for prompt in prompts]  # twice what an answer takes is allowed
    asked, answered = (sum(column) for column in zip(*tokens, strict=True)) if tokens else (0, 0)
    return Estimate(
        keys=sum(1 for want in wants if want.missing),
        products=sum(len(want.missing) for want in wants),
        cached=sum(want.cached for want in wants),
        calls=len(prompts),
        prompt_tokens=asked,
        completion_tokens=answered,
        usd_expected=round(prices.of(asked, answered), 6),
        usd_at_most=round(math.fsum(prices.at_most(prompt) for prompt in prompts), 6),
    )


def worded_of(item: str, knowledge: Knowledge) -> Worded | None:
    """Give what a language model may read of an item; None where it is not in the catalogue, or restricted."""
    product = knowledge.catalogue.get(knowledge.facts.speakers[knowledge.facts.row(item)])
    return word(product) if product else None


def _prompts(want: Want, knowledge: Knowledge) -> list[Prompt]:
    judged, left, made = dict.fromkeys(want.held, MIDDLING), list(want.missing), []
    while chunk := next_chunk(left, judged):
        products = [worded for item in chunk.product_ids if (worded := worded_of(item, knowledge)) is not None]
        made.append(prompt_for(want.key.segment, want.key.intent, products, seed="").prompt)
        judged |= dict.fromkeys(chunk.fresh, MIDDLING)
        left = [item for item in left if item not in judged]
    return made


def _tokens(prompt: Prompt) -> int:
    return FRAME_TOKENS + (len(prompt.system.encode()) + len(prompt.user.encode())) // BYTES_PER_TOKEN
