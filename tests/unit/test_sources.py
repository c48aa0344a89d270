"""Each source of candidates by a worked example."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from models.model import Model, ModelRules, Query
from models.ranked import NONE, Ranked
from schemas.learning import LearningStep, Origin, StepKind
from schemas.record import from_epoch_ms

RULES = ModelRules(items=1_024, people=64, users=64, sessions=64, pair_cells=1_024)
DAY_MS = 86_400_000


class Shop:
    """A model and a short way to write its log."""

    def __init__(self) -> None:
        self.model = Model(RULES)
        self.offset = -1

    def learn(self, kind: StepKind, *items: str, visitor: str = "v", at_ms: int = 0, **more: object) -> None:
        """Learn one step."""
        self.offset += 1
        weight = {"view": 1.0, "click": 1.0, "cart": 3.0, "purchase": 5.0, "refund": -5.0}[kind]
        fields: dict[str, object] = {
            "origin": Origin(topic="t", partition=0, offset=self.offset),
            "at": from_epoch_ms(at_ms),
            "visitor_id": visitor,
            "session": f"session-{visitor}",
            "kind": kind,
            "items": tuple((item, weight) for item in items),
        }
        self.model.learn_one(LearningStep(**(fields | more)), self.offset)

    def browse(self, visitor: str, *items: str, **more: object) -> None:
        """Learn a session of views."""
        for at, item in enumerate(items):
            context = tuple((before, 1.0) for before in items[max(0, at - 10) : at])
            self.learn("view", item, visitor=visitor, context=context, **more)

    def ask(self, source: str, *items: str, **more: object) -> "Listed":
        """Ask one source."""
        query = Query(items=tuple((item, 1.0) for item in items), session=None, key="")._replace(**more)
        return self.named(self.model.candidates(query).get(source, NONE))

    def named(self, ranked: Ranked) -> "Listed":
        """Name candidates."""
        return Listed(self.model.names(ranked), ranked.scores)


class Listed(NamedTuple):
    """Candidates by name, best first."""

    items: list[str]
    scores: np.ndarray


@pytest.fixture
def shop() -> Shop:
    """An empty shop."""
    return Shop()


def test_covisitation_weighs_by_distance_and_direction(shop: Shop) -> None:
    """After a, the next item counts 1, the one after 1/2; backwards counts .6 of forwards."""
    shop.browse("v", "a", "b", "c")
    after = shop.ask("covisitation", "a")
    assert after.items == ["b", "c"]
    assert np.allclose(after.scores, [2 / 3, 1 / 3], atol=1e-3)
    around = shop.ask("covisitation", "b")
    assert around.items == ["c", "a"]
    assert np.allclose(around.scores, [1 / 1.6, 0.6 / 1.6], atol=1e-3)


def test_covisitation_query_fades_by_06(shop: Shop) -> None:
    """Of two recent products the older counts .6 of the newer."""
    shop.browse("v", "a", "x")
    shop.browse("w", "b", "y")
    found = shop.ask("covisitation", "a", "b")
    assert found.items[:2] == ["y", "x"]
    assert np.isclose(found.scores[1] / found.scores[0], 0.6)


def test_covisitation_counts_own_slates_half(shop: Shop) -> None:
    """A click on what we showed teaches half of what an organic click does."""
    shop.browse("v", "a", "organic")
    shop.browse("w", "a", "shown", slate_id="s")
    found = shop.ask("covisitation", "a")
    assert found.items == ["organic", "shown"]
    assert np.isclose(found.scores[1] / found.scores[0], 0.5, atol=1e-3)


def test_one_visitor_cannot_push_a_pair(shop: Shop) -> None:
    """A hundred repetitions by one visitor weigh no more than three; four visitors weigh more."""
    for _ in range(100):
        shop.learn("view", "pushed", visitor="bot", context=(("a", 1.0),))
    for visitor in "wxyz":
        shop.browse(visitor, "a", "liked")
    assert shop.ask("covisitation", "a").items == ["liked", "pushed"]


def test_negative_weights_are_not_asked_with(shop: Shop) -> None:
    """What was bounced from or removed does not stand for the visitor's interest."""
    shop.browse("v", "a", "x")
    shop.browse("w", "b", "y")
    assert shop.ask("covisitation", items=(("a", 1.0), ("b", -0.2))).items == ["x"]


