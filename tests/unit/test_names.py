"""What slates are decided with has a name, which changes when it does and not otherwise."""

from dataclasses import replace

import pytest

from models.model import ModelRules
from streams.bootstrap import names_of, rules_hash
from streams.deciding import ClicksRules
from streams.settings import Settings

RULES = ClicksRules()
NAME = rules_hash(RULES, ModelRules())


@pytest.mark.parametrize(
    "other",
    [
        replace(RULES, slates=replace(RULES.slates, fatigue=0.5)),
        replace(RULES, session=replace(RULES.session, steps=3)),
        replace(RULES, placements=RULES.placements[:-1]),
    ],
)
def test_whatever_decides_changes_the_name(other: ClicksRules) -> None:
    """Constants of slates and sessions, placements, and the model's rules."""
    assert rules_hash(other, ModelRules()) != NAME
    assert rules_hash(RULES, replace(ModelRules(), window=3)) != NAME


def test_what_is_only_recorded_changes_nothing() -> None:
    """Whoever verifies need not record as much as the workers did."""
    assert rules_hash(replace(RULES, evidence_share=1.0, training_share=0.1, training_per_s=1), ModelRules()) == NAME
    assert names_of(Settings(_env_file=None, evidence_share=1.0)) == names_of(Settings(_env_file=None))
