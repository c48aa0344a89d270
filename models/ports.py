"""What the deciding code needs from outside, each as a Protocol."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np


class Neighbour(NamedTuple):
    """A product near a query vector; `score` is the cosine, -1..1."""

    product_id: str
    score: float


class VectorIndex(Protocol):
    """Products by vector: cosine top-n with a few filters."""

    dim: int

    def upsert(self, product_ids: Sequence[str], vectors: np.ndarray, *, categories: Sequence[str]) -> None:
        """Insert or replace products.

        Args:
            product_ids: the products.
            vectors: float32, shape (len(product_ids), dim); any length, compared by angle.
            categories: the leaf category of each, "" for none; what `near` filters by.
        """

    def remove(self, product_ids: Collection[str]) -> None:
        """Forget products; unknown ones are ignored."""

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products, best first, ties by product id.

        Args:
            vector: float32, shape (dim,).
            limit: at most this many.
            category: only products of this leaf category.
            exclude: never these products.

        Raises:
            DegradedError: the index did not answer in time; serve without it.
        """

    def __len__(self) -> int:
        """Count the products."""

    def close(self) -> None:
        """Flush and release what is held."""


class Embedder(Protocol):
    """Text to vectors."""

    name: str

    @property
    def dim(self) -> int:
        """Numbers per vector."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts.

        Returns:
            float32, shape (len(texts), dim), rows of length 1.
        """


class Prompt(NamedTuple):
    """One question to a language model.

    `system` and `user` are the two messages; `schema` is the JSON schema (an object) that the answer must fit, `name`
    what the schema is called; `max_tokens` bounds the answer.
    """

    system: str
    user: str
    name: str
    schema: Mapping[str, Any]
    max_tokens: int


class Answer(NamedTuple):
    """What a language model said, whatever it is, and the tokens it is paid for; `model` as the server names it."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    model: str


class LanguageModel(Protocol):
    """Text to text, by a server elsewhere."""

    name: str

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        """Ask once; no retries.

        Args:
            prompt: the question.
            timeout_s: give up after so long, whatever the server is doing.

        Raises:
            CallFailedError: there is no answer that can be used.
            RefusedError: there will be none until an operator changes something (wrong key, unknown model).
        """

    async def close(self) -> None:
        """Let go of the connections."""
