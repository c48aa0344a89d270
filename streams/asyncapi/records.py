"""Which records there are, with an example of each and their JSON schemas."""

import json
from pathlib import Path

from schemas.dead import DeadLetter, Requeue
from schemas.erasures import Erasure
from schemas.events import Event
from schemas.generations import Generation
from schemas.judgements import JudgementRequest, JudgementTable, Spending
from schemas.learning import LearningStep
from schemas.products import Embedding, Product
from schemas.record import Record
from schemas.rules import Rule
from schemas.slates import Evidence, Slate

Json = dict[str, object]

RECORDS: dict[str, type[Record]] = {
    record.__name__: record
    for record in (
        Event,
        Product,
        Embedding,
        Slate,
        Evidence,
        LearningStep,
        Erasure,
        Generation,
        JudgementRequest,
        JudgementTable,
        Spending,
        Rule,
        DeadLetter,
        Requeue,
    )
}
"""Every record but visitors' states, whose form is the clicks worker's own and may change with any version."""

_EXAMPLES = Path(__file__).with_name("examples.json")


def record_schemas() -> dict[str, Json]:
    """Give the JSON schema of every record by its name."""
    return {name: record.model_json_schema() for name, record in RECORDS.items()}


def examples() -> dict[str, Json]:
    """Give one example of every record by its name."""
    return dict(json.loads(_EXAMPLES.read_text()))
