"""An evaluation with judgements, and one that says what they would cost."""

from collections.abc import Callable

from models.judgements import JudgingRules
from models.ports import LanguageModel
from schemas.errors import RefusedError
from streams.evaluation.running import Evaluation, Outcome
from streams.judging.opening import open_language_model
from streams.lift.lifting import Lifting
from streams.lift.outcome import Collected, Lift, Terms
from streams.lift.told import estimate_lines
from streams.settings import Settings

CENTURY_MS = 100 * 365 * 86_400_000
"""A log is of another time than its judgements: here none is too old."""

NO_MODEL = (
    "--judge needs a language model: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own (a local Ollama "
    "works: http://localhost:11434/v1), and AISLE_LLM_MODEL to the model's name. --judge-estimate needs neither."
)


def rules_of(settings: Settings) -> JudgingRules:
    """Give the rules of judgements in an evaluation: those of serving, but for their age."""
    return JudgingRules(model=settings.llm_model, ttl_ms=CENTURY_MS)


def check_model(settings: Settings) -> None:
    """Refuse to begin where nobody could be asked.

    Raises:
        RefusedError: neither a key nor an endpoint is set.
    """
    if not settings.llm_on:
        raise RefusedError(NO_MODEL)


def tried(
    evaluation: Evaluation,
    settings: Settings,
    terms: Terms,
    say: Callable[[str], object],
    *,
    model: LanguageModel | None = None,
) -> tuple[Lift, Outcome]:
    """Evaluate, and find out what judgements add.

    Args:
        evaluation: with a plan whose `judging` is `rules_of` the settings.
        settings: see `Lifting`.
        terms: of the run.
        say: is told the estimate, before the first call.
        model: who is asked; None for the one of the settings.

    Raises:
        RefusedError: there is nothing to judge, or nobody who does.
    """
    if model is None:
        check_model(settings)
    with evaluation.trained() as trained:
        lifting = Lifting(trained, settings, terms)
        collected = lifting.collect()
        for line in estimate_lines(collected, terms.most_usd):
            say(line)
        asked = model or open_language_model(settings)
        assert asked is not None, "there is one, or it was refused"
        try:
            return lifting.judge(collected, asked), evaluation.tested(trained)
        except KeyboardInterrupt:
            say("Stopped. What was judged is kept: the same command goes on from there.")
            raise


def estimated(evaluation: Evaluation, settings: Settings, terms: Terms) -> Collected:
    """Say what would have to be judged, and what that would cost; nobody is asked.

    Raises:
        RefusedError: there is nothing to judge.
    """
    with evaluation.trained() as trained:
        return Lifting(trained, settings, terms).collect()