def test_knn_finds_what_similar_sessions_saw(shop: Shop) -> None:
    """The session that shares both products speaks louder than those that share one."""
    shop.browse("v", "a", "b", "both")
    shop.browse("w", "a", "z", "one")
    shop.browse("x", "q", "r")
    found = shop.ask("session_knn", "a", "b")
    assert found.items.index("both") < found.items.index("one")
    assert "r" not in found.items


def test_knn_follows_the_formula(shop: Shop) -> None:
    """One neighbour: similarity x exp(-distance / 3) x (1 + .1 x rarity), as written in the docstrings."""
    shop.browse("v", "a", "b", "c")
    similarity = math.log(1 + 1 / 2) / math.sqrt(3) * math.exp(-1 / 1_000)
    found = shop.ask("session_knn", "a")
    assert found.items == ["a", "b", "c"]
    assert np.allclose(found.scores, [similarity * math.exp(-distance / 3) for distance in range(3)], rtol=1e-5)


def test_a_session_is_no_neighbour_of_itself(shop: Shop) -> None:
    """The session that asks is left out, and only it."""
    shop.browse("v", "a", "mine")
    assert shop.ask("session_knn", "a", session="session-v").items == []
    assert shop.ask("session_knn", "a", session="session-w").items == ["a", "mine"]


def test_old_sessions_make_room(shop: Shop) -> None:
    """The ring forgets the oldest session; its reused slot speaks for the new one only."""
    shop.browse("first", "a", "gone")
    for visitor in range(RULES.sessions):
        shop.browse(f"v{visitor}", "q", "r")
    assert shop.ask("session_knn", "a").items == []
    assert len(shop.model.session_knn.slots) == RULES.sessions


def test_carts_do_not_repeat_a_view(shop: Shop) -> None:
    """Putting the viewed product into the cart adds nothing to the session's sequence."""
    shop.learn("view", "a")
    shop.learn("cart", "a", context=(("a", 1.0),))
    assert shop.model.session_knn.total[0] == 1


def test_trending_prefers_what_is_recent(shop: Shop) -> None:
    """Ten views 20,000 events ago are less than three now, and the list is exact."""
    trending = shop.model.trending
    for item, times in ((0, 10), (1, 20_000), (2, 3)):
        for _ in range(times):
            trending.learn_one(item, rows=3, weight=1.0)
    ids, weights = trending.rank(3)
    assert ids.tolist() == [1, 2, 0]
    assert weights[1] == pytest.approx(3, rel=1e-3)


def test_trending_list_is_exact_at_any_time(shop: Shop) -> None:
    """The maintained list equals a full sort of all weights."""
    rng = np.random.default_rng(0)
    trending = shop.model.trending
    for item in (rng.zipf(1.3, 3_000) % 700).tolist():
        trending.learn_one(item, rows=700, weight=1.0)
    ids, _ = trending.rank(100)
    weights = trending.weight[:700]
    assert np.allclose(weights[ids], np.sort(weights)[::-1][:100])


def test_landing_popularity_backs_off(shop: Shop) -> None:
    """A context with evidence has its own order, one without is everyone's."""
    for visitor in range(60):
        shop.browse(f"nl{visitor}", "clogs", landing={"country": "NL"})
    for visitor in range(90):
        shop.browse(f"de{visitor}", "stein", landing={"country": "DE"})
    assert shop.named(shop.model.popularity({"country": "NL"})).items[0] == "clogs"
    for landing in ({"country": "FR"}, {}, {"country": "FR", "device": "tv"}):
        assert shop.named(shop.model.popularity(landing)).items[0] == "stein"


