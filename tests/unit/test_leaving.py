"""How a worker ends: the code tells its supervisor what to do next."""

from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from schemas.errors import RefusedError, RetryError
from streams.delivery import LostPartitionsError
from streams.leaving import FAILED, REFUSED, Leave
from streams.watchdog import PAUSED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError("the log was cut"), REFUSED),
        (RetryError("the store is away"), PAUSED),
        (LostPartitionsError(), PAUSED),
        (KafkaConnectionError("no broker"), PAUSED),
        (TopicAuthorizationFailedError(), FAILED),
        (ZeroDivisionError(), FAILED),
    ],
)
def test_the_code_says_what_to_do(tmp_path: Path, error: Exception, code: int) -> None:
    """Only a refusal is for good, and only its sentence is kept for the supervisor to show."""
    assert Leave(tmp_path / "refused")._code(error) == code
    assert (tmp_path / "refused").exists() == (code == REFUSED)
    if code == REFUSED:
        assert (tmp_path / "refused").read_text() == "the log was cut\n"


def test_a_refusal_on_a_full_disk_is_one() -> None:
    """The code tells the supervisor, and the log tells why."""
    assert Leave(Path("/dev/full"))._code(RefusedError("no")) == REFUSED
