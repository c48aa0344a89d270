"""Why a product is on the slate, in words a shopper understands."""

from collections.abc import Sequence

import numpy as np

from models.catalogue import Catalogue
from models.session import Context

MAX_TITLE = 60

# How much a source says about why a product is here, when several found it.
_WEIGHT = {
    "together": 3.0,
    "words": 2.5,
    "history": 2.0,
    "basket_knn": 1.6,
    "session_knn": 1.5,
    "covisitation": 1.5,
    "transitions": 1.4,
    "session": 0.6,
    "session_bpr": 1.2,
    "anchored": 1.4,
    "campaign": 1.2,
    "content": 1.0,
    "factors": 0.8,
    "new": 0.5,
    "popular": 0.4,
    "cold": 0.05,
}


_BESIDE = {
    "together": "Goes well with",
    "basket_knn": "Goes well with",
    "content": "Similar to",
    "anchored": "Similar to",
}


def main_sources(sources: Sequence[str], shares: np.ndarray) -> list[str]:
    """Name, per candidate, the source that says most.

    Args:
        sources: names of the rows.
        shares: shape (len(sources), candidates): each candidate's score as a share 0..1 of the source's best.

    >>> main_sources(["popular", "content"], np.array([[1.0, 1.0], [0.9, 0.0]]))
    ['content', 'popular']
    """
    weight = np.array([_WEIGHT.get(name, 0.1) for name in sources])
    return [sources[best] for best in (weight[:, None] * shares).argmax(axis=0).tolist()]


class Reasons:
    """Words for one visitor's slate."""

    def __init__(self, context: Context, anchors: Sequence[str], catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._cart = bool(context.cart)
        self._bought = {product_id for product_id, _ in context.purchased}
        self._query = _short(context.query) if context.query else None
        recent = dict.fromkeys((*anchors, *reversed(context.views)))
        known = ((product_id, catalogue.get(product_id)) for product_id in recent)
        self._seen = [(product_id, _short(product.title)) for product_id, product in known if product is not None][:2]

    def of(self, product_id: str, source: str) -> str:
        """Explain one product of the slate by the source that says most."""
        match source:
            case "history" | "basket_knn" | "session" if product_id in self._bought:
                return "Buy again"
            case "history" | "session":
                return "You looked at this before"
            case "words":
                return f"Matches “{self._query}”" if self._query else "Matches your search"
            case "campaign":
                return "As in what brought you here"
            case "basket_knn" if self._cart:
                return self._beside(product_id, source)
            case "factors" | "basket_knn":
                return "Picked for your taste"
            case "new":
                product = self._catalogue.get(product_id)
                return f"New in {product.category[-1]}" if product and product.category else "New in the shop"
            case "popular":
                return "Popular right now"
            case "cold":
                return self._hardly_known(product_id)
            case _:
                return self._beside(product_id, source)

    def _hardly_known(self, product_id: str) -> str:
        """Explain a product nobody has told anything of yet: the session says why it is here."""
        for seen, title in self._seen:
            if seen != product_id:
                return f"A new find, similar to {title}"
        return f"A new find for “{self._query}”" if self._query else "A new find"

    def _beside(self, product_id: str, source: str) -> str:
        """Explain a product by another that the visitor knows."""
        for seen, title in self._seen:
            if seen != product_id:
                return f"{_BESIDE.get(source, 'Often viewed after')} {title}"
        return "You looked at this before" if self._seen else "Popular right now"


def _short(text: str) -> str:
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1].rstrip() + "…"
