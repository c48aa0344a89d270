"""Keys that wait to be judged, by a clock that the test moves."""

from models.intent import JudgementKey
from streams.judging.queue import COOL_DOWN_S, MAX_KEYS, NOBODY_WAITS, Queue, Wanted

ALL = frozenset(range(4))
A, B, C = (JudgementKey("any", name) for name in "abc")


def wanted(
    key: JudgementKey, *items: str, at: float = 0.0, deadline: float = NOBODY_WAITS, partition: int = 0
) -> Wanted:
    """Want items of a key, or one called as it."""
    return Wanted(key, partition, items or (key.intent,), deadline, at)


def order(queue: Queue, now: float) -> list[JudgementKey]:
    """Take all."""
    taken = []
    while one := queue.take(now, ALL):
        taken.append(one.key)
        queue.done(one.key, (), now)
    return taken


def test_what_a_slate_waits_for_comes_first_and_of_that_the_newest() -> None:
    """A deadline that is over counts for nothing."""
    queue = Queue()
    queue.put(wanted(JudgementKey("any", "old"), at=1.0, deadline=9.0))
    queue.put(wanted(A, at=1.0, deadline=11.0))
    queue.put(wanted(B, at=2.0, deadline=11.0))
    queue.put(wanted(C, at=3.0))

    assert order(queue, 10.0) == [B, A, C, JudgementKey("any", "old")]


def test_requests_of_a_key_are_one_entry_the_newest_list_first_and_the_latest_deadline() -> None:
    """A hundred products at most."""
    queue = Queue()
    queue.put(wanted(A, *(f"x{n}" for n in range(80)), at=1.0, deadline=5.0))
    queue.put(wanted(A, *(f"y{n}" for n in range(40)), "x3", at=2.0, deadline=4.0))

    one = queue.take(2.0, ALL)
    assert one is not None
    assert one.product_ids[:42] == (*(f"y{n}" for n in range(40)), "x3", "x0")
    assert (len(one.product_ids), len(set(one.product_ids)), one.deadline, one.asked_at) == (100, 100, 5.0, 2.0)
    assert len(queue) == 0


def test_what_is_left_of_a_turn_stands_behind_what_was_asked_for_during_it() -> None:
    """It is put back last, and was asked for first."""
    queue = Queue()
    queue.put(wanted(A, "new", at=2.0))
    queue.put(wanted(A, "left", at=1.0))

    assert queue.take(3.0, ALL) == wanted(A, "new", "left", at=2.0)


def test_what_comes_while_a_key_is_judged_waits_for_its_next_turn() -> None:
    """Single flight by key; others go on."""
    queue = Queue()
    queue.put(wanted(A, "x"))
    queue.take(0.0, ALL)
    queue.put(wanted(A, "x", "y", at=1.0))
    queue.put(wanted(B, at=0.5))

    assert [queue.take(1.0, ALL), queue.take(1.0, ALL)] == [wanted(B, at=0.5), None]
    queue.done(A, ["x"], 1.0)
    assert queue.take(1.0, ALL) == wanted(A, "y", at=1.0)


def test_what_was_just_asked_about_cools_down() -> None:
    """Each product for five seconds, however often others of its key are asked about meanwhile."""
    queue = Queue()
    queue.done(A, ["x"], 0.0)
    queue.done(A, ["y"], 4.0)
    queue.put(wanted(A, "x", "y", at=4.5))
    assert queue.take(4.5, ALL) is None

    queue.put(wanted(A, "x", "y", at=COOL_DOWN_S))
    assert queue.take(COOL_DOWN_S, ALL) == wanted(A, "x", at=COOL_DOWN_S)


def test_too_many_keys_and_the_one_asked_for_longest_ago_goes() -> None:
    """Not the one that came first: it was asked for again."""
    queue = Queue()
    for n in range(MAX_KEYS):
        assert queue.put(wanted(JudgementKey("any", str(n)), at=n)) is None
    queue.put(wanted(JudgementKey("any", "0"), "more", at=999.0))

    gone = queue.put(wanted(A, at=1000.0))
    assert gone is not None
    assert gone.key == JudgementKey("any", "1")
    assert len(queue) == MAX_KEYS


def test_only_keys_of_own_partitions_are_begun() -> None:
    """The others wait until it is known whose they are, and are dropped then."""
    queue = Queue()
    queue.put(wanted(A, partition=1))
    queue.put(wanted(B, partition=2, deadline=9.0))

    assert queue.take(0.0, ()) is None
    assert not queue.urgent(0.0, {1}, than=A)
    assert queue.urgent(0.0, {2}, than=A)
    queue.keep({1})
    assert order(queue, 0.0) == [A]
