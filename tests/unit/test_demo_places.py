"""Events of the demo come before their slates, whatever others write and however late acknowledgements are."""

import pytest

from tests.demo_log import Log


@pytest.fixture
def log() -> Log:
    """Begin."""
    return Log()


def test_a_slate_waits_for_the_acknowledgement_of_its_event(log: Log) -> None:
    """It keeps the moment at which it came."""
    acked = log.send("a")
    log.slate(4, at_s=7.0)
    assert log.told == []
    acked(4)
    assert log.told == ["a at 0/4", "slate 0/4 of one of 1, came 7"]


def test_a_slate_whose_cause_is_not_ours_is_known_for_it(log: Log) -> None:
    """At once when nothing is under way, else as soon as its cause can be none of ours."""
    log.slate(0)
    acked = log.send("a")
    log.slate(1)
    log.slate(2)
    assert log.told == ["slate 0/0 of a foreign one, came 0"]
    acked(2)
    assert log.told[1:] == ["a at 0/2", "slate 0/1 of a foreign one, came 0", "slate 0/2 of one of 1, came 0"]


def test_a_partition_does_not_wait_for_another(log: Log) -> None:
    """Unless an event was sent after one that is not acknowledged yet."""
    first, second = log.send("a", 0), log.send("bb", 1)
    log.slate(0, 2)
    assert log.told == ["slate 2/0 of a foreign one, came 0"]
    second(0)
    log.slate(0, 1)
    assert log.told[1:] == []
    first(5)
    assert log.told[1:] == ["a at 0/5", "bb at 1/0", "slate 1/0 of one of 2, came 0"]
