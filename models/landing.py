"""Popularity where nothing is known of a visitor but where they come from."""

from collections.abc import Mapping

from models.items import State, packed, unpacked

LEVELS: tuple[tuple[str, ...], ...] = (
    ("country",),
    ("country", "device"),
    ("source",),
    ("campaign",),
)
"""Contexts from coarse to fine; a visitor is in those whose values are all known."""

Context = dict[str, float]


class LandingPopularity:
    """Item counts by landing context, smoothed from coarse to fine.

    p(item | context) = (n(item) + strength x p(item | coarser context)) / (n + strength): a context without evidence is
    its parent, one with much evidence is itself.

    Args:
        cap: most contexts; the longest unseen go first.
        items: items kept of each, after pruning the weakest; twice as many before.
        strength: events at which a context and its parent count alike.
    """

    def __init__(self, *, cap: int, items: int, strength: float) -> None:
        self.cap = cap
        self.items = items
        self.strength = strength
        self.contexts: dict[str, Context] = {}

    def learn_one(self, landing: Mapping[str, str], item: str, *, weight: float) -> None:
        """Count one event in all the contexts a landing has."""
        for name in names_of(landing) if landing else ():
            counts = self.contexts.pop(name, None)
            self.contexts[name] = counts = {} if counts is None else counts
            counts[item] = counts.get(item, 0.0) + weight
            if len(counts) > 2 * self.items:
                self.contexts[name] = _pruned(counts, self.items)
        while len(self.contexts) > self.cap:
            del self.contexts[next(iter(self.contexts))]

    def smooth(self, landing: Mapping[str, str], shares: Mapping[str, float]) -> dict[str, float]:
        """Turn global shares (summing to at most 1) into a landing's.

        >>> popularity = LandingPopularity(cap=10, items=10, strength=1)
        >>> popularity.learn_one({"country": "NL"}, "clogs", weight=1.0)
        >>> popularity.smooth({"country": "NL"}, {"hat": 1.0})
        {'hat': 0.5, 'clogs': 0.5}
        """
        contexts = [counts for name in names_of(landing) if (counts := self.contexts.get(name))]
        totals = [sum(counts.values()) + self.strength for counts in contexts]
        # Unrolled from coarse to fine: a context's counts pass through all finer ones.
        passed = 1.0
        scale = []
        for total in reversed(totals):
            scale.append(passed / total)
            passed *= self.strength / total
        smooth = {item: passed * share for item, share in shares.items()}
        for counts, factor in zip(contexts, reversed(scale), strict=True):
            for item, count in counts.items():
                smooth[item] = smooth.get(item, 0.0) + count * factor
        return smooth

    def state(self) -> State:
        """Return what decides predictions."""
        return {"contexts": packed([[name, list(counts.items())] for name, counts in self.contexts.items()])}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.contexts = {str(name): dict(counts) for name, counts in unpacked(state["contexts"])}


def names_of(landing: Mapping[str, str]) -> list[str]:
    """Name the contexts a landing belongs to, coarse to fine.

    >>> names_of({"country": "NL", "device": "mobile"})
    ['country=NL', 'country=NL&device=mobile']
    """
    return [
        "&".join(f"{key}={landing[key]}" for key in level) for level in LEVELS if all(landing.get(key) for key in level)
    ]


def _pruned(counts: Context, keep: int) -> Context:
    best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:keep]
    # Halving lets newcomers of a full context catch up with what was once popular.
    return {item: count / 2 for item, count in best}
