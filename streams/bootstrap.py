"""Wiring: every part with its real default, or what the caller hands in."""

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.metadata import version
from pathlib import Path

import orjson

from models.constants import Constants
from models.content import Content, Opener
from models.judgements import JudgingRules
from models.knowledge import Knowledge
from models.model import Model, ModelRules
from streams.constants_file import load_constants
from streams.deciding import ClicksRules
from streams.settings import Settings
from streams.world import World


def constants_of(settings: Settings) -> Constants:
    """Give the constants of an installation: those of its file, or the defaults.

    Raises:
        RefusedError: there is a file, and it cannot be used.
    """
    return Constants() if settings.constants_file is None else _loaded(settings.constants_file.absolute())


@cache
def _loaded(path: Path) -> Constants:
    """Read a file once: a process goes on with what it began with."""
    return load_constants(path)


def clicks_rules(settings: Settings) -> ClicksRules:
    """Take the constants of the clicks agent from the settings; whether it asks for judgements is its worker's."""
    constants = constants_of(settings)
    return ClicksRules(
        session=constants.session,
        slates=constants.slates,
        training_share=settings.training_share,
        training_per_s=settings.training_per_s,
        evidence_share=settings.evidence_share,
        judging=judging_rules(settings),
        judged_placements=settings.judged,
        deadline_ms=settings.judgement_deadline_ms,
    )


def judging_rules(settings: Settings) -> JudgingRules:
    """Say which judgements count: of the model and prompt in use, as old as the settings allow."""
    return JudgingRules(model=settings.llm_model, ttl_ms=int(settings.judgement_ttl_s * 1000))


def build_world(settings: Settings, *, model: Model | None = None, open_content: Opener | None = None) -> World:
    """Build the folds of a worker, empty or from a model's snapshot.

    Args:
        settings: the installation's.
        model: a restored model, learned under the installation's constants; new where absent.
        open_content: opens the index of product vectors; by the settings where absent.
    """
    from streams.adapters.opening import index_opener

    content = Content(open_content or index_opener(settings))
    model = model or Model(constants_of(settings).model)
    knowledge = Knowledge(content=content, model=model, judging=judging_rules(settings))
    settings_hash = rules_hash(clicks_rules(settings), knowledge.model.rules)
    build = version("aisle")
    return World(knowledge, settings_hash=settings_hash, build=build, generation=settings.generation)


def names_of(settings: Settings) -> tuple[str, str]:
    """Name what slates are decided with beside the logs: the constants in force, and the build."""
    return rules_hash(clicks_rules(settings), constants_of(settings).model), version("aisle")


def rules_hash(rules: ClicksRules, model: ModelRules) -> str:
    """Name the constants a slate was decided with: equal rules, equal name; how much is recorded decides nothing."""
    deciding = [rules.session, rules.slates, rules.placements, rules.judging, model.fingerprint()]
    text = orjson.dumps(deciding, default=_plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=6).hexdigest()


def _plain(value: object) -> object:
    """Write what orjson does not know: mappings by key, sets in order."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    raise TypeError(f"no plain form of {type(value).__name__}")
