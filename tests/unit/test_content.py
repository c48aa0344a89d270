"""Content answers what is like what."""

import numpy as np
import pytest

from models.content import Content
from streams.adapters.numpy_index import NumpyVectorIndex


@pytest.fixture
def content() -> Content:
    """Three products in three dimensions."""
    filled = Content(lambda _model, dim: NumpyVectorIndex(dim))
    filled.put("x", np.array([2.0, 0, 0]), "A")
    filled.put("y", np.array([0.0, 3, 0]), "B")
    filled.put("xy", np.array([1.0, 1, 0]), "B")
    return filled


def test_vectors_have_length_one(content: Content) -> None:
    """Vectors of any length go in; directions come out, zeros where there are none."""
    vectors, found = content.vectors(["y", "nope", "x"])

    assert vectors.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert found.tolist() == [True, False, True]
    assert content.vector("nope") is None
    assert content.dim == 3


def test_a_session_points_where_its_steps_do(content: Content) -> None:
    """The session vector is the weighted sum; dislikes turn it away but are no direction of their own."""
    vector = content.session_vector([("x", 1.0), ("y", 1.0), ("nope", 9.0)])

    assert vector is not None
    assert np.allclose(vector, [0.5**0.5, 0.5**0.5, 0])
    away = content.session_vector([("xy", 1.0), ("y", -0.5)])
    assert away is not None
    assert away[0] > away[1]
    assert content.session_vector([("y", -1.0)]) is None
    assert content.session_vector([("nope", 1.0)]) is None
    assert content.session_vector([("x", 1.0), ("x", -1.0)]) is None
    assert content.session_vector([]) is None


def test_near_sees_every_change_at_once(content: Content) -> None:
    """What was put, moved or removed counts in the very next search."""
    query = np.array([1.0, 0.1, 0], np.float32)
    assert [found.product_id for found in content.near(query, 3)] == ["x", "xy", "y"]

    content.categorise("x", "B")
    content.remove("xy")

    assert [found.product_id for found in content.near(query, 3, category="B")] == ["x", "y"]
    assert content.near(query, 3, category="A") == []
    assert content.near(query, 0) == []
    assert [found.product_id for found in content.near(query, 3, exclude=["x"])] == ["y"]


def test_zeros_are_no_vector(content: Content) -> None:
    """A vector without direction takes the product out of the search."""
    content.put("x", np.zeros(3), "A")

    assert "x" not in content
    assert len(content) == 2


def test_another_dim_is_refused(content: Content) -> None:
    """One model makes vectors of one size."""
    with pytest.raises(ValueError, match="2 numbers among vectors of 3"):
        content.put("z", np.ones(2), "A")


def test_a_new_model_takes_over_when_it_is_complete(content: Content) -> None:
    """Vectors of a new model are unused until they cover what the old ones did."""
    for product_id in ("x", "y"):
        content.put(product_id, np.ones(2), "A", model="new")
    assert (content.dim, content.model) == (3, "")

    content.put("xy", np.ones(2), "A", model="new")

    assert (content.dim, content.model, len(content)) == (2, "new", 3)
    content.close()


def test_empty_content_answers_nothing() -> None:
    """Before the first vector there is nothing to find, and no error."""
    content = Content(lambda _model, dim: NumpyVectorIndex(dim))

    assert content.near(np.ones(3, np.float32), 5) == []
    assert content.vectors(["a"])[1].tolist() == [False]
    assert content.session_vector([("a", 1.0)]) is None
    assert content.dim == len(content) == 0
