"""New generations of states and model, on logs in memory: built, verified, served, and gone back from."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from models.session import Visitor, decode_visitor
from schemas.errors import RefusedError, UnfinishedError
from schemas.events import Event
from schemas.generations import BUILDING_KEY, CURRENT_KEY, Generation
from schemas.learning import LearningStep
from schemas.letter_id import LetterId
from schemas.record import epoch_ms
from schemas.slates import Slate
from schemas.topics import CHANGELOG, EVENTS, LEARNING, SLATES
from streams.flow import LogRecord
from streams.generations import Pointers, generations_in, in_force, pointer, pointers_of, refuse_current, topics_of
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, PartitionState
from streams.replay.applying import Apply, Built
from streams.replay.repartitioning import Repartition, place
from streams.replay.replaying import Asked, target_topics
from streams.replay.seeding import Grown, seed
from streams.replay.target import Target
from streams.requeued import Requeued
from streams.settings import Settings
from streams.worker_files import group_of
from tests.memory_logs import NOON, PARTITIONS, KilledError, Shop, Worker


class Group:
    """The live workers; they leave when they were asked for often enough."""

    def __init__(self) -> None:
        self.stay = 0

    def members(self) -> int:
        """Count those who are left."""
        self.stay -= 1
        return int(self.stay >= 0)


def build(shop: Shop, name: str = "g1", *, group: Group | None = None, wait_s: float = 5) -> Built:
    """Build a generation."""
    return asyncio.run(Apply(name, shop.site, group or Group(), wait_s=wait_s).build(lambda _: None))


def sent(shop: Shop) -> Counter[tuple[int, int, str]]:
    """Count the live slates by what they answer."""
    return sent_in(shop, PARTITIONS)


def sent_in(shop: Shop, partitions: int) -> Counter[tuple[int, int, str]]:
    """Do so in this many partitions."""
    found: Counter[tuple[int, int, str]] = Counter()
    for partition in range(partitions):
        for record in shop.logs.topics[shop.topics[SLATES], partition]:
            slate = Slate.decode(record.value)
            found[partition, slate.cause.offset, slate.placement] += 1
    return found


def test_a_new_generation_has_the_visitors_of_the_old_one_and_goes_on_where_it_ended() -> None:
    """From an uncut log: equal states; the next worker owes what the last one did not send, and nothing twice."""
    shop = Shop(60)
    Worker(shop).run()
    shop.event(60, "v3", "p5")
    built = build(shop)
    assert (built.applied.events, built.applied.copied) == (61, 0)
    old, new = Worker(shop), Worker(shop, "g1")
    assert new.contexts() == old.contexts()
    assert sum(built.positions.values()) == 61
    new.run()
    expected = Shop(60)
    expected.event(60, "v3", "p5")
    assert sent(shop) == sent_by_one(expected)


def test_what_a_killed_worker_had_sent_is_not_sent_again_by_a_new_generation() -> None:
    """Its slates stand behind the last watermark, which is where the next worker looks for them."""
    shop, plain = Shop(40), Shop(40)
    Worker(shop).run()
    for n in range(40, 50):
        for one in (shop, plain):
            one.event(n, f"v{n % 9}", f"p{n % 20}")
    Worker(shop).run(killed=True)
    build(shop)
    Worker(shop, "g1").run()
    assert sent(shop) == sent_by_one(plain)


def sent_by_one(shop: Shop) -> Counter[tuple[int, int, str]]:
    """Count the slates of a worker that nothing happened to."""
    Worker(shop).run()
    return sent(shop)


def test_going_back_loses_nothing_and_doubles_nothing() -> None:
    """The old state goes on behind its own mark; what the new one sent since is not sent again."""
    shop, plain = Shop(40), Shop(40)
    Worker(shop).run()
    build(shop)
    for n in range(40, 60):
        for one in (shop, plain):
            one.event(n, f"v{n % 9}", f"p{n % 20}")
        if n == 49:
            Worker(shop, "g1").run()
    back = Worker(shop).run()
    again = Worker(shop, "g1").run()
    assert sent(shop) == sent_by_one(plain)
    assert back.contexts() == Worker(plain).contexts()
    assert again.contexts() == back.contexts()


def test_killed_anywhere_it_goes_on() -> None:
    """Copying, seeding, replaying or finishing: the same generation comes out."""
    whole, broken = cut_shop(), cut_shop()
    build(whole)
    kills = 0
    while kills < 60:
        broken.logs.left = 1 + 7 * kills % 12
        try:
            build(broken)
            break
        except KilledError:
            kills += 1
    assert 5 < kills < 60
    assert Worker(broken, "g1").contexts() == Worker(whole, "g1").contexts()
    assert values(broken, "g1") == values(whole, "g1")


def values(shop: Shop, name: str) -> list[bytes | None]:
    """Give a generation's learning steps."""
    return [one.value for one in shop.logs.topics[f"{name}.{LEARNING}", 0]]


