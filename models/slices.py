"""Kinds of queries that an evaluation looks at one by one: an average hides whom a ranker serves badly."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.trials import Trials

LENGTHS = ((1, 1), (2, 2), (3, 4), (5, 9), (10, None))
"""Events of the session so far, first and last of each band."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the queries.

    Args:
        name: what tells the slices of one cut apart.
        label: which of them this is.
        mask: bool, shape (n,).
    """

    name: str
    label: str
    mask: np.ndarray


def slices(trials: Trials) -> Iterator[Slice]:
    """Cut all queries in five ways; always the same slices in the same order, empty ones too.

    Every query is in one slice of each cut, but for one without an event of its session so far: it has no length, and
    is found under "click".
    """
    for low, high in LENGTHS:
        label = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
        yield Slice("session length", label, (trials.length >= low) & (high is None or trials.length <= high))
    yield from _two("visitor", ("new", "returning"), trials.returning)
    for decile in range(1, 11):
        yield Slice("popularity decile", str(decile), trials.decile == decile)
    yield Slice("popularity decile", "never seen", trials.decile == 0)
    yield from _two("product", ("known", "cold"), trials.cold)
    yield from _two("click", ("later", "first"), trials.first)


def _two(name: str, labels: tuple[str, str], flag: np.ndarray) -> Iterator[Slice]:
    """Cut by a flag: where it is not set, where it is."""
    yield Slice(name, labels[0], ~flag)
    yield Slice(name, labels[1], flag)
