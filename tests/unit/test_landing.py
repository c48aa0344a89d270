"""Where visits come from, and what is popular there."""

import pickle
import time
from collections.abc import Mapping

import numpy as np
import pytest

from models.landing import LandingPopularity, landing_of
from models.referrer import landed, referrer_of
from schemas.events import Event, Landing, Page
from schemas.record import from_epoch_ms
from tests.journey import Journey, event

NOWHERE, LANDED = Landing(), Landing(country="NL", referrer="search")
SHOP = "https://shop.example/boots"


def arrival(referrer: str | None = None, context: Landing | None = NOWHERE) -> Event:
    """Let somebody land on a page."""
    return Event(
        event_id="e", name="page_view", visitor_id="v", at=from_epoch_ms(1_700_000_000_000),
        page=Page(url=SHOP, referrer=referrer), context=context,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("referrer", "kind"),
    [
        ("https://www.google.co.uk/", "search"),
        ("https://SEARCH.brave.com/search?q=boots", "search"),
        ("android-app://com.google.android.gm/", "mail"),
        ("https://mail.google.com/mail/u/0", "mail"),
        ("https://l.instagram.com/?u=x", "social"),
        ("https://t.co/abc", "social"),
        ("https://www.idealo.de/preisvergleich", "shopping"),
        ("https://www.shop.example:443/", "own"),
        ("https://blog.example/google", "site"),
        ("nonsense", "site"),
        ("//[::1", "site"),
        (None, "direct"),
        ("", "direct"),
    ],
)
def test_a_referrer_has_a_kind(referrer: str | None, kind: str) -> None:
    """By the names in its host; whatever was sent, it is one of seven words."""
    assert referrer_of(arrival(referrer)) == kind


@pytest.mark.parametrize(
    ("source", "medium", "kind"),
    [
        ("newsletter", None, "mail"),
        ("spring-list", "Email", "mail"),
        ("google", "cpc", "search"),
        ("facebook", "cpc", "social"),
        ("agency-7", "cpc", "search"),
        ("idealo", None, "shopping"),
        ("google", "shopping", "shopping"),
        ("blogger", "affiliate", "site"),
        ("www.pinterest.com", None, "social"),
        ("somewhere", None, "site"),
    ],
)
def test_a_campaign_says_more_than_the_referrer(source: str, medium: str | None, kind: str) -> None:
    """Mail is opened in a browser, advertisements are shown on any site: the campaign knows."""
    campaign = Landing(utm_source=source, utm_medium=medium)
    assert referrer_of(arrival("https://www.bing.com/", campaign)) == kind


def test_a_visit_keeps_where_it_came_from_and_no_address() -> None:
    """The first context stays, the kind of place is derived once, also where the context comes later."""
    visit = Journey()
    first = event("page_view").model_copy(update={"page": Page(url=SHOP, referrer="https://www.google.com/?q=secret")})
    visit.take(first)
    visit("page_view", at_s=1, view="w", context={"country": "NL"})
    assert visit("view_item", "lamp", at_s=2, context={"country": "DE"}).context.landing == LANDED
    assert "secret" not in str(visit.visitor)


def test_a_tracker_may_name_the_kind_of_place_itself() -> None:
    """What it says stands; an event that says nothing tells nothing."""
    told = Landing(referrer="partner")
    assert landed(None, arrival("https://www.google.com/", told)) == told
    assert landed(None, arrival(context=None)) is None


def test_old_and_new_landings_are_flat_text() -> None:
    """Spelling does not part what is one campaign; what is empty is not there."""
    assert landing_of(Landing(utm_campaign=" Spring", country="nl", device="", local_hour=0)) == {
        "country": "NL",
        "campaign": "spring",
        "part": "night",
    }
    assert landing_of(None) == {}


def popularity(**changes: float) -> LandingPopularity:
    """Start counting."""
    return LandingPopularity(**{"cap": 20, "items": 8, "strength": 10, "most": 1e6} | changes)


WORLD = np.array([0, 1], np.int32), np.array([6.0, 3.0, 1.0, 1.0, 1.0]), 12.0
"""Item 0 is what most look at."""


def best(counts: LandingPopularity, landing: Mapping[str, str]) -> dict[int, float]:
    """Rank for a landing."""
    ranked = counts.rank(landing, *WORLD, limit=9)
    return dict(zip(ranked.ids.tolist(), ranked.scores.tolist(), strict=True))


def test_without_evidence_a_landing_is_everybodys() -> None:
    """Nothing known, or nothing learned: the world's shares."""
    counts = popularity()
    counts.learn_one({"country": "DE"}, 1, weight=1.0)
    for landing in ({}, {"country": "FR", "campaign": "x"}, {"device": "mobile"}):
        assert best(counts, landing) == {0: 0.5, 1: 0.25}


