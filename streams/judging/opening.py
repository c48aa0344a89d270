"""Which language model is asked, and by which rules: chosen once, by the settings."""

from importlib.util import find_spec

from models.ports import LanguageModel
from schemas.errors import RefusedError
from streams.judging.breaker import CircuitBreaker
from streams.judging.caller import Caller
from streams.judging.prices import Prices
from streams.settings import Settings

WINDOW_S = 60.0
"""Failures that lie further back do not count,"""

SLOW_CALLS = 10
"""nor those before so many timeouts: a patient caller of a server that hangs would never have five in a minute."""


def open_language_model(settings: Settings) -> LanguageModel | None:
    """Open the language model; None where neither a key nor an endpoint is set.

    Args:
        settings: `openai_*`, `llm_model` and `llm_output` are used.

    Raises:
        RefusedError: the package is not installed, or a setting cannot be used.
    """
    if not settings.llm_on:
        return None
    if find_spec("openai") is None:
        raise RefusedError("A language model needs the package openai: `pip install '.[llm]'` in the checkout.")
    from streams.adapters.openai import OpenAILanguageModel

    key = settings.openai_api_key
    return OpenAILanguageModel(
        settings.llm_model,
        api_key=key.get_secret_value() if key else None,
        base_url=settings.openai_base_url or None,
        output=settings.llm_output,
    )


def make_caller(settings: Settings, model: LanguageModel | None = None) -> Caller | None:
    """Make what questions are asked by; None where there is no language model.

    Args:
        settings: `openai_*` and `llm_*` are used, but for the budget: who keeps its record pays.
        model: who is asked; None for the one of the settings.
    """
    asked = model or open_language_model(settings)
    if asked is None:
        return None
    return Caller(
        asked,
        breaker=CircuitBreaker(window_s=max(WINDOW_S, SLOW_CALLS * settings.llm_timeout_s)),
        prices=Prices(settings.llm_usd_per_million_prompt, settings.llm_usd_per_million_completion),
        concurrency=settings.llm_concurrency,
        timeout_s=settings.llm_timeout_s,
    )


def required_caller(settings: Settings) -> Caller:
    """Make what questions are asked by, for who is there for nothing else.

    Raises:
        RefusedError: there is no language model, or it cannot be asked.
    """
    caller = make_caller(settings)
    if caller is None:
        raise RefusedError(
            "There is no language model to judge with: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your "
            "own. Everything else works without."
        )
    return caller
