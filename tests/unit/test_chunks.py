"""A hundred candidates, thirty at a time, on one scale."""

from collections.abc import Callable

import pytest

from models.chunks import Chunk, aligned, next_chunk
from schemas.judgements import MAX_ASKED

WANTED = [f"p{n:03d}" for n in range(120)]


def judge_all(wanted: list[str], opinion: Callable[[int, str], float]) -> tuple[dict[str, float], list[Chunk]]:
    """Judge chunk after chunk, each call by what a model thinks in it."""
    judged: dict[str, float] = {}
    chunks: list[Chunk] = []
    while chunk := next_chunk(wanted, judged):
        scores = {product_id: opinion(len(chunks), product_id) for product_id in chunk.product_ids}
        judged |= aligned(scores, chunk, judged)
        chunks.append(chunk)
    return judged, chunks


def test_a_hundred_candidates_take_four_calls() -> None:
    """The best first; the later calls repeat three that were judged."""
    judged, chunks = judge_all(WANTED, lambda _call, product_id: int(product_id[1:]) % 11)
    assert list(judged) == WANTED[:MAX_ASKED]
    assert [(len(chunk.anchors), len(chunk.fresh)) for chunk in chunks] == [(0, 30), (3, 27), (3, 27), (3, 16)]
    assert {anchor for chunk in chunks for anchor in chunk.anchors} <= set(judged)


def test_a_milder_answer_is_brought_back_to_the_scale() -> None:
    """Each call is one point more generous than the one before; the scores are those of the first."""
    truth = {product_id: 1 + int(product_id[1:]) % 6 for product_id in WANTED}
    judged, _ = judge_all(WANTED, lambda call, product_id: truth[product_id] + call)
    assert judged == {product_id: truth[product_id] for product_id in WANTED[:MAX_ASKED]}


def test_a_table_that_has_judgements_anchors_the_first_chunk() -> None:
    """Spread over its scores, whatever order it is in; a small table gives all it has."""
    table = {f"q{n}": float(n) for n in range(9)}
    backwards = dict(reversed(table.items()))
    assert next_chunk(["a"], table) == next_chunk(["a"], backwards) == Chunk(("q1", "q4", "q7"), ("a",))
    assert next_chunk(["a"], {"q": 5.0}) == Chunk(("q",), ("a",))


@pytest.mark.parametrize("wanted", [[], ["a"], ["a", "a"], [*WANTED, "new"]])
def test_where_all_is_judged_there_is_no_chunk(wanted: list[str]) -> None:
    """What is wanted beyond the first hundred does not count."""
    assert next_chunk(wanted, dict.fromkeys([*WANTED, "a"], 5.0)) is None


def test_anchors_without_an_answer_shift_nothing() -> None:
    """Of several, those that were answered count; nothing leaves the scale."""
    chunk, judged = Chunk(("y", "z"), ("a", "b", "c")), {"y": 9.0, "z": 3.0}
    assert aligned({"a": 7.0, "b": 0.123}, chunk, judged) == {"a": 7.0, "b": 0.12}
    assert aligned({"z": 1.0, "a": 7.0, "b": 9.5}, chunk, judged) == {"a": 9.0, "b": 10.0}
    assert aligned({"y": 10.0, "z": 6.0, "a": 1.0}, chunk, judged) == {"a": 0.0}
    assert aligned({"z": 1.0, "a": 7.0}, chunk, {}) == {"a": 7.0}
