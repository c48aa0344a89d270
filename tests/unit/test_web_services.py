"""What becomes of a process when something that works beside the requests ends."""

import asyncio
import logging

import pytest

from schemas.errors import RefusedError
from streams.web.server import listen, serve
from streams.web.site import build_site


class Failing:
    """A service that fails in a task of its own, as those do that read and apply at the same time."""

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self) -> None:
        """Fail."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fail())

    async def _fail(self) -> None:
        raise self._error

    def lacks(self) -> list[str]:
        """Lack nothing."""
        return []

    def stuck(self) -> list[str]:
        """Be not stuck."""
        return []


def served(error: Exception) -> None:
    """Serve until the service fails."""
    app = build_site(title="site", routers=[], services=[Failing(error)])
    serve(app, listen("127.0.0.1", 0, setting="none"), connections=10)


def test_a_refusal_ends_the_process_with_its_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """However deep it was raised, and without a trace of the program."""
    with caplog.at_level(logging.ERROR), pytest.raises(RefusedError, match=r"^the topic was created anew$"):
        served(RefusedError("the topic was created anew"))
    assert not caplog.records


def test_a_bug_ends_the_process_with_its_trace() -> None:
    """It is raised as it is."""
    with pytest.raises(ExceptionGroup) as failed:
        served(KeyError("ours"))
    assert failed.value.subgroup(KeyError) is not None
