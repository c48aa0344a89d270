"""What the API answers: a chat completion, with the usage that is paid for."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.simulated.judge import judge
from streams.simulated.request import Asked

CHARS_PER_TOKEN = 4
"""The usual estimate for English text."""


class Said(NamedTuple):
    """What the model says: `content`, or `refusal` instead, and why it stopped."""

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None


def tokens(text: str) -> int:
    """Estimate how many tokens a text has.

    >>> tokens(""), tokens("Mug"), tokens("Rain jacket")
    (0, 1, 3)
    """
    return -(-len(text) // CHARS_PER_TOKEN)


def scores_of(asked: Asked) -> list[dict[str, object]]:
    """Score what was asked about, in whole numbers where the schema knows no others."""
    whole = _kind_of_score(asked.schema) == "integer"
    return [{"n": n, "score": round(score) if whole else score} for n, score in judge(asked.user)]


def as_content(scores: Sequence[Mapping[str, object]]) -> str:
    """Write scores as a language model is asked to.

    >>> as_content([{"n": 1, "score": 7.2}])
    '{"scores": [{"n": 1, "score": 7.2}]}'
    """
    return json.dumps({"scores": scores})


def say(content: str, limit: int | None) -> Said:
    """Say something, as far as the limit in tokens goes."""
    if limit is None or tokens(content) <= limit:
        return Said(content)
    return Said(content[: limit * CHARS_PER_TOKEN], "length")


def complete(number: int, model: str, asked: Asked, said: Said) -> dict[str, Any]:
    """Make the chat completion.

    Args:
        number: of the call, from 1.
        model: who says it.
        asked: the request.
        said: the answer.
    """
    message = {"role": "assistant", "content": said.content, "refusal": said.refusal}
    asked_for, answered = tokens(asked.system + asked.user), tokens(said.content or said.refusal or "")
    return {
        "id": f"chatcmpl-simulated-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}],
        "usage": {"prompt_tokens": asked_for, "completion_tokens": answered, "total_tokens": asked_for + answered},
    }


def _kind_of_score(schema: Mapping[str, Any]) -> object:
    """Find the type that a schema gives `scores[].score`."""
    part: object = schema
    for name in ("properties", "scores", "items", "properties", "score", "type"):
        part = part.get(name) if isinstance(part, Mapping) else None
    return part
