"""Simulated shoppers send valid events, react to slates in one half only, and repeat themselves exactly."""

from collections import Counter, defaultdict

from schemas.events import Event, decode_event
from schemas.record import epoch_ms, from_epoch_ms
from schemas.slates import Cause, Lineage, Slate, SlateItem
from streams.demo.shelves import Shelves
from streams.demo.shop import generate_shop
from streams.demo.shopper import is_organic
from streams.demo.shoppers import Crowd, Happening
from streams.demo.taste import hidden_truth

START_MS = 1_790_000_000_000
SHOP = generate_shop(3, 300)
TRUTH = hidden_truth(SHOP, 3)


def crowd(seed: int = 3) -> Crowd:
    """Let a crowd in."""
    return Crowd(SHOP, TRUTH, seed=seed, rate=60)


def shopping(people: Crowd, seconds: int, *, slates: bool) -> list[Happening]:
    """Let time pass; with slates, each product page is answered at once by its visitor's slate."""
    told: list[Happening] = []
    for now_ms in range(START_MS, START_MS + seconds * 1000, 100):
        news = people.advance(now_ms)
        told.extend(news)
        for offset, one in enumerate(news, start=len(told)):
            if slates and one.event.name in {"view_item", "page_view"}:
                people.show(slate_for(one.event, offset))
    return told


def slate_for(event: Event, offset: int) -> Slate:
    """Show what fits the first mood best."""
    best = TRUTH.weights(TRUTH.centres[0]).argsort()[::-1][:20]
    ids = [TRUTH.products[i][0] for i in best if TRUTH.products[i]]
    return Slate(
        slate_id=f"s-{offset}",
        visitor_id=event.visitor_id,
        placement="home",
        items=tuple(SlateItem(product_id=one, rank=rank, score=1.0) for rank, one in enumerate(ids, start=1)),
        cause=Cause(topic="clickstream.events", partition=0, offset=offset, event_id=event.event_id),
        lineage=Lineage(settings="x", build="x"),
        event_at=event.at,
        decided_at=event.at,
        expires_at=event.at,
    )


def test_the_same_seed_and_slates_give_the_same_events() -> None:
    """Nothing but seed, slates and time decides what shoppers do."""
    first, second = (shopping(crowd(), 15, slates=True) for _ in range(2))
    assert [one.event.encode() for one in first] == [one.event.encode() for one in second]
    other = shopping(crowd(seed=4), 15, slates=True)
    assert [one.event.encode() for one in first] != [one.event.encode() for one in other]


def test_events_read_back_and_come_in_their_time() -> None:
    """Every event is valid on the wire, with a unique id, and none lies in the future."""
    told = [one.event for one in shopping(crowd(), 15, slates=True)]
    for event in told:
        assert decode_event(event.encode(), arrival_ms=epoch_ms(event.at)) == event
    assert len({event.event_id for event in told}) == len(told)
    times = [epoch_ms(event.at) for event in told]
    assert times == sorted(times)
    assert times[-1] < START_MS + 15_000


def test_the_organic_half_never_answers_a_slate() -> None:
    """About half of the visitors see no slate, whatever is sent to them; the others do and click on some."""
    told = shopping(crowd(), 30, slates=True)
    seen = [one for one in told if one.event.shown is not None]
    assert {one.event.name for one in seen} == {"impression", "view_item"}
    assert not any(one.organic or is_organic(one.event.visitor_id) for one in seen)
    visitors = {one.event.visitor_id for one in told}
    assert 0.35 < sum(map(is_organic, visitors)) / len(visitors) < 0.65


def test_only_organic_clicks_carry_the_oracle_and_it_is_often_right() -> None:
    """Who knows everything finds most organic clicks among 20; a click on a slate is never asked about."""
    told = shopping(crowd(), 30, slates=True)
    item = {product.product_id: product.item for product in SHOP}
    asked = [one for one in told if one.best]
    assert asked
    assert all(one.organic and one.event.name == "view_item" and len(set(one.best)) == 20 for one in asked)
    hits = sum(item[one.event.items[0].product_id] in one.best for one in asked)
    assert hits / len(asked) > 0.6


