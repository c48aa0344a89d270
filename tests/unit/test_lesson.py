"""What a step says of its own products."""

from models.catalogue import Catalogue
from models.lesson import unknown_to
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.record import from_epoch_ms
from streams.engine import Engine
from streams.settings import Settings
from tests.journey import event

STEP = LearningStep(
    origin=Origin(topic="clickstream.events", partition=0, offset=0),
    at=from_epoch_ms(0),
    visitor_id="v",
    kind="cart",
    items=(("shirt", 3.0), ("made-up", 3.0)),
    context=(("nothing", 1.0), ("mug", 1.0)),
    cart=("mug", "junk"),
)


def test_a_step_says_which_of_its_items_no_product_has() -> None:
    """An item is known by any of its variants; the places count through items, context and cart."""
    catalogue = Catalogue()
    catalogue.put(Product(product_id="shirt-red", group_id="shirt", title="Shirt"))
    catalogue.put(Product(product_id="mug", title="Mug"))
    unknown = unknown_to(catalogue, STEP)
    assert unknown == (1, 2, 5)
    assert STEP.model_copy(update={"unknown": unknown}).unknown_items() == {"made-up", "nothing", "junk"}


def test_without_a_catalogue_nothing_is_unknown() -> None:
    """A shop that has told no product yet is learned from all the same."""
    assert unknown_to(Catalogue(), STEP) == ()


def test_what_is_learned_says_it() -> None:
    """An event about a product nobody sells leaves an item that is unknown, until its product comes."""
    engine = Engine(Settings(_env_file=None))
    engine.put_product(Product(product_id="mug", title="Mug"))
    items = engine.knowledge.model.items
    engine.feed(event("view_item", "junk"))
    engine.feed(event("view_item", "mug", at_s=1))
    assert {items.names[number] for number in items.unknown} == {"junk"}
    engine.put_product(Product(product_id="junk", title="No junk at all"))
    engine.feed(event("view_item", "mug", at_s=2))
    assert not items.unknown


def test_places_that_name_nothing_are_ignored() -> None:
    """A record that counts wrong is no reason to stop learning."""
    assert STEP.model_copy(update={"unknown": (0, 6, 259)}).unknown_items() == {"shirt"}
