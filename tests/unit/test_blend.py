"""The blend of sources, before and after it has learned."""

import numpy as np
import pytest

from models.blend import Blend, Scored
from schemas.learning import TrainingRow, pack_features


def scored(*items: str) -> Scored:
    """Candidates with scores 4, 2, 1, ..."""
    return Scored(list(items), np.array([4 / 2**at for at in range(len(items))], np.float32))


def row(blend: Blend, good: str) -> TrainingRow:
    """One positive that `good` has first, and two negatives that `popular` has."""
    features = blend.features({good: scored("x"), "popular": scored("y", "z")}, ["x", "y", "z"], {})
    return TrainingRow(version=blend.VERSION, rows=3, columns=features.shape[1], features=pack_features(features))


def test_features_by_example() -> None:
    """Per source: present, 1 / sqrt(rank), score / max; what a source does not have is zeros."""
    blend = Blend()
    table = blend.features(
        {"covisitation": scored("a", "b", "elsewhere"), "unheard": scored("a")},
        ["b", "a", "c"],
        {"cold": np.array([0, 1, 0]), "price_ratio": np.array([np.nan, np.inf, 0.5])},
    )
    columns = {name: table[:, at].tolist() for at, name in enumerate(Blend.FEATURES)}
    assert columns["covisitation.present"] == [1, 1, 0]
    assert columns["covisitation.rank"] == pytest.approx([2**-0.5, 1, 0])
    assert columns["covisitation.share"] == [0.5, 1, 0]
    assert columns["cold"] == [0, 1, 0]
    assert columns["shown_rank"] == [0, 0, 0]
    assert np.isfinite(table).all()
    assert table.dtype == np.float32


def test_scores_do_not_depend_on_company() -> None:
    """A candidate's score is the same to the bit alone and among hundreds."""
    blend = Blend(first=1)
    for _ in range(9):
        blend.learn_one(row(blend, "content"))
    table = np.random.default_rng(0).random((333, len(Blend.FEATURES)), np.float32)
    together = blend.score(table)
    assert all(blend.score(table[at : at + 1])[0] == together[at] for at in range(333))
    assert (blend.score(table[::-1])[::-1] == together).all()
    assert ((together > 0) & (together < 1)).all()


def test_prior_ranks_by_score_over_max() -> None:
    """Unlearned, session neighbours speak louder than co-visits, those louder than popularity."""
    blend = Blend()
    found = {"session_knn": scored("knn"), "covisitation": scored("covisit"), "popular": scored("popular")}
    items = ["popular", "nothing", "covisit", "knn"]
    order = np.argsort(-blend.score(blend.features(found, items, {})))
    assert [items[at] for at in order] == ["knn", "covisit", "popular", "nothing"]


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
    found = {"new": scored("fresh"), "popular": scored("known")}
    fresh, known = blend.score(blend.features(found, ["fresh", "known"], {}))
    assert fresh > known


def test_what_no_source_had_is_only_counted() -> None:
    """A chosen item without any source teaches nothing about the sources."""
    blend = Blend(first=1)
    features = blend.features({"popular": scored("y", "z")}, ["x", "y", "z"], {})
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
