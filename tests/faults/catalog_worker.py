"""The catalog worker itself, with an embedder that takes no time: `aisle worker catalog` without torch."""

import hashlib
from collections.abc import Sequence

import numpy as np

import streams.adapters.minilm
from models.vectors import unit
from streams.catalog_app import main
from tests.faults.stage import DIM


class HashEmbedder:
    """Gives each text a direction of its own."""

    name = "faults"
    dim = DIM

    def __init__(self, _model: str) -> None:
        pass

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts."""
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) for text in texts]
        return unit(np.array([np.random.default_rng(seed).normal(size=DIM) for seed in seeds], np.float32))


if __name__ == "__main__":
    streams.adapters.minilm.SentenceTransformerEmbedder = HashEmbedder  # type: ignore[misc,assignment]
    main()
