"""Every constant that decides slates, in one value: what a worker runs with and an evaluation compares."""

from dataclasses import dataclass, field

from models.model_rules import ModelRules
from models.session_rules import SessionRules
from models.slate import SlateRules


@dataclass(frozen=True)
class Constants:
    """The three groups of constants; the defaults are the measured ones.

    Args:
        session: of the session context.
        model: of what is learned.
        slates: of what becomes of candidates.
    """

    session: SessionRules = field(default_factory=SessionRules)
    model: ModelRules = field(default_factory=ModelRules)
    slates: SlateRules = field(default_factory=SlateRules)
