"""Reads the body of a chat completion; whatever it is, the outcome is an answer or one clear failure."""

import math
from typing import Any

import orjson

from models.ports import Answer, Prompt
from schemas.errors import CallFailedError, CallFault

CHARACTERS_PER_TOKEN = 4
MOST_TOKENS = 10_000_000
"""A server that counts more has counted wrong."""

MODEL_CHARACTERS = 256


def read_answer(body: bytes, prompt: Prompt, model: str) -> Answer:
    """Read a body.

    Tokens that the server does not count are estimated, four characters each: an answer without a count is not free.

    Args:
        body: what the server sent with a 2xx.
        prompt: what was asked.
        model: what was asked of.

    Raises:
        CallFailedError: malformed, refusal, cut_off or empty; `paid` says what it cost all the same.
    """
    told = _object(body)
    choice = _first(told.get("choices"))
    message = _mapping(choice.get("message"))
    if not message:
        raise CallFailedError("malformed", "a choice without a message")
    text, declined = _text(message)
    paid = _paid(told.get("usage"), prompt, text)
    if fault := _fault(choice.get("finish_reason"), text, declined):
        raise CallFailedError(fault, _SENTENCES[fault], paid=paid)
    named = told.get("model")
    return Answer(text, *paid, named[:MODEL_CHARACTERS] if isinstance(named, str) and named else model)


_SENTENCES: dict[CallFault, str] = {
    "refusal": "the model declined, or a filter did",
    "cut_off": "the answer reached its token limit",
    "empty": "the answer has no text",
}


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CallFailedError("malformed", f"{len(body)} bytes that are not JSON") from None
    if not isinstance(told, dict):
        raise CallFailedError("malformed", "JSON that is no object")
    return told


def _first(choices: object) -> dict[str, Any]:
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise CallFailedError("malformed", "no choices")
    return choices[0]


def _fault(reason: object, text: str, declined: bool) -> CallFault | None:  # noqa: FBT001  private
    if declined or reason == "content_filter":
        return "refusal"
    if reason == "length":
        return "cut_off"
    return None if text.strip() else "empty"


def _text(message: dict[str, Any]) -> tuple[str, bool]:
    """Give the text, and whether it is a refusal; content may be a text or a list of parts."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    known = [part for part in parts if isinstance(part, dict)]
    text = "".join(part["text"] for part in known if isinstance(part.get("text"), str))
    declined = bool(message.get("refusal")) or any(part.get("type") == "refusal" for part in known)
    return text, declined


def _paid(usage: object, prompt: Prompt, text: str) -> tuple[int, int]:
    counted = _mapping(usage)
    asked = len(prompt.system) + len(prompt.user)
    return _tokens(counted.get("prompt_tokens"), asked), _tokens(counted.get("completion_tokens"), len(text))


def _tokens(counted: object, characters: int) -> int:
    """Take the server's count where it is one."""
    if isinstance(counted, int) and not isinstance(counted, bool) and 0 < counted <= MOST_TOKENS:
        return counted
    return math.ceil(characters / CHARACTERS_PER_TOKEN)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
