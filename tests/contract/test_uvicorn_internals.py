"""What `streams/web/protocol.py` reaches into: told here when an upgrade of uvicorn takes it away."""

import inspect
from importlib.metadata import version

import pytest
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("connection_made", ["self", "transport"]),
        ("connection_lost", ["self", "exc"]),
        ("data_received", ["self", "data"]),
        ("on_message_begin", ["self"]),
        ("on_url", ["self", "url"]),
        ("on_header", ["self", "name", "value"]),
        ("on_headers_complete", ["self"]),
        ("on_body", ["self", "body"]),
        ("on_message_complete", ["self"]),
        ("on_response_complete", ["self"]),
    ],
)
def test_the_protocol_has_these_methods(name: str, parameters: list[str]) -> None:
    """Each of them is overridden, and calls the one it overrides."""
    assert list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters) == parameters


def test_a_cycle_can_be_told_that_its_client_is_gone() -> None:
    """By these fields, which the application's `receive` looks at."""
    told = {"disconnected", "message_event", "response_started", "response_complete"}
    assert told <= set(RequestResponseCycle.__init__.__code__.co_names)


def test_the_version_is_the_one_that_was_read() -> None:
    """Read the class again before pinning another one."""
    assert version("uvicorn") == "0.54.0"
    assert httptools_impl.HIGH_WATER_LIMIT == 65536