def test_shoppers_buy_only_what_can_be_bought() -> None:
    """Hidden and sold-out products are met by nobody, new ones by nobody in a history."""
    people = crowd()
    past = people.history(3000, until_ms=START_MS - 3_600_000)
    products = {product.product_id: product for product in SHOP}
    told = [one.event for one in shopping(people, 20, slates=False)]
    viewed = [products[item.product_id] for event in [*past, *told] for item in event.items]
    assert not any(product.hidden or product.stock == 0 for product in viewed)
    assert not any(products[item.product_id].available_from for event in past for item in event.items)


def test_a_history_is_ordered_and_over_before_it_should_be() -> None:
    """A history comes in event-time order, without slates, as long as asked, before its end."""
    past = crowd().history(3000, until_ms=START_MS)
    times = [epoch_ms(event.at) for event in past]
    assert times == sorted(times)
    assert times[-1] < START_MS
    assert 3000 <= len(past) < 3300
    assert all(event.shown is None and event.at < from_epoch_ms(START_MS) for event in past)


def test_shoppers_do_what_shoppers_do() -> None:
    """They read, search, list, add, buy and bounce, at a human pace, and some were here before."""
    people = crowd()
    past = {event.visitor_id for event in people.history(6000, until_ms=START_MS - 3_600_000)}
    told = [one.event for one in shopping(people, 60, slates=True)]
    names = Counter(event.name for event in told)
    assert {"page_view", "view_item", "page_ping", "search", "view_item_list", "add_to_cart"} <= set(names)
    assert {"begin_checkout", "purchase", "impression", "identify"} <= set(names)
    assert past & {event.visitor_id for event in told}
    assert any(event.ping and event.ping.scroll == 0 for event in told)
    views: defaultdict[tuple[str, int], int] = defaultdict(int)
    for event in told:
        views[event.visitor_id, epoch_ms(event.at) // 60_000] += event.name == "view_item"
    assert max(views.values()) <= 20


def test_a_shelf_shows_the_greatest_epoch_offset_and_revision() -> None:
    """A revision takes the place of its own slate alone, whatever comes when; other anchors are other shelves."""
    event = Event(event_id="e", name="view_item", visitor_id="v", at=from_epoch_ms(START_MS), items=())
    older, newer = slate_for(event, 5), slate_for(event, 9)
    recreated = newer.model_copy(update={"cause": newer.cause.model_copy(update={"offset": 0, "epoch": 1})})
    shelves = Shelves()
    assert [shelves.put(one) for one in (older, revised(older), older, newer)] == [True, True, False, True]
    assert [shelves.put(one) for one in (revised(older), revised(newer), recreated)] == [False, True, True]
    assert shelves.get("home") is recreated
    elsewhere = [older.model_copy(update={"placement": "product", "anchor": anchor}) for anchor in ("p1", "p2")]
    assert all(shelves.put(one) for one in elsewhere)
    assert [shelves.get("product", anchor) for anchor in ("p1", "p2", "p3")] == [*elsewhere, None]


def revised(slate: Slate) -> Slate:
    """Decide a slate again."""
    return slate.model_copy(update={"revision": 1})


def test_only_a_slate_that_is_on_a_page_is_shown() -> None:
    """The crowd says what became of a slate: of somebody who is gone, who sees none, or whose page is newer already."""
    people = crowd()
    landed = [one.event for one in shopping(people, 3, slates=False)]
    organic = next(event for event in landed if is_organic(event.visitor_id))
    event = next(event for event in landed if not is_organic(event.visitor_id))
    gone = event.model_copy(update={"visitor_id": "nobody"})
    assert not any(people.show(slate_for(one, 3)) for one in (organic, gone))
    assert people.show(slate_for(event, 3))
    assert not people.show(revised(slate_for(event, 2)))
    assert people.show(revised(slate_for(event, 3)))


def test_the_shortest_history_has_an_end() -> None:
    """Visits that would begin after it are not waited for."""
    assert all(len(crowd(seed).history(3, until_ms=START_MS)) < 200 for seed in range(5))


def test_a_crowd_knows_its_own() -> None:
    """Also those who left long ago; nobody else."""
    people = crowd()
    ids = {event.visitor_id for event in people.history(200, until_ms=START_MS)}
    assert ids
    assert all(people.knows(one) for one in ids)
    assert not people.knows("w-me")
