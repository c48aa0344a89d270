"""What a call costs."""

import math
from typing import NamedTuple

import orjson

from models.ports import Prompt

LEAST_BYTES_PER_TOKEN = 2
"""Texts of the shop are 3 to 5 bytes a token; product codes and scripts that tokenizers know badly come down to 2."""

FRAME_TOKENS = 64
"""What a chat template puts around two messages, and the sentence that introduces a schema."""

MILLION = 1_000_000


class Prices(NamedTuple):
    """A model's prices.

    >>> prices = Prices(usd_per_million_prompt=0.40, usd_per_million_completion=1.60)
    >>> round(prices.of(2_000, 500), 6)
    0.0016
    """

    usd_per_million_prompt: float
    usd_per_million_completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Give the price of tokens in USD."""
        return (
            self.usd_per_million_prompt * prompt_tokens + self.usd_per_million_completion * completion_tokens
        ) / MILLION

    def at_most(self, prompt: Prompt) -> float:
        """Give what a call may cost in USD: known before it is made, and more than it will.

        The schema counts twice: a server that takes none has it written into the message, and one that takes it may
        show it to the model as well.
        """
        schema = 2 * len(orjson.dumps(prompt.schema))
        size = len(prompt.system.encode()) + len(prompt.user.encode()) + schema
        return self.of(math.ceil(size / LEAST_BYTES_PER_TOKEN) + FRAME_TOKENS, prompt.max_tokens)
