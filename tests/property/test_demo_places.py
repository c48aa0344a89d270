"""The demo hears the same of its log, whatever comes first."""

from functools import partial
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.demo_log import Log


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1)), max_size=12), st.randoms(use_true_random=False))
def test_any_order_of_acknowledgements_and_slates_tells_the_same(
    records: list[tuple[bool, int]], random: Random
) -> None:
    """Events in the order of sending, slates in the order of causes behind their events, each once."""
    log, ends = Log(), [0, 0]
    waiting: dict[int, list[partial[object]]] = {0: [], 1: []}
    slates: dict[int, list[partial[None]]] = {0: [], 1: []}
    ours = []
    for own, partition in records:
        offset, ends[partition] = ends[partition], ends[partition] + 1
        slates[partition].append(partial(log.slate, offset, partition))
        if own:
            ours.append((partition, offset))
            waiting[partition].append(partial(log.send("x", partition), offset))
    lines = [each for each in (*waiting.values(), *slates.values()) if each]
    while lines:
        line = random.choice(lines)
        line.pop(0)()
        lines = [each for each in lines if each]
    assert [each for each in log.told if each.startswith("x")] == [f"x at {p}/{offset}" for p, offset in ours]
    for partition in (0, 1):
        causes = [int(each.split("/")[1].split()[0]) for each in log.told if each.startswith(f"slate {partition}/")]
        assert causes == list(range(ends[partition]))
    for p, offset in ours:
        event, slate = log.told.index(f"x at {p}/{offset}"), log.told.index(f"slate {p}/{offset} of one of 1, came 0")
        assert event < slate
