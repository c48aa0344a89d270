"""Laws of chunks: what a call judges, and what becomes of its scores."""

from hypothesis import given
from hypothesis import strategies as st

from models.chunks import ANCHORS, aligned, next_chunk
from models.prompt import MAX_PRODUCTS
from schemas.judgements import MAX_ASKED

ids = st.sampled_from([f"p{n}" for n in range(60)])
tables = st.dictionaries(ids, st.floats(0, 10))


@given(wanted=st.lists(ids, max_size=130), judged=tables, scores=tables)
def test_chunks_hold_what_they_may(wanted: list[str], judged: dict[str, float], scores: dict[str, float]) -> None:
    """At most thirty, none twice, anchors judged, the others wanted and not judged; scores stay on the scale."""
    chunk = next_chunk(wanted, judged)
    if chunk is None:
        assert set(wanted[:MAX_ASKED]) <= set(judged)
        return
    assert len(set(chunk.product_ids)) == len(chunk.product_ids) <= MAX_PRODUCTS
    assert set(chunk.anchors) <= set(judged)
    assert len(chunk.anchors) == min(ANCHORS, len(judged))
    assert set(chunk.fresh) <= set(wanted) - set(judged)
    fresh = aligned(scores, chunk, judged)
    assert set(fresh) == set(chunk.fresh) & set(scores)
    assert all(0 <= score <= 10 for score in fresh.values())
