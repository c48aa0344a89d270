"""Slices: which queries are in which."""

import numpy as np

from models.slices import slices
from models.trials import TrialLog, Trials

Kind = tuple[int, bool, int, bool, bool]


def asked(*kinds: Kind) -> Trials:
    """Log queries of these kinds: length, returning, decile, cold, first."""
    log = TrialLog(["r"], k=2)
    for length, returning, decile, cold, first in kinds:
        log.add(
            unit=1,
            query=0,
            relevant=[1],
            rankings={},
            length=length,
            returning=returning,
            decile=decile,
            cold=cold,
            first=first,
        )
    return log.frozen()


def found(trials: Trials, name: str) -> dict[str, list[int]]:
    """List the queries of each slice of a cut that has any."""
    cut = {piece.label: np.flatnonzero(piece.mask).tolist() for piece in slices(trials) if piece.name == name}
    return {label: rows for label, rows in cut.items() if rows}


def test_sessions_are_cut_by_their_length() -> None:
    """1, 2, 3-4, 5-9, 10 and more; a query before any event has no length."""
    trials = asked(*((length, False, 1, False, length == 0) for length in (0, 1, 2, 3, 4, 5, 9, 10, 500)))
    assert found(trials, "session length") == {"1": [1], "2": [2], "3-4": [3, 4], "5-9": [5, 6], "10+": [7, 8]}
    assert found(trials, "click") == {"first": [0], "later": [1, 2, 3, 4, 5, 6, 7, 8]}


def test_targets_are_cut_by_their_popularity() -> None:
    """Ten tenths, and those never seen."""
    trials = asked(*((1, False, decile, False, False) for decile in (0, 1, 10, 10)))
    assert found(trials, "popularity decile") == {"1": [1], "10": [2, 3], "never seen": [0]}


def test_visitors_and_products_are_cut_in_two() -> None:
    """By what is known of them."""
    trials = asked((1, True, 1, False, False), (1, False, 1, True, False))
    assert found(trials, "visitor") == {"new": [1], "returning": [0]}
    assert found(trials, "product") == {"known": [0], "cold": [1]}


def test_every_query_is_in_one_slice_of_each_cut() -> None:
    """Whatever kind it is, once its session has an event."""
    rng = np.random.default_rng(1)
    trials = asked(*((int(n), bool(n % 2), int(n % 11), bool(n % 3), bool(n % 5)) for n in rng.integers(1, 40, 200)))
    for name in {piece.name for piece in slices(trials)}:
        together = np.sum([piece.mask for piece in slices(trials) if piece.name == name], axis=0)
        assert together.tolist() == [1] * 200


def test_without_queries_there_are_the_same_slices() -> None:
    """So that two runs' tables have the same rows."""
    none, one = asked(), asked((1, True, 1, False, False))
    assert [(p.name, p.label) for p in slices(none)] == [(p.name, p.label) for p in slices(one)]
    assert all(piece.mask.shape == (0,) for piece in slices(none))
