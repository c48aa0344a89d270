"""A search that reads bytes first finds exactly what a search over all floats finds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codes import coded, dots, promising
from models.vectors import unit


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 300),
    dim=st.sampled_from([1, 3, 16, 100, 384, 600, 1100]),
    count=st.integers(1, 60),
    crowd=st.sampled_from([0.0, 0.05, 1.0]),
)
def test_none_of_the_best_is_missed(seed: int, rows: int, dim: int, count: int, crowd: float) -> None:
    """Scattered or crowded, of any length: the best by float64 are among the promising."""
    random = np.random.default_rng(seed)
    matrix = unit(random.standard_normal(dim) + crowd * random.standard_normal((rows, dim)))
    query = unit(random.standard_normal(dim) * (crowd or 1) + matrix[0])
    codes, steps, lost = (np.array(column) for column in zip(*map(coded, matrix), strict=True))
    found = promising(codes, steps.astype(np.float32), lost.astype(np.float32), query, count)
    exact = matrix.astype(np.float64) @ query.astype(np.float64)
    worst_of_best = np.sort(exact)[::-1][: min(count, rows)][-1]
    assert set(np.flatnonzero(exact > worst_of_best + 1e-6)) <= set(found.tolist())
    assert min(count, rows) <= len(found) <= rows


def test_a_score_does_not_depend_on_company() -> None:
    """Alone or among hundreds, a row's score is the same to the bit, and right."""
    random = np.random.default_rng(1)
    for dim in (5, 384):
        matrix = unit(random.standard_normal((400, dim)))
        query = unit(random.standard_normal(dim))
        together = dots(matrix, np.arange(400), query)
        assert all(dots(matrix, np.array([row]), query)[0] == together[row] for row in range(400))
        assert np.allclose(together, matrix @ query, atol=1e-6)
