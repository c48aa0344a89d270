"""How one call is paid for."""

from typing import Protocol

from models.ports import Prompt
from streams.judging.prices import Prices
from streams.telemetry import count


class Purse(Protocol):
    """Where the money comes from: a `streams.judging.budget.Budget` and whoever keeps its record."""

    async def reserve(self, usd: float) -> int | None:
        """Take what one call costs at most.

        Returns:
            The minute that it is taken from, for `settle`; None when there is not that much left.
        """

    async def settle(self, reserved: float, actual: float, minute: int) -> None:
        """Replace what was taken by what the call cost."""


class Payment:
    """What one call may cost, reserved before it, and what it did, settled and counted after it.

    A call that nobody saw the end of has cost all that was reserved.

    Args:
        prices: of the model's tokens.
        prompt: what is asked.
        purse: None for a call that nothing limits.
    """

    def __init__(self, prices: Prices, prompt: Prompt, purse: Purse | None) -> None:
        self._prices = prices
        self._most = prices.at_most(prompt)
        self._purse = purse
        self._minute = 0

    async def reserve(self) -> bool:
        """Say whether there is enough money."""
        if self._purse is None:
            return True
        minute = await self._purse.reserve(self._most)
        self._minute = minute or 0
        return minute is not None

    async def settle(self, paid: tuple[int, int] | None) -> None:
        """Pay for tokens of the prompt and of the answer; None where nobody knows how many."""
        actual = self._most if paid is None else self._prices.of(*paid)
        prompt_tokens, completion_tokens = paid or (0, 0)
        count("llm_tokens", prompt_tokens, kind="prompt")
        count("llm_tokens", completion_tokens, kind="completion")
        count("llm_usd", actual)
        if self._purse is not None:
            await self._purse.settle(self._most, actual, self._minute)
