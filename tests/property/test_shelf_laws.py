"""Whatever order slates come in, a shelf ends with the same one."""

from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.shelves import Shelves
from tests.slates_held import NOON_MS, held, record

CAUSES = st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 2))


@given(st.lists(CAUSES, min_size=1, max_size=30, unique=True), st.lists(st.integers(0, 30)))
def test_the_newest_wins_in_any_order(causes: list[tuple[int, int, int]], looks: list[int]) -> None:
    """By epoch, offset and revision, and whenever somebody looks in between; a second reading changes nothing."""
    shelves = Shelves(1 << 24, now_ms=lambda: NOON_MS)
    for place, (epoch, number, revision) in enumerate([*causes, *causes]):
        shelves.put(record(number, epoch=epoch, revision=revision))
        if place in looks:
            shelves.of("v")
    epoch, number, revision = max(causes)
    assert shelves.newest("v", "home") == held(number, epoch=epoch, revision=revision)
