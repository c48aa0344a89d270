"""Tell operators what the model has noticed of itself and of the judgements: metrics, one log record for each drift."""

import logging

from models.drift import Drift
from models.knowledge import Knowledge
from schemas.topics import LEARNING
from streams.telemetry import count, gauge

log = logging.getLogger(__name__)


def tell(drift: Drift, *, live_from: int) -> None:
    """Publish the current figures, and the drifts noticed since the last time.

    All workers learn the same log and tell the same offset.

    Args:
        drift: the model's.
        live_from: where `learning` ended when this worker began; what was noticed before is history and is not told.
    """
    for what, mean in drift.means().items():
        gauge("drift_mean", mean, what=what)
        count("drift", 0, what=what)  # a counter that begins at 1 has not increased
    for found in drift.told():
        if found.offset < live_from:
            continue
        count("drift", what=found.what)
        log.warning(
            "drift: %s was %.4f and is %.4f", found.what, found.before, found.after,
            extra={"topic": LEARNING, "partition": 0, **found._asdict()},
        )  # fmt: skip


def tell_judgements(knowledge: Knowledge) -> None:
    """Publish how many judgements there are, and what the blend makes of them."""
    gauge("judgement_tables", len(knowledge.judgements))
    gauge("judgement_weight", knowledge.model.blend.weights["judged"])
