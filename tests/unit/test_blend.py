"""The blend of sources, before and after it has learned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.blend import FEATURES, FIRST_EXTRA, Blend, describe
from models.ranked import Ranked
from schemas.learning import TrainingRow, pack_features


def ranked(*ids: int) -> Ranked:
    """Candidates with scores 4, 2, 1, ..."""
    return Ranked(np.array(ids, np.int32), np.array([4 / 2**at for at in range(len(ids))], np.float32))


def row(blend: Blend, good: str) -> TrainingRow:
    """One positive that `good` has first, and two negatives that `popular` has."""
    features = describe({good: ranked(7), "popular": ranked(8, 9)}).features
    return TrainingRow(version=blend.VERSION, rows=3, columns=features.shape[1], features=pack_features(features))


def test_features_by_example() -> None:
    """Per source: present, 1 / sqrt(rank), score / max; what a source does not have is zeros."""
    described = describe({"covisitation": ranked(1, 2, 3), "unheard": ranked(2, 5)}, also=0)
    assert described.ids.tolist() == [1, 2, 3, 5, 0]
    columns = dict(zip(FEATURES, described.features.T.tolist(), strict=True))
    assert columns["covisitation.present"] == [1, 1, 1, 0, 0]
    assert columns["covisitation.rank"] == pytest.approx([1, 2**-0.5, 3**-0.5, 0, 0])
    assert columns["covisitation.share"] == [1, 0.5, 0.25, 0, 0]
    assert described.sources == ("covisitation", "unheard")
    assert described.shares.tolist() == [[1, 0.5, 0.25, 0, 0], [0, 1, 0, 0.5, 0]]
    assert not described.features[:, FIRST_EXTRA:].any()
    assert described.features.dtype == np.float32


def test_one_more_is_described_once() -> None:
    """A row that a source has already is not added again, and nothing found describes nobody else."""
    assert describe({"popular": ranked(4, 9)}, also=9).ids.tolist() == [4, 9]
    assert describe({}, also=3).ids.tolist() == [3]
    assert describe({}).ids.tolist() == []


@given(st.lists(st.lists(st.integers(0, 400), unique=True, max_size=120), max_size=6))
def test_candidates_are_joined_in_order_of_first_appearance(lists: list[list[int]]) -> None:
    """Whatever the sources found, every candidate is there once, with each source's share in its own column."""
    found = {f"source{at}": ranked(*ids) for at, ids in enumerate(lists)}
    described = describe(found)
    assert described.ids.tolist() == list(dict.fromkeys(row for ids in lists for row in ids))
    for at, ids in enumerate(lists):
        places = [described.ids.tolist().index(row) for row in ids]
        assert np.count_nonzero(described.shares[at]) == np.count_nonzero(described.shares[at, places])


def test_scores_do_not_depend_on_company() -> None:
    """A candidate's score is the same to the bit alone and among hundreds."""
    blend = Blend(first=1)
    for _ in range(9):
        blend.learn_one(row(blend, "content"))
    table = np.random.default_rng(0).random((333, len(FEATURES)), np.float32)
    together = blend.score(table)
    assert all(blend.score(table[at : at + 1])[0] == together[at] for at in range(333))
    assert (blend.score(table[::-1])[::-1] == together).all()
    assert ((together > 0) & (together < 1)).all()


def test_prior_ranks_by_score_over_max() -> None:
    """Unlearned, session neighbours speak louder than co-visits, those louder than popularity."""
    blend = Blend()
    popular, covisit, knn, nothing = 1, 2, 3, 4
    found = {"popular": ranked(popular), "covisitation": ranked(covisit), "session_knn": ranked(knn)}
    described = describe(found, also=nothing)
    order = np.argsort(-blend.score(described.features))
    assert described.ids[order].tolist() == [knn, covisit, popular, nothing]


def test_hand_over_is_gradual() -> None:
    """Until `first` rows nothing changes; afterwards what pays off takes over step by step."""
    blend = Blend(first=10)
    prior = blend.weights["new.share"]
    seen = []
    for _ in range(60):
        blend.learn_one(row(blend, "new"))
        seen.append(blend.weights["new.share"])
    assert set(seen[:10]) == {prior}
    assert prior < seen[15] < seen[25] < seen[-1]
    fresh, known = blend.score(describe({"new": ranked(1), "popular": ranked(2)}).features)
    assert fresh > known


def test_what_no_source_had_is_only_counted() -> None:
    """A chosen item without any source teaches nothing about the sources."""
    blend = Blend(first=1)
    features = describe({"popular": ranked(8, 9)}, also=7).features[::-1]
    packed = pack_features(features)
    assert blend.learn_one(TrainingRow(version=blend.VERSION, rows=3, columns=features.shape[1], features=packed))
    assert (blend.missed, blend.learned) == (1, 0)


def test_learned_weights_survive() -> None:
    """A restored blend scores and goes on learning as if it had never stopped."""
    blend, again = Blend(first=2), Blend(first=2)
    for _ in range(20):
        blend.learn_one(row(blend, "history"))
    again.restore(blend.state())
    for one in (blend, again):
        one.learn_one(row(one, "content"))
    assert blend.weights == again.weights
    assert all((blend.state()[name] == again.state()[name]).all() for name in blend.state())
