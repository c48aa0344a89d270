"""What may be asked of the API: the checks of `POST /v1/chat/completions`, with OpenAI's answers to what may not.

The sentences, types and codes are those that users of the API report; a client that reads them here reads them there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from streams.simulated.formats import Mode, read_format
from streams.simulated.reply import ApiError

Refusable = Literal["max_tokens", "max_completion_tokens", "temperature"]
"""Parameters that some servers and models refuse."""

IGNORED = frozenset(
    {
        *("frequency_penalty", "logit_bias", "logprobs", "metadata", "presence_penalty", "prompt_cache_key"),
        *("reasoning_effort", "safety_identifier", "seed", "service_tier", "stop", "store", "stream_options"),
        *("top_logprobs", "top_p", "user", "verbosity"),
    }
)
INSTEAD = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""The older and the newer name of the bound on an answer; a server may know either, or both."""

KNOWN = IGNORED | {
    *("model", "messages", "response_format", "max_tokens", "max_completion_tokens", "temperature", "n", "stream")
}
ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Ability:
    """What a server takes.

    Args:
        model: the only one it has.
        mode: what it promises about answers.
        refuses: parameters it does not know.
        key: the bearer key it demands; nothing is demanded without.
    """

    model: str = "simulated-judge"
    mode: Mode = "json_schema"
    refuses: frozenset[Refusable] = frozenset()
    key: str | None = None


class Asked(NamedTuple):
    """A request that was taken.

    `format` is the type of its response format, `schema` the one the answer must fit (empty for any); `max_tokens`
    bounds the answer where it is told, under whichever name.
    """

    system: str
    user: str
    format: Mode
    schema: Mapping[str, Any]
    max_tokens: int | None


def check_key(given: str | None, ability: Ability) -> None:
    """Check the Authorization header.

    Raises:
        ApiError: 401.
    """
    scheme, _, key = (given or "").partition(" ")
    if ability.key is None or (scheme.lower() == "bearer" and key.strip() == ability.key):
        return
    if not key.strip():
        raise ApiError(401, "You didn't provide an API key. Send it in an Authorization header with Bearer auth.")
    raise ApiError(401, f"Incorrect API key provided: {_masked(key.strip())}.", code="invalid_api_key")


def check(body: Mapping[str, Any], ability: Ability) -> Asked:
    """Check a request.

    Raises:
        ApiError: 400, or 404 for an unknown model.
    """
    _check_names(body, ability)
    _check_model(body.get("model"), ability)
    _check_temperature(body.get("temperature"), ability)
    _check_only("stream", body.get("stream"), only=False)
    _check_only("n", body.get("n"), only=1)
    messages = _messages(body.get("messages"))
    wanted, schema = read_format(body.get("response_format"), ability.mode)
    if wanted == "json_object" and not any("json" in text.lower() for _, text in messages):
        sentence = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise ApiError(400, sentence, param="messages")
    system = "\n".join(text for role, text in messages if role in {"system", "developer"})
    user = "\n".join(text for role, text in messages if role == "user")
    return Asked(system, user, wanted, schema, _limit(body))


def _masked(key: str) -> str:
    """Show a key as the API does: its ends, which is already too much for a log."""
    return key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"


def _check_names(body: Mapping[str, Any], ability: Ability) -> None:
    for name in body:
        if name not in KNOWN:
            raise ApiError(400, f"Unrecognized request argument supplied: {name}")
    for name, instead in INSTEAD.items():
        if name in ability.refuses and body.get(name) is not None:
            sentence = f"Unsupported parameter: '{name}' is not supported with this model. Use '{instead}' instead."
            raise ApiError(400, sentence, param=name, code="unsupported_parameter")


def _check_model(model: object, ability: Ability) -> None:
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter")
    if model != ability.model:
        sentence = f"The model `{model}` does not exist or you do not have access to it."
        raise ApiError(404, sentence, code="model_not_found")


def _check_temperature(value: object, ability: Ability) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(
            400, "Invalid type for 'temperature': expected a decimal.", param="temperature", code="invalid_type"
        )
    if not 0 <= value <= 2:
        sentence = "Invalid 'temperature': expected a value from 0 to 2."
        raise ApiError(400, sentence, param="temperature", code="decimal_out_of_range")
    if "temperature" in ability.refuses and value != 1:
        sentence = (
            f"Unsupported value: 'temperature' does not support {value} with this model. Only the default (1) is."
        )
        raise ApiError(400, sentence, param="temperature", code="unsupported_value")


def _check_only(name: str, value: object, *, only: bool | int) -> None:
    if value is not None and value != only:
        sentence = f"Unsupported value: '{name}' must be {str(only).lower()} on this server."
        raise ApiError(400, sentence, param=name, code="unsupported_value")


def _messages(value: object) -> list[tuple[str, str]]:
    """Read the messages as pairs of role and text."""
    if value is None:
        raise ApiError(
            400, "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    if not isinstance(value, list) or not value:
        raise ApiError(400, "Invalid 'messages': expected an array of messages.", param="messages", code="invalid_type")
    return [_message(message, place) for place, message in enumerate(value)]


def _message(value: object, place: int) -> tuple[str, str]:
    role, content = (value.get("role"), value.get("content")) if isinstance(value, dict) else (None, None)
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if role not in ROLES or not isinstance(content, str):
        name = f"messages[{place}].{'content' if role in ROLES else 'role'}"
        raise ApiError(400, f"Invalid value for '{name}'.", param=name, code="invalid_value")
    return str(role), content


def _limit(body: Mapping[str, Any]) -> int | None:
    """Read how long the answer may get, in tokens."""
    told = {name: body[name] for name in INSTEAD if body.get(name) is not None}
    if len(told) > 1:
        sentence = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise ApiError(400, sentence, code="invalid_parameter_combination")
    for name, limit in told.items():
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise ApiError(400, f"Invalid type for '{name}': expected an integer.", param=name, code="invalid_type")
        if limit < 1:
            sentence = f"Invalid '{name}': expected a value >= 1, but got {limit} instead."
            raise ApiError(400, sentence, param=name, code="integer_below_min_value")
    return next(iter(told.values()), None)
