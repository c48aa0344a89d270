"""Why a product is on the slate, in words a shopper understands."""

from collections.abc import Mapping, Sequence

from models.catalogue import Catalogue
from models.session import Context

MAX_TITLE = 60

# How much a source says about why a product is here, when several found it.
_WEIGHT = {
    "together": 3.0,
    "words": 2.5,
    "history": 2.0,
    "session_knn": 1.5,
    "covisitation": 1.5,
    "anchored": 1.4,
    "content": 1.0,
    "factors": 0.8,
    "new": 0.5,
    "popular": 0.4,
}


def main_source(sources: Mapping[str, float]) -> str:
    """Name the source that says most; `sources` has each one's score as a share 0..1 of its best.

    >>> main_source({"popular": 1.0, "content": 0.9})
    'content'
    """
    return max(sources, key=lambda name: (_WEIGHT.get(name, 0.1) * sources[name], name), default="popular")


class Reasons:
    """Words for one visitor's slate."""

    def __init__(self, context: Context, anchors: Sequence[str], catalogue: Catalogue) -> None:
        self._bought = {product_id for product_id, _ in context.purchased}
        self._query = context.query
        recent = (*anchors, *reversed(context.views))
        self._seen = [(pid, product.title) for pid in recent if (product := catalogue.get(pid)) is not None][:3]

    def of(self, product_id: str, category: Sequence[str], sources: Mapping[str, float]) -> str:
        """Explain one product of the slate."""
        other = next((title for seen, title in self._seen if seen != product_id), None)
        match main_source(sources):
            case "history" if product_id in self._bought:
                return "Buy again"
            case "history":
                return "You looked at this before"
            case "together" if other:
                return f"Goes well with {_short(other)}"
            case "session_knn" | "covisitation" if other:
                return f"Often viewed after {_short(other)}"
            case "content" | "anchored" if other:
                return f"Similar to {_short(other)}"
            case "words" if self._query:
                return f"Matches “{_short(self._query)}”"
            case "factors":
                return "Picked for your taste"
            case "new":
                return f"New in {category[-1]}" if category else "New in the shop"
            case _:
                return "Popular right now"


def _short(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"
