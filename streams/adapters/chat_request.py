"""How a chat completion is asked for, by what its server takes.

OpenAI's interface is spoken by many servers that each take a part of it. What one does not take is found out by its
own word and remembered: see `docs/llm.md`.
"""

from typing import Any, Literal, NamedTuple

import orjson

from models.ports import Prompt

Output = Literal["auto", "json_schema", "json_object", "text"]
Format = Literal["json_schema", "json_object", "text"]
Limit = Literal["max_tokens", "max_completion_tokens"]
Parameter = Literal["format", "limit", "temperature"]

LOOSER: dict[Format, Format] = {"json_schema": "json_object", "json_object": "text"}
"""What is asked for instead."""

WORDS: dict[Parameter, tuple[str, ...]] = {
    "format": ("response_format", "json_schema", "json_object", "json schema", "structured output", "grammar"),
    "limit": ("max_tokens", "max_completion_tokens"),
    "temperature": ("temperature",),
}
"""What servers call a parameter that they do not take."""


class Shape(NamedTuple):
    """The parameters that a server takes.

    `limit` is `max_tokens` first: it is the name that all servers know, and those that want the other one say so,
    while one that knows only the old one ignores the new one in silence and talks without end.
    """

    format: Format = "json_schema"
    limit: Limit = "max_tokens"
    temperature: bool = True

    def without(self, parameter: Parameter, first: "Shape") -> "Shape | None":
        """Give the shape for a server that does not take a parameter; None where there is no other way.

        Args:
            parameter: what it does not take.
            first: the shape that it was asked by first: a limit that goes by neither name is not swapped back.

        >>> Shape().without("format", Shape())
        Shape(format='json_object', limit='max_tokens', temperature=True)
        >>> Shape(format="text").without("format", Shape()) is None
        True
        """
        if parameter == "format":
            looser = LOOSER.get(self.format)
            return self._replace(format=looser) if looser else None
        if parameter == "limit":
            other: Limit = "max_tokens" if first.limit == "max_completion_tokens" else "max_completion_tokens"
            return self._replace(limit=other) if self.limit == first.limit else None
        return self._replace(temperature=False) if self.temperature else None


def arguments(prompt: Prompt, model: str, shape: Shape) -> dict[str, Any]:
    """Write the arguments of a call."""
    system = prompt.system if shape.format == "json_schema" else f"{prompt.system}\n\n{_told(prompt)}"
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt.user}],
        shape.limit: prompt.max_tokens,
    }
    if shape.temperature:
        asked["temperature"] = 0
    if shape.format == "json_schema":
        schema = {"name": prompt.name, "strict": True, "schema": {**prompt.schema}}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif shape.format == "json_object":
        asked["response_format"] = {"type": "json_object"}
    return asked


def _told(prompt: Prompt) -> str:
    schema = orjson.dumps(prompt.schema).decode()
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"


def named(complaint: str) -> Parameter | None:
    """Say which parameter a server complains of: the first one it names.

    >>> named("Unsupported parameter: 'max_tokens' is not supported with this model.")
    'limit'
    >>> named("This model's maximum context length is 4096.") is None
    True
    """
    text = complaint.lower()
    found = {
        parameter: min((text.find(word) for word in words if word in text), default=-1)
        for parameter, words in WORDS.items()
    }
    said = {parameter: place for parameter, place in found.items() if place >= 0}
    return min(said, key=lambda parameter: said[parameter], default=None)