def test_contexts_back_off_within_a_chain() -> None:
    """P = (n + strength x p(parent)) / (total + strength), country before country and device."""
    counts = popularity()
    for device, item, times in (("mobile", 2, 10), ("desktop", 3, 20)):
        for _ in range(times):
            counts.learn_one({"country": "NL", "device": device}, item, weight=1.0)
    country = {0: 12 * 0.5 / 42, 2: (10 + 12 / 12) / 42, 3: (20 + 12 / 12) / 42}
    assert best(counts, {"country": "NL"}) == pytest.approx(country | {1: 12 * 0.25 / 42})
    mobile = best(counts, {"country": "NL", "device": "mobile"})
    assert mobile[2] == pytest.approx((10 + 11 * country[2]) / 21)
    assert next(iter(mobile)) == 2
    assert next(iter(best(counts, {"country": "NL", "device": "tv"}))) == 3


def test_chains_add_up() -> None:
    """What a country likes and what a campaign shows both count, neither hides the other."""
    counts = popularity()
    for _ in range(60):
        counts.learn_one({"country": "NL"}, 2, weight=1.0)
        counts.learn_one({"campaign": "spring"}, 3, weight=1.0)
    assert set(list(best(counts, {"country": "NL", "campaign": "spring"}))[:2]) == {2, 3}


def test_pruned_events_count_as_the_parents() -> None:
    """A context whose many items do not all fit is not mistaken for one that likes nothing else."""
    counts, crowd = popularity(items=2), np.arange(40, dtype=np.int32)
    for _ in range(30):
        for item in range(40):
            counts.learn_one({"country": "NL"}, item, weight=1.0)
    ranked = counts.rank({"country": "NL"}, crowd, np.ones(40), 40.0, limit=40)
    assert ranked.scores.min() > 0.5 / 40
    assert ranked.scores.sum() == pytest.approx(1, abs=0.01)


def test_newcomers_catch_up_in_a_full_context() -> None:
    """What has been counted fades by halves."""
    counts = popularity(most=50)
    for item, times in ((2, 1000), (3, 100)):
        for _ in range(times):
            counts.learn_one({"country": "NL"}, item, weight=1.0)
    assert next(iter(best(counts, {"country": "NL"}))) == 3


def test_contexts_are_bounded_and_the_longest_unseen_go() -> None:
    """However many campaigns are made up."""
    counts = popularity(cap=3)
    for campaign in ("a", "b", "c", "a", "d"):
        counts.learn_one({"campaign": campaign}, 2, weight=1.0)
    assert sorted(counts.rows) == ["campaign=a", "campaign=c", "campaign=d"]
    assert len(counts._totals) == 3


def test_a_dropped_item_is_gone_from_every_context() -> None:
    """Its number may come to mean another item."""
    counts = popularity()
    for item in (1, 2, 3):
        counts.learn_one({"country": "NL"}, item, weight=1.0)
    counts.drop(np.array([False, False, True, False, False]))
    assert counts.items_of("country=NL") == [1, 3]


def test_a_restored_table_goes_on_alike() -> None:
    """State, then more events, equals all events."""
    rng = np.random.default_rng(1)
    log = [({"country": str(rng.integers(4)), "campaign": str(rng.integers(30))}, int(rng.zipf(1.5)) % 99)
           for _ in range(900)]  # fmt: skip
    whole, half = popularity(most=40), popularity(most=40)
    for landing, item in log:
        whole.learn_one(landing, item, weight=1.0)
    for landing, item in log[:400]:
        half.learn_one(landing, item, weight=1.0)
    rest = popularity(most=40)
    rest.restore(pickle.loads(pickle.dumps(half.state())))
    for landing, item in log[400:]:
        rest.learn_one(landing, item, weight=1.0)
    assert {name: array.tobytes() for name, array in rest.state().items()} == {
        name: array.tobytes() for name, array in whole.state().items()
    }


def test_learning_and_ranking_cost_little() -> None:
    """Within 20 us and 200 us by design; ten times as much is a mistake, not a busy machine."""
    counts = popularity(cap=1000, items=128, strength=50)
    rng = np.random.default_rng(1)
    items = (rng.zipf(1.2, 3000) % 5000).tolist()
    landing = {"country": "NL", "device": "mobile", "referrer": "mail", "source": "n", "campaign": "c", "part": "night"}
    weight = np.ones(5000)
    counts.learn_one(landing, 1, weight=1.0)
    counts.rank(landing, np.arange(100, dtype=np.int32), weight, 5000.0, limit=100)
    began = time.process_time()
    for item in items:
        counts.learn_one(landing, item, weight=1.0)
    learned = time.process_time()
    for _ in range(200):
        counts.rank(landing, np.arange(100, dtype=np.int32), weight, 5000.0, limit=100)
    learn_us, rank_us = (learned - began) / 3000 * 1e6, (time.process_time() - learned) / 200 * 1e6
    assert learn_us < 200
    assert rank_us < 2000