def cut_shop() -> Shop:
    """A shop whose log has lost its first half."""
    shop = Shop(30)
    for n, visitor in enumerate(("v1", "v2", "only-before")):
        shop.logs.put(*buying(shop, n, visitor))
    Worker(shop).run()
    for partition in range(PARTITIONS):
        shop.logs.cut[shop.topics[EVENTS], partition] = len(shop.logs.topics[shop.topics[EVENTS], partition])
    for n in range(8000, 8030):  # another visit
        shop.event(n, f"v{n % 9}", f"p{n % 20}")
    Worker(shop).run()
    return shop


def buying(shop: Shop, n: int, visitor: str) -> tuple[str, int, bytes, bytes, object]:
    """Somebody buys something, before the log is cut."""
    at = NOON + timedelta(seconds=20 + n)
    event = Event(
        event_id=f"b{n}", name="purchase", visitor_id=visitor, at=at, items=({"product_id": f"p{n}"},),
        consent="personalisation",
    )  # fmt: skip
    key = visitor.encode()
    return shop.topics[EVENTS], partition_of(key, PARTITIONS), key, event.encode(), at


def test_what_the_log_cannot_give_back_is_copied_and_seeded() -> None:
    """Older steps, older purchases, and visitors who have not come since."""
    shop = cut_shop()
    old = Worker(shop)
    built = build(shop)
    new = Worker(shop, "g1")
    assert built.applied.copied > 20
    assert len(values(shop, "g1")) == built.applied.copied + built.applied.learned
    assert new.contexts()[b"only-before"] == old.contexts()[b"only-before"]
    for visitor in (b"v1", b"v2"):
        was, now = decode_visitor(old.contexts()[visitor]), decode_visitor(new.contexts()[visitor])
        assert now.profile.entries == was.profile.entries != ()
        assert (now.profile.first_ms, now.applied, now.session) == (was.profile.first_ms, was.applied, was.session)
    assert new.world.knowledge.model.digest() == built.applied.model


def test_forgotten_people_do_not_come_along() -> None:
    """Neither their older steps, nor what was kept of them."""
    shop = cut_shop()
    for visitor in ("only-before", "v2"):
        shop.forget(visitor, until=NOON + timedelta(days=1))
    build(shop)
    assert not {b"only-before", b"v2"} & Worker(shop, "g1").contexts().keys()
    learned = {LearningStep.decode(value).visitor_id for value in values(shop, "g1")}
    assert "v1" in learned
    assert not {"only-before", "v2"} & learned


def test_a_copy_that_began_with_somebody_who_was_forgotten_since_does_not_go_on() -> None:
    """Counted on, it would leave out steps of others, and keep theirs."""
    shop = cut_shop()
    shop.logs.left = 2  # the plan and the copied steps
    with pytest.raises(KilledError):
        build(shop)
    assert values(shop, "g1")
    shop.logs.left = 1 << 30
    shop.forget("v1", until=NOON + timedelta(hours=1))
    with pytest.raises(RefusedError, match="`aisle generations delete g1`"):
        build(shop)
    build(shop, "g2")


