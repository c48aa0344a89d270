"""The engine without some of its parts, asked the same questions in the same pass.

What is learned of products does not depend on the parts that are left out here, so the model is the engine's own; only
blends are kept beside it. A blend that learns without a source learns from its own training rows, as an engine that
never had that source would.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from models.blend import SOURCES, Blend
from models.context import context_of
from models.retrieval import retrieve
from models.session import Applied, Context
from models.session_rules import unweighted
from streams.evaluation.lists import shown
from streams.evaluation.queries import Query
from streams.evaluation.shop import Asked, Shop, blank, row_of, scored

BY_VECTOR = frozenset({"content", "anchored"})
BY_CATALOGUE = frozenset({"words", "new"})
COLLABORATIVE = tuple(source for source in SOURCES if source not in BY_VECTOR | BY_CATALOGUE)
"""Sources that know nothing but what visitors did."""


@dataclass(frozen=True)
class Variant:
    """The engine without something.

    Args:
        name: of its lists.
        without: sources that are not asked.
        weighted: steps weigh by dwell, scroll and recency, with skips and bounces; False: by their kind alone.
        learned: the blend's weights are learned; False: they stay those it begins with.
    """

    name: str
    without: frozenset[str] = frozenset()
    weighted: bool = True
    learned: bool = True


LADDER = (
    Variant("collaborative", BY_VECTOR | BY_CATALOGUE, weighted=False, learned=False),
    Variant("embeddings", BY_CATALOGUE, weighted=False, learned=False),
    Variant("words and new", weighted=False, learned=False),
    Variant("session weights", learned=False),
)
"""Each adds to the one before what it is named after; the engine itself comes next and adds learned weights."""

LEFT_OUT = (
    *(Variant(f"without {source}", BY_VECTOR if source == "content" else frozenset({source})) for source in SOURCES),
    Variant("without session weights", weighted=False),
)
"""The engine without a single part."""

VARIANTS = (*LADDER, *LEFT_OUT)


class Variants:
    """Asks and teaches the variants of an engine, which must be new.

    Args:
        shop: the engine.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._plain = unweighted(shop.rules)
        self._prior = deepcopy(shop.knowledge.model.blend)
        self._blends: dict[str, Blend] = {}
        self._question: _Question | None = None

    def lists(self, applied: Applied, query: Query, asked: Asked, k: int) -> dict[str, np.ndarray]:
        """Give every variant's first k, what must not be listed left out: rows of the fact table."""
        question = self._of(applied, query, asked)
        return {one.name: shown(scored(question.of(one), self._blend(one, question)), query, k) for one in VARIANTS}

    def learn(self, applied: Applied, query: Query, asked: Asked) -> None:
        """Teach the variants' blends, before the engine learns."""
        if applied.step is None:
            return
        question = self._of(applied, query, asked)
        for variant in LEFT_OUT:
            blend = self._blend(variant, question)
            if blend is not self._shop.knowledge.model.blend:
                own, event_id = question.of(variant), applied.event.event_id
                row = row_of(own, query.relevant, query.awaited, blend, event_id=event_id)
                if row is not None:
                    blend.learn_one(row)

    def _of(self, applied: Applied, query: Query, asked: Asked) -> "_Question":
        """Give the question at hand; it is asked first and learned from then."""
        if self._question is None or self._question.asked is not asked:
            plain = self._unweighted(applied, asked.context)
            self._question = _Question(self._shop, applied, query, asked, plain)
        return self._question

    def _blend(self, variant: Variant, question: "_Question") -> Blend:
        """Give a variant's blend: the engine's own until a question differs for the first time."""
        if not variant.learned:
            return self._prior
        engine = self._shop.knowledge.model.blend
        if variant.name not in self._blends and question.of(variant) is not question.asked:
            self._blends[variant.name] = deepcopy(engine)
        return self._blends.get(variant.name, engine)

    def _unweighted(self, applied: Applied, context: Context) -> Context:
        """Give the same context with unweighted steps; those the question put behind the visitor's own stay."""
        if applied.before is None:
            return context
        own = context_of(applied.event.visitor_id, applied.before, self._plain)
        asked = context.steps[len(applied.context_before.steps) :]
        return replace(context, steps=(*own.steps, *asked), profile_items=own.profile_items)


class _Question:
    """One question as every variant sees it; what two of them see alike is looked at once."""

    def __init__(self, shop: Shop, applied: Applied, query: Query, asked: Asked, plain: Context) -> None:
        self.asked = asked
        self._shop = shop
        self._applied = applied
        self._awaited = query.awaited
        self._plain = plain
        self._seen: dict[tuple[bool, frozenset[str]], Asked] = {(True, frozenset()): asked}

    def of(self, variant: Variant) -> Asked:
        """Give what a variant is told, and finds: the very same as the engine where nothing differs."""
        weighted = variant.weighted or self._plain == self.asked.context
        whole = self._whole(weighted=weighted)
        gone = variant.without.intersection(whole.found)
        if (weighted, gone) not in self._seen:
            found = {source: ranked for source, ranked in whole.found.items() if source not in gone}
            self._seen[weighted, gone] = self._shop.look(whole.context, found, self._awaited)
        return self._seen[weighted, gone]

    def _whole(self, *, weighted: bool) -> Asked:
        """Find with all sources."""
        key = weighted, frozenset[str]()
        if key not in self._seen:
            found = retrieve(self._plain, blank(self._applied.event), self._shop.knowledge).found
            self._seen[key] = self._shop.look(self._plain, found, self._awaited)
        return self._seen[key]
