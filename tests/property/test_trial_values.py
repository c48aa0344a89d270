"""Trials hold exactly what the running metrics would have counted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.metrics import HitRate, NormalisedGain, Precision, Recall, ReciprocalRank
from models.trials import TrialLog

ITEMS = st.integers(0, 12)


@given(
    queries=st.lists(st.tuples(st.lists(ITEMS, max_size=12), st.sets(ITEMS)), max_size=8),
    k=st.integers(1, 15),
    as_array=st.booleans(),
)
def test_a_trials_values_are_those_of_the_metrics(
    *, queries: list[tuple[list[int], set[int]]], k: int, as_array: bool
) -> None:
    """To the bit of a float32, for any list, repeated items, any k."""
    log = TrialLog(["r"], k=k)
    expected = []
    for unit, (ranking, relevant) in enumerate(queries):
        metrics = [kind(k) for kind in (HitRate, ReciprocalRank, NormalisedGain, Recall, Precision)]
        for metric in metrics:
            metric.add([str(item) for item in ranking], {str(item) for item in relevant})
        if relevant:
            expected.append([np.float32(metric.result()) for metric in metrics])
        listed = np.array(ranking, np.int32) if as_array else ranking
        log.add(
            unit=unit,
            query=0,
            relevant=relevant,
            rankings={"r": listed},
            length=1,
            returning=False,
            decile=1,
            cold=False,
            first=False,
        )
    assert log.frozen().values[:, 0].tolist() == np.array(expected, np.float32).reshape(-1, 5).tolist()