def test_the_last_events_wait_for_the_workers_to_leave() -> None:
    """What they do meanwhile is followed; whoever does not leave in time is named, and nothing is switched."""
    shop, group = Shop(40), Group()
    Worker(shop).run()
    group.stay = 1
    shop.event(40, "v3", "p5")
    with pytest.raises(RefusedError, match="Workers still at work after 0 s: 1"):
        build(shop, group=group, wait_s=0)
    Worker(shop).run()
    assert build(shop, group=group).applied.events == 42
    assert Worker(shop, "g1").contexts() == Worker(shop).contexts()


def test_a_generation_that_is_not_what_was_built_is_not_served() -> None:
    """A step that nobody's event made gives another model."""
    shop = Shop(40)
    Worker(shop).run()
    build(shop)
    step = LearningStep.decode(values(shop, "g1")[-1])
    other = step.model_copy(update={"origin": step.origin.model_copy(update={"offset": 999})})
    shop.logs.put(f"g1.{LEARNING}", 0, None, other.encode(), NOON)
    with pytest.raises(RefusedError, match="gives another model than was built"):
        build(shop)


def test_seeds_keep_what_is_older_than_the_log() -> None:
    """Who was not touched since stays; who came later has nothing; bytes of another build stay as they are."""
    shop = Shop(0)
    shop.logs.put(*buying(shop, 0, "v1"))
    Worker(shop).run()
    data = Worker(shop).contexts()[b"v1"]
    bought_ms = epoch_ms(NOON + timedelta(seconds=20))
    assert seed(data, start=1, start_ms=bought_ms + 1) == data
    assert seed(data, start=0, start_ms=bought_ms) is None
    kept = seed(data, start=0, start_ms=bought_ms + 1)
    assert kept is not None
    assert decode_visitor(kept).profile.entries == decode_visitor(data).profile.entries
    assert decode_visitor(kept).applied == -1
    assert seed(b'{"applied":9,"version":7}', start=0, start_ms=0) == b'{"applied":9,"version":7}'


def test_names_tell_generations_apart() -> None:
    """State topics and the group bear the name; slates keep theirs; what is in force is not deleted."""
    settings = Settings(_env_file=None, topic_prefix="shop.").of_generation("g1", 6)
    assert settings.topics[CHANGELOG] == "shop.g1.visitors.changelog"
    assert settings.topics[SLATES] == "shop.recommendations"
    assert settings.partitions == settings.topics.partitions == 6
    assert group_of(settings, "clicks") == "shop.aisle.clicks.g1"
    assert group_of(settings, "catalog") == "shop.aisle.catalog"
    there = ["shop.visitors.changelog", "shop.g1.visitors.changelog", "shop.g1.learning", "else.visitors.changelog"]
    assert generations_in(settings.topics, there) == ["", "g1"]
    assert topics_of(settings.topics, "g1", there) == ["shop.g1.learning", "shop.g1.visitors.changelog"]
    with pytest.raises(RefusedError, match="Generation g1 is in force"):
        refuse_current("g1", Pointers(pointer("g1", partitions=6, previous="")))
    refuse_current("", Pointers(pointer("g1", partitions=6, previous="")))
    one = pointer("g1", partitions=6, previous="")
    assert Generation.decode(one.encode()) == one


def test_what_is_in_force_is_not_being_built_any_more() -> None:
    """Whoever switched may have been killed before noting that."""
    one, two = (pointer(name, partitions=6, previous="") for name in ("g1", "g2"))
    assert pointers_of({CURRENT_KEY: one.encode(), BUILDING_KEY: one.encode()}) == Pointers(one, None)
    assert pointers_of({CURRENT_KEY: one.encode(), BUILDING_KEY: two.encode()}) == Pointers(one, two)
    assert pointers_of({BUILDING_KEY: two.encode(), CURRENT_KEY: None}) == Pointers(None, two)


