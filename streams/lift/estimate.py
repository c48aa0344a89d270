"""What judging would cost, worked out from the very questions, before one is asked."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from models.chunks import next_chunk
from models.demand import Need
from models.ports import Prompt
from models.prompt import prompt_for
from models.wording import Worded
from streams.judging.prices import FRAME_TOKENS, Prices

BYTES_PER_TOKEN = 4
"""Of ordinary text."""

USED = 2
"""An answer takes one such part of the tokens it is allowed."""

MIDDLE = 5.0
"""Stands for a score that is not known yet: which products anchor the next question hardly changes its length."""


class Estimate(NamedTuple):
    """What is left to be judged, and what that costs without retries; what is kept already costs nothing.

    Args:
        keys: with something left.
        calls: questions.
        prompt_tokens: expected.
        completion_tokens: expected.
        usd: expected.
        usd_at_most: reserved for them; no question costs more.
    """

    keys: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    usd_at_most: float


def estimate(
    needs: Sequence[Need],
    known: Callable[[Need], Collection[str]],
    *,
    word: Callable[[str], Worded | None],
    prices: Prices,
) -> Estimate:
    """Estimate the cost of all that is not judged yet.

    Args:
        needs: what is to be judged.
        known: gives the items of a need that are judged already.
        word: gives what may be read of an item, None for what must not be judged.
        prices: of the model's tokens.
    """
    questions = [list(_questions(need, known(need), word)) for need in needs]
    prompts = [prompt for of_key in questions for prompt in of_key]
    asked = sum(_bytes(prompt) // BYTES_PER_TOKEN + FRAME_TOKENS for prompt in prompts)
    answered = sum(prompt.max_tokens // USED for prompt in prompts)
    return Estimate(
        keys=sum(map(bool, questions)),
        calls=len(prompts),
        prompt_tokens=asked,
        completion_tokens=answered,
        usd=prices.of(asked, answered),
        usd_at_most=sum(map(prices.at_most, prompts)),
    )


def _questions(need: Need, known: Collection[str], word: Callable[[str], Worded | None]) -> Iterator[Prompt]:
    """Write a key's questions, as if each product got a score."""
    worded = {item: one for item in need.items if (one := word(item)) is not None}
    judged = {item: MIDDLE for item in worded if item in known}
    left = [item for item in worded if item not in known]
    while chunk := next_chunk(left, judged):
        products = [worded[item] for item in chunk.product_ids]
        yield prompt_for(need.key.segment, need.key.intent, products, seed=chunk.fresh[0]).prompt
        judged |= dict.fromkeys(chunk.fresh, MIDDLE)
        left = [item for item in left if item not in judged]


def _bytes(prompt: Prompt) -> int:
    return len(prompt.system.encode()) + len(prompt.user.encode())
