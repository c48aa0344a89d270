"""Settings of the gateway and the console."""

import pytest

from schemas.errors import RefusedError
from streams.settings import Settings


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    """Each of several; the sentence names the variable and never the secret."""
    with pytest.raises(RefusedError, match=r"AISLE_GATEWAY_SECRETS .*32 characters") as refused:
        Settings(_env_file=None, gateway_secrets=f"{'x' * 32},short-one")
    assert "short-one" not in str(refused.value)


def test_the_first_secret_signs() -> None:
    """In the order they are written; none set is none."""
    assert Settings(_env_file=None, gateway_secrets=f"{'x' * 32}, {'y' * 32}").own_secrets == ("x" * 32, "y" * 32)
    assert Settings(_env_file=None, gateway_secrets="").own_secrets == ()