def test_more_partitions_move_every_visitor_to_where_their_events_will_be() -> None:
    """Their next event finds them, whatever its offset; the model has learned the same; nothing is sent again."""
    shop, plain = Shop(40), Shop(40)
    Worker(shop).run()
    moved, positions = asyncio.run(Repartition(shop.site, "g1", 5).move())
    assert (moved.visitors, moved.learned) == (9, len(shop.logs.topics[LEARNING, 0]))
    assert 0 < moved.moved < 9
    assert sum(positions.values()) == 41
    shop.settings = shop.settings.of_generation("g1", 5)
    for one in (shop, plain):
        for n in range(9):
            one.event(40 + n, f"v{n}", f"p{n}")
    new, whole = Worker(shop, "g1").run(), Worker(plain).run()
    assert {key: without_offset(data) for key, data in new.contexts().items()} == {
        key: without_offset(data) for key, data in whole.contexts().items()
    }
    assert all(partition_of(key, 5) == p for p, part in new.parts.items() for key in part.visitors)
    assert new.world.knowledge.model.counts.sum() > 0
    assert sum(sent_in(shop, 5).values()) == sum(sent(plain).values())


def letter(n: int) -> LetterId:
    """Name a dead letter."""
    return LetterId(EVENTS, 0, n, epoch_ms(NOON))


def test_letters_that_were_taken_again_are_known_where_their_visitors_move_to() -> None:
    """Sent once more, they count for nothing; a watermark that nobody could read holds nothing up."""
    shop = Shop(0)
    for n in range(9):
        shop.event(n, f"v{n}", f"p{n}", letter=letter(n))
    Worker(shop).run()
    shop.logs.topics[CHANGELOG, 0].insert(0, LogRecord(0, -1, 0, WATERMARK_KEY, b"{"))
    moved, _ = asyncio.run(Repartition(shop.site, "g1", 5).move())
    assert 0 < moved.moved < 9
    shop.settings = shop.settings.of_generation("g1", 5)
    for n in range(9):
        shop.event(40 + n, f"v{n}", f"p{n}", letter=letter(n))
    learned = values(shop, "g1")
    Worker(shop, "g1").run()
    assert len(learned) == 9
    assert values(shop, "g1") == learned


def test_which_letters_were_taken_is_known_in_every_partition() -> None:
    """In its own with the offset, which may be read again; elsewhere as taken before all that comes."""
    parts = {p: PartitionState(p) for p in range(2)}
    parts[1].requeued = Requeued({letter(1).header(): (7, 5)})
    placed, _ = place(parts, 3)
    assert [part.requeued.again(letter(1), 7) for part in placed.values()] == [True, False, True]


def test_letters_taken_before_the_log_begins_are_known_to_a_new_generation() -> None:
    """Those it still holds are taken again by what is built."""
    shop = Shop(0)
    for n in range(9):
        shop.event(n, f"v{n}", f"p{n}", letter=letter(n))
    Worker(shop).run()
    for partition in range(PARTITIONS):
        shop.logs.cut[EVENTS, partition] = len(shop.logs.topics[EVENTS, partition]) - 1
    build(shop)
    for n in range(9):
        shop.event(40 + n, f"v{n}", f"p{n}", letter=letter(n))
    learned = values(shop, "g1")
    Worker(shop, "g1").run()
    assert values(shop, "g1") == learned != []


