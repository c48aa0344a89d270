"""What goes back over the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Cut = Literal["before_head", "in_body"]
"""Where the connection breaks: before a byte of the answer is sent, or half-way through what the head announced."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, and where it is cut, if it is."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Cut | None = None


class ApiError(Exception):
    """A request that the API does not take, in OpenAI's words.

    Args:
        status: of HTTP.
        message: what is wrong.
        kind: OpenAI's `type`.
        param: the parameter at fault.
        code: OpenAI's code for it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}

    def reply(self, headers: Mapping[str, str] | None = None) -> Reply:
        """Give the answer that says so."""
        return as_json(self.status, self.body, headers)


def as_json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with JSON."""
    return Reply(status, json.dumps(body).encode(), headers=headers or {})


def parse(body: bytes) -> dict[str, Any]:
    """Read a request's body.

    Raises:
        ApiError: it is no JSON object.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "We could not parse the JSON body of your request.")
    return found
