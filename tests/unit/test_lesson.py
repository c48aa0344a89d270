"""What a step says of its own products."""

from models.catalogue import Catalogue
from models.lesson import gaps_in, leaves_in, unknown_to
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.record import epoch_ms, from_epoch_ms
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


LEAVES = {"shirt": "Clothes > Shirts", "mug": "Mugs"}


def leaf_of(item: str) -> str:
    """Look a leaf category up."""
    return LEAVES.get(item, "")


def test_carts_and_purchases_say_their_leaf_categories() -> None:
    """By place, and once for the cart; views say none, nor does what has none."""
    assert leaves_in(STEP, leaf_of) == {"leaves": ("Clothes > Shirts", ""), "cart_leaves": ("Mugs",)}
    assert leaves_in(STEP.model_copy(update={"kind": "view"}), leaf_of) == {"leaves": (), "cart_leaves": ()}
    assert leaves_in(STEP, lambda _: "") == {"leaves": (), "cart_leaves": ()}


DAY = 86_400_000


def test_a_purchase_says_how_long_ago_each_item_was_bought() -> None:
    """By item, whichever variant it was; the last time counts, and the rest of an order is no repeat."""
    step = STEP.model_copy(update={"kind": "purchase", "at": from_epoch_ms(10 * DAY)})
    group = {"shirt-red": "shirt", "shirt-blue": "shirt"}
    before = (("shirt-red", 0), ("shirt-blue", 3 * DAY), ("made-up", 10 * DAY - 60_000))

    def item_of(product_id: str) -> str:
        return group.get(product_id, product_id)

    assert gaps_in(step, before, item_of) == (7.0, 0.0)
    assert gaps_in(step, before[2:], item_of) == ()
    assert gaps_in(step, (("shirt-red", 12 * DAY),), item_of) == ()
    assert gaps_in(STEP, before, item_of) == ()


def test_a_late_purchase_says_nothing_of_later_ones() -> None:
    """A gap looks back: what was bought after the event is no time before it."""
    step = STEP.model_copy(update={"kind": "purchase", "at": from_epoch_ms(0)})
    assert gaps_in(step, (("shirt", epoch_ms(step.at) + 30 * DAY),), str) == ()


def test_a_category_with_a_long_name_is_named_by_its_hash() -> None:
    """Whatever a shop calls its shelves, a step stays small and reads the same in every process."""
    engine = Engine(Settings(_env_file=None))
    engine.put_product(Product(product_id="mug", title="Mug", category=("x" * 120, "y" * 120)))
    leaf = engine.knowledge.leaf_of_item("mug")
    assert leaf
    assert len(leaf) == 16
    other = Engine(Settings(_env_file=None))
    other.put_product(Product(product_id="lamp", title="Lamp", category=("Lamps",)))
    other.put_product(Product(product_id="mug", title="Mug", category=("x" * 120, "y" * 120)))
    assert other.knowledge.leaf_of_item("mug") == leaf
