"""The two reference rankings."""

import random

from models.references import LastItemCooccurrence, RecentPopularity


def test_popularity_of_nothing_is_empty() -> None:
    """Before the first click there is no ranking."""
    assert RecentPopularity().rank() == []


def test_popularity_keeps_the_exact_top() -> None:
    """The kept top is what sorting all decayed counts gives, after every one of 3,000 clicks."""
    rng = random.Random(3)
    popularity = RecentPopularity(k=5, half_life=100)
    clicks: list[str] = []
    for _ in range(3000):
        clicks.append(f"p{min(rng.randrange(60), rng.randrange(60))}")
        popularity.learn_one(clicks[-1])
    growth = 2 ** (1 / 100)
    counts: dict[str, float] = {}
    for position, product_id in enumerate(clicks):
        counts[product_id] = counts.get(product_id, 0.0) + growth**position
    assert popularity.rank() == sorted(counts, key=lambda name: (-counts[name], name))[:5]


def test_popularity_forgets_at_its_half_life() -> None:
    """Three clicks, two half-lives ago, are worth less than one click now."""
    popularity = RecentPopularity(k=2, half_life=10)
    for _ in range(3):
        popularity.learn_one("old")
    for position in range(20):
        popularity.learn_one(f"other-{position}")
    popularity.learn_one("new")
    assert popularity.rank()[0] == "new"


def test_popularity_survives_any_number_of_clicks() -> None:
    """Growing weights are scaled back before they overflow, without changing the ranking."""
    popularity = RecentPopularity(k=3, half_life=1)
    for position in range(5000):
        popularity.learn_one("abc"[position % 3])
    assert popularity.rank() == ["b", "a", "c"]


def test_cooccurrence_ranks_what_followed() -> None:
    """By count, ties by id; a product may follow itself."""
    reference = LastItemCooccurrence(k=2)
    for product_id in ("c", "b", "a", "b", "a"):
        reference.learn_one("a", product_id)
    assert reference.rank("a") == ["a", "b"]


def test_cooccurrence_knows_nothing_of_strangers() -> None:
    """No last product, or one never seen, gives no ranking."""
    assert LastItemCooccurrence().rank(None) == LastItemCooccurrence().rank("x") == []


def test_cooccurrence_is_bounded() -> None:
    """What is followed by many keeps the best of them; of too many pairs the longest unused go."""
    reference = LastItemCooccurrence(k=2, most_next=4, most_pairs=6)
    for product_id in ("a", "a", "b", "b", "c", "d", "e"):
        reference.learn_one("old", product_id)
    assert reference.rank("old") == ["a", "b"]
    for last in ("x", "y", "z", "u"):
        reference.learn_one(last, "p")
    assert (reference.rank("old"), reference.rank("x")) == (["a", "b"], ["p"])
    reference.learn_one("w", "p")
    assert (reference.rank("old"), reference.rank("x"), reference.rank("w")) == ([], ["p"], ["p"])