def test_history_prefers_what_is_wanted_now(shop: Shop) -> None:
    """What others buy these days comes before what a person wanted a little more."""
    shop.learn("purchase", "sleigh", "kite")
    shop.learn("view", "sleigh")
    assert shop.ask("history", key="v").items == ["sleigh", "kite"]
    for n in range(9):
        shop.learn("purchase", "kite", visitor=f"w{n}")
    found = shop.ask("history", key="v")
    assert found.items == ["kite", "sleigh"]
    wanted = 1 + shop.model.trending.weights_of(np.array([0, 1, 99_999], np.int32)) / RULES.history_floor
    assert found.scores[0] / found.scores[1] == pytest.approx(5 / 6 * (wanted[1] / wanted[0]) ** 0.75)
    assert wanted[2] == 1


def test_a_customers_next_basket_is_asked_of_baskets_like_theirs(shop: Shop) -> None:
    """With an empty cart it is what they come back to that asks, with a full one the cart alone."""
    shop.learn("purchase", "tea", "cup", visitor="v", session="v1")
    shop.learn("purchase", "tea", "jam", visitor="w", session="w1")
    shop.learn("purchase", "axe", "log", visitor="x", session="x1")
    assert set(shop.ask("basket_knn", key="v").items) == {"tea", "cup", "jam"}
    assert shop.ask("basket_knn", key="v", cart=("axe",)).items == ["log"]
    assert shop.ask("basket_knn").items == []


def test_history_adds_up_and_fades(shop: Shop) -> None:
    """A cart (3) beats two views (2); 180 days later a view (1) beats what has halved twice."""
    shop.learn("view", "seen")
    shop.learn("view", "seen")
    shop.learn("cart", "wanted")
    assert shop.ask("history", key="v").items == ["wanted", "seen"]
    shop.learn("view", "now", at_ms=180 * DAY_MS)
    assert shop.ask("history", key="v").items == ["now", "wanted", "seen"]
    ids, weights = shop.model.history.rank("v", 10)
    assert [shop.model.items.names[number] for number in ids.tolist()] == ["now", "wanted", "seen"]
    assert np.allclose(weights, [1.0, 0.75, 0.5])


def test_a_refund_takes_back(shop: Shop) -> None:
    """What was returned is not suggested as a habit."""
    shop.learn("purchase", "shoe")
    shop.learn("refund", "shoe")
    assert shop.ask("history", key="v").items == []


def test_factors_learn_taste(shop: Shop) -> None:
    """Two groups with two tastes: each is offered its own kind first."""
    rng = np.random.default_rng(0)
    for n in range(500):
        group, person, item, hour = rng.integers(2), rng.integers(8), rng.integers(6), 3_600_000 * n
        shop.learn("purchase", f"g{group}-{item}", visitor=f"g{group}-p{person}", session=None, at_ms=hour)
    for group in range(2):
        best = shop.ask("factors", key=f"g{group}-p0").items[:6]
        assert sum(item.startswith(f"g{group}") for item in best) >= 5


def test_asking_factors_of_strangers_keeps_nothing(shop: Shop) -> None:
    """River's models grow when asked for the unknown; ours does not."""
    shop.learn("purchase", "a")
    before = shop.model.digest()
    assert shop.ask("factors", key="stranger").items == []
    assert shop.model.digest() == before


def test_views_teach_factors_nothing(shop: Shop) -> None:
    """Factors run on carts and purchases only."""
    shop.browse("v", "a", "b")
    assert shop.ask("factors", key="v").items == []


def test_together_needs_three_copurchases(shop: Shop) -> None:
    """Twice is chance; three baskets among others are evidence."""
    for basket in range(12):
        shop.learn("purchase", f"other{basket}", visitor=f"o{basket}")
    for basket, pair in enumerate([("tea", "cup")] * 3 + [("tea", "axe")] * 2):
        shop.learn("purchase", *pair, visitor=f"b{basket}")
    assert shop.ask("together", cart=("tea",)).items == ["cup"]
    assert shop.ask("together", cart=("tea", "cup")).items == []


def test_carts_and_their_purchase_count_once(shop: Shop) -> None:
    """A pair that came together in the cart is not counted again when the cart is bought."""
    shop.learn("cart", "tea")
    shop.learn("cart", "cup", cart=("tea",))
    shop.learn("purchase", "tea", "cup", cart=("tea", "cup"))
    complements, items = shop.model.complements, shop.model.items
    assert complements.count(items.get("tea"), items.get("cup")) == 1
    assert complements.baskets == 1


