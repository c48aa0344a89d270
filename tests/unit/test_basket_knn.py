"""What baskets like this one hold, by worked examples."""

import math

import numpy as np
import pytest

from models.basket_knn import BasketKnn

TEA, CUP, AXE, LOG, JAM = range(5)


class Till:
    """Baskets by session, and a short way to ask."""

    def __init__(self, *, baskets: int = 64) -> None:
        self.knn = BasketKnn(
            cap=16, baskets=baskets, basket_items=4, postings=8, k=5, length_power=0.5, cart_age_share=0.5,
            person_age_share=0.1, idf=0.0,
        )  # fmt: skip

    def sell(self, session: str, *items: int, opens: bool = True, owner: int = 1) -> None:
        """Put items into a basket."""
        self.knn.add(session, items, opens=opens, rows=5, owners=(owner, 0))

    def missing(self, *cart: int, session: str | None = None) -> list[int]:
        """Complete a cart."""
        return self.knn.complete(np.array(cart, np.int32), session, 10)[0].tolist()


@pytest.fixture
def till() -> Till:
    """Nothing sold yet."""
    return Till()


def test_a_cart_is_completed_from_baskets_like_it(till: Till) -> None:
    """An item scores the similarity of the baskets that hold it; the cart's own are not offered again."""
    till.sell("s", TEA, CUP)
    till.sell("t", AXE, LOG)
    ids, scores = till.knn.complete(np.array([TEA], np.int32), None, 10)
    assert ids.tolist() == [CUP]
    assert scores.tolist() == pytest.approx([math.log(1 + 2 / 2) / math.sqrt(2) * math.exp(-2 / 1_000)])


def test_more_in_common_is_nearer(till: Till) -> None:
    """A basket that shares two items speaks louder than one that shares one."""
    till.sell("s", TEA, CUP, JAM)
    till.sell("t", TEA, AXE, LOG)
    assert till.missing(TEA, CUP)[0] == JAM


def test_the_asking_basket_is_no_neighbour_of_itself(till: Till) -> None:
    """What was taken out of the cart again is not what goes with it."""
    till.sell("mine", TEA, CUP)
    assert till.missing(TEA, session="mine") == []
    assert till.missing(TEA) == [CUP]


def test_an_empty_cart_opens_another_basket(till: Till) -> None:
    """Two orders of one visit are two baskets; what joins the cart joins its basket, once."""
    till.sell("s", TEA)
    till.sell("s", CUP, opens=False)
    till.sell("s", TEA, CUP, opens=False)
    till.sell("s", AXE)
    assert till.knn.total.tolist()[:3] == [2, 1, 0]
    assert till.missing(TEA) == [CUP]


def test_a_person_is_offered_what_they_had_and_what_goes_with_it(till: Till) -> None:
    """The more they come back to something, the nearer are the baskets that hold it."""
    till.sell("s", TEA, CUP)
    till.sell("t", AXE, LOG)
    wanted, weights = np.array([TEA, AXE], np.int32), np.array([1.0, 3.0], np.float32)
    assert till.knn.next_basket(wanted, weights, 10)[0].tolist() == [AXE, LOG, TEA, CUP]


def test_baskets_age() -> None:
    """Of two like baskets the younger counts more, for a person's next one most."""
    till = Till(baskets=4_096)
    till.sell("old", TEA, CUP)
    for n in range(3_000):
        till.sell(f"other{n}", LOG)
    till.sell("new", TEA, AXE)
    tea = np.array([TEA], np.int32)
    cart = dict(zip(*(column.tolist() for column in till.knn.complete(tea, None, 10)), strict=True))
    person = dict(zip(*(c.tolist() for c in till.knn.next_basket(tea, np.ones(1, np.float32), 10)), strict=True))
    assert cart[AXE] > cart[CUP]
    assert person[AXE] / person[CUP] > cart[AXE] / cart[CUP]


def test_only_the_newest_baskets_are_kept() -> None:
    """A slot that was given to a younger basket says nothing of the older one."""
    till = Till(baskets=4)
    till.sell("s", TEA, CUP)
    for n in range(4):
        till.sell(f"other{n}", LOG)
    assert till.missing(TEA) == []
    assert len(till.knn.slots) == 4


def test_a_restored_till_goes_on_as_before(till: Till) -> None:
    """Baskets that were closed stay closed, open ones are added to."""
    till.sell("s", TEA, CUP)
    till.sell("s", AXE)
    other = Till()
    other.knn.restore({name: array.copy() for name, array in till.knn.state().items()})
    for one in (till, other):
        one.sell("s", LOG, opens=False)
    assert other.missing(AXE) == till.missing(AXE) == [LOG]
    assert other.missing(TEA) == [CUP]
