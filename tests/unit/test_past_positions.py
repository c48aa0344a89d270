"""Places in the logs, and the chains they fall into."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from schemas.slates import Lineage
from schemas.topics import LEARNING, PRODUCTS
from streams.past.differences import first_difference
from streams.past.positions import Positions, chains, positions_of, reaches
from streams.past.report import Report

PLACES = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(
    lambda at: Positions((((PRODUCTS, 0), at[0]), ((LEARNING, 0), at[1])))
)


@given(st.lists(PLACES, max_size=30))
def test_every_place_is_in_one_chain_and_no_chain_goes_back(wanted: list[Positions]) -> None:
    """A world that goes along the chains stands once at every place."""
    found = chains(wanted)
    assert sorted(one for chain in found for one in chain) == sorted(set(wanted))
    for chain in found:
        assert all(reaches(later, earlier) for earlier, later in itertools.pairwise(chain))


def test_what_two_workers_decided_is_two_chains() -> None:
    """One is ahead in the products, the other in what is learned."""
    first = [positions_of(Lineage(products={"0": 9}, model=m, settings="", build="")) for m in range(10)]
    second = [positions_of(Lineage(products={"0": 4}, model=m, settings="", build="")) for m in range(5, 20)]
    assert len(chains([*first, *second])) == 2


def test_a_log_not_begun_is_before_its_first_record() -> None:
    """An absent position is reached by any, and reaches only itself."""
    nothing = positions_of(Lineage(settings="", build=""))
    something = positions_of(Lineage(embeddings={"0": 0}, settings="", build=""))
    assert reaches(something, nothing)
    assert not reaches(nothing, something)
    assert nothing.model == -1


def test_the_first_difference_is_named_by_its_path() -> None:
    """Values, lengths and missing names."""
    recorded = {"items": [{"rank": 1, "score": 0.5}, {"rank": 2, "score": 0.25}], "revision": 0}
    assert first_difference(recorded, recorded) is None
    other = {"items": [{"rank": 1, "score": 0.5}, {"rank": 2, "score": 0.26}], "revision": 1}
    assert first_difference(recorded, other) == ("items[1].score", 0.25, 0.26)
    assert first_difference(recorded, {**recorded, "items": recorded["items"][:1]}).path == "items[1]"
    assert first_difference({"one": True}, {"one": 1}).path == "one"
    assert first_difference({"one": 1}, {"two": 1}).path == "one"


def test_the_hash_does_not_depend_on_the_order() -> None:
    """Partitions may be shared as they like; another byte is another hash, and nothing compared proves nothing."""
    one, other, third = Report(), Report(), Report()
    assert not one.proven
    for report, order in ((one, "abc"), (other, "cab"), (third, "abc")):
        for name in order:
            report.slate(name, b"x" if report is third else name.encode(), None)
    assert one.proven
    assert one.hash == other.hash != third.hash