def test_a_replay_begins_with_what_was_learned_before_its_first_event_however_late_the_log_was_built() -> None:
    """The broker stamps the steps of a new generation with the time it was built, days after their events."""
    shop = Shop(60)
    Worker(shop).run()
    build(shop)
    built = shop.logs.topics[f"g1.{LEARNING}", 0]
    late_ms = epoch_ms(NOON + timedelta(days=2))
    built[:] = [record._replace(timestamp_ms=late_ms) for record in built]
    shop.settings = shop.settings.of_generation("g1", PARTITIONS)
    since = NOON + timedelta(seconds=15)
    shop.replay(Asked(start=since, into="late"))
    plan = asyncio.run(Target(shop.logs, target_topics(shop.settings, "late")).notes()).plan
    assert plan is not None
    origins = [LearningStep.decode(record.value).origin for record in built]
    before = [origin.offset < plan.starts[origin.partition] for origin in origins]
    assert 0 < plan.base < len(built)
    assert before == [n < plan.base for n in range(len(built))]


def without_offset(data: bytes) -> Visitor:
    """Give a visitor but for the offset, which is of another partition."""
    return replace(decode_visitor(data), applied=0)


def test_a_generation_after_a_repartition_keeps_what_visitors_had_before_they_moved() -> None:
    """Who has not come since is carried over; of the others what they bought before."""
    shop = Shop(0)
    for n in range(9):
        shop.logs.put(*buying(shop, n, f"v{n}"))
    Worker(shop).run()
    moved, _ = asyncio.run(Repartition(shop.site, "g1", 5).move())
    assert moved.moved > 3
    shop.settings = shop.settings.of_generation("g1", 5)
    for n in range(0, 9, 2):
        shop.event(9000 + n, f"v{n}", f"p{n + 20}")
    old = Worker(shop, "g1").run()
    grown = Grown(PARTITIONS, epoch_ms(NOON + timedelta(seconds=4000)))
    asyncio.run(Apply("g2", shop.site, Group(), wait_s=5, grown=grown).build(lambda _: None))
    new = Worker(shop, "g2")
    for key, data in old.contexts().items():
        partition = partition_of(key, 5)
        now = decode_visitor(new.parts[partition].visitors[key])
        assert now.profile.entries == decode_visitor(data).profile.entries != ()


def test_a_repartition_that_was_killed_goes_on() -> None:
    """Nothing is copied twice."""
    whole, broken = Shop(40), Shop(40)
    for one in (whole, broken):
        Worker(one).run()
    asyncio.run(Repartition(whole.site, "g1", 5).move())
    for left in range(1, 40):
        broken.logs.left = left
        try:
            asyncio.run(Repartition(broken.site, "g1", 5).move())
            break
        except KilledError:
            continue
    assert left > 3
    for one in (whole, broken):
        one.logs.left = 1 << 30
        one.settings = one.settings.of_generation("g1", 5)
    assert values(broken, "g1") == values(whole, "g1")
    assert Worker(broken, "g1").parts == Worker(whole, "g1").parts


def test_of_two_halves_the_one_where_the_visitor_belongs_stays() -> None:
    """Else the one that was changed last."""
    states = [b'{"applied":%d,"version":1,"clock":%d}' % (n, clock) for n, clock in ((7, 30), (8, 20))]
    owner = partition_of(b"v1", 2)
    parts = {owner: PartitionState(owner, visitors={b"v1": states[1]})}
    parts[1 - owner] = PartitionState(1 - owner, visitors={b"v1": states[0]})
    placed, _ = place(parts, 2)
    assert placed[owner].visitors == {b"v1": states[1]}
    assert placed[1 - owner].visitors == {}


def test_nobody_but_who_finishes_it_works_beside_a_move_to_more_partitions() -> None:
    """Its topics have more partitions already, and recreating them would be the wrong advice; building is no move."""
    settings = Settings(_env_file=None, partitions=4)
    same, more = (pointer("g2", partitions=count, previous=None) for count in (4, 6))
    assert in_force(settings, Pointers(building=same)).partitions == 4
    with pytest.raises(UnfinishedError, match="`aisle repartition --partitions 6` goes on"):
        in_force(settings, Pointers(building=more))
    assert in_force(settings, Pointers(building=more), finishing=True).partitions == 4
    assert in_force(settings, Pointers(current=more)).partitions == 6
