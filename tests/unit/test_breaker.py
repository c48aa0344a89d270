"""A server that fails is left alone, and asked again by one at a time."""

import pytest

from streams.judging.breaker import LONGEST_AFTER_S, CircuitBreaker


def steady(**changed: float) -> CircuitBreaker:
    """Make one that draws no jitter."""
    return CircuitBreaker(jitter=lambda: 0.0, **changed)  # type: ignore[arg-type]


def fail(breaker: CircuitBreaker, now: float, after_s: float | None = None) -> None:
    """Make one call that fails."""
    ticket = breaker.ask(now)
    assert ticket is not None
    breaker.failed(ticket, now, after_s)


def answer(breaker: CircuitBreaker, now: float) -> None:
    """Make one call that is answered."""
    ticket = breaker.ask(now)
    assert ticket is not None
    breaker.answered(ticket, now)


def test_it_opens_at_the_fifth_failure_and_not_before() -> None:
    """Half of the last ten calls."""
    breaker = steady()
    for number in range(4):
        fail(breaker, float(number))
    assert breaker.state(4.0) == "closed"

    fail(breaker, 4.0)

    assert breaker.state(13.9) == "open"
    assert breaker.ask(13.9) is None
    assert breaker.wait_s(4.5) == 9.5


def test_failures_among_many_answers_do_not_open_it() -> None:
    """One call in three fails: two thirds of the answers are worth having."""
    breaker = steady()

    for number in range(60):
        (fail if number % 3 == 0 else answer)(breaker, number / 10)

    assert breaker.state(6.0) == "closed"


def test_old_failures_do_not_count() -> None:
    """Five in five minutes are no outage."""
    breaker = steady()

    for number in range(8):
        fail(breaker, number * 20.0)

    assert breaker.state(150.0) == "closed"


def test_one_probe_at_a_time_is_let_through_and_closes_it() -> None:
    """The others are refused until it is back."""
    breaker = steady(failures=1)
    fail(breaker, 0.0)

    probe = breaker.ask(10.0)

    assert probe is not None
    assert [breaker.ask(10.1), breaker.state(10.1), breaker.wait_s(10.1)] == [None, "half_open", 0.0]
    breaker.answered(probe, 11.0)
    assert breaker.state(11.0) == "closed"
    assert breaker.ask(11.0) is not None


def test_a_probe_that_nobody_waits_for_makes_room_for_the_next() -> None:
    """A cancelled call must not keep the breaker half open for ever."""
    breaker = steady(failures=1)
    fail(breaker, 0.0)
    probe = breaker.ask(10.0)
    assert probe is not None

    breaker.dropped(probe)

    assert breaker.ask(10.0) is not None


def test_failed_probes_double_the_time_up_to_two_minutes_and_an_answer_starts_anew() -> None:
    """10, 20, 40, 80, 120, 120; then 10 again."""
    breaker, now, waits = steady(failures=1), 0.0, []
    for _ in range(6):
        fail(breaker, now)
        waits.append(breaker.wait_s(now))
        now += waits[-1]

    answer(breaker, now)
    fail(breaker, now)

    assert waits == [10, 20, 40, 80, 120, 120]
    assert breaker.wait_s(now) == 10


def test_jitter_takes_off_at_most_a_quarter_and_never_from_what_the_server_asks() -> None:
    """Workers come back at different times, but none too early."""
    own = CircuitBreaker(failures=1, jitter=lambda: 1.0)
    fail(own, 0.0)
    asked = CircuitBreaker(jitter=lambda: 1.0)
    fail(asked, 0.0, after_s=20.0)

    assert own.wait_s(0.0) == 7.5
    assert asked.wait_s(0.0) == 25.0


def test_a_server_that_asks_to_be_left_alone_is() -> None:
    """One 429 is enough; nonsense is cut at an hour."""
    breaker, nonsense = steady(), steady()

    fail(breaker, 0.0, after_s=33.0)
    fail(nonsense, 0.0, after_s=1e9)

    assert (breaker.state(32.9), breaker.state(33.0)) == ("open", "half_open")
    assert nonsense.wait_s(0.0) == LONGEST_AFTER_S


@pytest.mark.parametrize("report", ["answered", "failed", "dropped"])
def test_calls_from_before_it_opened_say_nothing_about_now(report: str) -> None:
    """A late answer does not close it, a late failure does not lengthen it, and neither frees the probe's place."""
    breaker = steady(failures=1)
    late = breaker.ask(0.0)
    assert late is not None
    fail(breaker, 0.0)
    assert breaker.ask(10.0) is not None

    if report == "dropped":
        breaker.dropped(late)
    else:
        getattr(breaker, report)(late, 10.0)

    assert breaker.state(10.0) == "half_open"
    assert breaker.ask(10.0) is None
