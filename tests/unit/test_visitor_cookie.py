"""The cookie that says who a browser is."""

import pytest

from streams.gateway.visitor_cookie import DAY_S, VisitorCookies, new_visitor_id

NEW, OLD = "n" * 32, "o" * 32


class Clock:
    """A clock that stands still."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def test_a_cookie_names_its_visitor(clock: Clock) -> None:
    """And is not set anew on the day it was set."""
    cookies = VisitorCookies([NEW], clock=clock)
    value = cookies.write("w1")
    assert cookies.read(value) == ("w1", False)


def test_who_comes_back_keeps_the_id(clock: Clock) -> None:
    """Set anew after a day, so that its days count from the last visit; after all its days it names nobody."""
    cookies = VisitorCookies([NEW], days=180, clock=clock)
    value = cookies.write("w1")
    clock.now += 2 * DAY_S
    assert cookies.read(value) == ("w1", True)
    clock.now += 179 * DAY_S
    assert cookies.read(value) is None


def test_secrets_rotate(clock: Clock) -> None:
    """What the older one signed is known, and set anew; once it is gone, nobody."""
    value = VisitorCookies([OLD], clock=clock).write("w1")
    assert VisitorCookies([NEW, OLD], clock=clock).read(value) == ("w1", True)
    assert VisitorCookies([NEW], clock=clock).read(value) is None


@pytest.mark.parametrize("forged", ["", "w1", ".", "..", "w1.a.b", "x" * 10_000, "\x00", "ü.ü.ü"])
def test_what_was_not_made_here_names_nobody(forged: str, clock: Clock) -> None:
    """Whatever it looks like."""
    assert VisitorCookies([NEW], clock=clock).read(forged) is None


def test_a_changed_cookie_names_nobody(clock: Clock) -> None:
    """Each character counts; another purpose's signature does not."""
    cookies = VisitorCookies([NEW], clock=clock)
    value = cookies.write("w1")
    changed = [value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :] for at in range(len(value))]
    read = [cookies.read(one) for one in changed]
    assert {one.visitor_id for one in read if one} <= {"w1"}
    assert sum(one is not None for one in read) <= 1  # base64's last character has bits that say nothing


def test_ids_are_never_the_same() -> None:
    """128 random bits."""
    assert len({new_visitor_id() for _ in range(1000)}) == 1000
