"""What every embedder promises, on the real model where it is installed."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.ports import Embedder
from schemas.errors import RefusedError
from streams.adapters.minilm import SentenceTransformerEmbedder

TEXTS = [
    "blue ceramic coffee mug",
    "tea cup made of porcelain",
    "cordless drill with two batteries",
    "mug",
    "Trainingsjacke für Herren, wasserdicht, mit Kapuze und vielen Taschen für den Winter",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The default model, from the package that brings its weights."""
    embedder = SentenceTransformerEmbedder("all-MiniLM-L6-v2")
    try:
        embedder.encode(["mug"])
    except RefusedError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    return embedder


def test_shape_and_length(embedder: Embedder) -> None:
    """One row a text, of length 1, float32; no text, no row."""
    vectors = embedder.encode(TEXTS)

    assert vectors.shape == (len(TEXTS), embedder.dim) == (5, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.encode([]).shape == (0, 384)
    assert np.isfinite(embedder.encode(["", "🛒", "x" * 5000])).all()


def test_repeatable(embedder: Embedder) -> None:
    """The same texts give the same vectors, whatever they are embedded with."""
    together = embedder.encode(TEXTS)

    assert np.array_equal(embedder.encode(TEXTS), together)
    assert np.allclose(embedder.encode(TEXTS[::-1])[::-1], together, atol=1e-5)
    assert np.allclose(np.concatenate([embedder.encode([text]) for text in TEXTS]), together, atol=1e-5)


def test_similar_texts_are_near(embedder: Embedder) -> None:
    """A mug is nearer to a cup than to a drill."""
    mug, cup, drill = embedder.encode(TEXTS[:3])

    assert mug @ cup > mug @ drill + 0.1


def test_missing_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is nowhere is refused with the setting and the command that help."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RefusedError, match=r"\.\[demo\].*AISLE_EMBEDDING_MODEL"):
        SentenceTransformerEmbedder(str(tmp_path)).encode(["mug"])