def test_together_leaves_out_substitutes(shop: Shop) -> None:
    """A product of the cart's category, looked at with it more than bought with it, replaces rather than goes with."""
    for basket in range(40):
        shop.learn("purchase", f"other{basket}", visitor=f"o{basket}")
    for basket in range(4):
        shop.learn("purchase", "kettle", "kettle2", "tea", visitor=f"b{basket}", session=None)
        for repeat in range(3):
            shop.browse(f"w{basket}-{repeat}", "kettle", "kettle2")
    leaf = {"kettle": "Kettles", "kettle2": "Kettles", "tea": "Tea"}.get
    query = Query(items=(), session=None, key="", cart=("kettle",))
    assert set(shop.named(shop.model.candidates(query)["together"]).items) == {"kettle2", "tea"}
    assert shop.named(shop.model.candidates(query, category_of=leaf)["together"]).items == ["tea"]


def test_together_keeps_what_is_bought_as_often_as_it_is_looked_at(shop: Shop) -> None:
    """Two of one category that are bought together as often as looked at together do go together."""
    for basket in range(40):
        shop.learn("purchase", f"other{basket}", visitor=f"o{basket}")
    for basket in range(4):
        shop.learn("purchase", "fork", "knife", visitor=f"b{basket}", session=None)
    query = Query(items=(), session=None, key="", cart=("fork",))

    def together() -> list[str]:
        found = shop.model.candidates(query, category_of=lambda _: "Cutlery")
        return shop.named(found.get("together", NONE)).items

    viewed = shop.model.covisitation.weight(*map(shop.model.items.get, ("fork", "knife")))
    assert viewed <= 4
    assert together() == ["knife"]
    for visitor in range(5):
        shop.browse(f"w{visitor}", "fork", "knife")
    assert together() == []


def test_the_bandit_learns_from_clicks(shop: Shop) -> None:
    """Exploration pools are compared by clicks per impression."""
    for n in range(40):
        shop.model.bandit.learn_one("new", "impression")
        shop.model.bandit.learn_one("long_tail", "impression")
        if n % 4 == 0:
            shop.model.bandit.learn_one("new", "click")
    earned = shop.model.bandit.estimates()
    assert earned["new"] > 2 * earned["long_tail"]


def test_nobody_makes_a_product_popular_alone(shop: Shop) -> None:
    """Of one person's day the first view, cart and purchase count, under whichever visitor id; the next day again."""
    day = 86_400_000
    for n in range(60):
        for kind in ("view", "click", "cart", "purchase"):
            shop.learn(kind, "pushed", visitor=f"device{n % 4}", user_id="u", session=f"s{n}", at_ms=n)
    shop.learn("view", "liked", visitor="a", session="a")
    for visitor in ("b", "c"):
        shop.learn("purchase", "liked", visitor=visitor, session=visitor)
    liked = shop.ask("popular")
    assert liked.items == ["liked", "pushed"]
    assert liked.scores == pytest.approx([11, 9], rel=1e-3)
    assert sum(shop.model.session_knn.holds(f"s{n}", shop.model.items.get("pushed")) for n in range(60)) == 3
    shop.learn("purchase", "pushed", visitor="device1", user_id="u", at_ms=day)
    assert shop.ask("popular").items == ["pushed", "liked"]


def test_counts_tell_the_cold(shop: Shop) -> None:
    """An item's events are counted; the unknown has none."""
    shop.browse("v", "a", "b", "a")
    assert [shop.model.count_of(item) for item in ("a", "b", "never")] == [2, 1, 0]


def test_sources_are_ordered(shop: Shop) -> None:
    """Equal scores come in the order in which items were first learned."""
    shop.browse("v", "a", "z")
    shop.browse("w", "a", "y")
    shop.browse("x", "a", "x")
    for scored in shop.model.candidates(Query(items=(("a", 1.0),), session=None, key="")).values():
        ranked = zip((-scored.scores).tolist(), scored.ids.tolist(), strict=True)
        assert all(one < two for one, two in pairwise(ranked))
