"""Session BPR: River's contract, what it learns, and what it keeps."""

import numpy as np
import pytest
from river.reco.base import Ranker

from models.bpr import learn
from models.items import mask_of
from models.model import Model, ModelRules, Query
from models.session_bpr import GONE, SessionBpr
from schemas.learning import LearningStep, Origin
from schemas.record import from_epoch_ms

RULES = ModelRules(items=1_024, people=16, users=16, sessions=16, pair_cells=256, bpr_factors=32, bpr_ring=256)


def table(**more: object) -> SessionBpr:
    """Build a small one."""
    given = {"cap": 512, "factors": 32, "negatives": 10, "lr": 0.1, "l2": 0.001, "context": 8, "decay": 0.7}
    return SessionBpr(**(given | {"ring": 256, "seed": 7} | more))


def walked(bpr: SessionBpr, *, seed: int = 0, events: int = 3_000, items: int = 60) -> SessionBpr:
    """Let sessions walk round and round through the items, five steps each from anywhere."""
    rng = np.random.default_rng(seed)
    for start in rng.integers(0, items, events // 5).tolist():
        seen: list[int] = []
        for at in range(5):
            bpr.learn_one("s", (start + at) % items, 1.0, {"context": seen})
            seen.append((start + at) % items)
    return bpr


def same(a: SessionBpr, b: SessionBpr) -> bool:
    """Say whether two have the same state to the bit."""
    left, right = a.state(), b.state()
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def test_it_is_a_ranker_of_rivers() -> None:
    """Whoever knows `river.reco` can use it, contexts included, and copy it without what it learned."""
    bpr = walked(table())
    assert isinstance(bpr, Ranker)
    assert bpr.is_contextual
    x = {"context": [10, 11]}
    ranked = bpr.rank("s", set(range(60)), x)
    assert sorted(ranked) == list(range(60))
    scores = [bpr.predict_one("s", item, x) for item in ranked]
    assert scores == sorted(scores, reverse=True)
    assert same(bpr.clone(), table())


def test_what_follows_ranks_first() -> None:
    """After 10 and 11 come 12 and its neighbours, not what is as popular and far away."""
    bpr = walked(table())
    assert set(bpr.rank("s", range(60), {"context": [10, 11]})[:5]) <= set(range(6, 16))
    assert bpr.predict_one("s", 40, {"context": [10, 11]}) < bpr.predict_one("s", 12, {"context": [10, 11]})


def test_asking_keeps_nothing() -> None:
    """River's own models grow when asked for the unknown; here it scores 0 and changes nothing."""
    bpr = walked(table(), events=200)
    twin = walked(table(), events=200)
    rows = len(bpr.live)
    assert bpr.predict_one("stranger", 500, {"context": [1]}) == 0.0
    assert bpr.predict_one("s", 1, {"context": [499]}) == 0.0
    assert bpr.predict_one("s", 1) == 0.0
    assert bpr.rank("s", [300, 200], {"context": [400]}) == [200, 300]
    assert (len(bpr.live), same(bpr, twin)) == (rows, True)


def test_one_pass_equals_a_step_per_negative() -> None:
    """The wanted vector is written once, at the end; the textbook's loop gives the same vectors."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(0, 0.3, (40, 32)).astype(np.float32)
    biases = rng.normal(0, 0.1, 40).astype(np.float32)
    ring, live = rng.permutation(40).astype(np.int32), np.ones(40, np.bool_)
    recent, random = np.array([5, 9, 5], np.int32), np.array([11], np.uint64)
    expected = textbook(vectors.astype(np.float64), biases.astype(np.float64), ring, recent, random.copy())
    learn(vectors, biases, live, ring, len(ring), 17, recent, 12, 0.1, 0.01, 0.7, random)
    assert np.allclose(vectors, expected[0], atol=1e-5)
    assert np.allclose(biases, expected[1], atol=1e-6)


def textbook(
    vectors: np.ndarray, biases: np.ndarray, ring: np.ndarray, recent: np.ndarray, random: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Learn item 17 with 12 negatives in plain numpy: BPR-Opt's gradient, negative by negative."""
    weights = 0.7 ** np.arange(len(recent))
    weights /= np.sqrt(weights.sum())
    heading, pull = weights @ vectors[recent], np.zeros(32)
    for _ in range(12):
        other = ring[xorshift(random) % len(ring)]
        if other == 17:
            continue
        margin = heading @ (vectors[17] - vectors[other]) + biases[17] - biases[other]
        step = 0.1 / (1 + np.exp(margin))
        pull += step * (vectors[17] - vectors[other])
        for row, sign in ((17, 1), (other, -1)):
            vectors[row] += sign * step * heading - 0.1 * 0.01 * vectors[row]
            biases[row] += sign * step * 0.1
    np.add.at(vectors, recent, weights[:, None] * pull)
    return vectors, biases


def xorshift(random: np.ndarray) -> int:
    """Draw 63 bits as the kernels do."""
    x = int(random[0])
    for shift in (13, -7, 17):
        x ^= (x << shift if shift > 0 else x >> -shift) & (2**64 - 1)
    random[0] = x
    return x >> 1


def test_half_a_weight_is_half_a_step() -> None:
    """A click that our own slate brought about teaches less, and weight 0 nothing but what is popular."""
    moved = []
    for weight in (0.0, 0.5, 1.0):
        bpr = walked(table(negatives=1), events=500)
        before = bpr.vectors.copy()
        bpr.learn_one("s", 30, weight, {"context": [3]})
        moved.append(np.abs(bpr.vectors - before).sum())
    assert moved[0] == 0
    assert moved[1] == pytest.approx(moved[2] / 2, rel=0.01)


def test_extreme_logs_stay_finite() -> None:
    """One item for ever, two in turns, one visitor's endless loop: steps shrink as the margin grows."""
    bpr = table()
    for offset in range(20_000):
        bpr.learn_one("s", offset % 2, 1.0, {"context": [0, 1, 0, 0, 1, 1, 1, offset % 2]})
    for _ in range(5_000):
        bpr.learn_one("s", 2, 1.0, {"context": [2] * 8})
    assert np.isfinite(bpr.vectors).all()
    assert np.abs(bpr.vectors).max() < 10


def test_a_dropped_item_leaves_its_number_clean() -> None:
    """Whatever gets the number next starts anew, and is not drawn as if it were the popular one that went."""
    bpr = walked(table(), events=500)
    bpr.drop(mask_of([3], 60))
    assert not bpr.live[3]
    assert not bpr.vectors[3].any()
    assert bpr.biases[3] == 0
    drawn = bpr.latest[: min(bpr.events, bpr.ring)]
    assert 3 not in drawn
    assert GONE in drawn
    assert walked(bpr, events=500).live[3]


def test_a_restored_one_goes_on_to_the_bit() -> None:
    """State holds the rows in use only, and nothing that decides is missing from it."""
    whole = walked(walked(table(), seed=1), seed=2)
    first = walked(table(), seed=1)
    first_state = {name: array.copy() for name, array in first.state().items()}
    assert len(first_state["vectors"]) == 60
    second = table()
    second.restore(first_state)
    assert same(walked(second, seed=2), whole)


def test_best_looks_at_so_many_and_repeats_nothing() -> None:
    """Items that repeat count once; what is not known takes no place."""
    bpr = walked(table())
    items = np.array([400, 12, 12, -1, 13, 9, 8], np.int32)
    recent = np.array([11, 10], np.int32)
    ids, scores = bpr.best(recent, items, 10, most=3)
    assert set(ids.tolist()) == {12, 13, 9}
    assert (np.diff(scores) <= 0).all()
    assert len(bpr.best(recent, items, 1, most=10)[0]) == 1
    assert len(bpr.best(np.zeros(0, np.int32), items, 10, most=10)[0]) == 0


def view(offset: int, item: str, *context: str, session: str = "s") -> LearningStep:
    """Look at an item after others."""
    return LearningStep(
        origin=Origin(topic="t", partition=0, offset=offset), at=from_epoch_ms(0), visitor_id=session, session=session,
        kind="view", items=((item, 1.0),), context=tuple((before, 1.0) for before in context),
    )  # fmt: skip


def test_the_model_finds_by_it_what_no_pair_of_visits_says() -> None:
    """Nobody went from the tent to the stove; both go with the mat, so the stove is found after the tent."""
    model = Model(RULES)
    offset = 0
    for round_number in range(60):
        for first, second in (("tent", "mat"), ("mat", "stove"), ("sofa", "lamp"), ("lamp", "rug")):
            for step in (view(offset, first, session=f"{round_number}{first}"),
                         view(offset + 1, second, first, session=f"{round_number}{first}")):  # fmt: skip
                model.learn_one(step, offset)
                offset += 1
    found = model.candidates(Query(items=(("tent", 1.0),), session=None, key=""))
    assert "stove" not in model.names(found["covisitation"])
    after = model.names(found["session_bpr"])
    assert after[0] == "mat"
    assert "stove" in after
    assert not {"sofa", "rug"} & set(after)
