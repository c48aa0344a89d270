"""Search words and campaign text against product titles."""

import math
import re
from bisect import bisect_left, insort
from collections import defaultdict

_WORD = re.compile(r"\w{2,}")
MAX_WORDS = 12
MAX_POSTINGS = 2000
"""A word in more titles than this says little; only the first of its products, by id, are looked at."""


def words_of(text: str) -> list[str]:
    """Split text into lower-case words, a plural s dropped.

    >>> words_of("Kids' hiking BOOTS, size 31")
    ['kid', 'hiking', 'boot', 'size', '31']
    """
    return [
        w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in _WORD.findall(text.lower())
    ]


class TitleIndex:
    """Products by the words of their title.

    >>> index = TitleIndex()
    >>> index.put("p1", "Red hiking boots"); index.put("p2", "Red mug")
    >>> [product for product, _ in index.match("hiking boot", limit=5)]
    ['p1']
    """

    def __init__(self) -> None:
        self._postings: dict[str, list[str]] = {}
        self._titles: dict[str, str] = {}

    def put(self, product_id: str, title: str) -> None:
        """Insert or replace a product's title."""
        if self._titles.get(product_id) == title:
            return
        self.remove(product_id)
        self._titles[product_id] = title
        for word in set(words_of(title)):
            insort(self._postings.setdefault(word, []), product_id)

    def remove(self, product_id: str) -> None:
        """Forget a product; unknown ones are ignored."""
        for word in set(words_of(self._titles.pop(product_id, ""))):
            postings = self._postings[word]
            del postings[bisect_left(postings, product_id)]
            if not postings:
                del self._postings[word]

    def match(self, text: str, *, limit: int) -> list[tuple[str, float]]:
        """Find products whose titles share words with a text, rare words counting more.

        Args:
            text: search words or a campaign's name.
            limit: at most this many.

        Returns:
            (product id, summed inverse document frequency), best first, ties by product id.
        """
        found: defaultdict[str, float] = defaultdict(float)
        for word in dict.fromkeys(words_of(text)[:MAX_WORDS]):
            postings = self._postings.get(word)
            if not postings:
                continue
            weight = math.log1p(len(self._titles) / len(postings))
            for product_id in postings[:MAX_POSTINGS]:
                found[product_id] += weight
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
