"""Which language model judges in the demo: the simulated one, the user's own, or none."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from schemas.errors import RefusedError
from streams.settings import Settings

JudgeKind = Literal["simulated", "real"]
JudgeChoice = Literal["auto", "simulated", "real", "off"]

MODEL = "simulated-judge"
LATENCY_MS = 250.0
CALLS_AT_A_TIME = 8
"""Twice the default: a demo has minutes to get to know a shop, and its judge has no limits."""

PLAY_BUDGET_USD = 1_000.0
"""The simulated judge costs nothing: what its tokens would cost is shown, and stops nobody."""


@dataclass(frozen=True)
class Judge:
    """A language model that the demo's workers ask.

    Args:
        kind: the user's own is never called simulated, and the other way round.
        model: its name.
        placements: those whose slates it is asked for.
        environment: what its workers need to know.
        command: starts it, where it is the demo's own.
    """

    kind: JudgeKind
    model: str
    placements: frozenset[str] = frozenset({"home"})
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        """Give what its figures are headed with."""
        return "Simulated judge" if self.kind == "simulated" else f"Judge ({self.model})"

    @property
    def money(self) -> str:
        """Say what the USD are."""
        if self.kind == "simulated":
            return "what its tokens would cost at the default prices"
        return "at the prices of AISLE_LLM_USD_PER_MILLION_*"


def choose_judge(choice: str, settings: Settings, *, port: int, url: str | None = None) -> Judge | None:
    """Choose who judges; None for nobody.

    Args:
        choice: a `JudgeChoice`; `auto` is the real one where `OPENAI_API_KEY` or `OPENAI_BASE_URL` is set.
        settings: the user's.
        port: of the simulated judge, if it is to be started.
        url: of a simulated judge that runs already.

    Raises:
        RefusedError: no such choice, or a real one is asked for and none is set.
    """
    if choice not in get_args(JudgeChoice):
        raise RefusedError(f"There is no judge {choice}: choose {', '.join(get_args(JudgeChoice))}.")
    if choice == "off" or not settings.judged:
        return None
    if choice == "real" or (choice == "auto" and settings.llm_on):
        return _real(settings)
    return _simulated(settings, port=port, url=url)


def announcement(judge: Judge, settings: Settings) -> str | None:
    """Say that a real judge will be called, what it may cost, and how to do without; None for the simulated one."""
    if judge.kind == "simulated":
        return None
    return (
        f"Slates are judged by {judge.model} of your environment, for at most {settings.llm_budget_usd_per_hour:g} USD "
        "an hour (AISLE_LLM_BUDGET_USD_PER_HOUR): `--judge simulated` costs nothing, `--judge off` goes without."
    )


def _simulated(settings: Settings, *, port: int, url: str | None) -> Judge:
    prices = Settings.model_fields
    environment = {
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": url or f"http://127.0.0.1:{port}/v1",
        "AISLE_LLM_MODEL": MODEL,
        "AISLE_LLM_CONCURRENCY": str(CALLS_AT_A_TIME),
        "AISLE_LLM_BUDGET_USD_PER_HOUR": str(PLAY_BUDGET_USD),
        **{
            f"AISLE_{name.upper()}": str(prices[name].default)
            for name in ("llm_usd_per_million_prompt", "llm_usd_per_million_completion")
        },
    }
    command = (sys.executable, "-m", "streams.simulated", "--port", str(port), "--latency-ms", str(LATENCY_MS))
    return Judge("simulated", MODEL, settings.judged, environment, None if url else command)


def _real(settings: Settings) -> Judge:
    if not settings.llm_on:
        raise RefusedError("There is no real judge: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.")
    own = {name: value for name, value in os.environ.items() if name.upper().startswith("OPENAI_")}
    key = settings.openai_api_key
    told = {
        "OPENAI_API_KEY": key.get_secret_value() if key else "",
        "OPENAI_BASE_URL": settings.openai_base_url or "",
    }
    return Judge("real", settings.llm_model, settings.judged, {**own, **told})
