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


@pytest.mark.parametrize(
    "origin",
    ["shop.example", "https://shop.example/cart", "*", "https://*.shop.example", "http://", "https://shop.example:443",
     "ftp://shop.example", "https://[shop", "https://shop.example:port", "https://me@shop.example",
     "https://shop.example?a"],
)  # fmt: skip
def test_what_no_browser_sends_as_an_origin_is_refused(origin: str) -> None:
    """It would shut the shop out without a word; the sentence shows how one is written."""
    with pytest.raises(RefusedError, match=r"AISLE_GATEWAY_ORIGINS .*write it as https://shop\.example"):
        Settings(_env_file=None, gateway_origins=f"https://shop.example, {origin}")


def test_origins_may_end_in_a_slash() -> None:
    """As they are copied from a browser's address bar."""
    assert Settings(_env_file=None, gateway_origins="https://shop.example/,http://127.0.0.1:8411").gateway_origins


@pytest.mark.parametrize("name", ["console_url", "console_metrics"])
def test_an_address_says_how_it_is_called(name: str) -> None:
    """A host and port alone are none."""
    with pytest.raises(RefusedError, match=r"gateway:8080/metrics is no address: it begins with http"):
        Settings(_env_file=None, **{name: "gateway:8080/metrics"})
