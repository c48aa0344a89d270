"""Which keys are judged, and which go."""

from streams.judging.keys import ASKER_S, MAX_COUNTED, MAX_LIVE, KeyCounts, Place, place_for

FINE = {b"s%d|i" % n: 1000 - n for n in range(MAX_LIVE)}
COARSE = {b"any|i%d" % n: n for n in range(MAX_LIVE)}


def test_three_distinct_visitors_within_an_hour_are_enough() -> None:
    """One who asks often is one, nobody is none, and who asked long ago is forgotten."""
    counts = KeyCounts()
    for asker in ("x", "y", "x", None):
        counts.asked(b"k", asker, 0.0)
    assert not counts.enough(b"k", 0.0)

    counts.asked(b"k", "z", 60.0)
    assert counts.enough(b"k", ASKER_S - 1)
    assert not counts.enough(b"k", ASKER_S)
    counts.asked(b"k", "x", ASKER_S + 1)
    counts.asked(b"k", "w", ASKER_S + 1)
    assert counts.enough(b"k", ASKER_S + 1)


def test_the_keys_asked_for_last_are_counted() -> None:
    """Ten thousand of them."""
    counts = KeyCounts()
    for n in range(MAX_COUNTED + 1):
        counts.asked(b"%d" % n, "x", float(n))
    assert len(counts) == MAX_COUNTED
    assert counts.demand(b"0", 0.0) == 0
    assert counts.demand(b"1", 1.0) == 1


def test_a_key_that_has_a_table_or_finds_a_place_takes_nobodys() -> None:
    """There is room for five hundred in a partition."""
    assert place_for(b"s0|i", FINE, lambda _: 0.0) == Place(given=True)
    assert place_for(b"new|i", dict(list(FINE.items())[1:]), lambda _: 0.0) == Place(given=True)


def test_the_rarest_makes_room_for_a_key_that_is_asked_for_more() -> None:
    """Of equals the oldest; an equal takes no place."""
    demand = dict.fromkeys(FINE, 5.0) | {b"s3|i": 2.0, b"s4|i": 2.0, b"new|i": 3.0, b"other|i": 2.0}

    assert place_for(b"new|i", FINE, demand.__getitem__) == Place(given=True, instead_of=b"s4|i")
    assert place_for(b"new|i", FINE, demand.__getitem__, spared={b"s4|i"}).instead_of == b"s3|i"
    assert not place_for(b"other|i", FINE, demand.__getitem__).given


def test_a_key_of_everybody_with_an_intent_never_goes_for_one_of_a_segment() -> None:
    """However often that is asked for."""
    assert not place_for(b"new|i", COARSE, lambda key: 99.0 * (key == b"new|i")).given
    assert place_for(b"any|new", COARSE, lambda key: 99.0 * (key == b"any|new")).given


def test_a_key_of_a_segment_goes_for_one_of_everybody() -> None:
    """Though it is asked for more: it falls back to the other."""
    assert place_for(b"any|new", FINE, lambda key: float(key != b"any|new")).given
