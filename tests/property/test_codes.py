"""A search that reads bytes first finds exactly what a search over all floats finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.coded_rows import FITTED_AT, CodedRows
from models.codes import dots
from models.vectors import nearest, ranked, unit


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
    coded = CodedRows(dim)
    coded.put(np.arange(rows), matrix)
    found = coded.promising(matrix, query, count)
    assert_complete(found, matrix, query, count)


def assert_complete(found: np.ndarray, matrix: np.ndarray, query: np.ndarray, count: int) -> None:
    """Check that the best by float64 are all there."""
    rows = len(matrix)
    exact = matrix.astype(np.float64) @ query.astype(np.float64)
    worst_of_best = np.sort(exact)[::-1][: min(count, rows)][-1]
    assert set(np.flatnonzero(exact > worst_of_best + 1e-6)) <= set(found.tolist())
    assert min(count, rows) <= len(found) <= rows


@pytest.mark.parametrize("crowd", [0.0, 0.8])
def test_turning_hides_nothing(crowd: float) -> None:
    """Once there are rows enough to find directions in, the search reads fewer rows in full, and misses none.

    Rows come in pieces, are replaced and moved; without any directions to be found all the same is true.
    """
    random = np.random.default_rng(2)
    rows = FITTED_AT[0] + 300
    shelves = random.standard_normal((20, 200))
    matrix = unit(shelves[random.integers(0, 20, rows)] * crowd + random.standard_normal((rows, 200)) * 0.6)
    coded = CodedRows(200)
    for end in (500, 900, rows):
        coded.put(np.arange(max(0, end - 400), end) if end < rows else np.arange(900, rows), matrix[:end])
    coded.put(np.arange(100), matrix)
    matrix[5] = matrix[rows - 1]
    coded.move(rows - 1, 5)
    matrix = matrix[:-1]
    for query in (matrix[5], unit(matrix[7] + matrix[8]), unit(random.standard_normal(200))):
        found = coded.promising(np.ascontiguousarray(matrix), query, 20)
        assert_complete(found, matrix, query, 20)
    assert len(coded.promising(np.ascontiguousarray(matrix), matrix[5], 20)) < rows / 2


def test_a_score_does_not_depend_on_company() -> None:
    """Alone or among hundreds, a row's score is the same to the bit, and right."""
    random = np.random.default_rng(1)
    for dim in (5, 384):
        matrix = unit(random.standard_normal((400, dim)))
        query = unit(random.standard_normal(dim))
        together = dots(matrix, np.arange(400), query)
        assert all(dots(matrix, np.array([row]), query)[0] == together[row] for row in range(400))
        assert np.allclose(together, matrix @ query, atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([0.5, 0.5000004, 0.5000005, -0.0, 0.1234565, 0.9999995]) | st.floats(-1, 1, width=32)))
def test_rows_are_ordered_as_names_are(values: list[float]) -> None:
    """Six decimals in arrays are those of Python's `round`, and ties go by name, where the list is cut too."""
    scores = np.array(values, np.float32)
    names = [f"p{(7 * row) % 101}-{row}" for row in range(len(values))]
    expected = ranked(zip(names, scores.tolist(), strict=True))
    for limit in (1, 3, 200):
        found = nearest(np.arange(len(values)), scores, names, limit)
        assert found == expected[:limit]
        assert str(found) == str(expected[:limit])
