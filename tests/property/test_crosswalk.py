"""Two numberings of items, whatever happens to either."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import OFFERED, Offer
from models.crosswalk import Crosswalk
from models.facts import FactTable
from models.items import Registry
from models.ranked import NONE, Ranked
from schemas.products import Product

NAMES = [f"p{n}" for n in range(24)]


def change(random: Random, items: Registry, facts: FactTable) -> None:
    """Do one of the things that happen to a model's items or to a catalogue."""
    name = random.choice(NAMES)
    match random.randrange(4):
        case 0:
            items.make_room(1)
            items.intern(name)
        case 1:
            items.remove(name)
        case 2:
            facts.put(Offer(Product(product_id=name, title=name), OFFERED))
        case 3:
            facts.remove(name)


def _ranked(numbers: np.ndarray) -> Ranked:
    return Ranked(numbers, numbers.astype(np.float32))


@given(seed=st.integers(0, 2**32 - 1))
def test_rows_and_numbers_always_name_the_same_items(seed: int) -> None:
    """Learned, evicted, sold, removed and back: what is known to both is translated right, the rest left out."""
    random, items, facts = Random(seed), Registry(12), FactTable()
    crosswalk = Crosswalk(items, facts)
    for _ in range(120):
        change(random, items, facts)
        numbers = np.array(sorted(items.numbers.values()), np.int32)
        some = random.sample(numbers.tolist(), len(numbers) // 2)
        found = crosswalk.rows({"all": _ranked(numbers), "none": NONE, "some": _ranked(np.array(some, np.int32))})
        assert {facts.names[row] for row in found["all"].ids} == {name for name in items.numbers if facts.row(name)}
        both = [(row, number) for number in some if (row := facts.row(items.names[number]))]
        assert list(zip(found["some"].ids.tolist(), found["some"].scores.tolist(), strict=True)) == both
        assert not len(found["none"].ids)
        sold = np.array([facts.row(name) for name in NAMES if facts.row(name)], np.int32)
        assert crosswalk.numbers(sold).tolist() == [items.get(facts.names[row]) for row in sold.tolist()]
