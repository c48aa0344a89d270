"""After the source was created anew: offsets start over, and nothing that carries them is taken for what was before."""

from models.model import Model
from schemas.learning import LearningStep
from schemas.products import Product
from schemas.record import from_epoch_ms
from schemas.slates import Slate
from schemas.topics import LEARNING, PRODUCTS, SLATES
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Outcome
from streams.partitions import PartitionState
from streams.settings import Settings
from tests.journey import START_MS, event

SETTINGS = Settings(_env_file=None)


def looked_at(part: PartitionState) -> Outcome:
    """Let a visitor look at a product, as the partition's record 5."""
    world = build_world(SETTINGS)
    fold = next(fold for fold in world.folds if fold.topic == PRODUCTS)
    for offset, name in enumerate("ab"):
        fold.apply(LogRecord(0, offset, 0, name.encode(), Product(product_id=name, title=name).encode()))
    agent = ClicksAgent(world, clicks_rules(SETTINGS), clock=lambda: from_epoch_ms(START_MS))
    return agent.handle([LogRecord(0, 5, START_MS, b"v1", event("view_item", "a").encode())], part)


def slates(outcome: Outcome) -> list[Slate]:
    """Give the slates among what was written."""
    return [Slate.decode(out.value) for out in outcome.outputs if out.topic == SLATES]


def test_slates_of_two_epochs_differ_in_name_and_order() -> None:
    """The same offset has other slate ids in another epoch, and its cause sorts after all of the epoch before."""
    first, second = slates(looked_at(PartitionState(0))), slates(looked_at(PartitionState(0, epoch=1)))
    assert first
    assert not {one.slate_id for one in first} & {one.slate_id for one in second}
    assert {(one.cause.epoch, one.cause.offset) for one in first} == {(0, 5)}
    assert {(one.cause.epoch, one.cause.offset) for one in second} == {(1, 5)}


def test_the_new_topic_is_learned_from() -> None:
    """A model that has learned offset 5 learns from the record that has it now."""
    model = Model()
    for offset, epoch in enumerate([0, 1, 1]):
        (step,) = [out.value for out in looked_at(PartitionState(0, epoch=epoch)).outputs if out.topic == LEARNING]
        model.learn_one(LearningStep.decode(step), offset)
    assert model.count_of("a") == 2
