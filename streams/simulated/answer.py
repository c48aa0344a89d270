"""What a request is answered with: the right scores, or the fault whose turn it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from streams.simulated.completion import as_content, complete, say, scores_of
from streams.simulated.faults import Fault
from streams.simulated.mistakes import MISTAKES
from streams.simulated.reply import ApiError, Reply, as_json
from streams.simulated.request import Asked

PAGE = b"<!doctype html><title>Gateway</title><h1>Please come back later</h1>"


@dataclass(frozen=True)
class Call:
    """A request that was taken: its number, from 1, and what it asks of which model."""

    number: int
    model: str
    asked: Asked


def answer(call: Call, fault: Fault | None, *, retry_after_s: int) -> Reply:
    """Answer a call.

    Args:
        call: what is asked.
        fault: what goes wrong.
        retry_after_s: what clients are told to wait where too many ask.
    """
    refused = _refused(fault, retry_after_s)
    if refused is not None:
        return refused
    spoil = SPOILED.get(fault) if fault else None
    reply = as_json(200, _completion(call, fault))
    return spoil(reply) if spoil else reply


def _completion(call: Call, fault: Fault | None) -> dict[str, Any]:
    scores = scores_of(call.asked)
    mistake = MISTAKES.get(fault) if fault else None
    said = mistake(scores) if mistake else say(as_content(scores), call.asked.max_tokens)
    body = complete(call.number, call.model, call.asked, said)
    return {**body, "choices": []} if fault == "no_choices" else body


def _refused(fault: Fault | None, retry_after_s: int) -> Reply | None:
    """Give the answer of a server that does not come to thinking."""
    many, broken = "Rate limit reached for requests. Please try again later.", "The server had an error."
    match fault:
        case "rate_limited" | "rate_limited_until":
            date = formatdate(time.time() + retry_after_s, usegmt=True)
            after = date if fault == "rate_limited_until" else str(retry_after_s)
            error = ApiError(429, many, kind="requests", code="rate_limit_exceeded")
            return error.reply({"Retry-After": after})
        case "out_of_quota":
            spent = "You exceeded your current quota, please check your plan and billing details."
            return ApiError(429, spent, kind="insufficient_quota", code="insufficient_quota").reply()
        case "server_error":
            return ApiError(500, broken, kind="server_error").reply()
        case "unavailable":
            return ApiError(503, "The engine is currently overloaded.", kind="service_unavailable_error").reply()
    return None


SPOILED: dict[Fault, Callable[[Reply], Reply]] = {
    "cut_before_head": lambda reply: replace(reply, cut="before_head"),
    "cut_in_body": lambda reply: replace(reply, cut="in_body"),
    "truncated_body": lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2]),
    "html": lambda reply: replace(reply, body=PAGE, kind="text/html; charset=utf-8"),
}
"""Right answers that get lost on their way."""
