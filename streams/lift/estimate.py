"""What judging would cost, worked out from the very questions, before one is asked."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from models.demand import Need
from models.wording import Worded
from streams.judging.prices import Prices
from streams.judging.questions import questions, quote


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
    by_key = [list(questions(need.key, need.items, known(need), word)) for need in needs]
    return Estimate(sum(map(bool, by_key)), *quote([prompt for some in by_key for prompt in some], prices))
