"""Whether there is anything that a language model could read of a log's products."""

from models.knowledge import Knowledge
from schemas.errors import RefusedError
from streams.evaluation.opening import has_words, opened_shop
from streams.evaluation.plan import Plan
from streams.runs.display import Watch

LEAST = 0.1
"""Of the products; with fewer nothing would be judged but numbers."""


def opened_readable(plan: Plan, watch: Watch) -> Knowledge:
    """Open a log's shop, unless its products say nothing.

    Raises:
        RefusedError: too few have a title, a category or a brand.
    """
    knowledge = opened_shop(plan, watch)
    check_readable(knowledge, plan)
    return knowledge


def check_readable(knowledge: Knowledge, plan: Plan) -> None:
    """Refuse a catalogue that says nothing.

    Raises:
        RefusedError: too few products have a title, a category or a brand.
    """
    items = len(knowledge.facts) - 1
    readable = sum(
        product is not None and has_words(product) for product in map(knowledge.catalogue.get, knowledge.facts.speakers)
    )
    if readable < LEAST * items:
        raise RefusedError(
            f"--judge needs products that can be read: {readable:,} of {items:,} in {plan.train.path} have a title, "
            "a category or a brand. Give a log with those columns (--format csv --columns "
            "title=COLUMN,category=COLUMN,...)."
        )
