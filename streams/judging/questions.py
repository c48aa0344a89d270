"""The very questions that a key's judgements take, and what they cost, before one is asked."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from models.chunks import next_chunk
from models.intent import JudgementKey
from models.knowledge import Knowledge
from models.ports import Prompt
from models.prompt import prompt_for
from models.wording import Worded, word
from streams.judging.prices import FRAME_TOKENS, Prices

BYTES_PER_TOKEN = 4
"""About so many of a catalogue's texts and of JSON."""

USED = 2
"""An answer takes one such part of the tokens it is allowed."""

MIDDLING = 5.0
"""Stands for scores that are not known yet: which products are repeated as anchors hardly changes a length."""


class Quote(NamedTuple):
    """What calls take if none is repeated: as expected, and `usd_at_most`, which is reserved before them."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    usd_at_most: float


def worded_of(item: str, knowledge: Knowledge) -> Worded | None:
    """Give what a language model may read of an item; None where it is not in the catalogue, or restricted."""
    product = knowledge.catalogue.get(knowledge.facts.speakers[knowledge.facts.row(item)])
    return word(product) if product else None


def questions(
    key: JudgementKey, wanted: Sequence[str], judged: Collection[str], word_of: Callable[[str], Worded | None]
) -> Iterator[Prompt]:
    """Write a key's questions, as if each product got a score.

    Args:
        key: segment and intent.
        wanted: items to judge, best first; what cannot be read is left out.
        judged: items that have a score.
        word_of: gives what may be read of an item.
    """
    scores = {item: MIDDLING for item in judged if word_of(item) is not None}
    worded = {item: one for item in (*wanted, *scores) if (one := word_of(item)) is not None}
    left = [item for item in wanted if item in worded and item not in scores]
    while chunk := next_chunk(left, scores):
        products = [worded[item] for item in chunk.product_ids]
        yield prompt_for(key.segment, key.intent, products, seed=chunk.fresh[0]).prompt
        scores |= dict.fromkeys(chunk.fresh, MIDDLING)
        left = [item for item in left if item not in scores]


def quote(prompts: Sequence[Prompt], prices: Prices) -> Quote:
    """Price questions."""
    asked = sum(FRAME_TOKENS + _bytes(prompt) // BYTES_PER_TOKEN for prompt in prompts)
    answered = sum(prompt.max_tokens // USED for prompt in prompts)
    at_most = math.fsum(map(prices.at_most, prompts))
    return Quote(len(prompts), asked, answered, prices.of(asked, answered), at_most)


def _bytes(prompt: Prompt) -> int:
    return len(prompt.system.encode()) + len(prompt.user.encode())
